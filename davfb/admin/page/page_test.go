package page_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/doctor"
	"fbgate/cache"
	"fbgate/davfb/admin"
	"fbgate/davfb/admin/page"
	"fbgate/davfb/admin/session"
)

// browser is a client that keeps its cookie and knows the secret of its forms.
type browser struct {
	t      *testing.T
	w      http.Handler
	cookie string
	form   string
	from   string
}

func newBrowser(t *testing.T, w http.Handler) *browser {
	return &browser{t: t, w: w, from: "127.0.0.1:5555"}
}

var secretOfForms = regexp.MustCompile(`name="form" value="([^"]+)"`)

func (b *browser) do(r *http.Request) *httptest.ResponseRecorder {
	b.t.Helper()
	r.RemoteAddr = b.from
	if b.cookie != "" {
		r.Header.Set("Cookie", b.cookie)
	}
	w := httptest.NewRecorder()
	b.w.ServeHTTP(w, r)
	if found := secretOfForms.FindStringSubmatch(w.Body.String()); found != nil {
		b.form = found[1]
	}
	for _, c := range w.Result().Cookies() {
		b.cookie = c.Name + "=" + c.Value
	}
	return w
}

func (b *browser) get(path string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.do(httptest.NewRequest("GET", "http://localhost:8081"+path, nil))
}

// post sends a form with the secret of the last one it has seen.
func (b *browser) post(path string, pairs ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	values := url.Values{"form": {b.form}}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest("POST", "http://localhost:8081"+path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// expect fails unless a page has the status and all these texts, or not those with a "!".
func expect(t *testing.T, w *httptest.ResponseRecorder, status int, texts ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("%d, want %d: %s", w.Code, status, w.Body)
	}
	for _, text := range texts {
		text, absent := strings.CutPrefix(text, "!")
		if strings.Contains(w.Body.String(), text) == absent {
			t.Errorf("%q: there %v in\n%s", text, !absent, w.Body)
		}
	}
}

func withToken(c *admin.Config) { c.Token = func() (string, error) { return secret, nil } }

var all = []string{"/ui/", "/ui/availability", "/ui/availability?who=mary@contoso.com", "/ui/lookups", "/ui/lookups/1", "/ui/cache", "/ui/cache/entry?mailbox=mary@contoso.com", "/ui/doctor", "/ui/configuration"}

// Where something is amiss every page still says what it is about.
func TestAPoorGateway(t *testing.T) {
	b := newBrowser(t, page.New(admin.Config{}, page.NewVisitors()))
	expect(t, b.get("/ui/"), 200, "Of organizations nothing is known here", "!/ui/doctor", "!/ui/lookups", "!/ui/configuration", "!/ui/availability")
	expect(t, b.get("/ui/cache"), 200, "Nothing is remembered now", "Nobody has changed anything")
	for path, says := range map[string]string{
		"/ui/availability": "has nothing to ask", "/ui/lookups": "keeps no questions", "/ui/lookups/1": "keeps no questions", "/ui/doctor": "has no doctor", "/ui/configuration": "does not show its configuration",
	} {
		expect(t, b.get(path), 404, says)
	}
	expect(t, b.post("/ui/configuration/reload"), 404, "cannot read its configuration anew")
	expect(t, b.post("/ui/doctor"), 404, "has no doctor")
	empty := func() []admin.Organization { return nil }
	expect(t, newBrowser(t, page.New(admin.Config{Organizations: empty}, page.NewVisitors())).get("/ui/"), 200, "has no organizations")
	bare := func() []admin.Organization { return []admin.Organization{{Name: "bare"}} }
	expect(t, newBrowser(t, page.New(admin.Config{Organizations: bare}, page.NewVisitors())).get("/ui/"), 200, "bare", "It has no servers")
}

// Scripts get what they got before there were pages.
func TestOtherPathsAreThoseOfScripts(t *testing.T) {
	w := newWorld(t, nil)
	b := newBrowser(t, w)
	for path, status := range map[string]int{"/": 404, "/healthz": 200, "/readyz": 200, "/cache": 200, "/publish": 404, "/uix": 404} {
		if got := b.get(path); got.Code != status || got.Header().Get("Content-Type") == "text/html; charset=utf-8" {
			t.Errorf("%s: %d %v", path, got.Code, got.Header())
		}
	}
	r := httptest.NewRequest("GET", "http://localhost:8081/", nil)
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	if got := b.do(r); got.Code != 303 || got.Header().Get("Location") != "/ui/" {
		t.Errorf("a browser gets %d %v", got.Code, got.Header())
	}
	if got := b.get("/ui"); got.Code != 303 {
		t.Errorf("/ui: %d", got.Code)
	}
	// What scripts flush is told on the page.
	b.do(httptest.NewRequest("DELETE", "http://localhost:8081/cache?organization=fabrikam", nil))
	expect(t, b.get("/ui/cache"), 200, "cache flushed", ">fabrikam<", "127.0.0.1:5555")
}

func TestHeaders(t *testing.T) {
	b := newBrowser(t, newWorld(t, nil))
	for _, path := range append([]string{"/ui/nowhere", "/ui/static/style.css", "/ui/static/live.js", "/ui/static/mark.svg", "/ui/static/nothing.css", "/ui/static/../page.go", "/ui/cache/flush"}, all...) {
		w := b.get(path)
		if got := w.Header().Get("Content-Security-Policy"); got != "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" {
			t.Errorf("%s: %s", path, got)
		}
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin"} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if w.Header().Get("Content-Type") == "" {
			t.Errorf("%s has no type", path)
		}
		if strings.Contains(path, "static") {
			continue
		}
		if regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+="|https?://[^"]*"[^>]*(src|href)|javascript:`).Match(w.Body.Bytes()) {
			t.Errorf("%s has script or style of its own", path)
		}
	}
	expect(t, b.get("/ui/cache/flush"), 405, "does not take GET")
	if w := b.get("/ui/cache/flush"); w.Header().Get("Allow") != "POST" {
		t.Error(w.Header())
	}
}

func TestSignIn(t *testing.T) {
	w := newWorld(t, withToken)
	b := newBrowser(t, w)
	for _, path := range all {
		if got := b.get(path); got.Code != 303 || got.Header().Get("Location") != "/ui/sign-in?to="+url.QueryEscape(path) {
			t.Errorf("%s: %d %v", path, got.Code, got.Header())
		}
	}
	expect(t, b.get("/ui/static/style.css"), 200)
	expect(t, b.get("/ui/sign-in?to=/ui/cache%3Forder=expiry"), 200, `value="/ui/cache?order=expiry"`, "!Configuration</a>", "!1.4.0", "!up for")
	expect(t, b.post("/ui/sign-in", "token", "wrong"), 403, "That is not the token")
	expect(t, b.post("/ui/sign-in", "token", "", "form", "forged"), 403, "out of date")
	if b.cookie != "" {
		t.Error("a cookie for nothing: " + b.cookie)
	}
	got := b.post("/ui/sign-in", "token", secret, "to", "/ui/cache?order=expiry")
	if got.Code != 303 || got.Header().Get("Location") != "/ui/cache?order=expiry" {
		t.Fatalf("%d %v", got.Code, got.Header())
	}
	if c := got.Header().Get("Set-Cookie"); !regexp.MustCompile(`^fbgate_session=[A-Z2-7]{26}; Path=/ui/; Max-Age=43200; HttpOnly; SameSite=Strict$`).MatchString(c) {
		t.Error(c)
	}
	for _, path := range all {
		expect(t, b.get(path), 200, "Sign out")
	}
	if log := w.log.String(); !strings.Contains(log, "operator signed in") || strings.Contains(log, secret) || strings.Contains(log, strings.TrimPrefix(b.cookie, "fbgate_session=")) {
		t.Error(log)
	}
	// Another session's forms are not this one's, nor are those from before.
	old := *b
	other := newBrowser(t, w)
	other.get("/ui/sign-in")
	expect(t, other.do(httptest.NewRequest("POST", "http://localhost:8081/ui/cache/flush", nil)), 303)
	other.post("/ui/sign-in", "token", secret)
	other.get("/ui/cache")
	b.form = other.form
	expect(t, b.post("/ui/cache/flush", "everything", "yes"), 403, "out of date")
	b.form = old.form
	expect(t, b.post("/ui/cache/flush", "everything", "yes"), 303)
	b.get("/ui/cache")
	expect(t, b.post("/ui/sign-out"), 303)
	expect(t, old.get("/ui/"), 303)
	expect(t, other.get("/ui/cache"), 200, "127.0.0.1, session ")
}

// The token is asked for wherever one goes afterwards, which is never another site.
func TestSignInLeadsNowhereElse(t *testing.T) {
	for to, want := range map[string]string{
		"/ui/cache": "/ui/cache", "https://evil.example/": "/ui/", "//evil.example/ui/": "/ui/", "/ui/../../evil": "/ui/../../evil",
		"/ui/\\evil": "/ui/", "": "/ui/", "/ui/sign-out": "/ui/", "/cache": "/ui/",
	} {
		b := newBrowser(t, newWorld(t, withToken))
		b.get("/ui/sign-in")
		if got := b.post("/ui/sign-in", "token", secret, "to", to).Header().Get("Location"); got != want {
			t.Errorf("%q leads to %q", to, got)
		}
	}
}

func TestAttemptsToSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBrowser(t, page.New(admin.Config{Token: func() (string, error) { return secret, nil }}, page.NewVisitors()))
		b.get("/ui/sign-in")
		for range session.Tries {
			expect(t, b.post("/ui/sign-in", "token", "guess"), 403)
		}
		if w := b.post("/ui/sign-in", "token", secret); w.Code != 429 || w.Header().Get("Retry-After") != "60" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		other := newBrowser(t, b.w)
		other.from = "192.0.2.9:1234"
		other.get("/ui/sign-in")
		expect(t, other.post("/ui/sign-in", "token", secret), 303)
		time.Sleep(time.Minute)
		expect(t, b.post("/ui/sign-in", "token", secret), 303)
		expect(t, b.get("/ui/"), 200)
		time.Sleep(session.Idle)
		expect(t, b.get("/ui/"), 303)
	})
}

// Programs guess no oftener than people, and both at one token.
func TestAttemptsByPrograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBrowser(t, page.New(admin.Config{Token: func() (string, error) { return secret, nil }}, page.NewVisitors()))
		shows := func(token string) int {
			r := httptest.NewRequest("GET", "http://localhost:8081/cache", nil)
			r.RemoteAddr = b.from
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			b.w.ServeHTTP(w, r)
			return w.Code
		}
		for range 2 * session.Tries { // which are none
			if got := shows(secret); got != 200 {
				t.Fatal(got)
			}
		}
		for range session.Tries {
			if got := shows("guess"); got != 401 {
				t.Fatal(got)
			}
		}
		if got := shows(secret); got != 429 {
			t.Error(got)
		}
		b.get("/ui/sign-in")
		expect(t, b.post("/ui/sign-in", "token", secret), 429)
		time.Sleep(time.Minute)
		if got := shows(secret); got != 200 {
			t.Error(got)
		}
	})
}

// A page that loads itself again does not keep anybody signed in.
func TestRefreshingIsNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBrowser(t, page.New(admin.Config{Token: func() (string, error) { return secret, nil }}, page.NewVisitors()))
		b.get("/ui/sign-in")
		expect(t, b.post("/ui/sign-in", "token", secret), 303)
		refresh := func() int {
			r := httptest.NewRequest("GET", "http://localhost:8081/ui/", nil)
			r.Header.Set("X-Fbgate-Refresh", "1")
			return b.do(r).Code
		}
		for begun := time.Now(); time.Since(begun) < session.Idle; time.Sleep(10 * time.Second) {
			if got := refresh(); got != 200 {
				t.Fatalf("%d after %v", got, time.Since(begun))
			}
		}
		if got := refresh(); got != 303 {
			t.Errorf("%d after all that time", got)
		}
	})
}

// What somebody has done is told to them, and once.
func TestNoticeIsForWhoChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		b, other := newBrowser(t, w), newBrowser(t, w)
		other.from = "127.0.0.2:1234"
		b.get("/ui/cache")
		expect(t, b.post("/ui/cache/flush", "mailbox", "mary@contoso.com"), 303)
		expect(t, other.get("/ui/cache?change=1"), 200, `!role="status"`)
		expect(t, b.get("/ui/cache?change=1"), 200, `role="status"`)
		time.Sleep(time.Minute)
		expect(t, b.get("/ui/cache?change=1"), 200, `!role="status"`)
	})
}

func TestTokenThatCannotBeRead(t *testing.T) {
	b := newBrowser(t, newWorld(t, func(c *admin.Config) {
		c.Token = func() (string, error) { return "", fmt.Errorf("open /run/secret: no such file") }
	}))
	expect(t, b.get("/ui/"), 500, "admin.token_file cannot be read", "!/run/secret")
	b.get("/ui/sign-in")
	expect(t, b.post("/ui/sign-in", "token", ""), 500, "admin.token_file cannot be read")
}

func TestSecureCookie(t *testing.T) {
	server := httptest.NewTLSServer(newWorld(t, withToken))
	defer server.Close()
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Get(server.URL + "/ui/sign-in")
	if err != nil {
		t.Fatal(err)
	}
	body := new(strings.Builder)
	_ = answer.Write(body)
	answer, err = client.PostForm(server.URL+"/ui/sign-in", url.Values{"token": {secret}, "form": {secretOfForms.FindStringSubmatch(body.String())[1]}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if c := answer.Cookies(); len(c) != 1 || !c[0].Secure || !c[0].HttpOnly {
		t.Error(c)
	}
}

// Without a token it is the name and the forms' secret that keep others out.
func TestOnlyByALoopbackName(t *testing.T) {
	w := newWorld(t, nil)
	for _, host := range []string{"fbgate.contoso.com", "evil.example:8081", "localhost.evil.example", "10.0.0.1"} {
		for _, path := range []string{"/ui/", "/ui/static/style.css", "/ui/cache"} {
			r := httptest.NewRequest("GET", "http://"+host+path, nil)
			got := newBrowser(t, w).do(r)
			expect(t, got, 403, "is not a loopback address", "!mary")
		}
	}
	b := newBrowser(t, w)
	expect(t, b.post("/ui/cache/flush", "everything", "yes"), 403, "out of date")
	for _, header := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}}, {"Origin": {"http://evil.example"}}, {"Origin": {"null"}}} {
		b.get("/ui/cache")
		r := httptest.NewRequest("POST", "http://localhost:8081/ui/cache/flush", strings.NewReader("everything=yes&form="+b.form))
		r.Header = header
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		expect(t, b.do(r), 403, "A page of another site")
	}
	expect(t, b.get("/ui/cache"), 200, "mary@contoso.com", "Nobody has changed anything")
	big := strings.NewReader("everything=yes&form=" + strings.Repeat("x", 100_000))
	r := httptest.NewRequest("POST", "http://localhost:8081/ui/cache/flush", big)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	expect(t, b.do(r), 400, "longer than 64 KiB")
}

func TestFlush(t *testing.T) {
	for _, test := range []struct {
		form    []string
		status  int
		left    int
		says    string
		refresh string // who is asked about
	}{
		{[]string{"mailbox", "mary@contoso.com"}, 303, 3, "mary@contoso.com, 1 mailbox", "mary@contoso.com"},
		{[]string{"mailbox", "SMTP:Mary@Contoso.com"}, 303, 3, "mary@contoso.com, 1 mailbox", "mary@contoso.com"},
		{[]string{"mailbox", "strange@contoso.com"}, 303, 4, "strange@contoso.com, 0 mailboxes. Nothing was remembered of it.", ""},
		{[]string{"organization", "northwind"}, 303, 4, "northwind, 0 mailboxes. Nothing was remembered of it.", ""},
		{[]string{"organization", "contoso"}, 303, 1, "contoso, 3 mailboxes", "joe@contoso.com mary@contoso.com nobody@contoso.com"},
		{[]string{"everything", "yes"}, 303, 0, "everything, 4 mailboxes", "joe@contoso.com mary@contoso.com nobody@contoso.com pilar@fabrikam.com"},
		{[]string{"organization", "nowhere"}, 400, 4, "Nothing was changed", "-"},
		{[]string{}, 400, 4, "Nothing was changed", "-"},
		{[]string{"mailbox", ""}, 400, 4, "Nothing was changed", "-"},
		{[]string{"mailbox", "mary@contoso.com", "organization", "contoso"}, 400, 4, "Nothing was changed", "-"},
		{[]string{"everything", "yes", "organization", "contoso"}, 400, 4, "Nothing was changed", "-"},
	} {
		t.Run(strings.Join(test.form, " "), func(t *testing.T) {
			w := newWorld(t, nil)
			b := newBrowser(t, w)
			b.get("/ui/cache")
			got := b.post("/ui/cache/flush", test.form...)
			if got.Code == 303 {
				if path := got.Header().Get("Location"); path != "/ui/cache?change=1" {
					t.Fatal(path)
				}
				got = b.get("/ui/cache?change=1")
				expect(t, got, 200, test.says, `role="status"`, class(test.left < 4))
				if log := w.log.String(); !strings.Contains(log, "cache flushed") || !strings.Contains(log, "127.0.0.1") {
					t.Error(log)
				}
			} else {
				expect(t, got, test.status, test.says)
			}
			if total := w.config.Caches.Page(cache.Listing{}).Total; total != test.left {
				t.Errorf("%d are left, want %d", total, test.left)
			}
			w = newWorld(t, nil)
			b = newBrowser(t, w)
			b.get("/ui/cache")
			expect(t, b.post("/ui/cache/refresh", test.form...), test.status)
			if test.status == 303 {
				says := strings.Replace(test.says, "Nothing was remembered of it.", "Nothing is remembered of it, it is being refreshed already, or the organization answers by who asks.", 1)
				expect(t, b.get("/ui/cache?change=1"), 200, says, class(test.left < 4))
			}
			w.refreshes(t, strings.Fields(strings.TrimPrefix(test.refresh, "-")))
		})
	}
}

// class is what a notice has if something was done, or nothing.
func class(done bool) string {
	if done {
		return `class="notice good"`
	}
	return `class="notice warn"`
}

// Nobody is told of a change by a number that is not one.
func TestNoticeOfNoChange(t *testing.T) {
	b := newBrowser(t, newWorld(t, nil))
	for _, n := range []string{"1", "-1", "x", "99999999999999999999"} {
		expect(t, b.get("/ui/cache?change="+n), 200, `!role="status"`)
	}
}

func TestCachePages(t *testing.T) {
	w := newWorld(t, nil)
	b := newBrowser(t, w)
	var many []availability.Mailbox
	for i := range 120 {
		many = append(many, availability.Mailbox(fmt.Sprintf("user%03d@contoso.com", i)))
	}
	start := midnight()
	w.config.Caches["contoso"].Lookup(t.Context(), availability.Query{Mailboxes: many, Window: availability.Window{Start: start, End: start.AddDate(0, 0, 1)}, Interval: time.Hour})
	seen, pages := b.leaf("/ui/cache?matching=USER&order=expiry-down", "<strong>120</strong> of 124")
	if pages != 3 || len(seen) != 120 {
		t.Errorf("%d mailboxes on %d pages", len(seen), pages)
	}
	expect(t, b.get("/ui/cache?matching=nowhere"), 200, "None of them matches")
	expect(t, b.get("/ui/cache?organization=fabrikam"), 200, "pilar@fabrikam.com", "!mary@contoso.com")
	expect(t, b.get("/ui/cache?next=x"), 400, "next is not one that came with a page; begin without it.")
	expect(t, b.get("/ui/cache?order=age"), 400, "expected address, address-down, expiry or expiry-down.")
	expect(t, b.get("/ui/cache/entry?mailbox=mary@contoso.com"), 200, "busy 09:00–10:30", "tentative 11:00–12:00", "contoso")
	expect(t, b.get("/ui/cache/entry?mailbox=nobody@contoso.com"), 200, "unknown-mailbox", "&lt;b&gt;", "no information 00:00–24:00", "!free 0")
	expect(t, b.get("/ui/cache/entry?mailbox=ary@contoso.com"), 404, "Nothing is remembered of")
	expect(t, b.get("/ui/cache/entry"), 404)
}

// leaf goes through the list from page to page and returns who is on them, none of them
// twice.
func (b *browser) leaf(path, says string) (seen map[string]bool, pages int) {
	b.t.Helper()
	seen = make(map[string]bool)
	rows := regexp.MustCompile(`<a href="/ui/cache/entry\?mailbox=([^"]*)">[^<]*</a></th><td>[^<]*(?:<br><span class="faint break">(for [^<]*)</span>)?</td>`)
	for ; path != "" && pages < 100; pages++ {
		got := b.get(path)
		expect(b.t, got, 200, says)
		for _, row := range rows.FindAllStringSubmatch(got.Body.String(), -1) {
			name := row[1] + " " + row[2]
			if seen[name] {
				b.t.Errorf("%s is listed twice", name)
			}
			seen[name] = true
		}
		path = ""
		if next := regexp.MustCompile(`href="([^"]+)">Next page`).FindStringSubmatch(got.Body.String()); next != nil {
			path = strings.ReplaceAll(next[1], "&amp;", "&")
		}
	}
	return seen, pages
}

// One mailbox that is remembered for many domains is on several pages.
func TestCachePagesOfManyDomains(t *testing.T) {
	w := newWorld(t, nil)
	c := cache.New("contoso", w, cache.NewMemory(1000), cache.Policy{Known: 15 * time.Minute, Wait: 10 * time.Second, Timeout: 25 * time.Second, ByRequester: true})
	w.config.Caches["contoso"] = c
	start := midnight()
	for i := range 120 {
		q := availability.Query{Mailboxes: []availability.Mailbox{"mary@contoso.com"}, Window: availability.Window{Start: start, End: start.AddDate(0, 0, 1)}, Interval: time.Hour}
		q.Requester.Mailbox = availability.Mailbox(fmt.Sprintf("kim@d%03d.com", i))
		if i%60 == 0 {
			q.Mailboxes = append(q.Mailboxes, "joe@contoso.com")
		}
		c.Lookup(t.Context(), q)
	}
	for _, order := range []string{"address", "address-down", "expiry", "expiry-down"} {
		seen, pages := newBrowser(t, w).leaf("/ui/cache?order="+order, "<strong>123</strong> of 123")
		if len(seen) != 123 || pages != 3 {
			t.Errorf("%s: %d rows on %d pages", order, len(seen), pages)
		}
	}
}

// Lists are drawn one after the other, and who waits too long is told so.
func TestCacheTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caches := cache.Caches{"contoso": cache.New("contoso", nil, cache.NewMemory(10), cache.Policy{})}
		handler := page.New(admin.Config{Caches: caches}, page.NewVisitors())
		ask := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/ui/cache", nil))
			return w
		}
		done, _ := caches.Turn(t.Context())
		w := ask()
		if expect(t, w, 503, "Others are listing"); w.Header().Get("Retry-After") != "5" {
			t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
		}
		done()
		for range 2 {
			expect(t, ask(), 200)
		}
	})
}

// BenchmarkCachePage shows parts of a million mailboxes.
func BenchmarkCachePage(b *testing.B) {
	const mailboxes = 1_000_000
	store := cache.NewMemory(mailboxes)
	window := availability.Window{Start: midnight(), End: midnight().AddDate(0, 0, 1)}
	for i := range mailboxes {
		m := availability.Mailbox(fmt.Sprintf("user%07d@fabrikam.com", i*7919%mailboxes))
		ttl := time.Hour + time.Duration(i)*time.Millisecond
		store.Set(cache.Key{Mailbox: m}, []availability.Answer{{Mailbox: m, Organization: "fabrikam", Window: window, At: time.Now(), Expires: time.Now().Add(ttl)}}, ttl)
	}
	caches := cache.Caches{"fabrikam": cache.New("fabrikam", nil, store, cache.Policy{})}
	handler := page.New(admin.Config{Caches: caches}, page.NewVisitors())
	middle := admin.Place(&cache.Row{Mailbox: "user0500000@fabrikam.com", Organization: "fabrikam"})
	for name, query := range map[string]string{"first": "", "middle": "?next=" + middle, "expiring": "?order=expiry-down", "search": "?matching=99999", "entry": "/entry?mailbox=user0500000@fabrikam.com"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/ui/cache"+query, nil))
				if w.Code != 200 || !strings.Contains(w.Body.String(), "@fabrikam.com") {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

func TestLookups(t *testing.T) {
	w := newWorld(t, nil)
	b := newBrowser(t, w)
	expect(t, b.get("/ui/lookups"), 200, "/ui/lookups/24", "/ui/lookups/1\"", "unauthorized", "stale", "no organization")
	expect(t, b.get("/ui/lookups?mailbox=WHO@"), 200, "/ui/lookups/24\"", "!/ui/lookups/23\"")
	expect(t, b.get("/ui/lookups?code=unauthorized"), 200, "/ui/lookups/22\"", "!/ui/lookups/23\"")
	expect(t, b.get("/ui/lookups?code=unauthorized&mailbox=mary"), 200, "None of the last lookups matches")
	expect(t, b.get("/ui/lookups/22"), 200, "401 for FABRIKAM\\fbgate", "Check name and secret", "240 digits each", "fabrikam was asked", "4 wherever the reason")
	expect(t, b.get("/ui/lookups/23"), 200, "it is stale", "3 h before")
	expect(t, b.get("/ui/lookups/24"), 200, "Nobody was asked")
	for _, n := range []string{"0", "25", "-1", "x", "1/2", "18446744073709551615", "18446744073709551616", ""} {
		expect(t, b.get("/ui/lookups/"+n), 404, "No such lookup")
	}
}

func TestReload(t *testing.T) {
	w := newWorld(t, nil)
	b := newBrowser(t, w)
	expect(t, b.get("/ui/configuration"), 200, "lifetime: 30m", `class="added"`, `class="removed"`, "(hidden)")
	expect(t, b.post("/ui/configuration/reload"), 303)
	expect(t, b.get("/ui/configuration?change=1"), 200, "configuration reloaded", "says what is in force")
	w.broken = fmt.Errorf("[3:3] unknown field <tll>")
	expect(t, b.post("/ui/configuration/reload"), 303)
	expect(t, b.get("/ui/configuration?change=2"), 200, "configuration not reloaded", "unknown field &lt;tll&gt;", "cannot be used")
	if log := w.log.String(); !strings.Contains(log, `level=WARN msg="configuration not reloaded"`) {
		t.Error(log)
	}
}

// A reload that leaves something as it is says so before; and one that cannot be is not
// offered.
func TestReloadThatNeedsARestart(t *testing.T) {
	needs := newWorld(t, func(c *admin.Config) {
		c.Configuration = func() admin.Configuration {
			return admin.Configuration{File: "fbgate.yaml", Changes: "- listen: 127.0.0.1:80\n+ listen: 127.0.0.1:81\n", Restart: []string{"listen", "log.format"}}
		}
	})
	expect(t, newBrowser(t, needs).get("/ui/configuration"), 200, "need a restart: <code>listen</code>, <code>log.format</code>.", "Reload</button>")
	fixed := newWorld(t, func(c *admin.Config) { c.Reload = nil })
	expect(t, newBrowser(t, fixed).get("/ui/configuration"), 200, "In force", "!The file now", "!Reload</button>", "!restart")
}

func TestDoctor(t *testing.T) {
	w := newWorld(t, nil)
	b := newBrowser(t, w)
	b.get("/ui/doctor?mailbox=mary@contoso.com")
	expect(t, b.post("/ui/doctor", "mailbox", "mary@contoso.com"), 200, "Everything works", "7 hops", "TLS 1.3 was offered", "</html>")
	expect(t, b.post("/ui/doctor", "mailbox", "nobody@contoso.com"), 200, "It fails at authentication", "401 &lt;script&gt;", "!<script>alert", "</html>")
	expect(t, b.post("/ui/doctor", "mailbox", " "), 400, "Give the address")
	expect(t, b.post("/ui/doctor", "mailbox", "mary@contoso.com", "organization", "elsewhere"), 400, "there is no organization")
	b.get(ask("who", "joe@contoso.com", "as", "mary@contoso.com"))
	for _, line := range []string{`msg="doctor asked" client=127.0.0.1 mailbox=nobody@contoso.com`, `msg="operator asked" client=127.0.0.1 request_id=page-`, `mailboxes=[joe@contoso.com] as=mary@contoso.com`} {
		if log := w.log.String(); !strings.Contains(log, line) {
			t.Errorf("%s is not in\n%s", line, log)
		}
	}
	busy := newBrowser(t, newWorld(t, func(c *admin.Config) {
		c.Doctor = func(context.Context, availability.Mailbox, string, availability.Mailbox) (iter.Seq[doctor.Hop], error) {
			return nil, admin.ErrBusy
		}
	}))
	busy.get("/ui/doctor")
	if got := busy.post("/ui/doctor", "mailbox", "mary@contoso.com"); got.Code != 503 || got.Header().Get("Retry-After") == "" || !strings.Contains(got.Body.String(), "Two doctors are at work") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// No more questions than there is room for.
func TestDoctorsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	w.hops = make(chan bool)
	b := newBrowser(t, w)
	b.get("/ui/doctor")
	address := w.serve(t)
	var bodies []func() error
	for range 8 {
		answer, err := http.PostForm(address+"/ui/doctor", url.Values{"form": {b.form}, "mailbox": {"mary@contoso.com"}})
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, answer.Body.Close)
	}
	expect(t, b.post("/ui/doctor", "mailbox", "mary@contoso.com"), 503, "Too many questions")
	expect(t, b.get("/ui/availability?who=mary@contoso.com"), 503, "Too many questions")
	for _, end := range bodies {
		_ = end()
	}
}
