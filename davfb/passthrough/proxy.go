package passthrough

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
)

// reverseProxy is net/http's, which knows about hop-by-hop fields, bodies without
// length, 1xx responses and clients that leave. What it would change by itself, the
// query, X-Forwarded fields and spellings, is put back; what NTLM needs, one connection
// each, is the link's.
func (h *Handler) reverseProxy() httputil.ReverseProxy {
	return httputil.ReverseProxy{
		Rewrite:        h.rewrite,
		Transport:      onOwnConnection{},
		ModifyResponse: h.modifyResponse,
		ErrorHandler:   h.fail,
		ErrorLog:       slog.NewLogLogger(h.config.Log.Handler(), slog.LevelWarn),
	}
}

// onOwnConnection sends each request on the connection that goes with the client's.
type onOwnConnection struct{}

func (onOwnConnection) RoundTrip(r *http.Request) (*http.Response, error) {
	return linkOf(r).transport.RoundTrip(r)
}

// transport has connections of dial only.
func (h *Handler) transport(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	t := &http.Transport{
		DialContext:            dial, // and no proxy: connections through one may be shared
		TLSClientConfig:        h.config.TLS,
		TLSHandshakeTimeout:    10 * time.Second,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    1,
		ResponseHeaderTimeout:  h.config.HeaderTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	return t
}

func (h *Handler) rewrite(r *httputil.ProxyRequest) {
	r.Out.URL = targetOf(r.In, h.target)
	r.Out.Host = r.In.Host
	// Nothing of the old world is upgraded. To ignore the wish is the way to refuse it.
	r.Out.Header.Del("Connection")
	r.Out.Header.Del("Upgrade")
	if r.In.ContentLength == 0 && r.In.Header.Get("Content-Length") != "" {
		r.Out.Body, r.Out.TransferEncoding = http.NoBody, []string{"identity"} // says so with all methods but GET and HEAD
	}
	r.Out.Trailer = nil // never announced, as "Trailer" is hop-by-hop
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, ok := r.In.Header[name]; ok {
			r.Out.Header[name] = values
		}
	}
	if h.config.Name != "" {
		r.Out.Header.Add(availability.ViaHeader, h.config.Name)
	}
	if h.config.Forward {
		h.forward(r)
	}
	if h.config.FrontEndHTTPS && strings.HasPrefix(h.config.TrustedProxies.BaseURL(r.In), "https:") {
		r.Out.Header.Set("Front-End-Https", "On")
	}
}

// forward tells the server whose request it is.
func (h *Handler) forward(r *httputil.ProxyRequest) {
	scheme, _, _ := strings.Cut(h.config.TrustedProxies.BaseURL(r.In), ":")
	r.Out.Header.Set("X-Forwarded-Proto", scheme)
	peer, _, _ := net.SplitHostPort(face.Peer(r.In))
	if h.config.TrustedProxies.Trusts(r.In) {
		peer = strings.Join(append(r.In.Header["X-Forwarded-For"], peer), ", ")
	}
	r.Out.Header.Set("X-Forwarded-For", peer)
}

// modifyResponse lets the client's connection end where the server's does.
func (h *Handler) modifyResponse(r *http.Response) error {
	linkOf(r.Request).noteHandedOn(r)
	body := exchangeOf(r.Request).body
	if r.Close || body != nil && !body.completeSoon() {
		r.Header.Set("Connection", "close")
	}
	r.Trailer = nil
	h.config.Log.DebugContext(r.Request.Context(), "handed on", "client", r.Request.RemoteAddr, "method", r.Request.Method,
		"path", shorten(r.Request.URL.RequestURI()), "status", r.StatusCode)
	return nil
}

// fail answers a request that got no answer.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	refusal, event := failure(exchangeOf(r), err)
	level := slog.LevelWarn
	if refusal == nil {
		level = slog.LevelInfo
	}
	h.config.Log.Log(r.Context(), level, event, "client", r.RemoteAddr, "method", r.Method, "path", shorten(r.URL.RequestURI()),
		"server", h.config.URL, "error", err.Error())
	if refusal == nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Connection", "close")
	refusal.Respond(w)
}

// failure returns what the client is told, or nil if its connection is to end without
// a word, and what is logged.
func failure(x *exchange, err error) (refusal *face.Refusal, event string) {
	left := x.request.Context().Err() != nil
	const notHandedOn = "not handed on"
	switch broken := x.body.broken(left); {
	case isTimeout(broken):
		return &face.Refusal{Status: http.StatusRequestTimeout, Text: "The rest of the request did not come in time."}, "client stopped sending"
	case left:
		return nil, "client left"
	case broken != nil:
		return &face.Refusal{Status: http.StatusBadRequest, Text: "The body of the request is broken."}, "request is broken"
	case errors.Is(err, errLost):
		return nil, "server closed the connection"
	case errors.Is(err, errFull):
		return &face.Refusal{Status: http.StatusServiceUnavailable, Text: "Too many connections to the Exchange server behind this gateway.", RetryAfter: 10 * time.Second}, notHandedOn
	case isTimeout(err):
		return &face.Refusal{Status: http.StatusGatewayTimeout, Text: "The Exchange server behind this gateway did not answer in time."}, notHandedOn
	}
	return &face.Refusal{Status: http.StatusBadGateway, Text: "The Exchange server behind this gateway cannot be reached. The gateway's log says why."}, notHandedOn
}

// shorten keeps log lines short.
func shorten(s string) string {
	const most = 200
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
