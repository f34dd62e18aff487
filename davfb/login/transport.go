package login

import (
	"net/http"
	"net/netip"
	"strings"

	"fbgate/davfb/face"
)

// Transport says on which ways passwords may come. The zero value takes them by https,
// and from the gateway's own host.
type Transport struct {
	// Proxies are those whose word is taken that their client uses https.
	Proxies face.TrustedProxies
	// InsecureHTTP takes passwords in plain text, too. Whoever can listen on the way
	// has them.
	InsecureHTTP bool
}

// Confidential reports whether nobody on the way can have read what r carries. A
// front end on the gateway's own host that is not among the Proxies does not make its
// clients local: it shows by what it adds to their requests.
func (t Transport) Confidential(r *http.Request) bool {
	if t.InsecureHTTP || strings.HasPrefix(t.Proxies.BaseURL(r), "https:") {
		return true
	}
	for _, added := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Via"} {
		if r.Header[added] != nil {
			return false
		}
	}
	return isLoopback(r.RemoteAddr) && isLoopback(face.Peer(r))
}

func isLoopback(address string) bool {
	host, err := netip.ParseAddrPort(address)
	return err == nil && host.Addr().Unmap().IsLoopback()
}

// sslRequired refuses a password that came in plain text. Evolution's Exchange library
// asks again by https when it finds "SSL" in the text of a 403.
func sslRequired() *face.Refusal {
	return &face.Refusal{Status: http.StatusForbidden, Text: "SSL is required to log in: ask again by https. What was sent to log in has been sent in plain text."}
}
