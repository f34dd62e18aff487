package cache_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/cache"
)

// lenient is the policy with what is stale.
var lenient = func() cache.Policy {
	p := policy
	p.Stale, p.Patience = time.Hour, 2*time.Second
	return p
}()

func leniently(u *upstream) *cache.Cache { return cache.New("test", u, cache.NewMemory(1000), lenient) }

func because(code availability.Code, scope availability.Scope) *availability.Reason {
	return &availability.Reason{Code: code, Scope: scope}
}

// one asks about Mary's first day.
func one(t *testing.T, c *cache.Cache) availability.Answer {
	return c.Lookup(t.Context(), days(0, 1, mary))[0]
}

func isStale(t *testing.T, a availability.Answer, at time.Time) {
	t.Helper()
	switch now := time.Now(); {
	case a.Reason != nil || !a.Schedule.Covers(days(0, 1).Window) || a.Schedule.At(days(0, 1).Window.Start) != availability.Busy:
		t.Errorf("not what was known: %+v", a)
	case !a.Stale, !a.Cached, !a.At.Equal(at), a.Age(now) != now.Sub(at), a.TTL(now) > 0, a.TTL(now) != 15*time.Minute-now.Sub(at):
		t.Errorf("its age is not disclosed: %+v", a)
	}
}

// What fails decides whether what was known before is served in its place, at once and
// later when the server only times out.
func TestWhatFailsDecidesWhatIsStale(t *testing.T) {
	for _, test := range []struct {
		code  availability.Code
		scope availability.Scope
		stale bool
	}{
		{availability.Timeout, availability.OfMailbox, true},
		{availability.Unreachable, availability.OfServer, true},
		{availability.Throttled, availability.OfServer, true},
		{availability.Overloaded, availability.OfMailbox, true},
		{availability.Internal, availability.OfMailbox, true},
		{availability.Unauthorized, availability.OfServer, true},
		{availability.TLS, availability.OfServer, true},
		{availability.WrongEndpoint, availability.OfServer, true},
		{availability.UnknownMailbox, availability.OfMailbox, false},
		{availability.UnknownMailbox, availability.OfServer, false},
		{availability.NoPermission, availability.OfMailbox, false},
		{availability.NoPermission, availability.OfServer, false},
		{availability.Withheld, availability.OfServer, false},
		{availability.NoInformation, availability.OfMailbox, false},
		{availability.NoInformation, availability.OfServer, false},
		{availability.Misconfigured, availability.OfMailbox, false},
	} {
		t.Run(string(test.code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{}
				c := leniently(u)
				at := one(t, c).At
				time.Sleep(15 * time.Minute)
				failure := because(test.code, test.scope)
				u.reason = failure
				for range 3 { // asked, remembered, asked again
					a := one(t, c)
					synctest.Wait()
					if test.stale {
						isStale(t, a, at)
					} else if a.Reason != failure || a.Stale {
						t.Errorf("%+v", a)
					}
					time.Sleep(4 * time.Minute)
				}
				u.reason = because(availability.Timeout, availability.OfServer)
				time.Sleep(5 * time.Minute)
				if a := one(t, c); a.Stale != test.stale {
					t.Errorf("afterwards: %+v", a)
				}
				synctest.Wait()
			})
		})
	}
}

func TestStaleHasAHardMaximum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := leniently(u)
		at := one(t, c).At
		u.reason = because(availability.Unreachable, availability.OfServer)
		time.Sleep(75*time.Minute - time.Nanosecond)
		isStale(t, one(t, c), at)
		time.Sleep(time.Nanosecond)
		if a := one(t, c); a.Reason != u.reason {
			t.Errorf("an hour after it expired: %+v", a)
		}
	})
}

// Who has a stale answer and waits when that reaches its maximum does not get it.
func TestMaximumHoldsForThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := leniently(u)
		one(t, c)
		u.delay = 5 * time.Second
		time.Sleep(75*time.Minute - time.Second)
		if a := one(t, c); a.Stale || a.Reason != nil || a.Age(time.Now()) != 0 {
			t.Errorf("%+v", a)
		}
	})
}

func TestNothingIsStaleUnlessAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := over(u)
		one(t, c)
		u.reason = because(availability.Unreachable, availability.OfServer)
		time.Sleep(15 * time.Minute)
		if a := one(t, c); a.Reason != u.reason {
			t.Errorf("%+v", a)
		}
	})
}

// The first waits for as long as patience lasts, who comes later for what is left of
// it, and who comes when the lookup has landed gets what it brought.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := leniently(u)
		at := one(t, c).At
		time.Sleep(20 * time.Minute)
		u.delay = 8 * time.Second
		var askers sync.WaitGroup
		for _, test := range []struct{ comes, waits time.Duration }{{0, 2}, {1, 1}, {2, 0}, {7, 0}} {
			askers.Go(func() {
				time.Sleep(test.comes * time.Second)
				begun := time.Now()
				isStale(t, one(t, c), at)
				if waited := time.Since(begun); waited != test.waits*time.Second {
					t.Errorf("who came after %d s waited %v", test.comes, waited)
				}
			})
		}
		askers.Wait()
		time.Sleep(2 * time.Second)
		if a := one(t, c); a.Stale || !a.Cached || a.Age(time.Now()) != time.Second || u.asked() != 2 {
			t.Errorf("after %d calls: %+v", u.asked(), a)
		}
	})
}

// While the server is down nobody waits for it again and again, it is asked no more
// often than failures allow, and its first success counts at once.
func TestNobodyWaitsForAServerThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := leniently(u)
		at := one(t, c).At
		time.Sleep(15 * time.Minute)
		u.delay, u.reason = 5*time.Second, because(availability.Timeout, availability.OfServer)
		isStale(t, one(t, c), at)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		for i := range 10 {
			for range 3 {
				begun := time.Now()
				isStale(t, one(t, c), at)
				if time.Since(begun) != 0 {
					t.Fatalf("waited %v", time.Since(begun))
				}
			}
			synctest.Wait()
			if u.asked() != 2+i {
				t.Fatalf("%d calls, want %d", u.asked(), 2+i)
			}
			time.Sleep(36 * time.Second)
		}
		synctest.Wait()
		u.delay, u.reason = 0, nil
		isStale(t, one(t, c), at)
		synctest.Wait()
		if a := one(t, c); a.Stale || a.Reason != nil || a.Age(time.Now()) != 0 {
			t.Errorf("the server is back: %+v", a)
		}
	})
}

// Others in the same question wait as long as ever, and get what is theirs.
func TestStaleBesideOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := leniently(u)
		one(t, c)
		time.Sleep(15 * time.Minute)
		u.delay = 5 * time.Second
		answers := c.Lookup(t.Context(), days(0, 1, mary, joe))
		if a := answers[0]; a.Stale || a.Reason != nil || a.Age(time.Now()) != 0 {
			t.Errorf("there was time to ask: %+v", a)
		}
		u.reason = because(availability.Timeout, availability.OfServer)
		at := answers[0].At
		time.Sleep(15 * time.Minute)
		answers = c.Lookup(t.Context(), days(0, 1, "new@contoso.com", mary))
		isStale(t, answers[1], at)
		if answers[0].Reason != u.reason {
			t.Errorf("who was never known: %+v", answers[0])
		}
	})
}

// A lookup of another day that fails leaves the one of this day what was known of it.
func TestAnotherDayFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := leniently(u)
		at := one(t, c).At
		time.Sleep(15 * time.Minute)
		u.reason = because(availability.Timeout, availability.OfServer)
		for day := 5; day < 50; day += 2 { // more than are remembered
			if a := c.Lookup(t.Context(), days(day, day+1, mary))[0]; a.Reason != u.reason {
				t.Errorf("day %d: %+v", day, a)
			}
		}
		isStale(t, one(t, c), at)
		synctest.Wait()
		u.reason = because(availability.UnknownMailbox, availability.OfMailbox)
		c.Lookup(t.Context(), days(70, 71, mary))
		u.reason = because(availability.Timeout, availability.OfServer)
		if a := one(t, c); a.Reason != u.reason {
			t.Errorf("a mailbox that is gone: %+v", a)
		}
	})
}

// A question reaches beyond what the lookup under way is about.
func TestStaleWhileAnotherDayIsLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := leniently(u)
		at := one(t, c).At
		time.Sleep(15 * time.Minute)
		u.delay = 9 * time.Second
		go c.Lookup(t.Context(), days(5, 6, mary))
		synctest.Wait()
		begun := time.Now()
		isStale(t, one(t, c), at)
		synctest.Wait()
		if waited := time.Since(begun); waited != 2*time.Second || u.asked() != 3 {
			t.Errorf("waited %v, %d calls", waited, u.asked())
		}
		time.Sleep(10 * time.Second)
		if a := one(t, c); a.Stale || a.Reason != nil {
			t.Errorf("its own lookup was not begun: %+v", a)
		}
	})
}

func TestNothingStaleAfterAFlush(t *testing.T) {
	for name, flush := range map[string]func(*cache.Cache){
		"everything": func(c *cache.Cache) { c.Flush() },
		"mailbox":    func(c *cache.Cache) { c.FlushMailbox(mary) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{}
				c := leniently(u)
				one(t, c)
				time.Sleep(15 * time.Minute)
				u.delay, u.reason = 5*time.Second, because(availability.Timeout, availability.OfServer)
				waits := make(chan availability.Answer)
				go func() { waits <- one(t, c) }()
				time.Sleep(time.Second)
				flush(c)
				if a := <-waits; a.Reason != u.reason {
					t.Errorf("who waited: %+v", a)
				}
				if a := one(t, c); a.Reason != u.reason {
					t.Errorf("who came later: %+v", a)
				}
			})
		})
	}
}

// What is partly known is as good when it is stale, but what came with a failure and
// covers the question is better.
func TestPartlyKnownAndStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{known: 6 * time.Hour}
		c := leniently(u)
		one(t, c)
		time.Sleep(15 * time.Minute)
		u.known, u.reason = 0, because(availability.Timeout, availability.OfServer)
		if a := one(t, c); !a.Stale || a.Schedule.Known.Duration() != 6*time.Hour || a.Reason == nil || a.Reason.Code != availability.NoInformation {
			t.Errorf("%+v", a)
		}
	})
}

func TestTooManyWaitAndStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		p := lenient
		p.Waiting = 1
		c := cache.New("test", u, cache.NewMemory(1000), p)
		at := one(t, c).At
		time.Sleep(15 * time.Minute)
		u.delay = time.Minute
		go c.Lookup(t.Context(), days(0, 1, joe))
		synctest.Wait()
		begun := time.Now()
		answers := c.Lookup(t.Context(), days(0, 1, mary, "new@contoso.com"))
		isStale(t, answers[0], at)
		if a := answers[1]; a.Reason == nil || a.Reason.Code != availability.Overloaded || time.Since(begun) != 0 {
			t.Errorf("after %v: %+v", time.Since(begun), a)
		}
		time.Sleep(time.Minute)
	})
}

func TestLeavingWithSomethingStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := leniently(u)
		at := one(t, c).At
		time.Sleep(15 * time.Minute)
		u.delay = 9 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		isStale(t, c.Lookup(ctx, days(0, 1, mary))[0], at)
		time.Sleep(9 * time.Second)
		if a := one(t, c); a.Stale {
			t.Errorf("the lookup did not go on: %+v", a)
		}
	})
}

// A broken certificate says nothing about a mailbox either while its day is fresh.
func TestServerFailureHidesNothingKnown(t *testing.T) {
	u := &upstream{}
	c := over(u)
	c.Lookup(t.Context(), days(2, 3, mary))
	u.reason = because(availability.TLS, availability.OfServer)
	c.Lookup(t.Context(), days(0, 30, mary))
	if a := c.Lookup(t.Context(), days(2, 3, mary))[0]; a.Reason != nil || a.Stale {
		t.Errorf("%+v", a)
	}
}

func TestLogSaysWhatIsStaleOnceAMinute(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := leniently(u)
		one(t, c)
		time.Sleep(20 * time.Minute)
		u.reason = &availability.Reason{Code: availability.TLS, Scope: availability.OfServer, Detail: "expired yesterday"}
		for range 120 { // 2 minutes
			one(t, c)
			time.Sleep(time.Second)
		}
	})
	lines := strings.Count(log.String(), "\n")
	const want = `level=WARN msg="serving stale" request_id="" organization=test reason=tls attendees=1 age=20m0s detail="expired yesterday" remedy="Renew`
	if lines != 2 || !strings.Contains(log.String(), want) {
		t.Errorf("%d lines:\n%s", lines, log.String())
	}
}

func TestEntriesShowWhatIsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		store := cache.NewMemory(1000)
		c := cache.New("test", u, store, lenient)
		all := func() []availability.Answer {
			store.Sweep()
			return entries(cache.Caches{"": c})
		}
		at := one(t, c).At
		if e := all(); len(e) != 1 || e[0].Stale {
			t.Errorf("fresh: %+v", e)
		}
		time.Sleep(15 * time.Minute)
		if e := all(); len(e) != 1 || !e[0].Stale || !e[0].At.Equal(at) || e[0].TTL(time.Now()) != 0 {
			t.Errorf("stale: %+v", e)
		}
		u.reason = because(availability.Timeout, availability.OfServer)
		one(t, c)
		if e := all(); len(e) != 2 || e[0].Stale || e[0].Reason != u.reason || !e[1].Stale {
			t.Errorf("stale beside a failure that is remembered: %+v", e)
		}
		time.Sleep(time.Minute)
		if e := all(); len(e) != 1 || !e[0].Stale {
			t.Errorf("the failure is over: %+v", e)
		}
		time.Sleep(59*time.Minute - time.Nanosecond)
		if e := all(); len(e) != 1 {
			t.Errorf("swept before the hard maximum: %+v", e)
		}
		time.Sleep(time.Nanosecond)
		if e := all(); len(e) != 0 || store.Len() != 0 || store.Bytes() != 0 {
			t.Errorf("%d left, %d bytes: %+v", store.Len(), store.Bytes(), e)
		}
	})
}
