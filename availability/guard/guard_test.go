package guard_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/ews"
	"fbgate/availability/exchangetest"
	"fbgate/availability/guard"
)

var (
	day   = availability.Window{Start: at.Epoch, End: at.Epoch.Add(24 * time.Hour)}
	query = availability.Query{Mailboxes: []availability.Mailbox{"mary@fabrikam.com", "joe@fabrikam.com"}, Window: day, Interval: time.Hour}
)

// server is a member that answers as its state says, and remembers what it was
// asked.
type server struct {
	mu     sync.Mutex
	state  func(ctx context.Context, q availability.Query) []availability.Answer
	asked  [][]availability.Mailbox
	flying int
	most   int
}

func (s *server) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	s.mu.Lock()
	s.asked = append(s.asked, q.Mailboxes)
	s.flying++
	s.most = max(s.most, s.flying)
	state := s.state
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.flying--
	}()
	return state(ctx, q)
}

func (s *server) set(state func(context.Context, availability.Query) []availability.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
}

func (s *server) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func well(_ context.Context, q availability.Query) []availability.Answer {
	answers := availability.Fail(q, nil)
	for i := range answers {
		answers[i].Schedule = availability.NewSchedule(q.Window, 0, nil)
	}
	return answers
}

func failing(reason availability.Reason) func(context.Context, availability.Query) []availability.Answer {
	return func(_ context.Context, q availability.Query) []availability.Answer {
		return availability.Fail(q, &reason)
	}
}

// hanging is a server that never answers, asked with the timeout of a call.
func hanging(timeout time.Duration) func(context.Context, availability.Query) []availability.Answer {
	return func(ctx context.Context, q availability.Query) []availability.Answer {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		<-ctx.Done()
		return availability.Fail(q, &availability.Reason{Code: availability.Timeout, Scope: availability.OfServer})
	}
}

func newGuard(concurrency int, servers ...*server) *guard.Guard {
	c := guard.Config{Organization: "fabrikam", Concurrency: concurrency, Log: slog.New(slog.DiscardHandler)}
	for _, s := range servers {
		c.Members = append(c.Members, guard.Member{Name: "one", Source: s})
	}
	return guard.New(c)
}

func code(answers []availability.Answer) availability.Code {
	if answers[0].Reason == nil {
		return ""
	}
	return answers[0].Reason.Code
}

var (
	down    = availability.Reason{Code: availability.Unreachable, Detail: "connection refused", Scope: availability.OfServer}
	busy    = availability.Reason{Code: availability.Throttled, Detail: "ErrorServerBusy", RetryAfter: 5 * time.Minute, Scope: availability.OfServer}
	refused = availability.Reason{Code: availability.Unauthorized, Detail: "HTTP 401", RetryAfter: 5 * time.Minute, Scope: availability.OfServer}
	fault   = availability.Reason{Code: availability.UpstreamFailure, Detail: "ErrorInternalServerError", Scope: availability.OfCall, Again: true}
)

func TestConformance(t *testing.T) {
	x := exchangetest.New(exchangetest.Exchange2019)
	x.SetMailbox("mary@fabrikam.com", availability.Span{Window: day, Status: availability.Busy})
	x.SetMailbox("joe@fabrikam.com", availability.Span{Window: day, Status: availability.OOF})
	url, stop, err := x.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	log := slog.New(slog.DiscardHandler)
	source := ews.New(ews.Config{Organization: "fabrikam", Endpoint: ews.Pinned(url), Log: log})
	g := guard.New(guard.Config{Members: []guard.Member{{Name: url, Source: source}, {Name: "the same again", Source: source}}, Log: log})
	at.TestSource(t, at.Sample{Source: g, Known: query.Mailboxes, Unknown: "nobody@fabrikam.com", Window: day})
}

func TestMembersAreUsedInTurn(t *testing.T) {
	a, b := &server{state: well}, &server{state: well}
	g := newGuard(1, a, b)
	for range 10 {
		g.Lookup(t.Context(), query)
	}
	if a.calls() != 5 || b.calls() != 5 {
		t.Errorf("%d and %d calls", a.calls(), b.calls())
	}
}

func TestAnotherMemberServesWhenOneFails(t *testing.T) {
	for _, reason := range []availability.Reason{down, busy, refused} {
		a, b := &server{state: failing(reason)}, &server{state: well}
		g := newGuard(1, a, b)
		for i := range 20 {
			if c := code(g.Lookup(t.Context(), query)); c != "" {
				t.Errorf("%s: lookup %d failed: %s", reason.Code, i, c)
			}
		}
	}
}

// A member that asked to be left alone is not asked before, blocks nobody, and the
// answer says why and until when.
func TestBackOffIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{state: failing(busy)}
		g := newGuard(5, s)
		g.Lookup(t.Context(), query)
		s.set(well)
		begun := time.Now()
		answer := g.Lookup(t.Context(), query)[0]
		if answer.Reason == nil || answer.Reason.Code != availability.Throttled || answer.Reason.RetryAfter != 5*time.Minute || answer.Organization != "fabrikam" {
			t.Errorf("meanwhile: %+v", answer)
		}
		if !answer.Reason.Unasked {
			t.Error("it is not told that nobody was asked")
		}
		if want := "ErrorServerBusy; not asked again before " + begun.Add(5*time.Minute).UTC().Format(time.RFC3339); answer.Reason.Detail != want {
			t.Errorf("detail %q, want %q", answer.Reason.Detail, want)
		}
		if time.Since(begun) != 0 || s.calls() != 1 {
			t.Errorf("%v and %d calls", time.Since(begun), s.calls())
		}
		time.Sleep(5 * time.Minute)
		if c := code(g.Lookup(t.Context(), query)); c != "" {
			t.Errorf("afterwards: %s", c)
		}
	})
}

// A wish to be left alone holds, whatever other calls come to.
func TestBackOffIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{state: failing(busy)}
		g := newGuard(2, s)
		begun, late := make(chan struct{}), func(ctx context.Context, q availability.Query) []availability.Answer {
			time.Sleep(time.Second)
			return failing(down)(ctx, q)
		}
		s.set(func(ctx context.Context, q availability.Query) []availability.Answer {
			close(begun)
			return late(ctx, q)
		})
		go g.Lookup(t.Context(), query)
		<-begun
		s.set(failing(busy))
		g.Lookup(t.Context(), query)
		time.Sleep(2 * time.Second)
		calls := s.calls()
		if c := code(g.Lookup(t.Context(), query)); c != availability.Throttled || s.calls() != calls {
			t.Errorf("%s, and %d calls instead of %d", c, s.calls(), calls)
		}
	})
}

// A question with more calls than fit into its time is no fault of a server that
// answers each of them.
func TestLargeQuestionDoesNotTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{state: func(ctx context.Context, q availability.Query) []availability.Answer {
			select {
			case <-time.After(2 * time.Second):
				return well(ctx, q)
			case <-ctx.Done():
				return availability.Fail(q, availability.ReasonFor(context.Cause(ctx)))
			}
		}}
		g := newGuard(5, s)
		ctx, cancel := context.WithTimeoutCause(t.Context(), 25*time.Second, availability.Because(availability.Timeout, "not complete"))
		defer cancel()
		var lookups sync.WaitGroup
		for range 80 {
			lookups.Go(func() { g.Lookup(ctx, query) })
		}
		lookups.Wait()
		if c := code(g.Lookup(t.Context(), query)); c != "" {
			t.Errorf("the next question meets %s", c)
		}
	})
}

// A server that does not answer costs a few calls, then one each half minute, and
// is used again as soon as it is back.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{state: hanging(25 * time.Second)}
		g := newGuard(5, s)
		var lookups sync.WaitGroup
		for range 40 {
			lookups.Go(func() { g.Lookup(t.Context(), query) })
		}
		lookups.Wait()
		if s.calls() > 9 { // five that trip, and those that began meanwhile
			t.Errorf("%d of 40 lookups went to a server that hangs", s.calls())
		}
		begun, before := time.Now(), s.calls()
		if a := g.Lookup(t.Context(), query)[0]; a.Reason == nil || a.Reason.Code != availability.Timeout || time.Since(begun) != 0 {
			t.Errorf("%v after %v", a.Reason, time.Since(begun))
		}
		time.Sleep(31 * time.Second)
		for range 10 {
			lookups.Go(func() { g.Lookup(t.Context(), query) })
		}
		lookups.Wait()
		if probes := s.calls() - before; probes != 1 {
			t.Errorf("%d probes at once", probes)
		}
		s.set(well)
		time.Sleep(31 * time.Second)
		for range 3 {
			if c := code(g.Lookup(t.Context(), query)); c != "" {
				t.Errorf("back again, but %s", c)
			}
		}
	})
}

// The time of a whole lookup may end before that of its call: that is the server's
// fault all the same.
func TestBreakerCountsLookupsThatRanOutOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{state: func(ctx context.Context, q availability.Query) []availability.Answer {
			<-ctx.Done()
			return availability.Fail(q, availability.ReasonFor(context.Cause(ctx)))
		}}
		g := newGuard(5, s)
		for range 10 {
			ctx, cancel := context.WithTimeoutCause(t.Context(), 25*time.Second, availability.Because(availability.Timeout, "not complete"))
			g.Lookup(ctx, query)
			cancel()
		}
		if s.calls() != 5 {
			t.Errorf("%d calls", s.calls())
		}
	})
}

// A refused account decides itself when it is tried again.
func TestRefusedAccountIsNotABrokenServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{state: failing(refused)}
		g := newGuard(1, s)
		for range 20 {
			g.Lookup(t.Context(), query)
		}
		s.set(well)
		if c := code(g.Lookup(t.Context(), query)); c != "" {
			t.Errorf("the account is right again, but %s", c)
		}
	})
}

// A SOAP fault is an answer: the server is not given up for it.
func TestFaultsDoNotTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{state: failing(availability.Reason{Code: availability.UpstreamFailure, Scope: availability.OfCall})}
		g := newGuard(1, s)
		for range 20 {
			g.Lookup(t.Context(), query)
		}
		if s.calls() != 20 {
			t.Errorf("%d calls", s.calls())
		}
	})
}

func TestConcurrencyIsCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{state: func(ctx context.Context, q availability.Query) []availability.Answer {
			time.Sleep(time.Second)
			return well(ctx, q)
		}}
		g := newGuard(3, s)
		begun := time.Now()
		var lookups sync.WaitGroup
		for range 12 {
			lookups.Go(func() { g.Lookup(t.Context(), query) })
		}
		lookups.Wait()
		if s.most != 3 || time.Since(begun) != 4*time.Second {
			t.Errorf("%d at once, %v in all", s.most, time.Since(begun))
		}
	})
}

func TestWaitingForASlotEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{state: hanging(time.Minute)}
		g := newGuard(1, s)
		go g.Lookup(t.Context(), query)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if a := g.Lookup(ctx, query)[0]; a.Reason == nil || a.Reason.Code != availability.Timeout {
			t.Errorf("%+v", a)
		}
		time.Sleep(time.Minute)
	})
}

// Calls cannot pile up in front of a server that does not answer.
func TestWaitingForASlotIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(2, &server{state: hanging(25 * time.Second)})
		begun := time.Now()
		var lookups sync.WaitGroup
		var refused atomic.Int32
		for range 1000 {
			lookups.Go(func() {
				if c := code(g.Lookup(t.Context(), query)); c == availability.Overloaded && time.Since(begun) == 0 {
					refused.Add(1)
				}
			})
		}
		lookups.Wait()
		if refused.Load() != 1000-2-200 {
			t.Errorf("%d of 1000 were refused at once, want all but 2 under way and 200 that wait", refused.Load())
		}
	})
}

// While the only slot is taken by the probe of a server that hangs, nobody waits to
// hear that the server rests.
func TestRestingTakesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{state: hanging(25 * time.Second)}
		g := newGuard(1, s)
		for range 5 {
			g.Lookup(t.Context(), query)
		}
		time.Sleep(31 * time.Second)
		go g.Lookup(t.Context(), query)
		synctest.Wait()
		begun, calls := time.Now(), s.calls()
		if a := g.Lookup(t.Context(), query)[0]; a.Reason == nil || a.Reason.Code != availability.Timeout || a.Organization != "fabrikam" {
			t.Errorf("%+v", a)
		}
		if time.Since(begun) != 0 || calls != 6 || s.calls() != 6 {
			t.Errorf("it took %v and %d calls", time.Since(begun), s.calls())
		}
		time.Sleep(25 * time.Second)
	})
}

// Only what may be over at once is asked again, and only about those it concerns.
func TestRetry(t *testing.T) {
	move := availability.Reason{Code: availability.UpstreamFailure, Detail: "ErrorMailboxMoveInProgress", Again: true}
	for _, test := range []struct {
		name   string
		first  func(availability.Query) []availability.Answer
		asked  [][]availability.Mailbox
		failed bool
	}{
		{"a passing failure of one mailbox", func(q availability.Query) []availability.Answer {
			answers := well(context.TODO(), q)
			answers[1].Schedule, answers[1].Reason = availability.Schedule{}, &move
			return answers
		}, [][]availability.Mailbox{query.Mailboxes, query.Mailboxes[1:]}, false},
		{"no connection", func(q availability.Query) []availability.Answer {
			reason := down
			reason.Again = true
			return availability.Fail(q, &reason)
		}, [][]availability.Mailbox{query.Mailboxes, query.Mailboxes}, false},
		{"a fault of a call about several", func(q availability.Query) []availability.Answer { return availability.Fail(q, &fault) },
			[][]availability.Mailbox{query.Mailboxes}, true},
		{"what stays as it is", func(q availability.Query) []availability.Answer {
			return availability.Fail(q, &availability.Reason{Code: availability.NoPermission})
		}, [][]availability.Mailbox{query.Mailboxes}, true},
		{"a refused account", func(q availability.Query) []availability.Answer { return availability.Fail(q, &refused) },
			[][]availability.Mailbox{query.Mailboxes}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{}
				s.set(func(ctx context.Context, q availability.Query) []availability.Answer {
					s.set(well)
					return test.first(q)
				})
				answers := newGuard(1, s).Lookup(t.Context(), query)
				if !slices.EqualFunc(s.asked, test.asked, slices.Equal) {
					t.Errorf("asked %v, want %v", s.asked, test.asked)
				}
				failed := false
				for i, a := range answers {
					at.CheckAnswer(t, a, query.Mailboxes[i], day)
					failed = failed || a.Reason != nil
				}
				if failed != test.failed {
					t.Errorf("answers %+v", answers)
				}
			})
		})
	}
}

// Who was asked, and failed once too often, was asked: the retry that finds the server
// resting does not say otherwise.
func TestRetryThatRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reset := down
		reset.Again = true
		s := &server{state: failing(reset)}
		g := newGuard(1, s)
		for s.calls() < 5 {
			before := s.calls()
			if reason := g.Lookup(t.Context(), query)[0].Reason; reason.Unasked {
				t.Errorf("%d calls, and %v unasked", s.calls()-before, reason)
			}
		}
		if reason := g.Lookup(t.Context(), query)[0].Reason; !reason.Unasked {
			t.Errorf("it rests, and %v", reason)
		}
	})
}

// However much fails, retries are a tenth of the calls, and ten.
func TestRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{state: failing(availability.Reason{Code: availability.UpstreamFailure, Again: true})}
		g := newGuard(1, s)
		for range 1000 {
			g.Lookup(t.Context(), query)
		}
		if retries := s.calls() - 1000; retries < 100 || retries > 112 {
			t.Errorf("%d retries of 1000 calls", retries)
		}
	})
}

// A panic costs its own lookup, no more.
func TestPanicLeavesNothingBehind(t *testing.T) {
	s := &server{state: func(context.Context, availability.Query) []availability.Answer { panic("out of cheese") }}
	g := newGuard(1, s)
	for range 10 {
		func() {
			defer func() { _ = recover() }()
			g.Lookup(t.Context(), query)
		}()
	}
	s.set(well)
	if c := code(g.Lookup(t.Context(), query)); c != "" {
		t.Errorf("afterwards: %s", c)
	}
}

// A probe that panics has not shown that the server is back.
func TestPanickingProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{state: failing(down)}
		g := newGuard(1, s)
		for range 5 {
			g.Lookup(t.Context(), query)
		}
		time.Sleep(31 * time.Second)
		s.set(func(context.Context, availability.Query) []availability.Answer { panic("out of cheese") })
		func() {
			defer func() { _ = recover() }()
			g.Lookup(t.Context(), query)
		}()
		s.set(failing(down))
		calls := s.calls()
		for range 5 {
			g.Lookup(t.Context(), query)
		}
		if s.calls() != calls+1 {
			t.Errorf("%d calls after the probe, want one more probe", s.calls()-calls)
		}
	})
}
