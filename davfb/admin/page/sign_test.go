package page_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/davfb/admin"
	"fbgate/davfb/admin/page"
	"fbgate/davfb/admin/session"
	"fbgate/davfb/face"
)

// withPeople lets mary in, knows paul as well, and has heard too much of joe. Passwords
// come from this machine alone.
func withPeople(c *admin.Config) {
	c.Confidential = func(r *http.Request) bool { return strings.HasPrefix(r.RemoteAddr, "127.") }
	c.SignIn = func(r *http.Request, name, password string) (string, error) {
		switch {
		case !c.Confidential(r):
			return "", &face.Refusal{Status: 403, Text: "SSL is required to log in."}
		case name == "joe":
			return "", &face.Refusal{Status: 429, Text: "Too many were wrong.", RetryAfter: 541 * time.Second}
		case name == "ldap":
			return "", &face.Refusal{Status: 503, Text: "Nobody can log in at the moment.", RetryAfter: time.Minute}
		case name == "bug":
			return "", errors.New("what only the log is told")
		case password != "secret":
			return "", &face.Refusal{Status: 401, Text: "The name or the password is wrong."}
		case name != "mary":
			return "", &face.Refusal{Status: 403, Text: "paul is no operator."}
		}
		return "mary", nil
	}
}

func both(c *admin.Config) { withToken(c); withPeople(c) }

const byName, byToken = `name="password"`, `name="token"`

func TestSignInForms(t *testing.T) {
	for name, test := range map[string]struct {
		config func(*admin.Config)
		from   string
		has    []string
	}{
		"only a token":     {withToken, "127.0.0.1:5555", []string{byToken, "!" + byName, "!With your name", "!narrow two"}},
		"only people":      {withPeople, "127.0.0.1:5555", []string{byName, "!" + byToken, "!With the token", "!narrow two"}},
		"only people, far": {withPeople, "192.0.2.1:5555", []string{"taken by https only", "!" + byName, "!" + byToken}},
		"both":             {both, "127.0.0.1:5555", []string{byName, byToken, "narrow two"}},
		"both, far":        {both, "192.0.2.1:5555", []string{"taken by https only", "!" + byName, byToken}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t, newWorld(t, test.config))
			b.from = test.from
			if got := b.get("/ui/cache"); got.Code != 303 || got.Header().Get("Location") != "/ui/sign-in?to=%2Fui%2Fcache" {
				t.Errorf("%d %v", got.Code, got.Header())
			}
			expect(t, b.get("/ui/sign-in"), 200, test.has...)
		})
	}
}

func TestSignInByName(t *testing.T) {
	changes := new(admin.Changes)
	w := newWorld(t, func(c *admin.Config) { both(c); c.Changes = changes })
	b := newBrowser(t, w)
	b.get("/ui/sign-in?to=/ui/cache")
	for _, test := range []struct {
		name, password, from string
		status               int
		retry, text          string
	}{
		{"mary", "guess", "127.0.0.1:1", 403, "", "The name or the password is wrong."},
		{"mary", secret, "127.0.0.2:1", 403, "", "The name or the password is wrong."}, // which is the token
		{"", "", "127.0.0.3:1", 403, "", "The name or the password is wrong."},
		{"paul", "secret", "127.0.0.4:1", 403, "", "paul is no operator."},
		{"mary", "secret", "192.0.2.1:1", 403, "", "SSL is required to log in."},
		{"joe", "secret", "127.0.0.5:1", 429, "541", "Too many were wrong. Minutes to wait: 10."},
		{"ldap", "secret", "127.0.0.6:1", 503, "60", "Nobody can log in at the moment.</p>"},
		{"bug", "secret", "127.0.0.7:1", 500, "", "fbgate itself is at fault"},
	} {
		b.from = test.from
		got := b.post("/ui/sign-in", "username", test.name, "password", test.password, "to", "/ui/cache")
		expect(t, got, test.status, test.text, "!what only", "!guess", "!"+secret)
		if got.Header().Get("Retry-After") != test.retry || got.Header().Get("WWW-Authenticate") != "" || b.cookie != "" {
			t.Errorf("%s: %v, cookie %q", test.name, got.Header(), b.cookie)
		}
	}
	b.from = "127.0.0.1:5555"
	expect(t, b.post("/ui/sign-in", "username", `"><script>`, "password", "x", "to", "/ui/cache"), 403, `value="&#34;&gt;&lt;script&gt;"`, `value="/ui/cache"`)
	expect(t, b.post("/ui/sign-in", "username", "mary", "password", "secret", "form", "forged"), 403, "out of date")
	got := b.post("/ui/sign-in", "username", "mary", "password", "secret", "to", "/ui/cache")
	if got.Code != 303 || got.Header().Get("Location") != "/ui/cache" || b.cookie == "" {
		t.Fatalf("%d %v", got.Code, got.Header())
	}
	for _, path := range all {
		expect(t, b.get(path), 200, "Sign out", "<bdi>mary</bdi>")
	}
	b.get("/ui/cache")
	expect(t, b.post("/ui/cache/flush", "everything", "yes"), 303)
	if last := changes.Last(); len(last) != 1 || !strings.HasPrefix(last[0].Who, "127.0.0.1, mary, session ") {
		t.Errorf("%+v", last)
	}
	b.get("/ui/cache")
	expect(t, b.post("/ui/sign-out"), 303)
	expect(t, b.get("/ui/"), 303)
	// The token is the other way.
	b.get("/ui/sign-in")
	expect(t, b.post("/ui/sign-in", "username", "operator", "token", "guess"), 403, "That is not the token")
	expect(t, b.post("/ui/sign-in", "username", "operator", "token", secret), 303)
	expect(t, b.get("/ui/cache"), 200, "by the token", "!<bdi>")
	log := w.log.String()
	if strings.Contains(log, "secret") || strings.Contains(log, secret) || strings.Contains(log, "guess") ||
		!strings.Contains(log, `msg="operator signed in" client=127.0.0.1:5555 name=mary session=`) || !strings.Contains(log, `msg="operator signed out" client=127.0.0.1:5555 name=mary session=`) {
		t.Error(log)
	}
}

// A password is tried as seldom as the token, wherever it is of.
func TestAttemptsToSignInByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := admin.Config{}
		withPeople(&c)
		asked, right := 0, c.SignIn
		c.SignIn = func(r *http.Request, name, password string) (string, error) {
			asked++
			return right(r, name, password)
		}
		b := newBrowser(t, page.New(c, page.NewVisitors()))
		b.get("/ui/sign-in")
		for range session.Tries {
			expect(t, b.post("/ui/sign-in", "username", "mary", "password", "guess"), 403)
		}
		if w := b.post("/ui/sign-in", "username", "mary", "password", "secret"); w.Code != 429 || w.Header().Get("Retry-After") != "60" || asked != session.Tries {
			t.Errorf("%d %v, %d times asked", w.Code, w.Header(), asked)
		}
		time.Sleep(time.Minute)
		expect(t, b.post("/ui/sign-in", "username", "mary", "password", "secret"), 303)
		for range int(session.Longest/(20*time.Minute)) - 1 {
			time.Sleep(20 * time.Minute)
			expect(t, b.get("/ui/"), 200)
		}
		time.Sleep(20 * time.Minute)
		expect(t, b.get("/ui/"), 303)
	})
}

// Sessions end with the way they were begun, and only with that, where visitors stay.
func TestSessionsEndWithTheirWay(t *testing.T) {
	visitors, serve := page.NewVisitors(), http.Handler(nil)
	c := admin.Config{}
	token, failure := secret, error(nil)
	withPeople(&c)
	people := c.SignIn
	set := func(byToken, byName bool) {
		c.Token, c.SignIn = nil, nil
		if byToken {
			c.Token = func() (string, error) { return token, failure }
		}
		if byName {
			c.SignIn = people
		}
		serve = page.New(c, visitors)
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve.ServeHTTP(w, r) })
	set(true, true)
	sign := func(pairs ...string) *browser {
		b := newBrowser(t, h)
		b.get("/ui/sign-in")
		expect(t, b.post("/ui/sign-in", pairs...), 303)
		expect(t, b.get("/ui/"), 200)
		return b
	}
	mary, operator := sign("username", "mary", "password", "secret"), sign("token", secret)
	failure = errors.New("permission denied")
	expect(t, mary.get("/ui/"), 200)
	// To the token's session it is as if it had ended, so that its owner can sign in by name.
	if got := operator.get("/ui/cache"); got.Code != 303 || got.Header().Get("Location") != "/ui/sign-in?to=%2Fui%2Fcache" {
		t.Errorf("%d %v", got.Code, got.Header())
	}
	expect(t, operator.get("/ui/sign-in"), 200, byName, "!"+byToken, "Nobody can sign in by the token: admin.token_file cannot be read", "!permission denied")
	expect(t, sign("username", "mary", "password", "secret").get("/ui/"), 200)
	failure = nil
	expect(t, operator.get("/ui/"), 200)
	token = "another-token-from-today"
	expect(t, mary.get("/ui/"), 200)
	expect(t, operator.get("/ui/"), 303)
	token = secret
	expect(t, operator.get("/ui/"), 303)
	operator = sign("token", secret)
	set(true, false)
	expect(t, mary.get("/ui/"), 303)
	expect(t, operator.get("/ui/"), 200)
	set(true, true)
	expect(t, mary.get("/ui/"), 303)
	mary = sign("username", "mary", "password", "secret")
	set(false, true)
	expect(t, mary.get("/ui/"), 200)
	expect(t, operator.get("/ui/"), 303)
	// Without a token there is none to post, not even an empty one.
	operator.get("/ui/sign-in")
	for _, pairs := range [][]string{{"token", ""}, {"token", secret}} {
		expect(t, operator.post("/ui/sign-in", pairs...), 403, "That is not the token")
	}
}

// Who is no operator any more is out, even if he becomes one again.
func TestSessionsEndWithTheOperator(t *testing.T) {
	still := map[string]bool{"mary": true}
	w := newWorld(t, func(c *admin.Config) {
		both(c)
		c.IsOperator = func(_ context.Context, who string) bool { return still[who] }
	})
	mary, token := newBrowser(t, w), newBrowser(t, w)
	mary.get("/ui/sign-in")
	expect(t, mary.post("/ui/sign-in", "username", "mary", "password", "secret"), 303)
	token.get("/ui/sign-in")
	expect(t, token.post("/ui/sign-in", "token", secret), 303)
	expect(t, mary.get("/ui/"), 200)
	still["mary"] = false
	expect(t, mary.post("/ui/cache/flush", "everything", "yes"), 303)
	still["mary"] = true
	expect(t, mary.get("/ui/"), 303)
	expect(t, token.get("/ui/"), 200)
	if log := w.log.String(); strings.Contains(log, "cache flushed") || !strings.Contains(log, `"session ended: no operator any more" client=127.0.0.1:5555 name=mary`) {
		t.Error(log)
	}
}

// Behind a front end that takes https the cookie is for https alone.
func TestSecureCookieBehindAFrontEnd(t *testing.T) {
	for _, https := range []bool{true, false} {
		b := newBrowser(t, newWorld(t, func(c *admin.Config) {
			withPeople(c)
			c.HTTPS = func(*http.Request) bool { return https }
		}))
		b.get("/ui/sign-in")
		if got := b.post("/ui/sign-in", "username", "mary", "password", "secret").Header().Get("Set-Cookie"); strings.Contains(got, "; Secure") != https {
			t.Errorf("https %v: %s", https, got)
		}
	}
}

// With people signing in, pages are served by any name.
func TestPeopleByAnyName(t *testing.T) {
	r := httptest.NewRequest("GET", "http://fbgate.contoso.com:8081/ui/sign-in", nil)
	expect(t, newBrowser(t, newWorld(t, withPeople)).do(r), 200, byName)
}
