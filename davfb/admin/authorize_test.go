package admin_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/davfb/admin"
	"fbgate/davfb/admin/session"
	"fbgate/davfb/face"
)

const operatorsToken = "s3cret-of-the-operators"

func withToken(c *admin.Config) { c.Token = func() (string, error) { return operatorsToken, nil } }

// withPeople lets mary in, knows paul as well, and has heard too much of joe.
func withPeople(c *admin.Config) {
	c.Confidential = func(r *http.Request) bool { return strings.HasPrefix(r.RemoteAddr, "127.") }
	c.SignIn = func(r *http.Request, name, password string) (string, error) {
		switch {
		case !c.Confidential(r):
			return "", &face.Refusal{Status: 403, Text: "SSL is required to log in"}
		case name == "joe":
			return "", &face.Refusal{Status: 429, Text: "too many", RetryAfter: 90*time.Second + 1}
		case name == "ldap":
			return "", &face.Refusal{Status: 503, Text: "at the moment", RetryAfter: time.Minute}
		case name == "bug":
			return "", errors.New("what only the log is told")
		case password != "secret":
			return "", &face.Refusal{Status: 401, Text: "The name or the password is wrong."}
		case name != "mary":
			return "", &face.Refusal{Status: 403, Text: "paul is no operator"}
		}
		return "mary", nil
	}
}

func TestWhoIsLetIn(t *testing.T) {
	const bearer, basic = `Bearer realm="fbgate"`, `Basic realm="fbgate", charset="UTF-8"`
	both := func(c *admin.Config) { withToken(c); withPeople(c) }
	as := func(name, password string) string {
		var r = http.Request{Header: make(http.Header)}
		r.SetBasicAuth(name, password)
		return r.Header.Get("Authorization")
	}
	for name, test := range map[string]struct {
		config        func(*admin.Config)
		from          string
		authorization string
		status        int
		challenge     string // all of them
		retry         string
		text          string
	}{
		"neither":                      {nil, "127.0.0.1", "", 200, "", "", ""},
		"neither, whatever is shown":   {nil, "127.0.0.1", as("mary", "wrong"), 200, "", "", ""},
		"only a token: nothing":        {withToken, "192.0.2.1", "", 401, bearer, "", "send the token of admin.token_file as Authorization: Bearer TOKEN"},
		"only a token: it":             {withToken, "192.0.2.1", "Bearer " + operatorsToken, 200, "", "", ""},
		"only a token: a password":     {withToken, "127.0.0.1", as("mary", "secret"), 401, bearer, "", "send the token of admin.token_file as Authorization: Bearer TOKEN"},
		"only a token: as a password":  {withToken, "127.0.0.1", as("mary", operatorsToken), 401, bearer, "", "send the token"},
		"only people: nothing":         {withPeople, "127.0.0.1", "", 401, basic, "", "send the name and the password of an operator as Authorization: Basic"},
		"only people: nothing, far":    {withPeople, "192.0.2.1", "", 403, "", "", "names and passwords are taken by https only"},
		"only people: right":           {withPeople, "127.0.0.1", as("mary", "secret"), 200, "", "", ""},
		"only people: in lower case":   {withPeople, "127.0.0.1", strings.Replace(as("mary", "secret"), "Basic", "basic", 1), 200, "", "", ""},
		"only people: right, far":      {withPeople, "192.0.2.1", as("mary", "secret"), 403, "", "", "SSL is required"},
		"only people: wrong":           {withPeople, "127.0.0.1", as("mary", "guess"), 401, basic, "", "The name or the password is wrong."},
		"only people: no operator":     {withPeople, "127.0.0.1", as("paul", "secret"), 403, "", "", "paul is no operator"},
		"only people: too many":        {withPeople, "127.0.0.1", as("joe", "secret"), 429, "", "91", "too many"},
		"only people: nobody knows":    {withPeople, "127.0.0.1", as("ldap", "secret"), 503, "", "60", "at the moment"},
		"only people: a bug":           {withPeople, "127.0.0.1", as("bug", "secret"), 500, "", "", "fbgate itself is at fault"},
		"only people: malformed":       {withPeople, "127.0.0.1", "Basic !", 401, basic, "", "The name or the password is wrong."},
		"only people: a token":         {withPeople, "127.0.0.1", "Bearer " + operatorsToken, 401, basic, "", "send the name"},
		"only people: an empty token":  {withPeople, "127.0.0.1", "Bearer ", 401, basic, "", "send the name"},
		"both: nothing":                {both, "127.0.0.1", "", 401, bearer + basic, "", "send the token of admin.token_file as Authorization: Bearer TOKEN, or the name and the password of an operator as Authorization: Basic"},
		"both: nothing, far":           {both, "192.0.2.1", "", 401, bearer, "", "send the token of admin.token_file as Authorization: Bearer TOKEN"},
		"both: the token":              {both, "192.0.2.1", "Bearer " + operatorsToken, 200, "", "", ""},
		"both: a wrong token":          {both, "192.0.2.1", "Bearer secret", 401, bearer, "", "send the token"},
		"both: a password":             {both, "127.0.0.1", as("mary", "secret"), 200, "", "", ""},
		"both: a wrong password":       {both, "127.0.0.1", as("mary", "guess"), 401, bearer + basic, "", "The name or the password is wrong."},
		"both: the token for password": {both, "127.0.0.1", as("mary", operatorsToken), 401, bearer + basic, "", "The name or the password is wrong."},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOperators(test.config)
			o.remember(t, "contoso", 0, "mary@contoso.com")
			for _, request := range []string{"GET /cache", "GET /nowhere", "DELETE /cache?organization=contoso"} {
				method, target, _ := strings.Cut(request, " ")
				r := httptest.NewRequest(method, "http://localhost:8081"+target, nil)
				r.RemoteAddr = test.from + ":5555"
				r.Header.Set("Authorization", test.authorization)
				w := o.send(r)
				if test.status == 200 {
					if want := map[bool]int{true: 404, false: 200}[target == "/nowhere"]; w.Code != want {
						t.Errorf("%s: %d %s", request, w.Code, w.Body)
					}
					continue
				}
				if got := message(t, w); w.Code != test.status || !strings.HasPrefix(got, test.text) || got == "" {
					t.Errorf("%s: %d %s", request, w.Code, got)
				}
				if got := strings.Join(w.Header().Values("WWW-Authenticate"), ""); got != test.challenge {
					t.Errorf("%s: challenge %s", request, got)
				}
				if got := w.Header().Get("Retry-After"); got != test.retry {
					t.Errorf("%s: Retry-After %q", request, got)
				}
			}
			if gone := o.remembered() == 0; gone != (test.status == 200) {
				t.Errorf("flushed: %v", gone)
			}
			if log := o.log.String(); strings.Contains(log, "secret") || strings.Contains(log, "guess") {
				t.Error(log)
			}
			// Health is open whatever else is wanted.
			if w := o.do("GET", "/healthz"); w.Code != 200 {
				t.Error(w.Code)
			}
		})
	}
}

// With people beside it, a token that cannot be read keeps nobody else out.
func TestTokenThatCannotBeReadIsNoMatterToPeople(t *testing.T) {
	o := newOperators(func(c *admin.Config) {
		withPeople(c)
		c.Token = func() (string, error) { return "", errors.New("open etc/admin.token: permission denied") }
	})
	for authorization, status := range map[string]int{"Basic bWFyeTpzZWNyZXQ=": 200, "Bearer x": 500, "Bearer ": 500, "": 401} {
		r := httptest.NewRequest("GET", "http://localhost:8081/cache", nil)
		r.RemoteAddr = "127.0.0.1:5555"
		r.Header.Set("Authorization", authorization)
		if w := o.send(r); w.Code != status {
			t.Errorf("%q: %d %s", authorization, w.Code, w.Body)
		}
	}
}

// Whoever has very many addresses keeps nobody out, neither by wrong tokens nor otherwise.
func TestGuessesFromEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOperators(func(c *admin.Config) { withToken(c); c.Attempts = new(session.Attempts) })
		for i := range 12_000 {
			if got := o.shows(netip.AddrFrom16([16]byte{0x20, 0x01, 0xd, 0xb8, 0, 0, byte(i >> 8), byte(i), 15: 1}), "guess"); got != 401 {
				t.Fatalf("guess %d: %d", i, got)
			}
		}
		for _, from := range []string{"192.0.2.1", "127.0.0.1", "2001:db8:ffff::1"} {
			if got := o.shows(netip.MustParseAddr(from), operatorsToken); got != 200 {
				t.Errorf("%s: %d", from, got)
			}
		}
	})
}

// Many guesses at once are no more than many in turn, and tokens that are right are none,
// however many come at once.
func TestGuessesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOperators(func(c *admin.Config) {
			c.Attempts = new(session.Attempts)
			c.Token = func() (string, error) {
				time.Sleep(20 * time.Millisecond) // a file on a slow disk
				return operatorsToken, nil
			}
		})
		from := netip.MustParseAddr("192.0.2.1")
		atOnce := func(token string) map[int]int {
			statuses := make(chan int, 500)
			for range cap(statuses) {
				go func() { statuses <- o.shows(from, token) }()
			}
			got := make(map[int]int)
			for range cap(statuses) {
				got[<-statuses]++
			}
			return got
		}
		if got := atOnce(operatorsToken); got[200] != 500 {
			t.Errorf("right: %v", got)
		}
		if got := atOnce("guess"); got[401] != session.Tries || got[429] != 500-session.Tries {
			t.Errorf("wrong: %v", got)
		}
	})
}

// shows asks with a token, and returns the status.
func (o *operators) shows(from netip.Addr, token string) int {
	r := httptest.NewRequest("GET", "http://localhost:8081/cache", nil)
	r.RemoteAddr = netip.AddrPortFrom(from, 5555).String()
	r.Header.Set("Authorization", "Bearer "+token)
	return o.send(r).Code
}

// What operators do bears their names.
func TestChangesNameTheOperator(t *testing.T) {
	changes := new(admin.Changes)
	o := newOperators(func(c *admin.Config) {
		withPeople(c)
		c.Changes, c.Doctor = changes, healer(nil)
		c.Configuration = func() admin.Configuration { return admin.Configuration{File: "fbgate.yaml"} }
		broken := false
		c.Reload = func() error {
			if broken = !broken; broken {
				return errors.New("fbgate.yaml:1:1: unknown key")
			}
			return nil
		}
	})
	for _, request := range []string{"DELETE /cache", "POST /cache/refresh", "POST /doctor", "POST /reload", "POST /reload"} {
		method, target, _ := strings.Cut(request, " ")
		r := httptest.NewRequest(method, "http://localhost:8081"+target, strings.NewReader("mailbox=mary@contoso.com"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = "127.0.0.1:5555"
		r.SetBasicAuth("mary", "secret")
		o.send(r)
	}
	var what []string
	for _, change := range changes.Last() {
		what = append(what, change.What)
		if change.Who != "127.0.0.1, mary" {
			t.Errorf("%+v", change)
		}
	}
	if got := strings.Join(what, ", "); got != "configuration reloaded, configuration not reloaded, cache refreshed, cache flushed" {
		t.Error(got)
	}
	if n := strings.Count(o.log.String(), `client="127.0.0.1, mary"`); n != 5 {
		t.Errorf("%d lines name her: %s", n, o.log)
	}
}
