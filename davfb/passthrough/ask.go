package passthrough

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
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
// shown: its status tells what the server thinks of who that is. One thing is shown at a
// time, so that it is what the server accepts: an Authorization, else a cookie, and
// where the server takes that for none, what has been proven on the connection.
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
	link.claim(r)
	response, shown, err = h.ask(link, r)
	if err != nil || !accepts(response) {
		return response, "", err
	}
	if err := h.strangers.refused(r.Context(), h, r); err != nil {
		_ = response.Body.Close()
		return nil, "", err
	}
	return response, shown, nil
}

// ask shows the server what the client has.
func (h *Handler) ask(link *link, r *http.Request) (response *http.Response, shown string, err error) {
	asked, err := h.question(r.Context(), r)
	if err != nil {
		return nil, "", err
	}
	authorization, cookies := r.Header.Get("Authorization"), r.Header["Cookie"]
	if authorization != "" {
		asked.Header.Set("Authorization", authorization)
	}
	known := link.prepare(asked)
	switch {
	case authorization != "" || len(cookies) == 0:
	case known == "":
		asked.Header["Cookie"] = cookies
	default:
		if response, err := h.askByCookie(r, cookies); err != nil || !wantsLogIn(response) {
			return response, "", err
		}
	}
	response, err = h.send(r, asked, link.transport)
	if err != nil {
		return nil, "", err
	}
	shown = link.note(asked, response, accepts(response))
	switch {
	case ofConnection(authorization): // another step may follow
	case !accepts(response): // a stranger; others may need the connection
		response.Body = &leaving{response.Body, link}
	case authorization != "":
		shown = authorization
	}
	return response, shown, nil
}

// askByCookie shows the server a cookie where nothing else speaks for the client. On a
// connection that has been authenticated nobody could tell whom the server lets in: who
// has logged in there, or whose cookie it is.
func (h *Handler) askByCookie(r *http.Request, cookies []string) (*http.Response, error) {
	asked, err := h.question(r.Context(), r)
	if err != nil {
		return nil, err
	}
	asked.Header["Cookie"] = cookies
	select {
	case h.slots <- struct{}{}:
	default:
		return nil, errFull
	}
	response, err := h.send(r, asked, h.single())
	if err == nil && !wantsLogIn(response) {
		response.Body = &returning{response.Body, sync.OnceFunc(func() { <-h.slots })}
		return response, nil
	}
	if err == nil {
		_ = response.Body.Close()
	}
	<-h.slots
	return response, err
}

// send sends a question and says in the log if there is no answer.
func (h *Handler) send(r, asked *http.Request, by http.RoundTripper) (*http.Response, error) {
	begun := time.Now()
	response, err := by.RoundTrip(asked)
	if err != nil {
		h.config.Log.WarnContext(r.Context(), "the server behind could not be asked who a client is", "client", r.RemoteAddr,
			"server", h.config.URL, "error", err.Error(), "took", time.Since(begun))
	}
	return response, err
}

// single returns a transport whose one connection ends with the answer.
func (h *Handler) single() *http.Transport {
	transport := h.transport(func(_ context.Context, network, address string) (net.Conn, error) {
		return h.config.Dial(network, address)
	})
	transport.DisableKeepAlives = true
	return transport
}

// accepts reports whether the server has taken who asked for somebody.
func accepts(answer *http.Response) bool { return answer.StatusCode >= 200 && answer.StatusCode <= 299 }

// wantsLogIn reports whether the server has taken who asked for nobody, rather than for
// somebody who may not: by a challenge, by IIS's status of a session that has ended, or by
// its log-in page.
func wantsLogIn(answer *http.Response) bool {
	const loginTimeout = 440
	return answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == loginTimeout || answer.StatusCode == http.StatusFound
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

// returning is the body of an answer that gives its connection's slot back.
type returning struct {
	io.ReadCloser
	free func()
}

func (b *returning) Close() error {
	defer b.free()
	return b.ReadCloser.Close()
}
