package login_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/davfb/login"
)

func proxies(networks ...string) (t face.TrustedProxies) {
	for _, n := range networks {
		t = append(t, netip.MustParsePrefix(n))
	}
	return t
}

// request returns a request with header, names and values in turn.
func request(method, url, peer string, header ...string) *http.Request {
	r := httptest.NewRequest(method, url, nil)
	r.RemoteAddr = peer
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) { u.t.Error("the body is read"); return 0, io.EOF }

// inside answers with who asks.
var inside = face.Serve(quiet(), func(w http.ResponseWriter, r *http.Request, _ string) error {
	who := face.Requester(r)
	_, err := fmt.Fprintf(w, "%s from %s", who.Name, who.Address)
	return err
})

// method is one that is told what to say.
type method struct {
	name      string
	err       error
	challenge string
	status    int
}

func (m method) Identify(w http.ResponseWriter, _ *http.Request) (availability.Requester, bool, error) {
	w.Header().Add("Seen", m.name+".")
	return availability.Requester{Name: m.name}, m.name != "" && m.err == nil, m.err
}

func (m method) Challenge(header http.Header, _ *http.Request) int {
	if m.challenge != "" {
		header.Add("WWW-Authenticate", m.challenge)
	}
	return m.status
}

const joe, wrongJoe = "Basic am9lOnNlY3JldA==", "Basic am9lOndyb25n" // joe:secret, joe:wrong

func TestGate(t *testing.T) {
	passwords := func() *login.Passwords {
		return &login.Passwords{Accounts: newDirectory("joe:secret"), Log: quiet(), AccountFailures: 1000}
	}
	basic := []login.Method{login.Basic{Passwords: passwords()}}
	networks := proxies("10.0.0.0/8", "2001:db8::/32")
	const ask, ours, theirs = "https://mail.contoso.com/public/?Cmd=freebusy", "10.1.2.3:1", "192.0.2.1:1"
	for _, test := range []struct {
		name       string
		gate       login.Config
		url, peer  string
		header     []string
		status     int
		body       string // what it holds
		challenges string
	}{
		{"nobody may", login.Config{}, ask, theirs, nil, 403, "only answers clients it knows", ""},
		{"from the network", login.Config{Networks: networks}, ask, ours, nil, 200, " from 10.1.2.3", ""},
		{"from the network, mapped", login.Config{Networks: networks}, ask, "[::ffff:10.1.2.3]:1", nil, 200, " from 10.1.2.3", ""},
		{"from the network, IPv6", login.Config{Networks: networks}, ask, "[2001:db8::1%eth0]:1", nil, 200, " from 2001:db8::1", ""},
		{"from elsewhere", login.Config{Networks: networks}, ask, theirs, nil, 403, "which networks", ""},
		{"from nowhere", login.Config{Networks: networks}, ask, "@", nil, 403, "which networks", ""},
		{"anybody", login.Config{Anonymous: true}, ask, theirs, nil, 200, " from 192.0.2.1", ""},
		{"anybody with a header nobody looks at", login.Config{Anonymous: true}, ask, theirs, []string{"Authorization", joe}, 200, " from 192.0.2.1", ""},

		{"not logged in", login.Config{Methods: basic}, ask, theirs, nil, 401, "log in", `Basic realm="fbgate"`},
		{"logged in", login.Config{Methods: basic}, ask, theirs, []string{"Authorization", joe}, 200, "joe from 192.0.2.1", ""},
		{"logged in, in capitals", login.Config{Methods: basic}, ask, theirs, []string{"Authorization", "BASIC  am9lOnNlY3JldA"}, 200, "joe from 192.0.2.1", ""},
		{"wrong", login.Config{Methods: basic}, ask, theirs, []string{"Authorization", wrongJoe}, 401, "The name or the password is wrong.", `Basic realm="fbgate"`},
		{"unreadable", login.Config{Methods: basic}, ask, theirs, []string{"Authorization", "Basic %"}, 401, "is not in base64", `Basic realm="fbgate"`},
		{"two headers", login.Config{Methods: basic}, ask, theirs, []string{"Authorization", joe, "Authorization", joe}, 401, "more than once", `Basic realm="fbgate"`},
		{"another scheme", login.Config{Methods: basic}, ask, theirs, []string{"Authorization", "NTLM TlRMTVNTUAAB"}, 401, "log in", `Basic realm="fbgate"`},
		{"wrong, but from the network", login.Config{Methods: basic, Networks: networks}, ask, ours, []string{"Authorization", wrongJoe}, 200, " from 10.1.2.3", ""},
		{"another scheme, but from the network", login.Config{Methods: basic, Networks: networks}, ask, ours, []string{"Authorization", "NTLM TlRMTVNTUAAB"}, 200, " from 10.1.2.3", ""},
		{"wrong, but anybody may", login.Config{Methods: basic, Anonymous: true}, ask, theirs, []string{"Authorization", wrongJoe}, 200, " from 192.0.2.1", ""},
		{"known, though anybody may", login.Config{Methods: basic, Anonymous: true}, ask, theirs, []string{"Authorization", joe}, 200, "joe from 192.0.2.1", ""},
		{"in plain text", login.Config{Methods: basic}, "http://x/", theirs, []string{"Authorization", joe}, 403, "SSL", ""},
		{"not logged in, by http", login.Config{Methods: basic}, "http://x/", theirs, nil, 403, "SSL", ""},
		{"by http, where there is another way", login.Config{Methods: []login.Method{basic[0], method{challenge: "Negotiate"}}}, "http://x/", theirs, nil, 401, "log in", "Negotiate"},
		{"by http from the network", login.Config{Methods: basic, Networks: networks}, "http://x/", ours, []string{"Authorization", joe}, 200, " from 10.1.2.3", ""},

		{"the first of two", login.Config{Methods: []login.Method{method{name: "one"}, method{name: "two"}}}, ask, theirs, nil, 200, "one from 192.0.2.1", ""},
		{"the first fails", login.Config{Methods: []login.Method{method{name: "one", err: errors.New("no")}, method{name: "two"}}}, ask, theirs, nil, 200, "two from 192.0.2.1", ""},
		{"both fail", login.Config{Methods: []login.Method{method{name: "one", err: errors.New("the secret reason"), challenge: "Negotiate"}, basic[0]}}, ask, theirs, []string{"Authorization", wrongJoe}, 401, "log in", `Negotiate;Basic realm="fbgate"`},
		{"Negotiate comes before Basic", login.Config{Methods: []login.Method{basic[0], method{challenge: "Negotiate"}}}, ask, theirs, nil, 401, "log in", `Negotiate;Basic realm="fbgate"`},
		{"a status of its own", login.Config{Methods: []login.Method{basic[0], method{status: 440}}}, ask, theirs, nil, 440, "log in", `Basic realm="fbgate"`},
		{"too many", login.Config{Methods: []login.Method{basic[0], method{err: &face.Refusal{Status: 429, Text: "Later."}}}}, ask, theirs, []string{"Authorization", wrongJoe}, 429, "Later.", ""},
		{"a challenge of the refusal", login.Config{Methods: []login.Method{method{err: &face.Refusal{Status: 401, Text: "Go on.", Challenge: "Negotiate b2s="}}}}, ask, theirs, nil, 401, "Go on.", "Negotiate b2s="},
	} {
		var log bytes.Buffer
		test.gate.Log = slog.New(slog.NewTextHandler(&log, nil))
		handler := login.New(test.gate).Handler(inside)
		for _, verb := range []string{"GET", "HEAD", "OPTIONS", "PROPFIND", "PUT", "SEARCH"} {
			r := request(verb, test.url, test.peer, test.header...)
			r.Body = io.NopCloser(unread{t})
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.body) || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%s: %s: %d %s", test.name, verb, w.Code, w.Body)
			}
			if got := strings.Join(w.Header().Values("WWW-Authenticate"), ";"); got != test.challenges {
				t.Errorf("%s: %s: challenges %s, want %s", test.name, verb, got, test.challenges)
			}
			if w.Code != 200 && (w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) || w.Header().Get("X-Request-Id") == "" || w.Header().Get("Content-Type") != "text/plain; charset=utf-8") {
				t.Errorf("%s: %s: %v", test.name, verb, w.Header())
			}
			if len(w.Header().Values("X-Request-Id")) > 1 {
				t.Errorf("%s: %v", test.name, w.Header())
			}
		}
		if strings.Contains(log.String(), "c2VjcmV0") || strings.Contains(log.String(), "am9l") {
			t.Errorf("%s: the log holds a password: %s", test.name, &log)
		}
		if test.name == "both fail" && !strings.Contains(log.String(), "the secret reason") {
			t.Errorf("the log does not say why: %q", &log)
		}
		if test.name == "not logged in" && log.Len() > 0 {
			t.Errorf("a step of logging in is in the log: %s", &log)
		}
	}
}

// A password that is wrong counts although its sender need not have sent any.
func TestWrongPasswordsCountOnTheNetwork(t *testing.T) {
	d := newDirectory("joe:secret")
	gate := login.New(login.Config{Methods: []login.Method{login.Basic{Passwords: &login.Passwords{Accounts: d, Log: quiet()}}}, Networks: proxies("10.0.0.0/8"), Log: quiet()})
	for i := range 20 {
		r := request(http.MethodGet, "https://x/", "10.1.2.3:1")
		r.SetBasicAuth("joe", fmt.Sprint(i))
		w := httptest.NewRecorder()
		gate.Handler(inside).ServeHTTP(w, r)
		if w.Code != 200 {
			t.Errorf("%d: %d", i, w.Code)
		}
	}
	if d.asked("joe") != 5 {
		t.Errorf("asked %d times", d.asked("joe"))
	}
}

// What a refusal says depends on neither the thing nor the account there is.
func TestRefusalsAreTheSame(t *testing.T) {
	parts := http.NewServeMux()
	parts.HandleFunc("/public/there", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("there")) })
	server := httptest.NewServer(login.New(login.Config{Log: quiet(), Methods: []login.Method{
		login.Basic{Passwords: &login.Passwords{Accounts: newDirectory("joe:secret"), Log: quiet(), AccountFailures: 50, ClientFailures: 1000}},
	}}).Handler(parts))
	defer server.Close()
	answer := func(verb, path, name string) string {
		r, err := http.NewRequest(verb, server.URL+path, strings.NewReader("a body"))
		if err != nil {
			t.Fatal(err)
		}
		if name != "" {
			r.SetBasicAuth(name, "wrong")
		}
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		response.Header.Del("Date")
		response.Header.Del("X-Request-Id")
		var b bytes.Buffer
		if err := response.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, verb := range []string{"GET", "OPTIONS", "PROPFIND", "PUT", "DELETE", "POST"} {
		for _, names := range [][]string{{""}, {"joe", "nobody"}} {
			var answers []string
			for _, path := range []string{"/public/there", "/public/not", "/", "/%2e%2e/x", "/freebusy/mary@contoso.com.vfb"} {
				for _, name := range names {
					answers = append(answers, answer(verb, path, name))
				}
			}
			if slices.Sort(answers); len(slices.Compact(answers)) != 1 || !strings.HasPrefix(answers[0], "HTTP/1.1 401 ") {
				t.Errorf("%s %v: %q", verb, names, answers)
			}
		}
	}
}

// A client that panics a method gets an answer.
func TestMethodThatPanics(t *testing.T) {
	w := httptest.NewRecorder()
	login.New(login.Config{Methods: []login.Method{nil}, Log: quiet()}).Handler(inside).ServeHTTP(w, from("192.0.2.1"))
	if w.Code != 500 {
		t.Error(w.Code)
	}
}

func BenchmarkGateNobodyLogsIn(b *testing.B) {
	gate := login.New(login.Config{Networks: proxies("10.0.0.0/8", "192.0.2.0/24"), Log: quiet()})
	handler := gate.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := from("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(nil, r)
	}
}

func BenchmarkGateRemembered(b *testing.B) {
	gate := login.New(login.Config{Methods: []login.Method{login.Basic{Passwords: &login.Passwords{Accounts: newDirectory("joe:secret"), Log: quiet()}}}, Log: quiet()})
	handler := gate.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := from("192.0.2.1")
	r.SetBasicAuth("joe", "secret")
	b.ReportAllocs()
	for b.Loop() {
		clear(r.Header["X"])
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}
