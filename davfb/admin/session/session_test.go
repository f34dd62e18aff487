package session_test

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/davfb/admin/session"
)

// find finds a session while the token is that one.
func find(sessions *session.Sessions, id, token string) *session.Session {
	one, _ := sessions.Find(id, true, func() (string, error) { return token, nil })
	return one
}

func TestSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sessions session.Sessions
		if find(&sessions, "", "") != nil || find(&sessions, "x", "token") != nil {
			t.Error("found a session before the first")
		}
		one, other := sessions.Begin("token"), sessions.Begin("token")
		if one.ID == other.ID || one.Form == other.Form || len(one.ID) < 26 || one.ID == one.Form {
			t.Errorf("%+v, %+v", one, other)
		}
		if find(&sessions, one.ID, "token") != one || find(&sessions, one.Name, "token") != nil {
			t.Error("not found by its ID, or by its name")
		}
		if !one.Posted(one.Form) || one.Posted(other.Form) || one.Posted("") || one.Posted(one.ID) {
			t.Error("takes the wrong forms")
		}
		time.Sleep(session.Idle - 1)
		if find(&sessions, one.ID, "token") != one {
			t.Error("gone before it was idle for long")
		}
		time.Sleep(time.Nanosecond)
		if find(&sessions, other.ID, "token") != nil {
			t.Error("there though idle for long")
		}
		time.Sleep(session.Idle - 2)
		if find(&sessions, one.ID, "token") != one {
			t.Error("gone though used")
		}
		sessions.End(one.ID)
		if find(&sessions, one.ID, "token") != nil {
			t.Error("there though ended")
		}
	})
}

// Whoever has another token than the one of today is out, even with the old one again.
func TestAnotherTokenEndsSessions(t *testing.T) {
	var sessions session.Sessions
	one := sessions.Begin("old")
	if find(&sessions, one.ID, "new") != nil || find(&sessions, one.ID, "old") != nil {
		t.Error("still there")
	}
}

// While nobody knows the token, sessions by it cannot be found, and go on afterwards.
func TestTokenThatCannotBeRead(t *testing.T) {
	var sessions session.Sessions
	one, unread := sessions.Begin("token"), errors.New("permission denied")
	if found, err := sessions.Find(one.ID, true, func() (string, error) { return "", unread }); found != nil || err != unread {
		t.Errorf("%v, %v", found, err)
	}
	if find(&sessions, one.ID, "token") != one {
		t.Error("ended")
	}
}

// Who has signed in by a password is known by name, and the token is no matter to him.
func TestSessionOfSomebody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sessions session.Sessions
		one := sessions.BeginAs("mary")
		if one.Who != "mary" || sessions.Begin("token").Who != "" {
			t.Errorf("%q", one.Who)
		}
		asked := false
		found, err := sessions.Find(one.ID, true, func() (string, error) { asked = true; return "", errors.New("permission denied") })
		if found != one || err != nil || asked {
			t.Errorf("%v, %v, the token asked for: %v", found, err, asked)
		}
		time.Sleep(session.Idle)
		if find(&sessions, one.ID, "") != nil {
			t.Error("there though idle for long")
		}
		busy := sessions.BeginAs("mary")
		for range int(session.Longest/(20*time.Minute)) - 1 {
			time.Sleep(20 * time.Minute)
			if find(&sessions, busy.ID, "") == nil {
				t.Fatal("gone too soon")
			}
		}
		time.Sleep(20 * time.Minute)
		if find(&sessions, busy.ID, "") != nil {
			t.Error("lasts for ever")
		}
	})
}

func TestSessionEndsHoweverBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sessions session.Sessions
		one := sessions.Begin("token")
		for range int(session.Longest/(20*time.Minute)) - 1 {
			time.Sleep(20 * time.Minute)
			if find(&sessions, one.ID, "token") == nil {
				t.Fatal("gone too soon")
			}
		}
		time.Sleep(20 * time.Minute)
		if find(&sessions, one.ID, "token") != nil {
			t.Error("lasts for ever")
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sessions session.Sessions
		first, second := sessions.Begin("token"), sessions.Begin("token")
		time.Sleep(time.Second)
		find(&sessions, first.ID, "token")
		for range session.Most - 1 {
			time.Sleep(time.Second)
			sessions.Begin("token")
		}
		if find(&sessions, second.ID, "token") != nil {
			t.Error("the one used least recently is still there")
		}
		if find(&sessions, first.ID, "token") == nil {
			t.Error("one in use is gone")
		}
	})
}

// What a page loads by itself is no use of a session.
func TestUnusedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sessions session.Sessions
		one := sessions.BeginAs("mary")
		for begun := time.Now(); time.Since(begun) < session.Idle; time.Sleep(10 * time.Second) {
			if found, _ := sessions.Find(one.ID, false, nil); found != one {
				t.Fatalf("gone after %v", time.Since(begun))
			}
		}
		if found, _ := sessions.Find(one.ID, false, nil); found != nil {
			t.Error("goes on though nobody is there")
		}
	})
}

func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts session.Attempts
		try := func(address string) bool { return attempts.Allow(netip.MustParseAddr(address)) }
		for i := range session.Tries {
			if !try("192.0.2.1") || !try("2001:db8::1") {
				t.Fatalf("try %d is refused", i)
			}
		}
		for address, want := range map[string]bool{
			"192.0.2.1": false, "::ffff:192.0.2.1": false, "192.0.2.2": true,
			"2001:db8::2": false, "2001:db8:0:0:ffff::": false, "2001:db8:0:1::": true,
		} {
			if try(address) != want {
				t.Errorf("%s: %v", address, !want)
			}
		}
		time.Sleep(time.Minute)
		if !try("192.0.2.1") {
			t.Error("refused for more than a minute")
		}
	})
}

// Nobody can fill the memory with addresses, nor keep out others by having many: those who
// have tried oftener than once are still known.
func TestAttemptsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts session.Attempts
		guesser := netip.MustParseAddr("192.0.2.1")
		for range session.Tries {
			attempts.Allow(guesser)
		}
		address := netip.MustParseAddr("10.0.0.0")
		for i := range 20_000 {
			if !attempts.Allow(address) {
				t.Fatalf("the client %d, %s, is refused", i, address)
			}
			address = address.Next()
		}
		if n := attempts.Clients(); n != session.MostClients {
			t.Errorf("%d clients are remembered", n)
		}
		if attempts.Allow(guesser) {
			t.Error("one who has guessed is forgotten")
		}
	})
}

// What is right is no guess. It is not even judged once too many were wrong.
func TestJudge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts session.Attempts
		client := netip.MustParseAddr("192.0.2.1")
		judge := func(answer, wantAllowed bool) {
			t.Helper()
			judged := false
			right, allowed := attempts.Judge(client, func() bool { judged = true; return answer })
			if right != (answer && wantAllowed) || allowed != wantAllowed || judged != wantAllowed {
				t.Fatalf("right: %v, allowed: %v, judged: %v", right, allowed, judged)
			}
		}
		for range session.Tries {
			judge(true, true)
			judge(false, true)
		}
		judge(true, false)
		if attempts.Allow(client) {
			t.Error("guesses do not count with other tries")
		}
		time.Sleep(time.Minute)
		judge(true, true)
	})
}
