package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"fbgate/availability"
)

// inFront starts fbgate where Exchange has been.
func inFront(t *testing.T, exchange, more string, log *slog.Logger) deployed {
	t.Helper()
	pair := keyPair(t)
	s, err := start(parse(t, `
listen: 127.0.0.1:0
tls: {listen: "127.0.0.1:0", certificate_file: %[1]s, key_file: %[1]s}
admin: {listen: "127.0.0.1:0"}
trusted_proxies: [127.0.0.1]
passthrough:
  url: http://%[2]s
  paths: [/public, /exchange]
  front_end_https: true
  %[3]s
organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %[4]q}]
`, pair, exchange, more, startExchange(t, pretendCalendar(availability.Busy, "mary@contoso.com"))), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.stop() })
	return deployed{s.clients.String(), s.secure.String()}
}

// What fbgate answers by itself, and what it hands on.
func TestInFrontOfExchange(t *testing.T) {
	t.Parallel()
	exchange := httptest.NewServer(landing("exchange"))
	t.Cleanup(exchange.Close)
	const folder = "/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/"
	for _, test := range []struct {
		more, method, target string
		handedOn             bool
		status               int
	}{
		{"", http.MethodGet, target("mary@contoso.com"), false, 200},
		{"", http.MethodGet, strings.Replace(target("mary@contoso.com"), "/public/", "//PUBLIC", 1), false, 200},
		{"", http.MethodGet, "/public/?Cmd=contents", true, 200},
		{"", "PROPFIND", "/public/Team%20Calendar/", true, 200},
		{"", "SEARCH", "/Exchange/mary/", true, 200},
		{"", "PROPFIND", folder, true, 200},
		{"schedule_folder: false", "PROPFIND", folder, false, 403}, // without Depth: too much
		{"", http.MethodGet, "/freebusy/nobody@contoso.com.vfb", false, 404},
		{"", http.MethodGet, "/owa/", false, 404},
	} {
		d := inFront(t, exchange.Listener.Addr().String(), test.more, slog.New(slog.DiscardHandler))
		for _, overTLS := range []bool{false, true} {
			response := d.lands(t, overTLS, test.method, test.target)
			landed := response.Header.Get("Landed")
			if response.StatusCode != test.status || (landed == "exchange") != test.handedOn {
				t.Errorf("%s %s: %s by %q", test.method, test.target, response.Status, landed)
			}
			if test.handedOn && response.Header.Get("Target") != short(test.target) {
				t.Errorf("%s came as %s", test.target, response.Header.Get("Target"))
			}
			if came := response.Header.Get("Came"); test.handedOn && strings.HasSuffix(came, "On") != overTLS {
				t.Errorf("%s, TLS %v: %s", test.target, overTLS, came)
			}
		}
	}
}

// An administrator gives fbgate the name of the old server, and leaves that name in url.
func TestInFrontOfItself(t *testing.T) {
	t.Parallel()
	address, _ := free(t)
	s, err := start(parse(t, `
listen: %[1]s
admin: {listen: "127.0.0.1:0"}
passthrough: {url: "http://%[1]s"}
organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: "https://mail.contoso.com/EWS/Exchange.asmx"}]
`, address), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.stop() })
	if response, body := get(t, s.clients, "/public/Calendar/", ""); response.StatusCode != http.StatusLoopDetected || !strings.Contains(body, "leads back") {
		t.Errorf("%s: %s", response.Status, body)
	}
}

func TestInFrontOfExchangeKeepsNTLM(t *testing.T) {
	t.Parallel()
	keepsNTLM(t, func(exchange string) deployed { return inFront(t, exchange, "", slog.New(slog.DiscardHandler)) })
}

// locked is a buffer that may be written by several.
type locked struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *locked) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.String()
}

// The log has the client a trusted proxy names, and the URL in a file the scheme.
func TestBehindTrustedProxy(t *testing.T) {
	t.Parallel()
	var log locked
	d := inFront(t, "127.0.0.1:1", "", slog.New(slog.NewTextHandler(&log, nil)))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.plain+"/freebusy/mary@contoso.com.vfb", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", "198.51.100.7, 192.0.2.44")
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Forwarded-Host", "mail.contoso.com")
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if unfolded := strings.ReplaceAll(body.String(), "\r\n ", ""); !strings.Contains(unfolded, "https://mail.contoso.com/freebusy/mary@contoso.com.vfb") {
		t.Errorf("%s: %s", response.Status, unfolded)
	}
	if want := fmt.Sprintf("client=%s:0", "192.0.2.44"); !strings.Contains(log.text(), want) {
		t.Errorf("the log has no %s:\n%s", want, log.text())
	}
}
