package login_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/davfb/login"
)

func TestCheck(t *testing.T) {
	d := newDirectory("joe:secret", "müller:grün", "latin:gr\xfcn")
	p := &login.Passwords{Accounts: d, Log: quiet(), AccountFailures: 100}
	for _, test := range []struct {
		name, password string
		status         int
		text           string
	}{
		{"joe", "secret", 200, ""},
		{"joe", "Secret", 401, "The name or the password is wrong."},
		{"jane", "secret", 401, "The name or the password is wrong."},
		{"müller", "grün", 200, ""},
		{"m\xfcller", "gr\xfcn", 200, ""},
		{"latin", "gr\xfcn", 200, ""}, // stored as it is sent
		{"m\xfcller", "gr\xfcnn", 401, "The name or the password is wrong."},
		{"", "secret", 401, "The name is empty."},
		{"joe", "", 401, "The password is empty."},
		{"joe\n", "secret", 401, "The name has control characters."},
		{"joe", "secret\x00", 401, "The password has control characters."},
		{strings.Repeat("j", 257), "secret", 401, "The name is longer than 256 bytes."},
		{"joe", strings.Repeat("s", 1025), 401, "The password is longer than 1024 bytes."},
	} {
		who, err := p.Check(from("192.0.2.1"), test.name, test.password)
		if got := statusOf(t, err); got != test.status || err != nil && err.Error() != test.text {
			t.Errorf("%q %q: %d %v", test.name, test.password, got, err)
		}
		if (who.Name != "") != (test.status == 200) {
			t.Errorf("%q %q: %+v", test.name, test.password, who)
		}
	}
	if d.asked("") != 7 { // twice for what is Latin-1 and wrong
		t.Errorf("asked %v", d.checks)
	}
}

func TestRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory("joe:secret")
		p := &login.Passwords{Accounts: d, Log: quiet()}
		check := func(client, password string, status, asked int) {
			t.Helper()
			_, err := p.Check(from(client), "joe", password)
			if got := statusOf(t, err); got != status || d.asked("joe") != asked {
				t.Errorf("from %s at %s: %d after %d questions, want %d and %d", client, time.Now(), got, d.asked("joe"), status, asked)
			}
		}
		check("192.0.2.1", "secret", 200, 1)
		for range 5 { // does not slide
			time.Sleep(11 * time.Second)
			check("192.0.2.1", "secret", 200, 1)
		}
		time.Sleep(5 * time.Second)
		check("192.0.2.1", "secret", 200, 2)
		check("192.0.2.2", "secret", 200, 3) // another client
		check("192.0.2.1", "other", 401, 4)
		check("192.0.2.1", "secret", 200, 4)
		d.fail(errors.New("down"))
		time.Sleep(30 * time.Second)
		check("192.0.2.1", "secret", 200, 4)
		time.Sleep(30 * time.Second)
		check("192.0.2.1", "secret", 503, 5)
		d.fail(nil)
		check("192.0.2.1", "secret", 200, 6)
		d.mu.Lock()
		d.passwords["joe"] = "changed"
		d.mu.Unlock()
		time.Sleep(time.Minute)
		check("192.0.2.1", "secret", 401, 7)
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		d := newDirectory("joe:secret", "jane:hers")
		p := &login.Passwords{Accounts: d, Log: logTo(&log)}
		check := func(client, name, password string, want int) (again time.Duration) {
			t.Helper()
			_, err := p.Check(from(client), name, password)
			if got := statusOf(t, err); got != want {
				t.Errorf("%s from %s: %d %v, want %d", name, client, got, err, want)
			}
			var refusal *face.Refusal
			if errors.As(err, &refusal) {
				again = refusal.RetryAfter
			}
			return again
		}
		check("192.0.2.7", "joe", "secret", 200) // logged in before it begins
		for i := range 1000 {
			want := 401
			if i >= 5 {
				want = 429
			}
			// Whatever way the name is written, it is the same account.
			name := []string{"joe", "JOE", `CONTOSO\joe`, "joe@contoso.com", " joe "}[i%5]
			check(fmt.Sprintf("198.51.%d.%d", i/250, i%250), name, fmt.Sprint("guess", i), want)
			time.Sleep(100 * time.Millisecond)
		}
		if d.asked("") != 1+5 {
			t.Errorf("%d checks of 1,000 wrong passwords", d.asked("")-1)
		}
		if n := strings.Count(log.String(), "\n"); n != 6 || strings.Count(log.String(), `msg="log-in refused"`) != 5 || strings.Contains(log.String(), "guess") {
			t.Errorf("%d lines:\n%s", n, &log)
		}
		if again := check("203.0.113.1", "joe", "secret", 429); again < 8*time.Minute || again > 10*time.Minute {
			t.Errorf("again in %s", again)
		}
		// Long after his check was remembered, Joe still gets in, and others, too.
		time.Sleep(2 * time.Minute)
		check("192.0.2.7", "joe", "secret", 200)
		check("203.0.113.1", "joe", "secret", 429)
		check("203.0.113.1", "jane", "hers", 200)
		time.Sleep(8 * time.Minute)
		check("203.0.113.1", "joe", "secret", 200)
	})
}

// Somebody at the address of one who is logged in cannot guess what he is logged in
// with.
func TestGuessingWhatIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory("joe:secret")
		p := &login.Passwords{Accounts: d, Log: quiet(), ClientFailures: 20}
		check := func(password string) int {
			_, err := p.Check(from("192.0.2.1"), "joe", password)
			return statusOf(t, err)
		}
		check("secret")
		for i := range 5 + 19 {
			check(fmt.Sprint(i))
		}
		if got := check("secret"); got != 200 {
			t.Error("after some guesses: ", got)
		}
		check("another")
		if got := check("secret"); got != 429 {
			t.Error("after as many guesses as a client has: ", got)
		}
		time.Sleep(10 * time.Minute)
		if got := check("secret"); got != 200 {
			t.Error("later: ", got)
		}
	})
}

func TestLimitOfClients(t *testing.T) {
	for _, test := range []struct {
		name  string
		next  func(i int) string
		asked int
	}{
		{"an IPv4 address", func(int) string { return "192.0.2.1" }, 50},
		{"the same in IPv6", func(i int) string { return []string{"192.0.2.1", "::ffff:192.0.2.1"}[i%2] }, 50},
		{"an IPv6 network", func(i int) string { return fmt.Sprintf("2001:db8::%x:%x", i, i) }, 50},
		{"many IPv6 networks", func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i) }, 200},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDirectory()
			p := &login.Passwords{Accounts: d, Log: quiet()}
			for i := range 200 {
				_, err := p.Check(from(test.next(i)), fmt.Sprint("name", i), "Summer2026")
				if got := statusOf(t, err); (got == 401) != (i < test.asked) {
					t.Errorf("%s: number %d: %d", test.name, i, got)
				}
			}
			if d.asked("") != test.asked {
				t.Errorf("%s: asked %d times, want %d", test.name, d.asked(""), test.asked)
			}
		})
	}
}

func TestAtOnce(t *testing.T) {
	for _, test := range []struct {
		name, account string // with %d for the number of the attempt
		password      string
		asked, ok     int
	}{
		{"the same right password", "joe", "secret", 1, 1000},
		{"the same wrong password", "joe", "wrong", 1, 0},
		{"wrong passwords for one account", "joe", "%d", 5, 0},
		{"one wrong password for many accounts", "%d", "Summer2026", 50, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDirectory("joe:secret")
			d.slow = time.Second
			p := &login.Passwords{Accounts: d, Log: quiet()}
			var all sync.WaitGroup
			var ok atomic.Int32
			number := func(s string, i int) string { return strings.ReplaceAll(s, "%d", fmt.Sprint(i)) }
			for i := range 1000 {
				all.Go(func() {
					_, err := p.Check(from("192.0.2.1"), number(test.account, i), number(test.password, i))
					if err == nil {
						ok.Add(1)
					}
				})
			}
			all.Wait()
			if d.asked("") != test.asked || int(ok.Load()) != test.ok {
				t.Errorf("%s: %d got in, asked %d times", test.name, ok.Load(), d.asked(""))
			}
		})
	}
}

// Many people who log in at once from one address with the right passwords all get in,
// though more of them are under way than may fail.
func TestRightPasswordsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory()
		for i := range 100 {
			d.passwords[fmt.Sprint("user", i)] = "secret"
		}
		d.slow = time.Second
		p := &login.Passwords{Accounts: d, Log: quiet()}
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				if _, err := p.Check(from("192.0.2.1"), fmt.Sprint("user", i), "secret"); err != nil {
					t.Error(i, err)
				}
			})
		}
		all.Wait()
		if d.most > 50 {
			t.Errorf("%d at once", d.most)
		}
		if accounts, clients, _ := p.Counted(); accounts+clients != 0 {
			t.Errorf("%d accounts and %d clients are counted, of whom none failed", accounts, clients)
		}
	})
}

// One who leaves does not end the check others wait for.
func TestLeaver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory("joe:secret")
		d.slow = 2 * time.Second
		p := &login.Passwords{Accounts: d, Log: quiet()}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := p.Check(from("192.0.2.1").WithContext(ctx), "joe", "secret"); statusOf(t, err) != 503 {
				t.Error(err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if _, err := p.Check(from("192.0.2.1"), "joe", "secret"); err != nil {
				t.Error(err)
			}
		})
		all.Wait()
		if d.asked("joe") != 1 {
			t.Error(d.checks)
		}
	})
}

type panics struct{ *directory }

func (panics) Check(context.Context, string, string) (availability.Requester, bool, error) {
	panic("a library's fault")
}

func TestAccountsThatCannotBeAsked(t *testing.T) {
	down := newDirectory()
	down.fail(errors.New("ldap: password of the search account: hunter2"))
	for name, accounts := range map[string]login.Accounts{"down": down, "panic": panics{}} {
		p := &login.Passwords{Accounts: accounts, Log: quiet()}
		for range 10 { // are no failures
			_, err := p.Check(from("192.0.2.1"), "joe", "secret")
			var refusal *face.Refusal
			if statusOf(t, err) != 503 || !errors.As(err, &refusal) || refusal.RetryAfter == 0 || strings.Contains(refusal.Text, "ldap") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestMapsAreBounded(t *testing.T) {
	d := newDirectory()
	p := &login.Passwords{Accounts: d, Log: quiet()}
	for i := range login.MostCounted + 1000 {
		p.Check(from(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)), fmt.Sprint("name", i), "x")
		if i == 1000 { // an account that is guessed at is the last to be given up
			for j := range 5 {
				p.Check(from("192.0.2.1"), "joe", fmt.Sprint(j))
			}
		}
	}
	if accounts, clients, _ := p.Counted(); accounts != login.MostCounted || clients != login.MostCounted {
		t.Errorf("%d accounts, %d clients", accounts, clients)
	}
	if _, err := p.Check(from("192.0.2.2"), "joe", "x"); statusOf(t, err) != 429 {
		t.Error(err)
	}

	d = newDirectory("joe:secret")
	p = &login.Passwords{Accounts: d, Log: quiet()}
	for i := range login.MostRemembered + 100 {
		p.Check(from(fmt.Sprintf("10.0.%d.%d", i>>8, i&255)), "joe", "secret")
	}
	if p.Remembered() != login.MostRemembered {
		t.Errorf("%d are remembered", p.Remembered())
	}
}

func TestConfidential(t *testing.T) {
	trusted := login.Transport{Proxies: proxies("10.0.0.0/8", "127.0.0.2/32")}
	for _, test := range []struct {
		transport login.Transport
		url, peer string
		header    []string
		want      bool
	}{
		{login.Transport{}, "https://x/", "192.0.2.1:1", nil, true},
		{login.Transport{}, "http://x/", "192.0.2.1:1", nil, false},
		{login.Transport{}, "http://x/", "127.0.0.1:1", nil, true},
		{login.Transport{}, "http://x/", "[::1]:1", nil, true},
		{login.Transport{}, "http://x/", "[::ffff:127.0.0.1]:1", nil, true},
		{login.Transport{}, "http://x/", "127.0.0.1:1", []string{"X-Forwarded-For", "192.0.2.1"}, false},
		{login.Transport{}, "http://x/", "127.0.0.1:1", []string{"Via", "1.1 nginx"}, false},
		{login.Transport{}, "http://x/", "192.0.2.1:1", []string{"X-Forwarded-Proto", "https"}, false},
		{login.Transport{}, "http://x/", "", nil, false},
		{login.Transport{InsecureHTTP: true}, "http://x/", "192.0.2.1:1", nil, true},
		{trusted, "http://x/", "10.1.2.3:1", []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https"}, true},
		{trusted, "http://x/", "10.1.2.3:1", []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "http"}, false},
		{trusted, "http://x/", "10.1.2.3:1", []string{"X-Forwarded-For", "127.0.0.1"}, false}, // the proxy's own host, not ours
		{trusted, "https://x/", "10.1.2.3:1", []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "http"}, false},
		{trusted, "http://x/", "127.0.0.2:1", []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https"}, true},
		{trusted, "http://x/", "127.0.0.2:1", []string{"X-Forwarded-For", "192.0.2.1"}, false},
	} {
		r := request(http.MethodGet, test.url, test.peer, test.header...)
		var got bool
		test.transport.Proxies.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got = test.transport.Confidential(r)
		})).ServeHTTP(nil, r)
		if got != test.want {
			t.Errorf("%+v: %t", test, got)
		}
	}
	d := newDirectory("joe:secret")
	_, err := (&login.Passwords{Accounts: d}).Check(request(http.MethodGet, "http://x/", "192.0.2.1:1"), "joe", "secret")
	if statusOf(t, err) != 403 || !strings.Contains(err.Error(), "SSL") || d.asked("") != 0 {
		t.Error(err)
	}
}

func TestChain(t *testing.T) {
	one, two, down := newDirectory("joe:one", "jane:hers"), newDirectory("joe:two", "jim:his"), newDirectory()
	down.fail(errors.New("down"))
	for _, test := range []struct {
		chain          login.Chain
		name, password string
		ok, fails      bool
	}{
		{login.Chain{one, two}, "joe", "one", true, false},
		{login.Chain{one, two}, "joe", "two", true, false},
		{login.Chain{one, two}, "joe", "three", false, false},
		{login.Chain{down, two}, "jim", "his", true, false},
		{login.Chain{down, two}, "jim", "hers", false, true},
		{login.Chain{two, down}, "jane", "hers", false, true},
		{nil, "joe", "one", false, false},
	} {
		who, ok, err := test.chain.Check(t.Context(), test.name, test.password)
		if ok != test.ok || (err != nil) != test.fails || ok && who.Name != test.name {
			t.Errorf("%+v: %+v %t %v", test, who, ok, err)
		}
	}
	// While one place is down, the other one still cannot be guessed at.
	d := newDirectory("joe:secret")
	p := &login.Passwords{Accounts: login.Chain{d, down}, Log: quiet()}
	for i := range 20 {
		p.Check(from("192.0.2.1"), "joe", fmt.Sprint(i))
	}
	if d.asked("joe") != 5 {
		t.Errorf("asked %d times", d.asked("joe"))
	}
	for _, test := range []struct {
		chain     login.Chain
		name      string
		ok, fails bool
	}{
		{login.Chain{one, two}, "jim", true, false}, {login.Chain{down, two}, "jim", true, false},
		{login.Chain{one, two}, "nobody", false, false}, {login.Chain{down, two}, "jane", false, true},
	} {
		if _, ok, err := test.chain.Find(t.Context(), test.name); ok != test.ok || (err != nil) != test.fails {
			t.Errorf("find %+v: %t %v", test, ok, err)
		}
	}
}

func BenchmarkRemembered(b *testing.B) {
	p := &login.Passwords{Accounts: newDirectory("joe:secret"), Log: quiet()}
	r := from("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Check(r, "joe", "secret"); err != nil {
			b.Fatal(err)
		}
	}
}
