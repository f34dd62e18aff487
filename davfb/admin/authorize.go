package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
)

// Open reports whether nobody has to sign in.
func (c Config) Open() bool { return c.Token == nil && c.SignIn == nil }

// TakesPassword reports whether the sender of r may sign in with name and password.
func (c Config) TakesPassword(r *http.Request) bool {
	return c.SignIn != nil && (c.Confidential == nil || c.Confidential(r))
}

// IsToken reports whether shown is the token of operators. The error, which has been
// logged, says that nobody can know.
func (c Config) IsToken(shown string) (bool, error) {
	want, err := c.token()
	return err == nil && same(shown, want), err
}

func (c Config) token() (string, error) {
	token, err := c.Token()
	if err != nil {
		c.Log.Error("admin.token_file cannot be read", "error", err)
		return "", errors.New("admin.token_file cannot be read; the log says why")
	}
	return token, nil
}

// same compares hashes, so that the time it takes tells neither content nor length.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// Who is behind a request, for logs and changes: its address, the name if they signed in by
// one, and what else names them.
func Who(r *http.Request, more ...string) string {
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	who := []string{from.Addr().String()}
	if name := face.Requester(r).Name; name != "" {
		who = append(who, name)
	}
	return strings.Join(append(who, more...), ", ")
}

// RetryAfter tells a client to come again after so long, in whole seconds. 0 tells nothing.
func RetryAfter(header http.Header, wait time.Duration) {
	if wait > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
}

// authorize returns r as the request of an operator, or why it is refused.
func (a *admin) authorize(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case a.Open() && !IsLoopback(r.Host):
		return nil, fault{http.StatusForbidden, fmt.Sprintf("the host %.100q is not a loopback address: set admin.token_file or admin.operators to reach this by name", r.Host)}
	case a.Open():
		return r, nil
	case a.Token != nil && strings.EqualFold(scheme, "Bearer"):
		if right, err := a.isToken(w, r, shown); err != nil || right {
			return r, err
		}
	case a.SignIn != nil && strings.EqualFold(scheme, "Basic"):
		name, password, _ := r.BasicAuth()
		who, err := a.SignIn(r, name, password)
		if err != nil {
			return nil, a.refused(w, r, err)
		}
		return face.WithRequester(r, availability.Requester{Name: who}), nil
	}
	return nil, a.unknown(w, r)
}

// isToken is IsToken for one who may have guessed before. The token is read first, as that
// takes a while and guesses are judged one by one.
func (a *admin) isToken(w http.ResponseWriter, r *http.Request, shown string) (bool, error) {
	want, err := a.token()
	if err != nil {
		return false, err
	}
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	right, allowed := a.Attempts.Judge(from.Addr(), func() bool { return same(shown, want) })
	if !allowed {
		RetryAfter(w.Header(), time.Minute)
		return false, fault{http.StatusTooManyRequests, "too many wrong tokens came from your address: wait a minute"}
	}
	if !right {
		a.Log.Warn("sign-in refused: wrong token", "client", r.RemoteAddr)
	}
	return right, nil
}

// stays reports whether the sender of r, who was let in, still would be. It is no try to sign
// in, and does not look at a password again.
func (a *admin) stays(r *http.Request) bool {
	if a.Open() {
		return true
	}
	if who := face.Requester(r).Name; who != "" {
		return a.IsOperator == nil || a.IsOperator(r.Context(), who)
	}
	_, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	right, _ := a.IsToken(shown)
	return right
}

// unknown is the refusal of somebody who has shown nothing that is taken.
func (a *admin) unknown(w http.ResponseWriter, r *http.Request) error {
	a.challenge(w, r)
	const token, password = "the token of admin.token_file as Authorization: Bearer TOKEN", "the name and the password of an operator as Authorization: Basic"
	switch {
	case a.Token == nil && !a.TakesPassword(r): // to ask for it would be to ask for it in plain text
		return fault{http.StatusForbidden, "names and passwords are taken by https only, and from the machine fbgate runs on"}
	case a.Token == nil:
		return fault{http.StatusUnauthorized, "send " + password}
	case a.TakesPassword(r):
		return fault{http.StatusUnauthorized, "send " + token + ", or " + password}
	}
	return fault{http.StatusUnauthorized, "send " + token}
}

// challenge says how to sign in.
func (a *admin) challenge(w http.ResponseWriter, r *http.Request) {
	if a.Token != nil {
		w.Header().Add("WWW-Authenticate", `Bearer realm="fbgate"`)
	}
	if a.TakesPassword(r) {
		w.Header().Add("WWW-Authenticate", `Basic realm="fbgate", charset="UTF-8"`)
	}
}

// refused tells why a name and a password are not taken.
func (a *admin) refused(w http.ResponseWriter, r *http.Request, err error) error {
	var refusal *face.Refusal
	if !errors.As(err, &refusal) {
		a.Log.Error("sign-in failed", "client", r.RemoteAddr, "error", err)
		return fault{http.StatusInternalServerError, "fbgate itself is at fault; its log says more"}
	}
	if refusal.Status == http.StatusUnauthorized {
		a.challenge(w, r)
	}
	RetryAfter(w.Header(), refusal.RetryAfter)
	return fault{refusal.Status, refusal.Text}
}
