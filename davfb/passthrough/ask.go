package passthrough

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
)

// question is one that Exchange answers whoever has logged in, with little work.
const question = `<?xml version="1.0"?><a:propfind xmlns:a="DAV:"><a:prop><a:displayname/></a:prop></a:propfind>`

// errNotWatched is a mistake in how the handler is served.
var errNotWatched = errors.New("the listener has to speak HTTP/1 only, with the Handler's ConnContext and ConnState")

// Ask asks the server something small in the name of the client that sent r, on the
// connection to the server that goes with the client's and with what the client has
// shown: its status tells what the server thinks of who that is. Shown is the
// Authorization by which the server accepted the client, on this request or, as NTLM
// authenticates connections, on an earlier one. The caller closes the body of the
// response.
func (h *Handler) Ask(r *http.Request) (response *http.Response, shown string, err error) {
	link := linkOf(r)
	if r.ProtoMajor != 1 || link == nil || !link.watched.Load() {
		return nil, "", errNotWatched
	}
	path := "/public/"
	if !h.holds(path) {
		path = h.config.Paths[0]
	}
	asked, err := http.NewRequestWithContext(r.Context(), "PROPFIND", h.target.Scheme+"://"+h.target.Host+path, strings.NewReader(question))
	if err != nil {
		return nil, "", err
	}
	asked.Host = r.Host
	asked.Header.Set("Content-Type", "text/xml")
	asked.Header.Set("Depth", "0")
	for _, name := range []string{"Authorization", "Cookie", "User-Agent", "Accept-Language"} {
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
	begun := time.Now()
	response, err = link.transport.RoundTrip(asked)
	if err != nil {
		h.config.Log.WarnContext(r.Context(), "the server behind could not be asked who a client is", "client", r.RemoteAddr,
			"server", h.config.URL, "error", err.Error(), "took", time.Since(begun))
		return nil, "", err
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return response, "", nil
	}
	return response, link.accepted(r.Header.Get("Authorization")), nil
}

// accepted notes what the server has accepted, and returns what it accepted last.
func (l *link) accepted(authorization string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if authorization != "" {
		l.shown = authorization
	}
	return l.shown
}
