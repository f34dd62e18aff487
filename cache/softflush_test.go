package cache_test

import (
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
)

// What is renewed is served as it was until the new answer is there, and then that.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := leniently(u)
		q := days(0, 1)
		for i := range 450 {
			q.Mailboxes = append(q.Mailboxes, user(i))
		}
		c.Lookup(t.Context(), q)
		old := c.Lookup(t.Context(), q)[0].At
		time.Sleep(time.Minute)
		u.calls = nil
		u.delay = 10 * time.Second
		if n := c.Renew(t.Context(), "refresh-1"); n != 450 {
			t.Errorf("%d are renewed", n)
		}
		synctest.Wait()
		if n := c.Renew(t.Context(), "refresh-2"); n != 0 {
			t.Errorf("%d are renewed while others are", n)
		}
		for _, a := range c.Lookup(t.Context(), q) {
			if !a.Cached || a.Stale || !a.At.Equal(old) {
				t.Fatalf("meanwhile: %+v", a)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := u.asked(); n != 3 {
			t.Errorf("%d calls for 450 mailboxes", n)
		}
		for _, a := range c.Lookup(t.Context(), q) {
			if !a.Cached || !a.At.After(old) {
				t.Fatalf("afterwards: %+v", a)
			}
		}
		if u.asked() != 3 {
			t.Error("somebody was asked again")
		}
	})
}

// An organization that fails hides nothing of what is known.
func TestRenewInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := leniently(u)
		q := days(0, 1)
		q.Mailboxes = []availability.Mailbox{user(1)}
		c.Lookup(t.Context(), q)
		u.reason = because(availability.Unreachable, availability.OfServer)
		if n := c.RenewMailbox(t.Context(), "refresh-1", user(1)); n != 1 {
			t.Errorf("%d are renewed", n)
		}
		synctest.Wait()
		if a := c.Lookup(t.Context(), q)[0]; a.Reason != nil || !a.Cached {
			t.Errorf("%+v", a)
		}
		if n := c.RenewMailbox(t.Context(), "refresh-2", user(2)); n != 0 {
			t.Errorf("%d are renewed of whom nothing is remembered", n)
		}
	})
}

// Of several windows each is asked about, but none that lies within another.
func TestRenewWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := leniently(u)
		for _, q := range []availability.Query{days(0, 1), days(10, 12), days(10, 11)} {
			q.Mailboxes = []availability.Mailbox{user(1)}
			c.Lookup(t.Context(), q)
		}
		u.calls = nil
		if n := c.Renew(t.Context(), "refresh-1"); n != 1 {
			t.Errorf("%d are renewed", n)
		}
		synctest.Wait()
		if u.asked() != 2 {
			t.Errorf("%d calls, want one for each window", u.asked())
		}
	})
}
