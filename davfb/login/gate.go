package login

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"fbgate/davfb/face"
)

// Config says who may ask.
type Config struct {
	// Methods are the ways to log in. The first that identifies somebody counts.
	// Without any, what a request says of its sender is not looked at.
	Methods []Method
	// Networks are those whose clients need not log in.
	Networks []netip.Prefix
	// Anonymous says that nobody has to log in; those who do are known by name.
	Anonymous bool
	Log       *slog.Logger // default slog.Default()
}

// Gate keeps out who may not ask. Create it with New.
type Gate struct{ c Config }

// New returns a Gate. It keeps everybody out if c names nobody.
func New(c Config) *Gate {
	c.Log = cmp.Or(c.Log, slog.Default())
	return &Gate{c}
}

// Handler hands next the requests of those who may ask, which know their sender by
// [face.Requester]. The client's address is that in RemoteAddr, where
// [face.TrustedProxies] has put it.
//
// A refusal is made from nothing but who asks, and how. It is the same for everything
// that could be asked for, so that it does not tell what there is. The body of a
// refused request is not read here; net/http skips a short one, as the next request of
// a handshake comes on the same connection.
func (g *Gate) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(g.c.Methods) == 0 && g.admits(r) {
			next.ServeHTTP(w, r)
			return
		}
		var admitted *http.Request
		face.Serve(g.c.Log, func(w http.ResponseWriter, r *http.Request, _ string) (err error) {
			admitted, err = g.identify(w, r)
			return err
		}).ServeHTTP(w, r)
		if admitted != nil {
			next.ServeHTTP(w, admitted)
		}
	})
}

// admits reports whether r may be answered whoever sent it.
func (g *Gate) admits(r *http.Request) bool {
	if g.c.Anonymous {
		return true
	}
	client, ok := clientOf(r)
	return ok && slices.ContainsFunc(g.c.Networks, func(n netip.Prefix) bool { return n.Contains(client) })
}

// clientOf returns the client's address as a network may contain it.
func clientOf(r *http.Request) (netip.Addr, bool) {
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	return client.Addr().Unmap().WithZone(""), err == nil
}

// identify returns r as the request of whoever sent it, or why it is refused. Where
// nobody has to log in a log-in that fails is not minded: Evolution's first request
// carries an NTLM message nobody asked for.
func (g *Gate) identify(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	var failure error
	for _, m := range g.c.Methods {
		if m, ok := m.(costly); ok && m.showsNothing(r) && g.admits(r) {
			continue
		}
		who, ok, err := m.Identify(w, r)
		switch {
		case err != nil:
			failure = graver(failure, err)
		case ok:
			return face.WithRequester(r, who), nil
		}
	}
	if g.admits(r) {
		w.Header().Del("WWW-Authenticate") // of a handshake that is not needed
		return r, nil
	}
	return nil, g.refusal(w.Header(), r, failure)
}

// costly is a Method that is not to be used in vain.
type costly interface {
	// showsNothing reports whether r can only lead to a refusal.
	showsNothing(r *http.Request) bool
}

// graver returns the one of two failures the client has to hear of: that it has to
// wait, say, rather than that it has to log in. The first one may be nil.
func graver(a, b error) error {
	if a == nil || statusOf(a) == http.StatusUnauthorized && statusOf(b) != http.StatusUnauthorized {
		return b
	}
	return a
}

// statusOf is that of the refusal an error is. What a method says of the proof it was
// shown, in plain words for the log, is a 401 for the client.
func statusOf(err error) int {
	var refusal *face.Refusal
	if errors.As(err, &refusal) {
		return refusal.Status
	}
	return http.StatusUnauthorized
}

// withheld is a Method that is not offered to everybody.
type withheld interface {
	// withheld returns why not to the sender of r; nil if it is.
	withheld(r *http.Request) *face.Refusal
}

// refusal says how to log in, or why that is not possible. The failure, nil if nothing
// was tried, is what became of an attempt.
func (g *Gate) refusal(header http.Header, r *http.Request, failure error) error {
	if said := (*relayed)(nil); errors.As(failure, &said) {
		return said // the server behind has said all there is to say
	}
	if failure != nil && statusOf(failure) != http.StatusUnauthorized {
		return failure
	}
	refusal := &face.Refusal{Status: http.StatusUnauthorized, Usual: failure == nil,
		Text: "This gateway only answers those who log in, or who ask from a network that need not. Ask its administrator for an account."}
	own := (*face.Refusal)(nil)
	if errors.As(failure, &own) {
		*refusal = *own
	}
	g.challenge(header, r, refusal)
	if failure == nil || failure == error(own) {
		return refusal
	}
	return fmt.Errorf("%w (%w)", refusal, failure)
}

// challenge completes a refusal with all the ways to log in.
func (g *Gate) challenge(header http.Header, r *http.Request, refusal *face.Refusal) {
	if refusal.Challenge != "" {
		header.Add("WWW-Authenticate", refusal.Challenge)
		refusal.Challenge = ""
	}
	var status int
	for _, m := range g.c.Methods {
		status = cmp.Or(status, m.Challenge(header, r))
	}
	ways := header["Www-Authenticate"]
	// Some clients take the first one they know.
	slices.SortStableFunc(ways, func(a, b string) int { return cmp.Compare(strength(a), strength(b)) })
	switch {
	case status != 0:
		refusal.Status = status
	case len(ways) == 0:
		*refusal = *g.closed(r)
	}
}

// strength orders challenges: a password that is sent comes last.
func strength(challenge string) int {
	if scheme, _, _ := strings.Cut(challenge, " "); strings.EqualFold(scheme, "Basic") {
		return 1
	}
	return 0
}

// closed is the refusal of somebody who is offered no way to log in, which a 401 would
// have to (RFC 9110, 15.5.2).
func (g *Gate) closed(r *http.Request) *face.Refusal {
	for _, m := range g.c.Methods {
		if m, ok := m.(withheld); ok {
			if refusal := m.withheld(r); refusal != nil {
				return refusal
			}
		}
	}
	return &face.Refusal{Status: http.StatusForbidden, Text: "This gateway only answers clients it knows. Ask its administrator which networks, certificates or front ends those are."}
}
