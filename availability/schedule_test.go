package availability_test

import (
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"

	"pgregory.net/rapid"
)

const grid = 5 * time.Minute

// everything is a window that contains whatever the generators draw.
var everything = availability.Window{Start: at.Epoch.Add(-24 * time.Hour), End: at.Epoch.Add(9 * 24 * time.Hour)}

func TestNewScheduleIsTheCoverOfItsSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		known := at.Window().Draw(t, "known")
		spans := at.Spans().Draw(t, "spans")
		s := availability.NewSchedule(known, 0, spans)
		at.CheckCanonical(t, s)
		for moment := everything.Start; moment.Before(everything.End); moment = moment.Add(grid) {
			want := availability.NoData
			if known.Holds(moment) {
				want = availability.Free
				for _, span := range spans {
					if span.Holds(moment) {
						want = availability.Cover(want, span.Status)
					}
				}
			}
			if got := s.At(moment); got != want {
				t.Fatalf("at %v: %v, want %v", moment, got, want)
			}
		}
	})
}

func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := at.Schedule().Draw(t, "a"), at.Schedule().Draw(t, "b"), at.Schedule().Draw(t, "c")
		ab := a.Merge(b)
		at.CheckCanonical(t, ab)
		if !ab.Equal(b.Merge(a)) {
			t.Fatal("not commutative")
		}
		if !ab.Merge(c).Equal(a.Merge(b.Merge(c))) {
			t.Fatal("not associative")
		}
		if !a.Merge(a).Equal(a) || !a.Merge(availability.Schedule{}).Equal(a) {
			t.Fatal("not idempotent, or knowing nothing is not neutral")
		}
		for moment := everything.Start; moment.Before(everything.End); moment = moment.Add(grid) {
			if got, want := ab.At(moment), max(a.At(moment), b.At(moment)); got != want {
				t.Fatalf("at %v: %v, want %v", moment, got, want)
			}
		}
	})
}

func TestClip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, w := at.Schedule().Draw(t, "schedule"), at.Window().Draw(t, "window")
		clipped := s.Clip(w)
		at.CheckCanonical(t, clipped)
		for moment := everything.Start; moment.Before(everything.End); moment = moment.Add(grid) {
			want := availability.NoData
			if w.Holds(moment) {
				want = s.At(moment)
			}
			if got := clipped.At(moment); got != want {
				t.Fatalf("at %v: %v, want %v", moment, got, want)
			}
		}
	})
}

// Cutting anywhere and merging the pieces leaves no seam.
func TestClipThenMergeIsTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, cut := at.Schedule().Draw(t, "schedule"), at.Time().Draw(t, "cut")
		left := s.Clip(availability.Window{Start: everything.Start, End: cut})
		right := s.Clip(availability.Window{Start: cut, End: everything.End})
		if !left.Merge(right).Equal(s) {
			t.Fatalf("%v and %v do not make %v", left, right, s)
		}
	})
}

func TestRedrawAtAMultipleOfTheStepIsTheCoverOfItsSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, w := at.Schedule().Draw(t, "schedule"), at.Window().Draw(t, "window")
		step := time.Duration(rapid.IntRange(1, 90).Draw(t, "step")) * time.Minute
		times := rapid.IntRange(1, 8).Draw(t, "times")
		fine := at.Statuses(s, w, step)
		coarse := at.Statuses(s, w, step*time.Duration(times))
		if len(coarse) != w.Slots(step*time.Duration(times)) {
			t.Fatalf("%d slots, want %d", len(coarse), w.Slots(step*time.Duration(times)))
		}
		for i, got := range coarse {
			want := availability.Free
			for _, status := range fine[i*times : min(len(fine), (i+1)*times)] {
				want = availability.Cover(want, status)
			}
			if got != want {
				t.Fatalf("slot %d: %v, want %v", i, got, want)
			}
		}
	})
}

func TestNothingOutsideWhatIsKnownIsEverFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, w := at.Schedule().Draw(t, "schedule"), at.Window().Draw(t, "window")
		interval := time.Duration(rapid.IntRange(1, 1440).Draw(t, "minutes")) * time.Minute
		slot := availability.Window{Start: w.Start}
		for _, status := range at.Statuses(s, w, interval) {
			slot.End = slot.Start.Add(interval)
			if slot.End.After(w.End) {
				slot.End = w.End
			}
			if status <= availability.WorkingElsewhere && status != availability.NoData && !s.Covers(slot) {
				t.Fatalf("slot %v is %v, but %v does not know all of it", slot, status, s)
			}
			if status == availability.NoData && s.Covers(slot) {
				t.Fatalf("slot %v is unknown, but %v covers it", slot, s)
			}
			slot.Start = slot.End
		}
	})
}

func TestCoverIsASemilattice(t *testing.T) {
	n := availability.Status(availability.Statuses)
	for a := range n {
		if availability.Cover(a, a) != a || availability.Cover(a, availability.Free) != a {
			t.Errorf("Cover(%v) is not idempotent, or Free is not neutral", a)
		}
		for b := range n {
			if availability.Cover(a, b) != availability.Cover(b, a) {
				t.Errorf("Cover(%v, %v) is not commutative", a, b)
			}
			for c := range n {
				if availability.Cover(availability.Cover(a, b), c) != availability.Cover(a, availability.Cover(b, c)) {
					t.Errorf("Cover(%v, %v, %v) is not associative", a, b, c)
				}
			}
		}
	}
}

func TestZeroValuesKnowNothing(t *testing.T) {
	var s availability.Schedule
	w := availability.Window{Start: at.Epoch, End: at.Epoch.Add(time.Hour)}
	if got := at.Sketch(s, w, 30*time.Minute); got != "??" {
		t.Errorf("an empty schedule draws %q", got)
	}
	if s.Covers(w) || s.At(at.Epoch) != availability.NoData {
		t.Error("an empty schedule claims to know something")
	}
	if !availability.NewSchedule(availability.Window{}, 0, nil).Equal(s) {
		t.Error("a schedule of no time is not the empty one")
	}
}

func TestSlotsOfAnImpossibleInterval(t *testing.T) {
	w := availability.Window{Start: at.Epoch, End: at.Epoch.Add(time.Hour)}
	for _, interval := range []time.Duration{0, -time.Minute} {
		if got := at.Statuses(availability.Schedule{}, w, interval); got != nil {
			t.Errorf("interval %v draws %v", interval, got)
		}
	}
}

func BenchmarkSlots(b *testing.B) {
	day := availability.Window{Start: at.Epoch, End: at.Epoch.Add(24 * time.Hour)}
	var spans []availability.Span
	for h := range 500 {
		start := at.Epoch.Add(time.Duration(h-100) * time.Hour)
		spans = append(spans, availability.Span{Window: availability.Window{Start: start, End: start.Add(30 * time.Minute)}, Status: availability.Busy})
	}
	s := availability.NewSchedule(availability.Window{Start: at.Epoch.Add(-1000 * time.Hour), End: at.Epoch.Add(1000 * time.Hour)}, 0, spans)
	b.ReportAllocs()
	for b.Loop() {
		for status := range s.Slots(day, 30*time.Minute) {
			_ = status
		}
	}
}
