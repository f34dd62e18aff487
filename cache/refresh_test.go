package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/cache"
)

// down returns a cache whose 300 mailboxes have just become stale and were asked for,
// and the organization, which is down.
func down(t *testing.T) (*cache.Cache, *upstream, availability.Query) {
	u := &upstream{}
	c := leniently(u)
	q := days(0, 1)
	for i := range 300 {
		q.Mailboxes = append(q.Mailboxes, user(i))
	}
	c.Lookup(t.Context(), q)
	time.Sleep(15 * time.Minute)
	u.reason = because(availability.Unreachable, availability.OfServer)
	for _, a := range c.Lookup(t.Context(), q) {
		if !a.Stale {
			t.Fatalf("%+v", a)
		}
	}
	u.calls = nil
	return c, u, q
}

// While the organization is down it is asked about as much as failures allow, and when
// it is back about all within a few rounds, each once, so that nobody gets anything
// stale any more.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, u, q := down(t)
		round := func(want, calls int) {
			t.Helper()
			u.calls = nil
			if n := c.Refresh(t.Context()); n != want {
				t.Errorf("a round of %d, want %d", n, want)
			}
			synctest.Wait()
			if u.asked() != calls {
				t.Errorf("%d calls, want %d", u.asked(), calls)
			}
		}
		round(0, 0) // the failure is remembered
		time.Sleep(30 * time.Second)
		round(200, 1)
		round(100, 1) // those whose failure was not just now
		round(0, 0)
		u.reason = nil
		time.Sleep(30 * time.Second)
		round(200, 1)
		round(100, 1)
		round(0, 0)
		u.calls = nil
		for _, a := range c.Lookup(t.Context(), q) {
			if a.Stale || a.Reason != nil || a.Age(time.Now()) != 0 {
				t.Fatalf("%+v", a)
			}
		}
		if u.asked() != 0 {
			t.Errorf("%d calls", u.asked())
		}
		time.Sleep(15 * time.Minute)
		round(0, 0) // nobody got anything stale
	})
}

func TestRefreshForgets(t *testing.T) {
	for name, test := range map[string]func(*testing.T, *cache.Cache){
		"who was not asked for lately": func(_ *testing.T, c *cache.Cache) { time.Sleep(15*time.Minute + 1) },
		"what was flushed":             func(_ *testing.T, c *cache.Cache) { c.Flush() },
		"mailboxes that were flushed": func(_ *testing.T, c *cache.Cache) {
			for i := range 300 {
				c.FlushMailbox(user(i))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, u, _ := down(t)
				time.Sleep(30 * time.Second)
				test(t, c)
				if n := c.Refresh(t.Context()); n != 0 || u.asked() != 0 {
					t.Errorf("%d refreshed, %d calls", n, u.asked())
				}
			})
		})
	}
}

// A slow organization is not asked about the same again, and whoever ends the gateway
// begins nothing.
func TestRefreshSharesLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, u, _ := down(t)
		time.Sleep(30 * time.Second)
		ended, end := context.WithCancel(t.Context())
		end()
		if n := c.Refresh(ended); n != 0 {
			t.Errorf("%d refreshed", n)
		}
		u.delay = 20 * time.Second
		asked := make(map[availability.Mailbox]int)
		for range 10 {
			c.Refresh(t.Context())
			synctest.Wait()
		}
		for _, call := range u.calls {
			for _, m := range call {
				if asked[m]++; asked[m] > 1 {
					t.Fatalf("%s is asked about twice", m)
				}
			}
		}
		if len(asked) < 200 {
			t.Errorf("%d are asked about", len(asked))
		}
		time.Sleep(time.Minute)
	})
}
