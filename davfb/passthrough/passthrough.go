// Package passthrough hands requests that are not for free/busy on to the server that
// has always answered them, an Exchange 2003, so that fbgate can take over its name.
//
// Clients of that time log in by NTLM, which authenticates a connection. Therefore each
// connection of a client has a connection to the server of its own, from its first
// request that is handed on until one of the two ends, and then the other one ends as
// well. What one client has proven on it can never serve another.
package passthrough

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
)

// Config says where the server is and how much to bear.
type Config struct {
	// URL is the server's: http or https, host and port. It has no path: paths are
	// handed on as they are.
	URL string
	// TLS is the client's side of handshakes with a server of https; nil is TLS 1.2
	// or newer and the CAs this machine trusts.
	TLS *tls.Config
	// Paths are the folders whose requests are handed on, "/" for all; nil is
	// "/public". Case and doubled slashes make no difference, as they made none to IIS.
	Paths []string
	// MaxConnections is how many connections to the server there are at most;
	// 0 is 1000. Further clients get a 503.
	MaxConnections int
	// HeaderTimeout is how long the server may take to begin its answer; 0 is
	// 2 minutes, as searches are slow.
	HeaderTimeout time.Duration
	// IdleTimeout is how long nothing may move in a body, in either direction, or on
	// a connection to the server between two requests; 0 is 5 minutes. The server is
	// allowed HeaderTimeout where that is longer.
	IdleTimeout time.Duration
	// Forward tells the server in X-Forwarded-For and X-Forwarded-Proto of whom a
	// request is and whether that came by https. Otherwise these fields are handed on
	// like all others.
	Forward bool
	// TrustedProxies are those whose own X-Forwarded-For and -Proto are kept by
	// Forward; those of everybody else are replaced.
	TrustedProxies face.TrustedProxies
	// FrontEndHTTPS adds "Front-End-Https: On" to requests that came by https, which
	// lets Outlook Web Access of Exchange 2000 and 2003 write its links with https
	// although it is itself asked by http. Otherwise the field is handed on like all
	// others.
	FrontEndHTTPS bool
	// Name marks what is handed on, in [availability.ViaHeader], so that a request that
	// comes round, as URL leads back here, is refused. Empty marks nothing.
	Name string
	// Dial opens connections to the server; nil is a net.Dialer's, with 10 seconds.
	Dial func(network, address string) (net.Conn, error)
	Log  *slog.Logger // default slog.Default()
}

// Handler hands requests on. The http.Server it is served by needs its ConnContext and
// its ConnState, and must not speak HTTP/2. The time limits of that server for whole
// requests and answers, ReadTimeout and WriteTimeout, do not hold for what is handed
// on: there IdleTimeout takes their place, as mail may take long to be sent.
type Handler struct {
	config Config
	target *url.URL
	paths  [][]string
	proxy  httputil.ReverseProxy
	slots  chan struct{}

	strangers *strangers

	mu    sync.Mutex
	links map[net.Conn]*link
}

var _ http.Handler = (*Handler)(nil)

// New returns a Handler. The error says which part of the configuration is wrong.
func New(c Config) (*Handler, error) {
	c.Log = cmp.Or(c.Log, slog.Default())
	c.MaxConnections = cmp.Or(c.MaxConnections, 1000)
	c.HeaderTimeout = cmp.Or(c.HeaderTimeout, 2*time.Minute)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 5*time.Minute)
	if c.TLS == nil {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if c.Paths == nil {
		c.Paths = []string{"/public"}
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: 10 * time.Second}).Dial
	}
	if c.MaxConnections < 0 || c.HeaderTimeout < 0 || c.IdleTimeout < 0 {
		return nil, errors.New("passthrough: limits must not be negative")
	}
	target, err := url.Parse(c.URL)
	if err != nil {
		return nil, fmt.Errorf("passthrough: %w", err)
	}
	if target.Scheme != "http" && target.Scheme != "https" || target.Hostname() == "" || target.User != nil ||
		target.Path != "" && target.Path != "/" || target.RawQuery != "" || target.Fragment != "" {
		return nil, fmt.Errorf("passthrough: %q: expected http or https, a host and perhaps a port, as https://mail.contoso.com", c.URL)
	}
	h := &Handler{config: c, target: target, slots: make(chan struct{}, c.MaxConnections), links: make(map[net.Conn]*link), strangers: newStrangers()}
	for _, path := range c.Paths {
		if path == "" || path[0] != '/' {
			return nil, fmt.Errorf("passthrough: path %q: expected one that begins with a slash", path)
		}
		h.paths = append(h.paths, segments(path))
	}
	h.proxy = h.reverseProxy()
	return h, nil
}

// ServeHTTP hands a request on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if refusal := h.refuse(r); refusal != nil {
		// What stands in the request's body is not to be read as the next request.
		w.Header().Set("Connection", "close")
		refusal.Respond(w)
		h.config.Log.WarnContext(r.Context(), "not handed on", "client", r.RemoteAddr, "method", r.Method, "path", shorten(r.URL.Path), "error", refusal.Text)
		return
	}
	linkOf(r).claim(r)
	x := begin(w, r, h.config.IdleTimeout)
	defer x.end()
	h.proxy.ServeHTTP(x, x.request)
}

// refuse returns why a request cannot be handed on.
func (h *Handler) refuse(r *http.Request) *face.Refusal {
	link := linkOf(r)
	switch {
	case r.ProtoMajor != 1 || link == nil || !link.watched.Load():
		return &face.Refusal{Status: http.StatusInternalServerError, Text: "passthrough: the listener has to speak HTTP/1 only, with the Handler's ConnContext and ConnState."}
	case r.Method == http.MethodConnect:
		return &face.Refusal{Status: http.StatusNotImplemented, Text: "This is no proxy for other hosts."}
	case h.config.Name != "" && slices.Contains(r.Header[availability.ViaHeader], h.config.Name):
		return &face.Refusal{Status: http.StatusLoopDetected, Text: "The URL of the server behind this gateway leads back to the gateway itself."}
	case !h.Matches(r):
		return &face.Refusal{Status: http.StatusNotFound, Text: "Nothing is handed on from there."}
	}
	return nil
}
