package passthrough_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/davfb/face"
	"fbgate/davfb/passthrough"
)

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		paths string
		path  string
		want  bool
	}{
		{"", "/public", true},
		{"", "/Public/", true},
		{"", "//PUBLIC//x", true},
		{"", "/public/a..b/..c/...", true},
		{"", "/public/100%25", true},
		{"", "/publicity", false},
		{"", "/", false},
		{"", "/exchange/mary", false},
		{"", "/public/../exchange", false},
		{"", "/public/%2e%2E/exchange", false},
		{"", "/public/%252e%252e/exchange", false},
		{"", "/public/x%5c..%5c../exchange", false},
		{"", "/public/%25252525252e", false},
		{"/public /exchange/eu /exchweb", "/exchange//EU/mary", true},
		{"/public /exchange/eu /exchweb", "/exchange/us/mary", false},
		{"/public /exchange/eu /exchweb", "/exchange", false},
		{"/public /exchange/eu /exchweb", "/exchweb/bin/auth/owaauth.dll", true},
		{"/", "/public/../exchange", true},
		{"/", "/", true},
	} {
		config := passthrough.Config{URL: "http://exchange"}
		if test.paths != "" {
			config.Paths = strings.Fields(test.paths)
		}
		handler, err := passthrough.New(config)
		if err != nil {
			t.Fatal(err)
		}
		if got := handler.Matches(httptest.NewRequest("SEARCH", "http://mail"+test.path, nil)); got != test.want {
			t.Errorf("%q of %q: %t", test.path, test.paths, got)
		}
	}
}

func TestFaultsOfConfiguration(t *testing.T) {
	for _, test := range []struct {
		config passthrough.Config
		want   string
	}{
		{passthrough.Config{}, `"": expected http or https, a host and perhaps a port`},
		{passthrough.Config{URL: "exchange:80"}, `"exchange:80": expected http or https`},
		{passthrough.Config{URL: "ftp://exchange"}, "expected http or https"},
		{passthrough.Config{URL: "http://:80"}, "expected http or https"},
		{passthrough.Config{URL: "http://u:p@exchange"}, "expected http or https"},
		{passthrough.Config{URL: "http://exchange/public"}, "expected http or https"},
		{passthrough.Config{URL: "http://exchange/?x"}, "expected http or https"},
		{passthrough.Config{URL: "http://exchange\x7f"}, "invalid control character"},
		{passthrough.Config{URL: "http://exchange/", Paths: []string{"/public", "exchange"}}, `path "exchange": expected one that begins with a slash`},
		{passthrough.Config{URL: "http://exchange", MaxConnections: -1}, "limits must not be negative"},
	} {
		if _, err := passthrough.New(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
}

// Without its hooks the handler would not know which connection is whose, so it does
// nothing at all.
func TestWiring(t *testing.T) {
	handler, err := passthrough.New(passthrough.Config{URL: "http://127.0.0.1:1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for name, wire := range map[string]func(*http.Server){
		"nothing":     func(*http.Server) {},
		"ConnState":   func(s *http.Server) { s.ConnState = handler.ConnState },
		"ConnContext": func(s *http.Server) { s.ConnContext = handler.ConnContext },
	} {
		server := httptest.NewUnstartedServer(handler)
		wire(server.Config)
		server.Start()
		response, err := http.Get(server.URL + "/public/")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusInternalServerError || !strings.Contains(string(body), "ConnContext and ConnState") {
			t.Errorf("%s: %s: %s", name, response.Status, body)
		}
		server.Close()
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/public/", nil)
	r.ProtoMajor = 2
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError {
		t.Errorf("HTTP/2: %d", w.Code)
	}
}

func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := between(t, passthrough.Config{}, hello)
		for request, status := range map[string]int{
			"CONNECT mail:443 HTTP/1.1\nHost: mail:443\n\n":                               http.StatusNotImplemented,
			"GET /exchange/ HTTP/1.1\nHost: mail\n\n":                                     http.StatusNotFound,
			"PUT /exchange/ HTTP/1.1\nHost: mail\nContent-Length: 1000000\n\n":            http.StatusNotFound,
			"GET /public/%2e%2e/exchange/ HTTP/1.1\nHost: mail\n\n":                       http.StatusNotFound,
			"GET /public/ HTTP/1.1\nHost: mail\nExpect: something\n\n":                    http.StatusExpectationFailed,
			"GET /public/ HTTP/1.1\nHost: mail\nContent-Length: 1\nContent-Length: 2\n\n": http.StatusBadRequest,
			"GET /public/%zz HTTP/1.1\nHost: mail\n\n":                                    http.StatusBadRequest,
		} {
			c := p.connect(t)
			c.send(request)
			if response, body := c.answer("GET"); response.StatusCode != status || !response.Close {
				t.Errorf("%q: %s %q", request, response.Status, body)
			}
			c.Close()
		}
		time.Sleep(time.Second) // net/http's, before it closes a connection with something unread
	})
}

// asked returns the header with which a request comes to the server.
func asked(t *testing.T, c passthrough.Config, prepare func(*http.Request)) http.Header {
	t.Helper()
	got := make(chan http.Header, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	defer server.Close()
	c.URL = server.URL
	handler, err := passthrough.New(c)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		prepare(r)
		handler.ServeHTTP(w, r)
	}))
	front.Config.ConnContext, front.Config.ConnState = handler.ConnContext, handler.ConnState
	front.Start()
	defer front.Close()
	response, err := front.Client().Get(front.URL + "/public/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return <-got
}

func TestForward(t *testing.T) {
	trusted := face.TrustedProxies{netip.MustParsePrefix("10.0.0.0/8")}
	const own = "198.51.100.1"
	for name, test := range map[string]struct {
		config       passthrough.Config
		peer         string
		secure       bool
		sent         string // X-Forwarded-Proto, and X-Forwarded-For with it
		by, as, owas string
	}{
		"not configured":       {config: passthrough.Config{}, peer: "10.0.0.1:9", secure: true},
		"handed on":            {config: passthrough.Config{}, peer: "192.0.2.1:9", sent: "https", by: own, as: "https"},
		"http":                 {config: passthrough.Config{Forward: true}, peer: "192.0.2.1:9", by: "192.0.2.1", as: "http"},
		"https":                {config: passthrough.Config{Forward: true}, peer: "192.0.2.1:9", secure: true, by: "192.0.2.1", as: "https"},
		"forged":               {config: passthrough.Config{Forward: true, TrustedProxies: trusted}, peer: "192.0.2.1:9", sent: "https", by: "192.0.2.1", as: "http"},
		"by a proxy":           {config: passthrough.Config{Forward: true, TrustedProxies: trusted}, peer: "10.0.0.1:9", sent: "https", by: own + ", 10.0.0.1", as: "https"},
		"OWA by https":         {config: passthrough.Config{FrontEndHTTPS: true}, peer: "192.0.2.1:9", secure: true, owas: "On"},
		"OWA by http":          {config: passthrough.Config{FrontEndHTTPS: true}, peer: "192.0.2.1:9"},
		"OWA by a proxy":       {config: passthrough.Config{FrontEndHTTPS: true, TrustedProxies: trusted}, peer: "10.0.0.1:9", sent: "https", by: own, as: "https", owas: "On"},
		"OWA, by whom it says": {config: passthrough.Config{FrontEndHTTPS: true, TrustedProxies: trusted}, peer: "192.0.2.1:9", sent: "https", by: own, as: "https"},
	} {
		header := asked(t, test.config, func(r *http.Request) {
			r.RemoteAddr = test.peer
			if test.secure {
				r.TLS = new(tls.ConnectionState)
			}
			if test.sent != "" {
				r.Header.Set("X-Forwarded-Proto", test.sent)
				r.Header.Set("X-Forwarded-For", own)
			}
		})
		got := []string{header.Get("X-Forwarded-For"), header.Get("X-Forwarded-Proto"), header.Get("Front-End-Https")}
		if want := []string{test.by, test.as, test.owas}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// A server of https is asked by its own name, and believed only with a certificate.
func TestServerOfHTTPS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.TLS.ServerName, " ", r.Host, " ", r.RequestURI)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	url := strings.Replace(server.URL, "127.0.0.1", "example.com", 1)
	cas := x509.NewCertPool()
	cas.AddCert(server.Certificate())
	const request = "GET /public/?a;b HTTP/1.1\r\nHost: mail\r\nConnection: close\r\n\r\n"
	config := passthrough.Config{URL: url, Dial: dialTo(server.Listener.Addr().String()), TLS: &tls.Config{RootCAs: cas}}
	if got := string(exchange(t, startGateway(t, config), request)); !strings.HasSuffix(got, "example.com mail /public/?a;b") {
		t.Errorf("%q", got)
	}
	config.TLS = nil
	if got := string(exchange(t, startGateway(t, config), request)); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
		t.Errorf("%q", got)
	}
}

func dialTo(address string) func(string, string) (net.Conn, error) {
	return func(string, string) (net.Conn, error) { return net.Dial("tcp", address) }
}
