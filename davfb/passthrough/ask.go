package passthrough

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
)

// question is one that Exchange answers whoever has logged in, with little work.
const question = `<?xml version="1.0"?><a:propfind xmlns:a="DAV:"><a:prop><a:displayname/></a:prop></a:propfind>`

var (
	// errNotWatched is a mistake in how the handler is served.
	errNotWatched = errors.New("the listener has to speak HTTP/1 only, with the Handler's ConnContext and ConnState")
	// errNoFolder is a mistake in Paths.
	errNoFolder = errors.New("neither /public nor /exchange is handed on, of which Exchange asks for a log-in")
)

// Ask asks the server something small in the name of the client that sent r, on the
// connection to the server that goes with the client's and with what the client has
// shown: its status tells what the server thinks of who that is. Of an Authorization
// and a Cookie only the Authorization is shown, so that it is what the server accepts.
//
// Shown is the Authorization by which the server accepted the client: that of r or, as
// NTLM authenticates connections, of an earlier request. It is empty if that is not
// known, as with cookies. The error is a *face.Refusal if the server lets everybody in,
// so that its answer tells nothing. The caller closes the body of the response.
func (h *Handler) Ask(r *http.Request) (response *http.Response, shown string, err error) {
	link := linkOf(r)
	if r.ProtoMajor != 1 || link == nil || !link.watched.Load() {
		return nil, "", errNotWatched
	}
	asked, err := h.question(r.Context(), r)
	if err != nil {
		return nil, "", err
	}
	authorization := r.Header.Get("Authorization")
	switch {
	case authorization != "":
		asked.Header.Set("Authorization", authorization)
		if !ofConnection(authorization) {
			link.leave() // what another proof has made of the connection must not be in its favour
		}
	case len(r.Header["Cookie"]) > 0:
		asked.Header["Cookie"] = r.Header["Cookie"]
	}
	begun := time.Now()
	response, err = link.transport.RoundTrip(asked)
	if err != nil {
		h.config.Log.WarnContext(r.Context(), "the server behind could not be asked who a client is", "client", r.RemoteAddr,
			"server", h.config.URL, "error", err.Error(), "took", time.Since(begun))
		return nil, "", err
	}
	accepted := response.StatusCode >= 200 && response.StatusCode <= 299
	shown = link.note(asked.Header, response.StatusCode, accepted)
	if !accepted {
		if !ofConnection(authorization) { // a stranger; others may need the connection
			response.Body = &leaving{response.Body, link}
		}
		return response, "", nil
	}
	if err := h.strangers.refused(r.Context(), h, r); err != nil {
		_ = response.Body.Close()
		return nil, "", err
	}
	if authorization != "" && !ofConnection(authorization) {
		shown = authorization
	}
	return response, shown, nil
}

// Knows reports whether the server has authenticated the connection r came on.
func (h *Handler) Knows(r *http.Request) bool {
	l := linkOf(r)
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shown != ""
}

// question returns what the server is asked, without any proof.
func (h *Handler) question(ctx context.Context, r *http.Request) (*http.Request, error) {
	path := "/public/"
	if !h.holds(path) {
		path = "/exchange/"
	}
	if !h.holds(path) {
		return nil, errNoFolder
	}
	asked, err := http.NewRequestWithContext(ctx, "PROPFIND", h.target.Scheme+"://"+h.target.Host+path, strings.NewReader(question))
	if err != nil {
		return nil, err
	}
	asked.Host = r.Host
	asked.Header.Set("Content-Type", "text/xml")
	asked.Header.Set("Depth", "0")
	for _, name := range []string{"User-Agent", "Accept-Language"} {
		if values, ok := r.Header[name]; ok {
			asked.Header[name] = values
		}
	}
	if h.config.Name != "" {
		asked.Header.Set(availability.ViaHeader, h.config.Name)
	}
	if h.config.FrontEndHTTPS && strings.HasPrefix(h.config.TrustedProxies.BaseURL(r), "https:") {
		asked.Header.Set("Front-End-Https", "On")
	}
	return asked, nil
}

// leaving is the body of an answer after which the client's link needs no connection.
type leaving struct {
	io.ReadCloser
	link *link
}

func (b *leaving) Close() error {
	server := b.link.detach()
	err := b.ReadCloser.Close()
	b.link.transport.CloseIdleConnections()
	if server != nil {
		_ = server.Close()
	}
	return err
}
