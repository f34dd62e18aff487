package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/access"
	"fbgate/availability/exchangetest/slapdtest"
	"fbgate/davfb/login"
)

// accountFiles writes files of joe, who is in the group ops, mary, who is in board, and the
// password of a publisher.
func accountFiles(t *testing.T) (users, groups, sync string) {
	t.Helper()
	folder := t.TempDir()
	users, groups, sync = filepath.Join(folder, "users"), filepath.Join(folder, "groups"), filepath.Join(folder, "sync")
	for file, text := range map[string]string{users: htpasswd, groups: "ops: joe\nboard: mary\n", sync: "hunter2\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return users, groups, sync
}

// by asks a listener as somebody, and returns the status and what is said.
func by(t *testing.T, method, url, name, password string) (status int, said string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(name, password)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body struct{ Error string }
	_ = json.NewDecoder(response.Body).Decode(&body)
	return response.StatusCode, body.Error
}

// Operators sign in as clients log in, with the same accounts, as long as the
// configuration names them or their groups.
func TestOperatorsSignIn(t *testing.T) {
	t.Parallel()
	contoso := newCounted(t, "mary@contoso.com")
	users, groups, sync := accountFiles(t)
	configuration := func(operators, more string) string {
		return fmt.Sprintf("admin: {listen: '127.0.0.1:0', operators: %s}\nlogin: {methods: basic, htpasswd_file: %q, group_file: %q, max_failures: 3}\npublishing: {store: %q, publishers: [{username: sync, password_file: %q}]}\n%sorganizations:\n",
			operators, users, groups, filepath.Join(filepath.Dir(users), "published.db"), sync, more) + contoso.entry("contoso", "")
	}
	r := startReloaded(t, configuration("ops", ""))
	admin, clients := "http://"+r.operators.String(), "http://"+r.clients.String()

	for _, test := range []struct {
		name, password string
		status         int
		said           string
	}{
		{"joe", "secret", 200, ""},
		{`CONTOSO\joe`, "secret", 200, ""},
		{"joe", "guess", 401, "The name or the password is wrong."},
		{"mary", "secret", 403, "mary is not among the operators: admin.operators names neither them nor a group of theirs"},
		{"sync", "hunter2", 403, "sync is not among the operators: admin.operators names neither them nor a group of theirs"},
		{"ops", "secret", 401, "The name or the password is wrong."},
	} {
		if status, said := by(t, "GET", admin+"/cache", test.name, test.password); status != test.status || said != test.said {
			t.Errorf("%s: %d %s", test.name, status, said)
		}
	}

	b := newBrowserOf(t, r.server)
	b.see("/ui/lookups", "Sign in", `name="username"`, `!name="token"`)
	b.post("/ui/sign-in", "/ui/sign-in", url.Values{"username": {"joe"}, "password": {"secret"}, "to": {"/ui/cache"}}, "<bdi>joe</bdi>", "Nobody has changed anything")
	b.post("/ui/cache", "/ui/cache/flush", url.Values{"everything": {"yes"}}, "127.0.0.1, joe, session ")
	by(t, "DELETE", admin+"/cache", "joe", "secret")
	b.see("/ui/cache", ", joe</td>")

	// A change that is not about him leaves him signed in.
	r.change(configuration("ops", "limits: {attendees: 7}\n"))
	b.see("/ui/configuration", "<bdi>joe</bdi>", "attendees: 7")

	// One that takes him away does not.
	r.change(configuration("[board, sync]", "limits: {attendees: 7}\n"))
	b.see("/ui/configuration", "With your name", "!attendees")
	if status, _ := by(t, "GET", admin+"/cache", "joe", "secret"); status != 403 {
		t.Errorf("joe: %d", status)
	}
	for name, password := range map[string]string{"mary": "secret", "sync": "hunter2"} { // who is named
		if status, said := by(t, "GET", admin+"/cache", name, password); status != 200 {
			t.Errorf("%s: %d %s", name, status, said)
		}
	}
	if log := r.log.String(); !strings.Contains(log, `msg="sign-in refused: no operator" client=127.0.0.1:`) || !strings.Contains(log, " name=joe") || strings.Contains(log, "hunter2") {
		t.Error(log)
	}

	// Nor does a group he is taken out of.
	r.change(configuration("ops", ""))
	b.post("/ui/sign-in", "/ui/sign-in", url.Values{"username": {"joe"}, "password": {"secret"}}, "<bdi>joe</bdi>")
	if err := os.WriteFile(groups, []byte("board: mary, joe\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// After a reload it is looked for anew, so that nobody has to wait a minute; but the
	// file is not, for a second.
	for try := 0; try < 100 && strings.Contains(b.see("/ui/"), "<bdi>joe</bdi>"); try++ {
		time.Sleep(100 * time.Millisecond)
		r.change(configuration("ops", fmt.Sprintf("limits: {attendees: %d}\n", 10+try)))
	}
	b.see("/ui/", "With your name")

	// Wrong passwords count wherever they are tried: here, on the pages and by clients.
	r.change(configuration("ops", "limits: {attendees: 8}\n"))
	by(t, "GET", admin+"/cache", "nobody", "guess")
	b.post("/ui/sign-in", "/ui/sign-in", url.Values{"username": {"nobody"}, "password": {"guess"}}, "The name or the password is wrong.")
	if status, _ := by(t, "GET", clients+target("mary@contoso.com"), "nobody", "guess"); status != 401 {
		t.Errorf("a client: %d", status)
	}
	if status, said := by(t, "GET", admin+"/cache", "nobody", "guess"); status != 429 || said != "Too many names and passwords were wrong. Log in again later." {
		t.Errorf("%d %s", status, said)
	}
}

// Operators of a directory are those in its groups. While it is away nobody signs in, but
// whoever had stays, as that is when operators are needed.
func TestOperatorsOfTheDirectory(t *testing.T) {
	server := slapdtest.Start(t, `dn: cn=joe,`+slapdtest.Suffix+`
objectClass: user
cn: joe
sAMAccountName: joe
userPassword: joe's secret
memberOf: cn=Operators,ou=groups,`+slapdtest.Suffix+`

dn: cn=paul,`+slapdtest.Suffix+`
objectClass: user
cn: paul
sAMAccountName: paul
userPassword: paul's secret
userAccountControl: 514
memberOf: cn=Operators,ou=groups,`+slapdtest.Suffix+`

dn: cn=mary,`+slapdtest.Suffix+`
objectClass: user
cn: mary
sAMAccountName: mary
userPassword: mary's secret
memberOf: cn=Board,ou=groups,`+slapdtest.Suffix+`
`, slapdtest.Options{TLS: true})
	t.Setenv("FBGATE_TEST_PASSWORD", server.Password)
	r := startReloaded(t, fmt.Sprintf(`admin: {listen: '127.0.0.1:0', operators: Operators}
login: {methods: basic, ldap: {url: %q, base_dn: %q, bind_dn: %q, password_env: FBGATE_TEST_PASSWORD, ca_file: %q, timeout: 1s}}
organizations: [{name: fabrikam, domains: [fabrikam.com], target_sharing_epr: %s}]
`, server.URL, slapdtest.Suffix, slapdtest.BindDN, server.CAFile, startExchange(t, pretendCalendar(availability.Busy, "joe@fabrikam.com"))))
	cache := "http://" + r.operators.String() + "/cache"
	for _, test := range []struct {
		name, password string
		status         int
	}{
		{"joe", "joe's secret", 200}, {`CONTOSO\joe`, "joe's secret", 200}, {"joe", "mary's secret", 401}, {"mary", "mary's secret", 403}, {"nobody", "joe's secret", 401}, {"paul", "paul's secret", 401},
	} {
		if status, said := by(t, "GET", cache, test.name, test.password); status != test.status {
			t.Errorf("%s: %d %s", test.name, status, said)
		}
	}
	b := newBrowserOf(t, r.server)
	b.post("/ui/sign-in", "/ui/sign-in", url.Values{"username": {"mary"}, "password": {"mary's secret"}}, "mary is not among the operators")
	b.post("/ui/sign-in", "/ui/sign-in", url.Values{"username": {"joe"}, "password": {"joe's secret"}, "to": {"/ui/cache"}}, "<bdi>joe</bdi>", "Nobody has changed anything")

	server.Stop()
	b.see("/ui/cache", "<bdi>joe</bdi>")
	if status, said := by(t, "GET", cache, "ann", "ann's secret"); status != 503 {
		t.Errorf("%d %s", status, said)
	}
	server.Resume()
	b.post("/ui/cache", "/ui/cache/flush", url.Values{"everything": {"yes"}}, ", joe, session ")
}

// Passwords come by https, or from this machine.
func TestOperatorsSignInConfidentially(t *testing.T) {
	t.Parallel()
	users, _, _ := accountFiles(t)
	gatewayWith := func(more string) stack {
		return newStack(t, "admin: {listen: '127.0.0.1:0', operators: joe}\nlogin: {methods: basic, htpasswd_file: %q%s}\ntrusted_proxies: [10.9.9.9]\n"+
			"organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: 'https://mail.contoso.com/EWS/Exchange.asmx'}]\n", users, more)
	}
	strict, loose := gatewayWith(""), gatewayWith(", insecure_http: true")
	for name, test := range map[string]struct {
		stack  stack
		from   string
		header http.Header
		status int
	}{
		"this machine":                   {strict, "127.0.0.1", nil, 200},
		"another one":                    {strict, "192.0.2.1", nil, 403},
		"another one, allowed":           {loose, "192.0.2.1", nil, 200},
		"another one, which says https":  {strict, "192.0.2.1", http.Header{"X-Forwarded-Proto": {"https"}}, 403},
		"a front end, by https":          {strict, "10.9.9.9", http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-For": {"192.0.2.7"}}, 200},
		"a front end, by http":           {strict, "10.9.9.9", http.Header{"X-Forwarded-Proto": {"http"}, "X-Forwarded-For": {"192.0.2.7"}}, 403},
		"a front end nobody has told of": {strict, "127.0.0.1", http.Header{"X-Forwarded-For": {"192.0.2.7"}}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			send := func(method, path, body string, authorized bool) *httptest.ResponseRecorder {
				r := httptest.NewRequest(method, "http://fbgate.contoso.com:8081"+path, strings.NewReader(body))
				r.RemoteAddr = test.from + ":1234"
				for name, values := range test.header {
					r.Header[name] = values
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if authorized {
					r.SetBasicAuth("joe", "secret")
				}
				w := httptest.NewRecorder()
				test.stack.operators.ServeHTTP(w, r)
				return w
			}
			if w := send("GET", "/cache", "", true); w.Code != test.status {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			// Nobody is asked for a password that must not come.
			w := send("GET", "/cache", "", false)
			if asked := w.Header().Get("WWW-Authenticate") != ""; asked != (test.status == 200) || (w.Code == 401) != asked {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			page := send("GET", "/ui/sign-in", "", false).Body.String()
			if asked := strings.Contains(page, `name="password"`); asked != (test.status == 200) {
				t.Error(page)
			}
			if test.status != 200 {
				return
			}
			secret := regexp.MustCompile(`name="form" value="([^"]+)"`).FindStringSubmatch(page)[1]
			w = send("POST", "/ui/sign-in", url.Values{"form": {secret}, "username": {"joe"}, "password": {"secret"}}.Encode(), false)
			https := test.header.Get("X-Forwarded-Proto") == "https"
			if cookie := w.Header().Get("Set-Cookie"); w.Code != 303 || cookie == "" || strings.Contains(cookie, "; Secure") != https {
				t.Errorf("%d %s", w.Code, cookie)
			}
		})
	}
}

// onePlace has one account, and may be down.
type onePlace struct {
	who   availability.Requester
	down  error
	hangs bool
}

func (p *onePlace) Check(context.Context, string, string) (availability.Requester, bool, error) {
	panic("nobody shows a password")
}

func (p *onePlace) Find(ctx context.Context, name string) (availability.Requester, bool, error) {
	if p.hangs {
		select {
		case <-ctx.Done():
		case <-time.After(time.Hour):
		}
	}
	if p.down != nil || ctx.Err() != nil {
		return availability.Requester{}, false, cmp.Or(p.down, ctx.Err())
	}
	return p.who, name == p.who.Name, nil
}

// Whoever is taken out of a group, or has no account any more, is no operator within a
// minute; while the directory is down whoever was one stays one.
func TestOperatorsStayOperators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		namesake := &onePlace{who: availability.Requester{Name: "joe"}}
		joe := &onePlace{who: availability.Requester{Name: "joe", Groups: []string{"ops"}}}
		o := &namedOperators{people: access.NewPeople([]string{"ops"}, nil), ways: &ways{passwords: &login.Passwords{Accounts: login.Chain{namesake, joe}}}}
		expect := func(when string, name string, want bool) {
			t.Helper()
			if got := o.still(t.Context(), name); got != want {
				t.Errorf("%s: %s is one: %v", when, name, got)
			}
		}
		expect("at first", "joe", true)
		expect("at first", "mary", false)
		joe.down = errors.New("the directory is down")
		expect("at once", "joe", true)
		time.Sleep(time.Minute)
		expect("while it is down", "joe", true)
		joe.down, joe.who.Groups = nil, nil
		expect("within the minute", "joe", true)
		time.Sleep(time.Minute)
		expect("without the group", "joe", false)
		// Who goes away while he is looked for is no directory that is down.
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if o.still(gone, "joe") {
			t.Error("stays by going away")
		}
		joe.who.Groups = []string{"ops"}
		expect("in it again", "joe", true)
		joe.who.Name = "joseph"
		time.Sleep(time.Minute)
		expect("without an account", "joe", false)
	})
}

// That one place is down does not keep those whom another one has removed, and a place that
// hangs keeps nobody waiting for long.
func TestOperatorsOfTwoPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := &onePlace{who: availability.Requester{Name: "joe", Groups: []string{"ops"}}}
		ldap := &onePlace{who: availability.Requester{Name: "mary", Groups: []string{"ops"}}}
		o := &namedOperators{people: access.NewPeople([]string{"ops"}, nil), ways: &ways{passwords: &login.Passwords{Accounts: login.Chain{file, ldap}}}}
		for _, name := range []string{"joe", "mary"} {
			if !o.still(t.Context(), name) {
				t.Fatalf("%s is none at first", name)
			}
		}
		file.who.Name, ldap.down = "nobody", errors.New("the directory is down")
		time.Sleep(time.Minute)
		for name, want := range map[string]bool{"joe": false, "mary": true, "mallory": false} {
			if got := o.still(t.Context(), name); got != want {
				t.Errorf("%s is one: %v", name, got)
			}
		}
		ldap.hangs = true
		time.Sleep(time.Minute)
		gone, leave := context.WithCancel(t.Context())
		leave()
		begun := time.Now()
		if still := o.still(gone, "mary"); !still || time.Since(begun) > 5*time.Second {
			t.Errorf("%v after %v", still, time.Since(begun))
		}
	})
}
