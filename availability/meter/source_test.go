package meter_test

import (
	"context"
	"testing"

	"fbgate/availability"
	"fbgate/availability/meter"
)

// fixed answers the same each time.
type fixed []availability.Answer

func (f fixed) Lookup(context.Context, availability.Query) []availability.Answer { return f }

func TestSource(t *testing.T) {
	next := fixed{
		{Mailbox: "a@b.c", Cached: true}, {Mailbox: "d@b.c", Cached: true, Stale: true}, {Mailbox: "e@b.c"},
		{Mailbox: "f@b.c", Reason: availability.Because(availability.NoRoute, "")},
	}
	s := meter.Source{Next: next, Meter: new(meter.Organization)}
	for range 3 {
		if got := s.Lookup(t.Context(), availability.Query{}); len(got) != 4 || got[3].Reason != next[3].Reason {
			t.Errorf("%+v", got)
		}
	}
	got := s.Meter.Totals()
	if want := (meter.Looked{Remembered: 3, Stale: 3, Asked: 6}); got.Looked != want || got.Untold[availability.NoRoute] != 3 || len(got.Untold) != 1 {
		t.Errorf("%+v", got)
	}
}
