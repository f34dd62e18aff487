package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/cache"
	"fbgate/davfb/admin"
)

// organization is a Source with one appointment in each calendar. It does not know
// mailboxes that begin with "nobody".
type organization string

func (o organization) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		answers[i] = availability.Answer{
			Mailbox: m, Window: q.Window, Organization: string(o),
			Source: "https://mail." + string(o) + ".com/EWS/Exchange.asmx", At: time.Now(),
		}
		if strings.HasPrefix(string(m), "nobody") {
			answers[i].Reason = availability.Because(availability.UnknownMailbox, "the server says <no> to %s", m)
			continue
		}
		answers[i].Schedule = availability.NewSchedule(q.Window, 0, []availability.Span{
			{Window: availability.Window{Start: q.Window.Start.Add(time.Hour), End: q.Window.Start.Add(2 * time.Hour)}, Status: availability.Busy},
		})
	}
	return answers
}

// operators is the face under test and what is behind it.
type operators struct {
	http.Handler
	caches cache.Caches
	log    *bytes.Buffer
}

func newOperators(change func(*admin.Config)) *operators {
	o := &operators{caches: make(cache.Caches), log: new(bytes.Buffer)}
	for _, name := range []string{"contoso", "fabrikam"} {
		o.caches[name] = cache.New(name, organization(name), cache.NewMemory(1000), cache.Policy{
			Known: 15 * time.Minute, Lasting: 5 * time.Minute, Passing: 30 * time.Second, Wait: 10 * time.Second, Timeout: 25 * time.Second})
	}
	c := admin.Config{Caches: o.caches, Log: slog.New(slog.NewTextHandler(o.log, nil))}
	if change != nil {
		change(&c)
	}
	o.Handler = admin.New(c)
	return o
}

// remember lets an organization be asked about a day of mailboxes.
func (o *operators) remember(t *testing.T, name string, day int, mailboxes ...availability.Mailbox) {
	t.Helper()
	start := at.Epoch.AddDate(0, 0, day)
	o.caches[name].Lookup(t.Context(), availability.Query{
		Mailboxes: mailboxes, Window: availability.Window{Start: start, End: start.AddDate(0, 0, 1)}, Interval: 30 * time.Minute})
}

// remembered counts the mailboxes of all caches.
func (o *operators) remembered() int {
	_, total := o.caches.Entries(func(availability.Mailbox) bool { return true }, 1)
	return total
}

// do sends a request to a loopback name.
func (o *operators) do(method, target string) *httptest.ResponseRecorder {
	return o.send(httptest.NewRequest(method, "http://localhost:8081"+target, nil))
}

func (o *operators) send(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	return w
}

// message reads the error of an answer, which has to be JSON.
func message(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct{ Error string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %v, %v: %s", w.Code, w.Header(), err, w.Body)
	}
	return body.Error
}

func TestBadRequests(t *testing.T) {
	const (
		unknownPath   = "nothing here: there are /cache, /cache/refresh, /configuration, /doctor, /lookups, /metrics, /organizations, /publish, /reload, /healthz and /readyz"
		onlyGet       = "this takes GET, HEAD"
		unknownMethod = "this takes GET, HEAD, DELETE"
	)
	for _, test := range []struct {
		request string
		status  int
		message string
		allow   string
	}{
		{"GET /", 404, unknownPath, ""},
		{"GET /cache/", 404, unknownPath, ""},
		{"GET //cache", 404, unknownPath, ""},
		{"DELETE /x/../cache", 404, unknownPath, ""},
		{"GET /Cache", 404, unknownPath, ""},
		{"DELETE /metrics", 405, onlyGet, "GET, HEAD"},
		{"POST /cache", 405, unknownMethod, "GET, HEAD, DELETE"},
		{"OPTIONS /cache", 405, unknownMethod, "GET, HEAD, DELETE"},
		{"DELETE /healthz", 405, onlyGet, "GET, HEAD"},
		{"PUT /readyz", 405, onlyGet, "GET, HEAD"},

		{"GET /cache?limit=0", 400, `limit is "0": expected 1 to 10000`, ""},
		{"GET /cache?limit=-1", 400, `limit is "-1": expected 1 to 10000`, ""},
		{"GET /cache?limit=10001", 400, `limit is "10001": expected 1 to 10000`, ""},
		{"GET /cache?limit=ten", 400, `limit is "ten": expected 1 to 10000`, ""},
		{"GET /cache?limit=99999999999999999999", 400, `limit is "99999999999999999999": expected 1 to 10000`, ""},
		{"GET /cache?limit=1&limit=2", 400, "parameter limit is given more than once", ""},
		{"GET /cache?mailboxes=mary@contoso.com", 400, `parameter "mailboxes" is not known here: expected mailbox, after, limit`, ""},
		{"GET /cache?after=%zz", 400, `query: invalid URL escape "%zz"`, ""},

		{"DELETE /cache?mailboxes=mary@contoso.com", 400, `parameter "mailboxes" is not known here: expected mailbox, organization`, ""},
		{"DELETE /cache?Mailbox=mary@contoso.com", 400, `parameter "Mailbox" is not known here: expected mailbox, organization`, ""},
		{"DELETE /cache?mary@contoso.com", 400, `parameter "mary@contoso.com" is not known here: expected mailbox, organization`, ""},
		{"DELETE /cache?=", 400, `parameter "" is not known here: expected mailbox, organization`, ""},
		{"DELETE /cache?mailbox=mary@contoso.com&mailbox=joe@fabrikam.com", 400, "parameter mailbox is given more than once", ""},
		{"DELETE /cache?mailbox=mary@contoso.com&organization=contoso", 400, "give mailbox or organization, not both", ""},
		{"DELETE /cache?mailbox=&organization=contoso", 400, "give mailbox or organization, not both", ""},
		{"DELETE /cache?mailbox=", 400, "mailbox and organization take a name; without either everything is flushed", ""},
		{"DELETE /cache?mailbox", 400, "mailbox and organization take a name; without either everything is flushed", ""},
		{"DELETE /cache?organization=", 400, "mailbox and organization take a name; without either everything is flushed", ""},
		{"DELETE /cache?organization=Contoso", 404, `there is no organization "Contoso": there are contoso, fabrikam`, ""},
		{"DELETE /cache?mailbox=mary@contoso.com;organization=contoso", 400, "query: invalid semicolon separator in query", ""},
	} {
		t.Run(test.request, func(t *testing.T) {
			o := newOperators(nil)
			o.remember(t, "contoso", 0, "mary@contoso.com", "nobody@contoso.com")
			o.remember(t, "fabrikam", 0, "joe@fabrikam.com")
			method, target, _ := strings.Cut(test.request, " ")
			w := o.do(method, target)
			if got := message(t, w); w.Code != test.status || got != test.message || w.Header().Get("Allow") != test.allow {
				t.Errorf("%d %s, Allow %q; want %d %s, %q", w.Code, got, w.Header().Get("Allow"), test.status, test.message, test.allow)
			}
			if n := o.remembered(); n != 3 {
				t.Errorf("%d mailboxes are left of 3", n)
			}
		})
	}
}

// The health endpoints are open, and in plain text, with a token or without.
func TestHealth(t *testing.T) {
	ready := true
	o := newOperators(func(c *admin.Config) {
		c.Ready = func() bool { return ready }
		c.Token = func() (string, error) { return "s3cret", nil }
	})
	expect := func(target string, status int, body string) {
		t.Helper()
		for method, want := range map[string]string{"GET": body, "HEAD": body} {
			r := httptest.NewRequest(method, "http://fbgate.contoso.com:8081"+target, nil)
			if w := o.send(r); w.Code != status || w.Body.String() != want {
				t.Errorf("%s %s: %d %q, want %d %q", method, target, w.Code, w.Body, status, want)
			}
		}
	}
	expect("/healthz", 200, "ok\n")
	expect("/readyz", 200, "ready\n")
	ready = false
	expect("/healthz", 200, "ok\n")
	expect("/readyz", 503, "not ready: starting or shutting down\n")
	if w := newOperators(nil).do("GET", "/readyz"); w.Code != 200 {
		t.Errorf("%d, but nobody said it is not ready", w.Code)
	}
}

// Over the network HEAD has no body.
func TestHeadOverTheNetwork(t *testing.T) {
	server := httptest.NewServer(newOperators(nil))
	defer server.Close()
	for _, path := range []string{"/healthz", "/readyz", "/cache"} {
		response, err := http.Head(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusOK || len(body) > 0 || err != nil {
			t.Errorf("%s: %s %q %v", path, response.Status, body, err)
		}
	}
}

func TestToken(t *testing.T) {
	token, failure := "s3cret", error(nil)
	o := newOperators(func(c *admin.Config) {
		c.Token = func() (string, error) { return token, failure }
	})
	o.remember(t, "contoso", 0, "mary@contoso.com")
	for _, test := range []struct {
		authorization string
		status        int
	}{
		{"", 401},
		{"Bearer", 401},
		{"Bearer ", 401},
		{"Bearer wrong", 401},
		{"Bearer s3cre", 401},
		{"Bearer s3crets", 401},
		{"Bearer S3CRET", 401},
		{"Basic s3cret", 401},
		{"s3cret", 401},
		{"Bearer s3cret", 200},
	} {
		for _, target := range []string{"/cache", "/nowhere"} {
			r := httptest.NewRequest("GET", "http://fbgate.contoso.com"+target, nil)
			r.Header.Set("Authorization", test.authorization)
			w := o.send(r)
			status := test.status
			if status == 200 && target == "/nowhere" {
				status = 404
			}
			if w.Code != status || (w.Header().Get("WWW-Authenticate") != "") != (status == 401) || strings.Contains(w.Body.String(), "mary") != (status == 200) {
				t.Errorf("%q of %s: %d %v %s", test.authorization, target, w.Code, w.Header(), w.Body)
			}
		}
	}
	if w := o.send(httptest.NewRequest("DELETE", "http://localhost/cache", nil)); w.Code != 401 || o.remembered() != 1 {
		t.Errorf("without a token: %d, %d left", w.Code, o.remembered())
	}

	// It may be changed.
	token = "n3w"
	r := httptest.NewRequest("GET", "http://localhost/cache", nil)
	r.Header.Set("Authorization", "Bearer s3cret")
	if w := o.send(r); w.Code != 401 {
		t.Errorf("the old token: %d", w.Code)
	}

	// If it cannot be read nobody gets in, and only the log says which file it is.
	failure = errors.New("open etc/admin.token: permission denied")
	w := o.send(r)
	if got := message(t, w); w.Code != 500 || got != "admin.token_file cannot be read; the log says why" {
		t.Errorf("%d %s", w.Code, got)
	}
	if !strings.Contains(o.log.String(), "etc/admin.token") {
		t.Errorf("log: %s", o.log)
	}
}

// Without a token only the machine's own names are answered, so that a page whose
// name is made to resolve to loopback gets nothing.
func TestOnlyLoopbackWithoutToken(t *testing.T) {
	o := newOperators(nil)
	o.remember(t, "contoso", 0, "mary@contoso.com")
	for host, status := range map[string]int{
		"localhost":                   200,
		"localhost:8081":              200,
		"LocalHost:8081":              200,
		"127.0.0.1":                   200,
		"127.0.0.1:8081":              200,
		"127.0.0.2:8081":              200,
		"[::1]":                       200,
		"[::1]:8081":                  200,
		"[::ffff:127.0.0.1]:8081":     200,
		"":                            403,
		"evil.example":                403,
		"evil.example:8081":           403,
		"localhost.evil.example:8081": 403,
		"127.0.0.1.evil.example":      403,
		"127.0.0.1@evil.example":      403,
		"192.0.2.1:8081":              403,
		"0.0.0.0:8081":                403,
		"[2001:db8::1]:8081":          403,
		"2130706433":                  403, // 127.0.0.1 as one number
	} {
		for _, method := range []string{"GET", "DELETE"} {
			r := httptest.NewRequest(method, "/cache?x=1", nil) // refused, if not before
			r.Host = host
			w := o.send(r)
			if status == 200 && w.Code != 400 || status == 403 && w.Code != 403 {
				t.Errorf("%s %q: %d %s", method, host, w.Code, w.Body)
			}
		}
		r := httptest.NewRequest("GET", "/healthz", nil)
		r.Host = host
		if w := o.send(r); w.Code != 200 {
			t.Errorf("/healthz of %q: %d", host, w.Code)
		}
	}
	r := httptest.NewRequest("GET", "http://evil.example/cache", nil)
	if got, want := message(t, o.send(r)), `the host "evil.example" is not a loopback address: set admin.token_file or admin.operators to reach this by name`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
