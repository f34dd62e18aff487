package face_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"fbgate/davfb/face"
)

// Whatever proxies and strangers write, the client is the last of the chain nobody vouches
// for, as a plain walk along it finds, and the gateway's own address one that can be
// written into a URL.
func FuzzForwarded(f *testing.F) {
	f.Add("10.0.0.1:4711", "192.0.2.7, 10.0.0.2", "HTTPS", "mail.contoso.com")
	f.Add("[::ffff:10.0.0.1]:1", "[2001:db8::1]:80,10.0.0.3:99", "https,http", "a, [2001:db8::2]:8080")
	f.Add("192.0.2.1:1", "10.0.0.1", "https", "evil.example")
	f.Add("10.0.0.1:1", strings.Repeat("10.0.0.2,", 30), "ftp", "a/b")
	f.Add("10.0.0.1:1", "unknown, ,10.0.0.2", "", "\"quoted\"")
	trusted := face.TrustedProxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fe80::/10")}
	f.Fuzz(func(t *testing.T, peer, chain, scheme, host string) {
		r := httptest.NewRequest(http.MethodGet, "http://gw.contoso.com/", nil)
		r.RemoteAddr = peer
		r.Header["X-Forwarded-For"] = strings.SplitN(chain, "|", 3) // one field or several
		r.Header["X-Forwarded-Proto"] = []string{scheme}
		r.Header["X-Forwarded-Host"] = []string{host}

		client := trusted.Client(r)
		if want := walk(trusted, peer, chain); client != want {
			t.Errorf("%q, %q: the client is %v, want %v", peer, chain, client, want)
		}
		base := trusted.BaseURL(r)
		u, err := url.Parse(base)
		if strings.ContainsAny(base, "\r\n \t\"<>") || !strings.HasPrefix(base, "http://") && !strings.HasPrefix(base, "https://") || strings.Count(base, "/") != 2 {
			t.Errorf("%q, %q: the address is %q", scheme, host, base)
		}
		if err == nil && (u.User != nil || u.RawQuery != "" || u.Path != "" || u.Fragment != "") {
			t.Errorf("%q, %q: the address is %q", scheme, host, base)
		}
		if !trusted.Trusts(r) && base != "http://gw.contoso.com" {
			t.Errorf("%q is not trusted, but the address is %q", peer, base)
		}

		var seen *http.Request
		trusted.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r })).ServeHTTP(httptest.NewRecorder(), r)
		if face.Peer(seen) != peer || trusted.Trusts(seen) != trusted.Trusts(r) {
			t.Errorf("the peer of %q is %q behind the handler", peer, face.Peer(seen))
		}
		if who := face.Requester(seen).Address; who.IsValid() && who != client {
			t.Errorf("%v asks as %v", client, who)
		}
	})
}

// walk follows a chain back, one by one.
func walk(trusted face.TrustedProxies, peer, chain string) netip.Addr {
	connected, err := netip.ParseAddrPort(peer)
	if err != nil {
		return netip.Addr{}
	}
	client := connected.Addr().Unmap()
	var names []string
	if chain = strings.Join(strings.SplitN(chain, "|", 3), ","); chain != "" {
		names = strings.Split(chain, ",")
	}
	for n := 0; n < 20 && len(names) > 0 && vouches(trusted, client); n++ {
		name := strings.TrimSpace(names[len(names)-1])
		next, err := netip.ParseAddr(strings.Trim(name, "[]"))
		if err != nil {
			both, err := netip.ParseAddrPort(name)
			if err != nil {
				return netip.IPv4Unspecified()
			}
			next = both.Addr()
		}
		client, names = next.Unmap(), names[:len(names)-1]
	}
	return client
}

func vouches(trusted face.TrustedProxies, a netip.Addr) bool {
	for _, network := range trusted {
		if network.Contains(a.WithZone("")) {
			return true
		}
	}
	return false
}

// A name is fit for a log line, or it is not taken.
func FuzzIsToken(f *testing.F) {
	f.Add("web-42.a_b")
	f.Add("a\nb")
	f.Add(strings.Repeat("x", 65))
	f.Fuzz(func(t *testing.T, id string) {
		const fit = "-_.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		if want := id != "" && len(id) <= 64 && strings.Trim(id, fit) == ""; face.IsToken(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
	})
}
