package session_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/davfb/admin/session"
)

func TestSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sessions session.Sessions
		if sessions.Find("", "") != nil || sessions.Find("x", "token") != nil {
			t.Error("found a session before the first")
		}
		one, other := sessions.Begin("token"), sessions.Begin("token")
		if one.ID == other.ID || one.Form == other.Form || len(one.ID) < 26 || one.ID == one.Form {
			t.Errorf("%+v, %+v", one, other)
		}
		if sessions.Find(one.ID, "token") != one || sessions.Find(one.Name, "token") != nil {
			t.Error("not found by its ID, or by its name")
		}
		if !one.Posted(one.Form) || one.Posted(other.Form) || one.Posted("") || one.Posted(one.ID) {
			t.Error("takes the wrong forms")
		}
		time.Sleep(session.Idle - 1)
		if sessions.Find(one.ID, "token") != one {
			t.Error("gone before it was idle for long")
		}
		time.Sleep(time.Nanosecond)
		if sessions.Find(other.ID, "token") != nil {
			t.Error("there though idle for long")
		}
		time.Sleep(session.Idle - 2)
		if sessions.Find(one.ID, "token") != one {
			t.Error("gone though used")
		}
		sessions.End(one.ID)
		if sessions.Find(one.ID, "token") != nil {
			t.Error("there though ended")
		}
	})
}

// Whoever has another token than the one of today is out, even with the old one again.
func TestAnotherTokenEndsSessions(t *testing.T) {
	var sessions session.Sessions
	one := sessions.Begin("old")
	if sessions.Find(one.ID, "new") != nil || sessions.Find(one.ID, "old") != nil {
		t.Error("still there")
	}
}

func TestSessionEndsHoweverBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sessions session.Sessions
		one := sessions.Begin("token")
		for range int(session.Longest/(20*time.Minute)) - 1 {
			time.Sleep(20 * time.Minute)
			if sessions.Find(one.ID, "token") == nil {
				t.Fatal("gone too soon")
			}
		}
		time.Sleep(20 * time.Minute)
		if sessions.Find(one.ID, "token") != nil {
			t.Error("lasts for ever")
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sessions session.Sessions
		first, second := sessions.Begin("token"), sessions.Begin("token")
		time.Sleep(time.Second)
		sessions.Find(first.ID, "token")
		for range session.Most - 1 {
			time.Sleep(time.Second)
			sessions.Begin("token")
		}
		if sessions.Find(second.ID, "token") != nil {
			t.Error("the one used least recently is still there")
		}
		if sessions.Find(first.ID, "token") == nil {
			t.Error("one in use is gone")
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

// Nobody can fill the memory with addresses.
func TestAttemptsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts session.Attempts
		address := netip.MustParseAddr("10.0.0.0")
		allowed := 0
		for range 20_000 {
			if attempts.Allow(address) {
				allowed++
			}
			address = address.Next()
		}
		if allowed != 10_000 {
			t.Errorf("%d clients may try", allowed)
		}
		if !attempts.Allow(netip.MustParseAddr("10.0.0.0")) {
			t.Error("one that is known may not try again")
		}
	})
}
