// Package availabilitytest helps tests of Schedules and Sources: generators for
// property tests, the conformance suite every Source must pass, and the way to
// captured vectors.
package availabilitytest

import (
	"strings"
	"time"

	"fbgate/availability"

	"pgregory.net/rapid"
)

// Epoch is the moment generated times lie around: a Monday, a few hours before
// Europe leaves summer time.
var Epoch = time.Date(2026, 10, 19, 0, 0, 0, 0, time.UTC)

// Time draws a moment within six days from Epoch, on a five-minute grid.
func Time() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		return Epoch.Add(time.Duration(rapid.IntRange(0, 6*288).Draw(t, "five minutes")) * 5 * time.Minute)
	})
}

// Window draws a window that is not empty.
func Window() *rapid.Generator[availability.Window] {
	return rapid.Custom(func(t *rapid.T) availability.Window {
		start := Time().Draw(t, "start")
		length := time.Duration(rapid.IntRange(1, 288).Draw(t, "length")) * 5 * time.Minute
		return availability.Window{Start: start, End: start.Add(length)}
	})
}

// Status draws any status.
func Status() *rapid.Generator[availability.Status] {
	return rapid.Map(rapid.IntRange(0, availability.Statuses-1), func(i int) availability.Status { return availability.Status(i) })
}

// Spans draws up to twelve spans in any order, overlapping as they like.
func Spans() *rapid.Generator[[]availability.Span] {
	span := rapid.Custom(func(t *rapid.T) availability.Span {
		return availability.Span{Window: Window().Draw(t, "window"), Status: Status().Draw(t, "status")}
	})
	return rapid.SliceOfN(span, 0, 12)
}

// Schedule draws a canonical Schedule; now and then one that knows nothing.
func Schedule() *rapid.Generator[availability.Schedule] {
	return rapid.Custom(func(t *rapid.T) availability.Schedule {
		if rapid.IntRange(0, 9).Draw(t, "nothing known") == 0 {
			return availability.Schedule{}
		}
		step := rapid.SampledFrom([]time.Duration{0, 5 * time.Minute, 30 * time.Minute}).Draw(t, "step")
		return availability.NewSchedule(Window().Draw(t, "known"), step, Spans().Draw(t, "spans"))
	})
}

// Statuses redraws s into a slice.
func Statuses(s availability.Schedule, w availability.Window, interval time.Duration) []availability.Status {
	var all []availability.Status
	for status := range s.Slots(w, interval) {
		all = append(all, status)
	}
	return all
}

// CheckCanonical fails the test if s breaks the promises of its type.
func CheckCanonical(t rapid.TB, s availability.Schedule) {
	t.Helper()
	at := s.Known.Start
	for i, span := range s.Spans {
		switch {
		case span.Empty(), span.Start.Before(at), span.End.After(s.Known.End):
			t.Fatalf("span %d (%v) is empty, overlaps its neighbour or leaves %v", i, span, s.Known)
		case span.Status == availability.Free:
			t.Fatalf("span %d (%v) is free", i, span)
		case i > 0 && s.Spans[i-1].Status == span.Status && s.Spans[i-1].End.Equal(span.Start):
			t.Fatalf("spans %d and %d are one", i-1, i)
		case span.Status == availability.NoData && (span.Start.Equal(s.Known.Start) || span.End.Equal(s.Known.End)):
			t.Fatalf("span %d (%v) knows nothing at an end of %v", i, span, s.Known)
		}
		at = span.End
	}
}

// Sketch draws a Schedule as text for failure messages, one character a slot.
func Sketch(s availability.Schedule, w availability.Window, interval time.Duration) string {
	var b strings.Builder
	for status := range s.Slots(w, interval) {
		b.WriteByte("?.wtbo"[status])
	}
	return b.String()
}
