package cache_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/meter"
	"fbgate/cache"
)

// Each mailbox of each question is counted once, by how its answer came about.
func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{delay: time.Second}
		p := lenient
		p.Waiting = 2
		c := cache.New("test", u, cache.NewMemory(1000), p)
		c.Meter = new(meter.Organization)
		var want meter.Looked
		check := func(what string) {
			t.Helper()
			synctest.Wait()
			if got := c.Meter.Totals().Looked; got != want {
				t.Errorf("%s: %+v, want %+v", what, got, want)
			}
		}
		var users sync.WaitGroup
		users.Go(func() { c.Lookup(t.Context(), days(0, 1, mary)) })
		synctest.Wait()
		users.Go(func() { c.Lookup(t.Context(), days(0, 1, mary, joe)) })
		synctest.Wait()
		c.Lookup(t.Context(), days(0, 1, mary, joe, "amy@contoso.com")) // a third who would wait
		want.Overloaded = 3
		check("while two wait")
		users.Wait()
		want.Asked, want.Shared = 2, 1
		check("when they have got it")
		c.Lookup(t.Context(), days(0, 1, mary, joe, mary))
		want.Remembered = 3
		check("again")

		// A lookup of another day that falls short is followed by one's own.
		users.Go(func() { c.Lookup(t.Context(), days(5, 6, mary)) })
		synctest.Wait()
		c.Lookup(t.Context(), days(6, 7, mary))
		users.Wait()
		want.Asked += 2
		check("two days")

		time.Sleep(16 * time.Minute)
		u.reason = because(availability.Unreachable, availability.OfServer)
		c.Lookup(t.Context(), days(0, 1, mary, "amy@contoso.com"))
		c.Lookup(t.Context(), days(0, 1, mary))
		want.Stale, want.Asked = 2, want.Asked+1
		check("stale")
		untold := c.Meter.Totals().Untold
		if untold[availability.Overloaded] != 3 || untold[availability.Unreachable] != 1 || len(untold) != 2 {
			t.Errorf("%v", untold)
		}
		c.Refresh(t.Context())
		check("Refresh is nobody's question")
	})
}

func TestEvictedAreCounted(t *testing.T) {
	s := cache.NewMemory(10)
	for i := range 15 {
		s.Set(key(i), answers(user(i), 1), time.Hour)
	}
	s.Set(key(14), answers(user(14), 1), time.Hour) // in place of itself
	if s.Evicted() != 5 {
		t.Errorf("%d of 5 that were too many", s.Evicted())
	}
	b := cache.NewBudget(s.Bytes())
	large := b.Memory(1000)
	for i := range 15 {
		large.Set(key(i), answers(user(i), 1), time.Hour)
	}
	if n := large.Evicted(); n == 0 || int(n) != 15-large.Len() {
		t.Errorf("%d of %d beyond the budget", n, 15-large.Len())
	}
	before := large.Evicted()
	large.Delete(key(14))
	large.Clear()
	if large.Evicted() != before {
		t.Error("what is flushed is not evicted")
	}
}
