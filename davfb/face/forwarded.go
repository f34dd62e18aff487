package face

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
)

// TrustedProxies are the networks of proxies in front, whose word about their clients
// is taken. X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host of everybody else
// are ignored, as any client can write them. The zero value trusts nobody.
type TrustedProxies []netip.Prefix

// mostProxies bounds how far X-Forwarded-For is followed back.
const mostProxies = 20

// Trusts reports whether a request came straight from one of the proxies.
func (t TrustedProxies) Trusts(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(Peer(r))
	return err == nil && t.contain(peer.Addr())
}

func (t TrustedProxies) contain(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	for _, network := range t {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// Client returns the address of whoever asks: the last one in X-Forwarded-For that is
// not a proxy's, as each proxy appends whom it sees and what stands before that is
// hearsay. It is 0.0.0.0, which is nobody's, if a proxy's word cannot be read, as then it
// may be anybody, and invalid if not even the connection's own address can be.
func (t TrustedProxies) Client(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(Peer(r))
	if err != nil {
		return netip.Addr{}
	}
	client, rest := peer.Addr().Unmap(), strings.Join(r.Header["X-Forwarded-For"], ",")
	for n := 0; n < mostProxies && rest != "" && t.contain(client); n++ {
		before := strings.LastIndexByte(rest, ',')
		next, ok := forwardedAddress(strings.TrimSpace(rest[before+1:]))
		if !ok {
			return netip.IPv4Unspecified()
		}
		client, rest = next, rest[:max(before, 0)]
	}
	return client
}

// forwardedAddress reads an address as proxies write it, some of them with its port.
func forwardedAddress(s string) (netip.Addr, bool) {
	if address, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return address.Unmap(), true
	}
	both, err := netip.ParseAddrPort(s)
	return both.Addr().Unmap(), err == nil
}

// BaseURL returns scheme and host by which the client knows this server, as
// "https://mail.contoso.com", for answers that have to name absolute URLs. The host is
// as the client wrote it, or empty if it wrote none.
func (t TrustedProxies) BaseURL(r *http.Request) string {
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if t.Trusts(r) {
		if s := strings.ToLower(last(r, "X-Forwarded-Proto")); s == "http" || s == "https" {
			scheme = s
		}
		if h := last(r, "X-Forwarded-Host"); isHost(h) {
			host = h
		}
	}
	return scheme + "://" + host
}

// last returns what the nearest proxy said.
func last(r *http.Request, name string) string {
	values := r.Header[name]
	if len(values) == 0 {
		return ""
	}
	value := values[len(values)-1]
	return strings.TrimSpace(value[strings.LastIndexByte(value, ',')+1:])
}

// isHost reports whether s can be a host and port in a URL. It keeps out what would
// end the host there, or a line.
func isHost(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte("-._:[]", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// Handler hands next requests whose RemoteAddr is that of the client rather than that
// of the last proxy, for logs and for rules about who may ask. The port, which no proxy
// tells, is 0 then. [Peer] still tells who is connected.
func (t TrustedProxies) Handler(next http.Handler) http.Handler {
	if len(t) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if client := t.Client(r); client.IsValid() && t.Trusts(r) {
			r = r.WithContext(context.WithValue(r.Context(), peerKey{}, r.RemoteAddr))
			r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
		}
		next.ServeHTTP(w, r)
	})
}

type peerKey struct{}

// Peer returns address and port of whoever is connected: a client's, or a proxy's.
func Peer(r *http.Request) string {
	if peer, ok := r.Context().Value(peerKey{}).(string); ok {
		return peer
	}
	return r.RemoteAddr
}
