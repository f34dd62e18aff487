package passthrough_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fbgate/availability/exchangetest/authtest"
	"fbgate/davfb/face"
	"fbgate/davfb/passthrough"
)

// startAsking returns the address of a gateway that answers /ask with what Ask returns,
// and hands the rest on.
func startAsking(t *testing.T, c passthrough.Config) string {
	t.Helper()
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	handler, err := passthrough.New(c)
	if err != nil {
		t.Fatal(err)
	}
	proxies := face.TrustedProxies{netip.MustParsePrefix("127.0.0.1/32")}
	server := httptest.NewUnstartedServer(proxies.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/knows" {
			fmt.Fprint(w, handler.Knows(r))
			return
		}
		if r.URL.Path != "/ask" {
			handler.ServeHTTP(w, r)
			return
		}
		response, shown, err := handler.Ask(r)
		if err != nil {
			status := http.StatusInternalServerError
			if refusal := (*face.Refusal)(nil); errors.As(err, &refusal) {
				status = refusal.Status
			}
			http.Error(w, err.Error(), status)
			return
		}
		_, _ = io.Copy(io.Discard, response.Body) // lest the connection has to end
		response.Body.Close()
		for _, challenge := range response.Header.Values("WWW-Authenticate") {
			w.Header().Add("WWW-Authenticate", challenge)
		}
		w.WriteHeader(response.StatusCode)
		fmt.Fprintf(w, "%s;%v", shown, handler.Knows(r))
	})))
	server.Config.ConnContext, server.Config.ConnState = handler.ConnContext, handler.ConnState
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// talk returns a function that asks on one connection, with fields such as "Cookie: x",
// and returns status and body.
func talk(t *testing.T, address string) func(path string, fields ...string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	return func(path string, fields ...string) string {
		t.Helper()
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: mail\r\n%s\r\n", path, strings.Join(append(fields, ""), "\r\n"))
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("%s %q: %v", path, fields, err)
		}
		defer response.Body.Close()
		var body bytes.Buffer
		if _, err := body.ReadFrom(response.Body); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d %s", response.StatusCode, &body)
	}
}

// two lets those in who show joe's password or a cookie, as a server with a log-in page
// and Basic does.
func two(w http.ResponseWriter, r *http.Request) {
	name, password, _ := r.BasicAuth()
	if name == "joe" && password == "secret" || r.Header.Get("Cookie") == "session=good" {
		w.WriteHeader(http.StatusMultiStatus)
		return
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="mail"`)
	if strings.HasPrefix(r.Header.Get("Authorization"), "NTLM ") {
		w.Header().Set("WWW-Authenticate", ntlm(2))
	}
	w.WriteHeader(http.StatusUnauthorized)
}

func basic(name, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// A proof of one person never lets another name pass.
func TestAskShowsOneProof(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(two))
	defer server.Close()
	joe, boss, cookie := basic("joe", "secret"), basic("boss", "x"), "Cookie: session=good"
	joesHeader := strings.TrimPrefix(joe, "Authorization: ")
	ask := talk(t, startAsking(t, passthrough.Config{URL: server.URL}))
	for _, step := range []struct {
		name, path string
		fields     []string
		want       string
	}{
		{"nothing", "/ask", nil, "401 ;false"},
		{"a password", "/ask", []string{joe}, "207 " + joesHeader + ";false"},
		{"nothing after a password", "/ask", nil, "401 ;false"},
		{"a cookie after a password", "/ask", []string{cookie}, "207 ;false"},
		{"a cookie and another's name", "/ask", []string{cookie, boss}, "401 ;false"},
		{"a password and a wrong cookie", "/ask", []string{joe, "Cookie: session=bad"}, "207 " + joesHeader + ";false"},
		{"the first of two passwords", "/ask", []string{joe, boss}, "207 " + joesHeader + ";false"},
		{"the second of two passwords", "/ask", []string{boss, joe}, "401 ;false"},
		{"a password handed on", "/public/", []string{joe}, "207 "},
		{"a cookie after that", "/ask", []string{cookie}, "207 ;false"},
	} {
		if got := ask(step.path, step.fields...); got != step.want {
			t.Errorf("%s: %s, want %s", step.name, got, step.want)
		}
	}
}

// lenient is a server that minds nothing on a connection that has once logged in by a
// handshake, and lets in a session by its cookie as well.
func lenient(t *testing.T) string {
	type state struct{ begun, known atomic.Bool }
	type key struct{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connection, authorization := r.Context().Value(key{}).(*state), r.Header.Get("Authorization")
		scheme, token, _ := strings.Cut(authorization, " ")
		switch {
		case r.URL.Path == "/public/everybody":
		case authorization == ntlm(1), strings.HasPrefix(token, "YI"):
			connection.begun.Store(true)
			step := "NTLMSSP\x00\x02\x00\x00\x00"
			if token == "YIIE" { // which is said to be of Kerberos
				step = "again"
			}
			w.Header().Set("WWW-Authenticate", "Basic realm=mail, "+scheme+" "+base64.StdEncoding.EncodeToString([]byte(step)))
			w.WriteHeader(http.StatusUnauthorized)
			return
		case token != "" && scheme != "Basic" && connection.begun.Load():
			connection.known.Store(true)
		}
		switch {
		case r.URL.Path == "/public/everybody", r.Header.Get("Cookie") == "session=good":
		case strings.HasPrefix(r.Header.Get("Cookie"), "broken"):
			w.WriteHeader(http.StatusBadRequest)
		case !connection.known.Load():
			w.Header().Set("WWW-Authenticate", "NTLM")
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/public/boss":
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, key{}, new(state))
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func ntlm(kind byte, rest ...byte) string {
	return "NTLM " + base64.StdEncoding.EncodeToString(append([]byte{'N', 'T', 'L', 'M', 'S', 'S', 'P', 0, kind, 0, 0, 0}, rest...))
}

// What a connection was authenticated by is known as long as that holds, and only then;
// and nobody becomes nameless on it who could be known.
func TestShown(t *testing.T) {
	type step struct {
		path   string
		fields []string
		want   string
	}
	mary, boss := ntlm(3, 'm'), ntlm(3, 'b')
	begin, end := []string{"Authorization: " + ntlm(1)}, []string{"Authorization: " + mary}
	forge := []string{"Authorization: " + boss}
	known, logIn := "200 "+mary+";true", "401 ;false"
	from := func(address string, fields ...string) []string {
		return append(slices.Clone(fields), "X-Forwarded-For: "+address)
	}
	first, wrapped, ticket := []string{"Authorization: Negotiate YIIC"}, "Negotiate oXcwdaJz", []string{"Authorization: Negotiate YIIE"}
	for name, steps := range map[string][]step{
		"by Ask":                        {{"/ask", begin, logIn}, {"/ask", end, known}, {"/ask", nil, known}},
		"by what is handed on":          {{"/public/", begin, "401 "}, {"/public/", end, "200 "}, {"/ask", nil, known}},
		"by SPNEGO":                     {{"/ask", first, logIn}, {"/ask", []string{"Authorization: " + wrapped}, "200 " + wrapped + ";true"}, {"/ask", nil, "200 " + wrapped + ";true"}},
		"by Kerberos":                   {{"/ask", ticket, logIn}, {"/ask", []string{"Authorization: " + wrapped}, "200 Negotiate;true"}, {"/ask", nil, "200 Negotiate;true"}},
		"SPNEGO out of turn":            {{"/public/", begin, "401 "}, {"/public/", end, "200 "}, {"/public/", []string{"Authorization: " + wrapped}, "200 "}, {"/ask", nil, logIn}},
		"a name out of turn":            {{"/ask", begin, logIn}, {"/ask", end, known}, {"/ask", forge, logIn}, {"/ask", nil, logIn}},
		"a name out of turn handed on":  {{"/public/", begin, "401 "}, {"/public/", end, "200 "}, {"/public/", forge, "200 "}, {"/ask", nil, logIn}},
		"where everybody may":           {{"/public/everybody", begin, "200 "}, {"/public/everybody", forge, "200 "}, {"/ask", nil, logIn}},
		"begun elsewhere":               {{"/public/", begin, "401 "}, {"/public/", end, "200 "}, {"/public/", begin, "401 "}, {"/public/everybody", forge, "200 "}, {"/ask", nil, logIn}},
		"where they may not":            {{"/public/boss", begin, "401 "}, {"/public/boss", end, "403 "}, {"/ask", nil, logIn}},
		"a name that is not handed on":  {{"/public/", begin, "401 "}, {"/public/everybody", append([]string{"Connection: Authorization"}, forge...), "200 "}, {"/knows", nil, "200 false"}},
		"another's password":            {{"/public/", begin, "401 "}, {"/public/", end, "200 "}, {"/ask", []string{basic("boss", "x")}, logIn}, {"/ask", nil, logIn}},
		"a password handed on":          {{"/public/", begin, "401 "}, {"/public/", end, "200 "}, {"/public/", []string{basic("boss", "x")}, "200 "}, {"/ask", nil, logIn}},
		"a cookie":                      {{"/public/", begin, "401 "}, {"/public/", end, "200 "}, {"/ask", []string{"Cookie: a=b"}, known}, {"/ask", nil, known}},
		"a cookie handed on":            {{"/public/", begin, "401 "}, {"/public/", end, "200 "}, {"/public/", []string{"Cookie: a=b"}, "200 "}, {"/ask", nil, known}, {"/ask", []string{"Cookie: a=b"}, known}},
		"a session's cookie":            {{"/ask", begin, logIn}, {"/ask", end, known}, {"/ask", []string{"Cookie: session=good"}, "200 ;true"}, {"/ask", nil, known}},
		"a cookie that breaks":          {{"/ask", begin, logIn}, {"/ask", end, known}, {"/ask", []string{"Cookie: broken"}, "400 ;true"}, {"/ask", nil, known}},
		"a cookie, of whom is unknown":  {{"/public/boss", begin, "401 "}, {"/public/boss", end, "403 "}, {"/ask", []string{"Cookie: a=b"}, logIn}},
		"another by a proxy":            {{"/ask", from("10.0.0.1", begin...), logIn}, {"/ask", from("10.0.0.1", end...), known}, {"/ask", from("10.0.0.1"), known}, {"/ask", from("10.0.0.2"), logIn}, {"/ask", from("10.0.0.1"), logIn}},
		"another by a proxy, handed on": {{"/public/", from("10.0.0.1", begin...), "401 "}, {"/public/", from("10.0.0.1", end...), "200 "}, {"/public/", from("10.0.0.2"), "401 "}, {"/ask", from("10.0.0.1"), logIn}},
		"a step of another":             {{"/ask", from("10.0.0.1", begin...), logIn}, {"/ask", from("10.0.0.2", forge...), logIn}},
	} {
		t.Run(name, func(t *testing.T) {
			ask := talk(t, startAsking(t, passthrough.Config{URL: lenient(t)}))
			for n, step := range steps {
				if got := ask(step.path, step.fields...); got != step.want {
					t.Errorf("%d. %s, want %s", n, got, step.want)
				}
			}
		})
	}
}

// Samba is the judge of what is handed on, and Ask knows of it; a log-in that fails is
// forgotten with the one before.
func TestAskAfterNTLM(t *testing.T) {
	server := authtest.NTLM(echo, svc.Start(t))
	gateway := startAsking(t, passthrough.Config{URL: startNTLM(t, server)})
	client := account(t, `FABRIKAM\svc`, svc.Password)
	if status, body := post(t, client, gateway, "question"); status != http.StatusOK || body != `FABRIKAM\svc: question` {
		t.Fatalf("%d %q", status, body)
	}
	ask := func() string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+gateway+"/ask", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var body bytes.Buffer
		_, _ = body.ReadFrom(response.Body)
		return body.String()
	}
	if got := ask(); !strings.HasPrefix(got, "NTLM TlRMTVNTUAAD") || !strings.HasSuffix(got, ";true") {
		t.Errorf("%q", got)
	}
	if counts := server.Counts(); counts.Accepted != 1 {
		t.Errorf("%+v: one log-in should do", counts)
	}

	raw := talk(t, gateway)
	for _, step := range [][2]string{{"Authorization: " + ntlm(3, make([]byte, 80)...), "401 ;false"}, {"X: y", "401 ;false"}} {
		if got := raw("/ask", step[0]); got != step[1] {
			t.Errorf("%s: %s", step[0], got)
		}
	}
}

// A server that lets everybody in cannot say who may ask.
func TestAskServerThatIsOpen(t *testing.T) {
	for name, open := range map[string]bool{"open": true, "closed": false} {
		var strangers atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/exchange/" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			if r.Header.Get("Authorization") == "" {
				strangers.Add(1)
			}
			if !open {
				two(w, r)
			}
		}))
		var log bytes.Buffer
		gateway := startAsking(t, passthrough.Config{URL: server.URL, Paths: []string{"/Exchange"}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		for range 3 {
			got := talk(t, gateway)("/ask", basic("joe", "secret"))
			if strings.HasPrefix(got, "503 ") != open || strings.HasPrefix(got, "207 ") == open {
				t.Errorf("%s: %s", name, got)
			}
		}
		if strangers.Load() != 1 {
			t.Errorf("%s: asked %d times without a proof", name, strangers.Load())
		}
		server.Close()
		if strings.Contains(log.String(), "level=ERROR") != open || strings.Contains(log.String(), "asks nobody for a log-in") != open {
			t.Errorf("%s: %s", name, &log)
		}
	}
}

// Strangers keep no connection to the server; a handshake does.
func TestAskGivesConnectionsBack(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(two))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	gateway := startAsking(t, passthrough.Config{URL: server.URL, MaxConnections: 1})
	first, second := talk(t, gateway), talk(t, gateway)
	for _, fields := range [][]string{nil, {basic("joe", "wrong")}, {"Cookie: session=bad"}} {
		for range 2 {
			if got := first("/ask", fields...); got != "401 ;false" {
				t.Errorf("%q: first: %s", fields, got)
			}
			if got := second("/ask", fields...); got != "401 ;false" {
				t.Errorf("%q: second: %s", fields, got)
			}
		}
	}
	before := connections.Load()
	for range 2 {
		if got := first("/ask", "Authorization: "+ntlm(1)); got != "401 ;false" {
			t.Error(got)
		}
	}
	if got := second("/ask"); !strings.HasPrefix(got, "500 ") {
		t.Errorf("beside a handshake: %s", got)
	}
	if connections.Load() != before+1 {
		t.Errorf("a handshake has %d connections", connections.Load()-before)
	}
}

// A cookie is looked at on a connection that is counted, and given back.
func TestAskAboutCookiesWithinTheLimit(t *testing.T) {
	url := lenient(t)
	for most, want := range map[int]string{1: "500 ", 2: "200 ;true"} {
		gateway := startAsking(t, passthrough.Config{URL: url, MaxConnections: most})
		ask := talk(t, gateway)
		ask("/ask", "Authorization: "+ntlm(1))
		ask("/ask", "Authorization: "+ntlm(3))
		for range 5 {
			if got := ask("/ask", "Cookie: session=good"); !strings.HasPrefix(got, want) {
				t.Errorf("of %d: %s", most, got)
			}
			if got := ask("/ask", "Cookie: a=b"); most > 1 && !strings.HasPrefix(got, "200 NTLM ") {
				t.Errorf("of %d: %s", most, got)
			}
		}
	}
}

func TestAskWithoutAFolder(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(two))
	defer server.Close()
	if got := talk(t, startAsking(t, passthrough.Config{URL: server.URL, Paths: []string{"/exchweb"}}))("/ask", basic("joe", "secret")); !strings.HasPrefix(got, "500 neither /public nor /exchange") {
		t.Error(got)
	}
}
