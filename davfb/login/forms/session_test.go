package forms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/davfb/login/forms"
)

// visit asks with cookies, after a while, and takes those of the answer as browsers do.
func visit(t *testing.T, h http.Handler, cookies *string, after time.Duration) (status int, renewed bool) {
	t.Helper()
	time.Sleep(after)
	response, _ := ask(t, h, freeBusy, *cookies)
	if set := response.Header["Set-Cookie"]; response.StatusCode == http.StatusOK && len(set) > 0 {
		if len(set) != 1 || !cadata.MatchString(set[0]) {
			t.Fatalf("renewed by %q", set)
		}
		id, _, _ := strings.Cut(*cookies, ";")
		*cookies, renewed = id+"; "+jar(response), true
	}
	return response.StatusCode, renewed
}

func TestSessionEndsWhenIdle(t *testing.T) {
	for _, test := range []struct {
		name, trusted string
		config        forms.Config
		idle          time.Duration
	}{
		{"public", "0", forms.Config{}, 15 * time.Minute},
		{"neither", "", forms.Config{}, 15 * time.Minute},
		{"private", "4", forms.Config{Private: forms.Lifetime{Max: 48 * time.Hour}}, 24 * time.Hour},
		{"public, configured", "0", forms.Config{Public: forms.Lifetime{Idle: time.Minute}}, time.Minute},
		{"private, configured", "4", forms.Config{Private: forms.Lifetime{Idle: time.Hour}}, time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDoor(t, test.config)
				cookies := enter(t, d, test.trusted)
				first := cookies
				if status, renewed := visit(t, d, &cookies, test.idle/4); status != 200 || renewed {
					t.Errorf("early: %d, renewed %t", status, renewed)
				}
				if status, renewed := visit(t, d, &cookies, time.Second); status != 200 || !renewed {
					t.Errorf("after a quarter: %d, renewed %t", status, renewed)
				}
				time.Sleep(test.idle*3/4 - 2*time.Second)
				expect(t, d, first, 200)
				time.Sleep(time.Second)
				expect(t, d, first, 440)
				expect(t, d, cookies, 200)
				time.Sleep(test.idle / 4)
				expect(t, d, cookies, 200)
				time.Sleep(time.Second)
				expect(t, d, cookies, 440)
			})
		})
	}
}

func TestSessionEndsAtLast(t *testing.T) {
	for trusted, config := range map[string]forms.Config{
		"0": {}, "4": {Private: forms.Lifetime{Idle: 15 * time.Minute, Max: 12 * time.Hour}},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t, config)
			cookies := enter(t, d, trusted)
			for minutes := 10; minutes < 12*60; minutes += 10 {
				if status, renewed := visit(t, d, &cookies, 10*time.Minute); status != 200 || !renewed {
					t.Fatalf("after %d minutes: %d, renewed %t", minutes, status, renewed)
				}
			}
			if status, _ := visit(t, d, &cookies, 10*time.Minute); status != 440 {
				t.Errorf("after 12 hours: %d", status)
			}
		})
	}
}

// A session may rest for as long as is configured, however long that is, and ends then
// whatever is asked.
func TestLongSession(t *testing.T) {
	const week = 7 * 24 * time.Hour
	for trusted, test := range map[string]struct {
		config forms.Config
		last   time.Duration
	}{
		"0": {forms.Config{Public: forms.Lifetime{Idle: 24 * time.Hour}}, 24 * time.Hour},
		"4": {forms.Config{Private: forms.Lifetime{Idle: week}}, week},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t, test.config)
			rested, used := enter(t, d, trusted), enter(t, d, trusted)
			first := rested
			for range 3 {
				if status, renewed := visit(t, d, &used, test.last/3-time.Second); status != 200 || !renewed {
					t.Errorf("%s: used: %d, renewed %t", trusted, status, renewed)
				}
			}
			time.Sleep(2 * time.Second)
			if status, _ := visit(t, d, &rested, 0); status != 200 {
				t.Errorf("%s: at rest: %d", trusted, status)
			}
			time.Sleep(time.Second)
			for _, cookies := range []string{first, rested, used} {
				expect(t, d, cookies, 440)
			}
		})
	}
}

// each yields s with every byte changed in several ways, left out and doubled.
func each(s string, yield func(string)) {
	for i := range len(s) {
		for _, flip := range []byte{1, 2, 4, 0x20, 0x40} {
			changed := []byte(s)
			changed[i] ^= flip
			yield(string(changed))
		}
		yield(s[:i] + s[i+1:])
		yield(s[:i] + s[i:i+1] + s[i:])
		yield(s[:i])
	}
}

// identifies reports whether two cookies are a session, however they came to be there.
func identifies(t testing.TB, h *forms.Handler, id, cadata string) bool {
	t.Helper()
	r := request(t, freeBusy, "")
	r.Header["Cookie"] = []string{"sessionid=" + id + `; cadata="` + cadata + `"`}
	_, ok, err := h.Identify(httptest.NewRecorder(), r)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// parts returns the values of the two cookies.
func parts(cookies string) (id, cadata string) {
	a, b, _ := strings.Cut(cookies, "; ")
	return strings.TrimPrefix(a, "sessionid="), strings.Trim(strings.TrimPrefix(b, "cadata="), `"`)
}

func TestTamperedCookiesAreNobody(t *testing.T) {
	var who availability.Requester
	d := newDoor(t, forms.Config{Check: checkAs(&who)})
	for _, who.Name = range []string{"m", "ma", "mar"} { // base64 ends in three ways
		testTampered(t, d)
	}
}

func testTampered(t *testing.T, d *door) {
	id, cadata := parts(enter(t, d, "0"))
	if !identifies(t, d.Handler, id, cadata) {
		t.Fatal("nor is the genuine one")
	}
	each(cadata, func(changed string) {
		if identifies(t, d.Handler, id, changed) {
			t.Errorf("cadata %q", changed)
		}
	})
	guid := strings.TrimSuffix(id, ",0x409")
	each(id, func(changed string) {
		// The language may be missing.
		if changed != guid && identifies(t, d.Handler, changed, cadata) {
			t.Errorf("sessionid %q", changed)
		}
	})
	for _, changed := range []string{cadata + "=", cadata + "A", " " + cadata, cadata[2:], "3" + cadata[1:]} {
		if identifies(t, d.Handler, id, changed) {
			t.Errorf("cadata %q", changed)
		}
	}
}

func TestSessionsDoNotMix(t *testing.T) {
	d := newDoor(t, forms.Config{})
	id1, cadata1 := parts(enter(t, d, "0"))
	id2, cadata2 := parts(enter(t, d, "0"))
	if !identifies(t, d.Handler, id1, cadata1) || !identifies(t, d.Handler, id2, cadata2) {
		t.Error("a session is nobody's")
	}
	if identifies(t, d.Handler, id1, cadata2) || identifies(t, d.Handler, id2, cadata1) {
		t.Error("one's sessionid goes with the other's cadata")
	}
	if id1 == id2 || cadata1 == cadata2 {
		t.Error("two sessions are the same")
	}
}

func TestGatewaysWithOneKey(t *testing.T) {
	key := bytes.Repeat([]byte("k"), 32)
	var failure error
	shared := forms.Config{Key: func() ([]byte, error) { return key, failure }}
	a, b := newDoor(t, shared), newDoor(t, shared)
	cookies := enter(t, a, "0")
	expect(t, b, cookies, http.StatusOK)

	failure = errors.New("no such file")
	expect(t, a, cookies, http.StatusServiceUnavailable)
	if response, body := ask(t, a, logOn+"0", ""); response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "60" ||
		!strings.Contains(body, "<form") || strings.Contains(body, "no such file") || len(response.Header["Set-Cookie"]) > 0 {
		t.Errorf("%s %v %s", response.Status, response.Header, body)
	}
	failure = nil
	expect(t, a, cookies, http.StatusOK)

	old := key
	key = bytes.Repeat([]byte("n"), 32)
	expect(t, a, cookies, 440)
	expect(t, b, enter(t, a, "0"), http.StatusOK)
	key = old
	expect(t, b, cookies, http.StatusOK)
}

// checkAs returns a Check that lets everybody in as who.
func checkAs(who *availability.Requester) func(*http.Request, string, string) (availability.Requester, error) {
	return func(*http.Request, string, string) (availability.Requester, error) { return *who, nil }
}

func groups(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("cn=group %d,ou=groups,dc=contoso,dc=com", i))
	}
	return all
}

func TestTooManyGroups(t *testing.T) {
	who := mary
	var said strings.Builder
	d := newDoor(t, forms.Config{Check: checkAs(&who), Log: slog.New(slog.NewTextHandler(&said, nil))})
	who.Groups = groups(40)
	response, body := ask(t, d, freeBusy, enter(t, d, "0"))
	if want := fmt.Sprintf("mary mary@contoso.com %q", who.Groups); body != want {
		t.Errorf("%s %s, want %s", response.Status, body, want)
	}
	who.Groups = groups(60)
	response, body = ask(t, d, logOn+"0", "")
	if response.StatusCode != http.StatusForbidden || !strings.Contains(body, "in 60 groups") || len(response.Header["Set-Cookie"]) > 0 {
		t.Errorf("%s %s", response.Status, body)
	}
	if !strings.Contains(said.String(), "name=mary groups=60") {
		t.Errorf("the log says %s", said.String())
	}
}

// With Find an account may have any number of groups, and loses its session when it is
// gone.
func TestAccountIsFoundAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, who, ok, failure := 0, mary, true, error(nil)
		who.Groups = groups(1000)
		d := newDoor(t, forms.Config{Check: checkAs(&who), Find: func(_ context.Context, name string) (availability.Requester, bool, error) {
			asked++
			if name != "mary" {
				t.Errorf("asked about %q", name)
			}
			return who, ok, failure
		}})
		cookies := enter(t, d, "4")
		for range 3 {
			if _, body := ask(t, d, freeBusy, cookies); body != fmt.Sprintf("mary mary@contoso.com %q", who.Groups) {
				t.Error(body)
			}
		}
		if asked != 1 {
			t.Errorf("asked %d times in one moment", asked)
		}

		who = mary
		time.Sleep(time.Minute)
		expect(t, d, cookies, http.StatusOK)

		failure = errors.New("the directory is away")
		expect(t, d, cookies, http.StatusOK)
		time.Sleep(time.Minute)
		expect(t, d, cookies, http.StatusServiceUnavailable)

		failure, ok = nil, false
		expect(t, d, cookies, 440)
		ok = true // created anew
		expect(t, d, enter(t, d, "0"), http.StatusOK)
		if asked != 5 {
			t.Errorf("asked %d times, want 5", asked)
		}
	})
}

func TestLogOff(t *testing.T) {
	d := newDoor(t, forms.Config{Only: true})
	for _, path := range []string{"/exchange/mary/?Cmd=logoff", "/public/?cmd=LogOff", "/owa/?Cmd=logoff", "/exchweb/bin/auth/owalogoff.asp", "/owa/auth/logoff.aspx"} {
		response, _ := ask(t, d, "GET "+path+" HTTP/1.1", enter(t, d, "0"))
		if location := response.Header.Get("Location"); response.StatusCode != 302 || location != "https://mail.contoso.com/exchweb/bin/auth/owalogon.asp?url=&reason=1" {
			t.Errorf("%s: %s to %q", path, response.Status, location)
		}
		if got := jar(response); got != "sessionid=; cadata=" {
			t.Errorf("%s: cookies %s", path, got)
		}
	}
	if _, page := ask(t, d, "GET /exchweb/bin/auth/owalogon.asp?reason=1 HTTP/1.1", ""); !strings.Contains(page, "You have logged off.") {
		t.Error(page)
	}
	// What is open to everybody must not be free/busy.
	for _, path := range []string{"/public/?Cmd=freebusy&Cmd=logoff", "/public/?Cmd=freebusy;Cmd=logoff", "/public/", "/freebusy/?Cmd=logoff", "/exchweb/bin/auth/owalogon.asp/x", "/exchweb/bin/auth/"} {
		if d.Matches(request(t, "GET "+path+" HTTP/1.1", "")) {
			t.Errorf("%s is a page", path)
		}
	}
}
