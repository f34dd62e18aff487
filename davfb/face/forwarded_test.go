package face_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"fbgate/davfb/face"
)

var proxies = face.TrustedProxies{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("2001:db8::/64")}

func TestForwardedFor(t *testing.T) {
	for _, test := range []struct{ peer, forwarded, want string }{
		{"192.0.2.7:99", "", "192.0.2.7"},
		{"192.0.2.7:99", "198.51.100.1", "192.0.2.7"}, // a client's own word
		{"10.0.0.1:99", "", "10.0.0.1"},
		{"10.0.0.1:99", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:99", "198.51.100.1:5050", "198.51.100.1"},
		{"10.0.0.1:99", "127.0.0.1, 198.51.100.1", "198.51.100.1"}, // the first is the client's own word
		{"10.0.0.1:99", "198.51.100.1, 10.0.0.2", "198.51.100.1"},
		{"10.0.0.1:99", "198.51.100.1\n10.0.0.2", "198.51.100.1"}, // in two header fields
		{"10.0.0.1:99", "10.0.0.3,10.0.0.2", "10.0.0.3"},
		{"10.0.0.1:99", "198.51.100.1, unknown", "0.0.0.0"}, // anybody,
		{"10.0.0.1:99", "198.51.100.1,", "0.0.0.0"},
		{"10.0.1.1:99", "198.51.100.1", "10.0.1.1"},
		{"[::ffff:10.0.0.1]:99", "::ffff:198.51.100.1", "198.51.100.1"},
		{"[2001:db8::1%eth0]:99", "[2001:db8:1::1]", "2001:db8:1::1"},
		{"[2001:db8::1]:99", "[2001:db8:1::1]:443", "2001:db8:1::1"},
		{"10.0.0.1:99", "198.51.100.1" + strings.Repeat(", 10.0.0.2", 100), "10.0.0.2"},
		{"@", "198.51.100.1", "invalid IP"},
	} {
		r := request(test.peer)
		if test.forwarded != "" {
			r.Header["X-Forwarded-For"] = strings.Split(test.forwarded, "\n")
		}
		if got := proxies.Client(r).String(); got != test.want {
			t.Errorf("%s, %q: %s, want %s", test.peer, test.forwarded, got, test.want)
		}
	}
}

func request(peer string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://gateway/public/", nil)
	r.RemoteAddr = peer
	return r
}

func TestBaseURL(t *testing.T) {
	for _, test := range []struct{ peer, proto, host, want string }{
		{"192.0.2.7:99", "", "", "http://gateway"},
		{"192.0.2.7:99", "https", "evil.example", "http://gateway"},
		{"10.0.0.1:99", "https", "mail.contoso.com", "https://mail.contoso.com"},
		{"10.0.0.1:99", "HTTPS", "mail.contoso.com:8443", "https://mail.contoso.com:8443"},
		{"10.0.0.1:99", "http, https", "evil.example, mail.contoso.com", "https://mail.contoso.com"},
		{"10.0.0.1:99", "gopher", "mail.contoso.com/evil", "http://gateway"},
		{"10.0.0.1:99", "https", "a\"><b", "https://gateway"},
		{"10.0.0.1:99", "https", strings.Repeat("a", 256), "https://gateway"},
		{"10.0.0.1:99", "", "[2001:db8::1]:80", "http://[2001:db8::1]:80"},
	} {
		r := request(test.peer)
		r.Header.Set("X-Forwarded-Proto", test.proto)
		r.Header.Set("X-Forwarded-Host", test.host)
		if got := proxies.BaseURL(r); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
	r := request("10.0.0.1:99")
	r.TLS = new(tls.ConnectionState)
	if got := proxies.BaseURL(r); got != "https://gateway" {
		t.Error(got)
	}
}

func TestTrustedProxiesHandler(t *testing.T) {
	for _, test := range []struct {
		proxies    face.TrustedProxies
		peer, want string
	}{
		{proxies, "10.0.0.1:99", "198.51.100.1:0"},
		{proxies, "192.0.2.7:99", "192.0.2.7:99"},
		{proxies, "@", "@"},
		{nil, "10.0.0.1:99", "10.0.0.1:99"},
	} {
		r := request(test.peer)
		r.Header.Set("X-Forwarded-For", "198.51.100.1")
		seen := ""
		test.proxies.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			seen = r.RemoteAddr
			if face.Peer(r) != test.peer {
				t.Errorf("%s: the peer is %s", test.peer, face.Peer(r))
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
		if seen != test.want || r.RemoteAddr != test.peer {
			t.Errorf("%s: %s, want %s", test.peer, seen, test.want)
		}
	}
}
