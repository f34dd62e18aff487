package guard_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/guard"
)

// What is told of a member is what is done with it.
func TestMembersTellHowTheyFare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{state: well}
		var rested time.Time
		g := guard.New(guard.Config{
			Members: []guard.Member{{Name: "one", Source: s, Rested: func() time.Time { return rested }}}, Log: slog.New(slog.DiscardHandler),
		})
		expect := func(what string, state guard.State, code availability.Code, until time.Duration) {
			t.Helper()
			got := g.Members()[0]
			if got.Name != "one" || got.State != state || (got.Reason == nil) != (code == "") || got.Reason != nil && got.Reason.Code != code {
				t.Errorf("%s: %+v, %v", what, got, got.Reason)
			}
			if got.Until.IsZero() != (until == 0) || until != 0 && time.Until(got.Until) != until {
				t.Errorf("%s: until %v, want %v from now", what, got.Until, until)
			}
		}
		expect("before all", guard.Unasked, "", 0)
		if !g.Members()[0].LastGood.IsZero() {
			t.Error("it has never answered")
		}
		g.Lookup(t.Context(), query)
		good := time.Now()
		expect("it serves", guard.Serving, "", 0)

		time.Sleep(time.Minute)
		s.set(failing(down))
		for range 4 {
			g.Lookup(t.Context(), query)
		}
		expect("it may have been chance", guard.Failing, availability.Unreachable, 0)
		g.Lookup(t.Context(), query)
		expect("down", guard.Resting, availability.Unreachable, 30*time.Second)
		time.Sleep(31 * time.Second)
		expect("to be tried", guard.Failing, availability.Unreachable, 0)
		if got := g.Members()[0].LastGood; !got.Equal(good) {
			t.Errorf("last good at %v, want %v", got, good)
		}

		s.set(failing(busy))
		g.Lookup(t.Context(), query)
		expect("asked to be left alone", guard.BackingOff, availability.Throttled, 5*time.Minute)
		time.Sleep(6 * time.Minute)
		s.set(well)
		g.Lookup(t.Context(), query)
		expect("back", guard.Serving, "", 0)

		s.set(failing(refused))
		rested = time.Now().Add(5 * time.Minute)
		g.Lookup(t.Context(), query)
		expect("the account is refused", guard.Resting, availability.Unauthorized, 5*time.Minute)
		g.Lookup(t.Context(), query)
		expect("nor asked again", guard.Resting, availability.Unauthorized, 5*time.Minute)
		rested = time.Time{}
		expect("the password was corrected", guard.Failing, availability.Unauthorized, 0)
		s.set(well)
		g.Lookup(t.Context(), query)
		expect("it lets fbgate in", guard.Serving, "", 0)
		s.set(failing(availability.Reason{Code: availability.Internal, Scope: availability.OfServer}))
		g.Lookup(t.Context(), query)
		expect("our own fault", guard.Failing, availability.Internal, 0)
	})
}

// Each call is told once, also one that panics or is cut short.
func TestCallsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type call struct {
			took time.Duration
			code availability.Code
		}
		var calls []call
		s := new(server)
		g := guard.New(guard.Config{
			Members: []guard.Member{{Name: "one", Source: s}}, Log: slog.New(slog.DiscardHandler),
			Called: func(took time.Duration, failure *availability.Reason) {
				c := call{took: took}
				if failure != nil {
					c.code = failure.Code
				}
				calls = append(calls, c)
			},
		})
		ask := func(patience time.Duration, state func(context.Context, availability.Query) []availability.Answer) {
			s.set(func(ctx context.Context, q availability.Query) []availability.Answer {
				time.Sleep(time.Second)
				return state(ctx, q)
			})
			ctx, cancel := context.WithTimeoutCause(t.Context(), patience, availability.Because(availability.Timeout, "not complete"))
			defer cancel()
			defer func() { _ = recover() }()
			g.Lookup(ctx, query)
		}
		ask(time.Minute, well)
		ask(time.Minute, failing(availability.Reason{Code: availability.UnknownMailbox}))
		ask(time.Minute, failing(down))
		ask(time.Minute, failing(availability.Reason{Code: availability.UpstreamFailure, Scope: availability.OfCall}))
		ask(time.Minute, failing(availability.Reason{Code: availability.Internal}))
		ask(3*time.Second, func(ctx context.Context, q availability.Query) []availability.Answer {
			<-ctx.Done()
			return availability.Fail(q, availability.ReasonFor(context.Cause(ctx)))
		})
		ask(time.Minute, func(context.Context, availability.Query) []availability.Answer { panic("at the disco") })
		want := []call{{time.Second, ""}, {time.Second, ""}, {time.Second, availability.Unreachable}, {time.Second, availability.UpstreamFailure},
			{time.Second, availability.Internal}, {3 * time.Second, availability.Timeout}, {time.Second, availability.Internal}}
		if len(calls) != len(want) {
			t.Fatalf("%v", calls)
		}
		for i := range want {
			if calls[i] != want[i] {
				t.Errorf("call %d: %v, want %v", i, calls[i], want[i])
			}
		}
	})
}
