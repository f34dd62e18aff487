package cache_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/meter"
	"fbgate/cache"
)

// upstream is a Source that answers after a while and writes down what it was
// asked.
type upstream struct {
	delay  time.Duration
	known  time.Duration // of the window, if not all
	widen  time.Duration // added at both ends of the window
	reason *availability.Reason
	panics bool
	fewer  bool // answers than asked
	shifts bool // the window it answers about

	mu    sync.Mutex
	calls [][]availability.Mailbox
}

func (u *upstream) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	u.mu.Lock()
	u.calls = append(u.calls, slices.Clone(q.Mailboxes))
	u.mu.Unlock()
	if u.panics {
		panic("out of cheese")
	}
	select {
	case <-time.After(u.delay):
	case <-ctx.Done():
		return availability.Fail(q, availability.ReasonFor(ctx.Err()))
	}
	w := availability.Window{Start: q.Window.Start.Add(-u.widen), End: q.Window.End.Add(u.widen)}
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		answers[i] = availability.Answer{Mailbox: m, Window: w, Organization: m.Domain(), Reason: u.reason, At: time.Now()}
		if u.reason == nil {
			answers[i].Schedule = availability.NewSchedule(w, 0, []availability.Span{{Window: availability.Window{Start: w.Start, End: w.Start.Add(time.Hour)}, Status: availability.Busy}})
		}
		if u.known > 0 {
			answers[i].Schedule = answers[i].Schedule.Clip(availability.Window{Start: w.Start, End: w.Start.Add(u.known)})
			answers[i].Reason = availability.Because(availability.NoInformation, "")
		}
	}
	if u.fewer {
		answers = answers[1:]
	}
	if u.shifts {
		answers[0].Window.Start = answers[0].Window.Start.Add(time.Hour)
	}
	return answers
}

func (u *upstream) asked() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.calls)
}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

var policy = cache.Policy{Known: 15 * time.Minute, Lasting: 5 * time.Minute, Passing: 30 * time.Second, Wait: 10 * time.Second, Timeout: 25 * time.Second}

const mary, joe = availability.Mailbox("mary@contoso.com"), availability.Mailbox("joe@fabrikam.com")

func over(u *upstream) *cache.Cache { return cache.New("test", u, cache.NewMemory(1000), policy) }

func days(from, to int, mailboxes ...availability.Mailbox) availability.Query {
	return availability.Query{Mailboxes: mailboxes, Interval: 30 * time.Minute, Window: availability.Window{
		Start: at.Epoch.AddDate(0, 0, from), End: at.Epoch.AddDate(0, 0, to)}}
}

func TestRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{widen: 24 * time.Hour}
		c := over(u)
		step := func(want int, cached bool, q availability.Query) {
			t.Helper()
			answers := c.Lookup(t.Context(), q)
			for i, a := range answers {
				if a.Mailbox != q.Mailboxes[i] || a.Reason != nil || a.Cached != cached || !a.Schedule.Covers(q.Window) {
					t.Errorf("answer %d is %+v", i, a)
				}
			}
			if u.asked() != want {
				t.Errorf("%d upstream calls, want %d", u.asked(), want)
			}
		}
		step(1, false, days(0, 1, mary, joe))
		step(1, true, days(0, 1, mary, joe))
		step(1, true, days(0, 1, joe))
		step(1, true, days(-1, 2, mary))  // within what came
		step(2, false, days(5, 6, mary))  // another window
		step(2, true, days(0, 1, mary))   // the first is still there
		step(3, false, days(-1, 6, mary)) // two pieces do not make one
		step(3, true, days(5, 6, mary))
		time.Sleep(15 * time.Minute)
		step(4, false, days(0, 1, mary))
	})
}

func TestAsksOnlyForWhatIsMissing(t *testing.T) {
	u := &upstream{}
	c := over(u)
	c.Lookup(t.Context(), days(0, 1, mary))
	answers := c.Lookup(t.Context(), days(0, 1, joe, mary, joe))
	if got := u.calls[1]; !slices.Equal(got, []availability.Mailbox{joe}) {
		t.Errorf("asked for %v", got)
	}
	for i, want := range []availability.Mailbox{joe, mary, joe} {
		if answers[i].Mailbox != want || answers[i].Reason != nil {
			t.Errorf("answer %d is %+v", i, answers[i])
		}
	}
}

func TestFailuresAreForgottenSooner(t *testing.T) {
	for _, test := range []struct {
		reason *availability.Reason
		ttl    time.Duration
	}{
		{availability.Because(availability.Timeout, ""), 30 * time.Second},
		{availability.Because(availability.UnknownMailbox, ""), 5 * time.Minute},
		{availability.Because(availability.NoInformation, ""), 5 * time.Minute},
		{&availability.Reason{Code: availability.Throttled, RetryAfter: 2 * time.Minute}, 2 * time.Minute},
		{&availability.Reason{Code: availability.Throttled, RetryAfter: 24 * time.Hour}, 15 * time.Minute},
		{availability.Because(availability.Internal, ""), 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			u := &upstream{reason: test.reason}
			c := over(u)
			ask := func(want int) {
				t.Helper()
				if a := c.Lookup(t.Context(), days(0, 1, mary))[0]; a.Reason != test.reason {
					t.Errorf("%+v", a)
				}
				if u.asked() != want {
					t.Errorf("%s: %d calls, want %d", test.reason.Code, u.asked(), want)
				}
			}
			ask(1)
			if test.ttl > 0 {
				time.Sleep(test.ttl - time.Second)
				ask(1)
			}
			time.Sleep(time.Second)
			ask(2)
		})
	}
}

func TestSharesLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{delay: time.Second, widen: 24 * time.Hour}
		c := over(u)
		leaving, leave := context.WithCancel(t.Context())
		var askers sync.WaitGroup
		for i := range 200 {
			ctx := t.Context()
			if i == 0 {
				ctx = leaving
			}
			askers.Go(func() {
				if i > 0 {
					time.Sleep(100 * time.Millisecond) // the first asks first
				}
				a := c.Lookup(ctx, days(0, 1, mary, joe))[1]
				if i == 0 {
					if a.Reason == nil || a.Reason.Code != availability.Timeout {
						t.Errorf("who left got %+v", a)
					}
				} else if a.Reason != nil || !a.Schedule.Covers(days(0, 1).Window) {
					t.Errorf("asker %d got %+v", i, a)
				}
			})
		}
		time.Sleep(500 * time.Millisecond)
		leave()
		askers.Wait()
		if u.asked() != 1 {
			t.Errorf("%d calls for one question", u.asked())
		}
	})
}

// What is partly known is remembered like what is known.
func TestPartialKnowledgeIsKnowledge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{known: 6 * time.Hour}
		c := over(u)
		c.Lookup(t.Context(), days(0, 1, mary))
		time.Sleep(14 * time.Minute)
		if a := c.Lookup(t.Context(), days(0, 1, mary))[0]; !a.Cached || a.Schedule.Known.Duration() != 6*time.Hour {
			t.Errorf("%+v", a)
		}
	})
}

func TestPassingFailureHidesNothingPartlyKnown(t *testing.T) {
	u := &upstream{known: 6 * time.Hour}
	c := over(u)
	c.Lookup(t.Context(), days(2, 3, mary))
	u.known, u.reason = 0, availability.Because(availability.Timeout, "")
	c.Lookup(t.Context(), days(0, 30, mary))
	if a := c.Lookup(t.Context(), days(2, 3, mary))[0]; a.Schedule.Known.Duration() != 6*time.Hour {
		t.Errorf("%+v", a)
	}
}

// Whoever waited in vain for a lookup of another day has his own begun.
func TestWaitingInVainBeginsALookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{delay: 15 * time.Second}
		c := over(u)
		go c.Lookup(t.Context(), days(0, 1, mary))
		synctest.Wait()
		if a := c.Lookup(t.Context(), days(300, 301, mary))[0]; a.Reason == nil || a.Reason.Code != availability.Timeout {
			t.Errorf("%+v", a)
		}
		time.Sleep(16 * time.Second)
		if a := c.Lookup(t.Context(), days(300, 301, mary))[0]; !a.Cached || a.Reason != nil {
			t.Errorf("later: %+v", a)
		}
	})
}

// A hiccup while somebody asks about a month does not blank the day that is known.
func TestPassingFailureHidesNothingKnown(t *testing.T) {
	for _, test := range []struct {
		code  availability.Code
		known bool // afterwards
	}{{availability.Timeout, true}, {availability.Throttled, true}, {availability.UnknownMailbox, false}} {
		u := &upstream{}
		c := over(u)
		c.Lookup(t.Context(), days(2, 3, mary))
		u.reason = availability.Because(test.code, "")
		for range 2 {
			if a := c.Lookup(t.Context(), days(0, 30, mary))[0]; a.Reason != u.reason {
				t.Errorf("%s: the month is %+v", test.code, a)
			}
		}
		if a := c.Lookup(t.Context(), days(2, 3, mary))[0]; (a.Reason == nil) != test.known || !a.Cached {
			t.Errorf("%s: the day is %+v", test.code, a)
		}
		if u.asked() != 2 {
			t.Errorf("%s: %d calls", test.code, u.asked())
		}
	}
}

// Many people page through the same calendar at different places.
func TestDifferentDaysDoNotQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{delay: time.Second}
		c := over(u)
		var askers sync.WaitGroup
		for day := range 60 {
			askers.Go(func() {
				begun := time.Now()
				if a := c.Lookup(t.Context(), days(day, day+1, mary))[0]; a.Reason != nil || time.Since(begun) > 2*time.Second {
					t.Errorf("day %d after %v: %+v", day, time.Since(begun), a)
				}
			})
		}
		askers.Wait()
	})
}

func TestRemembersSomeWindowsOfAMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := over(&upstream{})
		count := func() int {
			return len(entries(cache.Caches{"": c}))
		}
		for day := range 20 {
			c.Lookup(t.Context(), days(2*day, 2*day+1, mary))
		}
		if count() != 8 {
			t.Errorf("%d windows are remembered", count())
		}
		time.Sleep(10 * time.Minute)
		c.Lookup(t.Context(), days(50, 51, mary))
		time.Sleep(10 * time.Minute)
		if count() != 1 {
			t.Errorf("%d windows are remembered though all but one have expired", count())
		}
		c.Lookup(t.Context(), days(60, 61, mary))
		time.Sleep(6 * time.Minute)
		if count() != 1 {
			t.Errorf("%d windows are remembered, want the last", count())
		}
	})
}

// Those who ask and leave cannot pile up lookups without end.
func TestLookupsUnderWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{delay: 20 * time.Second}
		c := over(u)
		left, leave := context.WithCancel(t.Context())
		leave()
		q := days(0, 1)
		for i := range 10_000 {
			q.Mailboxes = append(q.Mailboxes, user(i))
		}
		c.Lookup(left, q)
		synctest.Wait()
		begun := time.Now()
		a := c.Lookup(t.Context(), days(0, 1, mary))[0]
		if a.Reason == nil || a.Reason.Code != availability.Overloaded || time.Since(begun) > 0 {
			t.Errorf("after %v: %+v", time.Since(begun), a)
		}
		time.Sleep(21 * time.Second)
		u.delay = 0
		if a := c.Lookup(t.Context(), days(0, 1, mary))[0]; a.Reason != nil {
			t.Errorf("later: %+v", a)
		}
	})
}

// While a lookup is under way, somebody asks for more than it will bring.
func TestAsksAgainIfTheSharedLookupFallsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{delay: time.Second}
		c := over(u)
		go c.Lookup(t.Context(), days(0, 1, mary))
		synctest.Wait()
		q := days(0, 3, mary)
		if a := c.Lookup(t.Context(), q)[0]; !a.Schedule.Covers(q.Window) {
			t.Errorf("%+v", a)
		}
		if u.asked() != 2 {
			t.Errorf("%d calls", u.asked())
		}
	})
}

func TestLateAnswerIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{delay: 20 * time.Second}
		c := over(u)
		begun := time.Now()
		a := c.Lookup(t.Context(), days(0, 1, mary))[0]
		if a.Reason == nil || a.Reason.Code != availability.Timeout || a.Schedule.Covers(days(0, 1).Window) || time.Since(begun) != 10*time.Second {
			t.Errorf("after %v: %+v", time.Since(begun), a)
		}
		time.Sleep(11 * time.Second)
		if a := c.Lookup(t.Context(), days(0, 1, mary))[0]; a.Reason != nil || !a.Cached || u.asked() != 1 {
			t.Errorf("afterwards: %+v, %d calls", a, u.asked())
		}
	})
}

func TestGivesUpALookupThatNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{delay: time.Hour}
		c := over(u)
		c.Lookup(t.Context(), days(0, 1, mary))
		time.Sleep(15 * time.Second) // 25 seconds since it began
		synctest.Wait()
		a := c.Lookup(t.Context(), days(0, 1, mary))[0]
		if a.Reason == nil || a.Reason.Code != availability.Timeout || !a.Cached {
			t.Errorf("%+v", a)
		}
	})
}

func TestOneSlowMailboxDoesNotHideTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		c := over(u)
		c.Lookup(t.Context(), days(0, 1, mary))
		u.delay = time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		answers := c.Lookup(ctx, days(0, 1, joe, mary))
		if answers[0].Reason == nil || answers[1].Reason != nil {
			t.Errorf("%+v", answers)
		}
		time.Sleep(time.Minute)
	})
}

func TestFlush(t *testing.T) {
	flushes := map[string]struct {
		flush func(c *cache.Cache) int
		gone  int // of mary@contoso.com, joe@fabrikam.com and joe's other window
		again []availability.Mailbox
	}{
		"everything":      {func(c *cache.Cache) int { return c.Flush() }, 2, []availability.Mailbox{mary, joe}},
		"mailbox":         {func(c *cache.Cache) int { return c.FlushMailbox(joe) }, 1, []availability.Mailbox{joe}},
		"unknown mailbox": {func(c *cache.Cache) int { return c.FlushMailbox("x@y.z") }, 0, nil},
	}
	for name, test := range flushes {
		t.Run(name, func(t *testing.T) {
			u := &upstream{}
			c := over(u)
			c.Lookup(t.Context(), days(0, 1, mary, joe))
			c.Lookup(t.Context(), days(5, 6, joe))
			if n := test.flush(c); n != test.gone {
				t.Errorf("%d gone, want %d", n, test.gone)
			}
			u.calls = nil
			c.Lookup(t.Context(), days(0, 1, mary, joe))
			if got := slices.Concat(u.calls...); !slices.Equal(got, test.again) {
				t.Errorf("asked again for %v, want %v", got, test.again)
			}
		})
	}
}

// An answer that was on its way when an operator flushed is handed to those who
// wait, but neither remembered nor shared with those who ask afterwards.
func TestNoLookupUndoesAFlush(t *testing.T) {
	for name, flush := range map[string]func(c *cache.Cache){
		"everything": func(c *cache.Cache) { c.Flush() },
		"mailbox":    func(c *cache.Cache) { c.FlushMailbox(mary) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{delay: time.Second}
				c := over(u)
				before := make(chan availability.Answer, 1)
				go func() { before <- c.Lookup(t.Context(), days(0, 1, mary))[0] }()
				synctest.Wait()
				flush(c)
				time.Sleep(500 * time.Millisecond)
				after := make(chan availability.Answer, 1)
				go func() { after <- c.Lookup(t.Context(), days(0, 1, mary))[0] }()
				if a := <-before; a.Reason != nil {
					t.Errorf("who asked before got %+v", a)
				}
				if entries := entries(cache.Caches{"": c}); len(entries) != 0 {
					t.Errorf("the old answer is remembered: %+v", entries)
				}
				// The new lookup is under way still, and can be joined.
				if a := c.Lookup(t.Context(), days(0, 1, mary))[0]; a.Reason != nil {
					t.Errorf("who joined got %+v", a)
				}
				if a := <-after; a.Reason != nil || u.asked() != 2 {
					t.Errorf("who asked after got %+v, %d calls", a, u.asked())
				}
				if entries := entries(cache.Caches{"": c}); len(entries) != 1 {
					t.Errorf("the new answer is not remembered: %+v", entries)
				}
			})
		})
	}
}

func TestSurvivesABrokenSource(t *testing.T) {
	for name, u := range map[string]*upstream{"panics": {panics: true}, "answers too few": {fewer: true}, "answers something else": {shifts: true}} {
		c := over(u)
		for i, a := range c.Lookup(t.Context(), days(0, 1, mary, joe)) {
			if a.Reason == nil || a.Reason.Code != availability.Internal || a.Mailbox != []availability.Mailbox{mary, joe}[i] {
				t.Errorf("%s: %+v", name, a)
			}
		}
		u.panics, u.fewer, u.shifts = false, false, false
		if a := c.Lookup(t.Context(), days(0, 1, mary))[0]; a.Reason != nil {
			t.Errorf("%s: not well again: %+v", name, a)
		}
	}
}

func BenchmarkHit(b *testing.B) {
	c := over(&upstream{})
	c.Meter = new(meter.Organization)
	q := days(0, 1, mary)
	c.Lookup(b.Context(), q)
	b.ReportAllocs()
	for b.Loop() {
		c.Lookup(b.Context(), q)
	}
}

// Those who wait are bounded, also if all wait for the same mailbox; who is remembered
// is answered all the same.
func TestWaitingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		few := policy
		few.Waiting = 10
		c := cache.New("test", u, cache.NewMemory(1000), few)
		c.Lookup(t.Context(), days(0, 1, "joe@fabrikam.com"))
		u.delay = time.Minute
		var late, overloaded sync.WaitGroup
		for range 10 {
			late.Go(func() { c.Lookup(t.Context(), days(0, 1, "mary@fabrikam.com")) })
		}
		synctest.Wait()
		begun := time.Now()
		for range 50 {
			overloaded.Go(func() {
				answers := c.Lookup(t.Context(), days(0, 1, "mary@fabrikam.com", "joe@fabrikam.com"))
				if r := answers[0].Reason; r == nil || r.Code != availability.Overloaded || answers[0].Organization != "test" {
					t.Errorf("mary: %v", r)
				}
				if answers[1].Reason != nil {
					t.Errorf("joe: %v", answers[1].Reason)
				}
			})
		}
		overloaded.Wait()
		if time.Since(begun) != 0 {
			t.Errorf("refused after %v", time.Since(begun))
		}
		late.Wait()
		u.delay = 0
		time.Sleep(time.Minute)
		if r := c.Lookup(t.Context(), days(0, 1, "mary@fabrikam.com"))[0].Reason; r != nil {
			t.Errorf("afterwards: %v", r)
		}
	})
}
