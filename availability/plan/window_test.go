package plan

import (
	"testing"
	"time"

	"fbgate/availability"

	"pgregory.net/rapid"
)

func utc(text string) time.Time {
	t, err := time.Parse("2006-01-02T15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestWiden(t *testing.T) {
	fortnight := Prefetch{Ahead: 14 * day}
	tests := []struct {
		name       string
		prefetch   Prefetch
		longest    time.Duration
		start, end string
		want       [2]string
	}{
		{"a Monday", fortnight, 42 * day, "2026-11-23T00:00", "2026-11-24T00:00", [2]string{"2026-11-21T00:00", "2026-12-14T00:00"}},
		{"an hour of a Saturday", fortnight, 42 * day, "2026-11-28T09:00", "2026-11-28T10:00", [2]string{"2026-11-21T00:00", "2026-12-14T00:00"}},
		{"up to the end of a week", fortnight, 42 * day, "2026-11-28T00:00", "2026-11-29T00:00", [2]string{"2026-11-21T00:00", "2026-12-14T00:00"}},
		{"nothing ahead", Prefetch{}, 42 * day, "2026-11-23T00:00", "2026-11-24T00:00", [2]string{"2026-11-21T00:00", "2026-11-30T00:00"}},
		{"off", Prefetch{Off: true}, 42 * day, "2026-11-23T09:05", "2026-11-23T10:35", [2]string{"2026-11-23T09:00", "2026-11-23T11:00"}},
		{"ahead goes first", fortnight, 20 * day, "2026-11-23T00:00", "2026-11-24T00:00", [2]string{"2026-11-21T00:00", "2026-12-11T00:00"}},
		{"then behind", fortnight, 5 * day, "2026-11-25T09:00", "2026-11-26T09:00", [2]string{"2026-11-25T00:00", "2026-11-30T00:00"}},
		{"all of the limit", fortnight, 42 * day, "2026-11-25T00:00", "2027-01-06T00:00", [2]string{"2026-11-25T00:00", "2027-01-06T00:00"}},
		{"all of the limit, in India", fortnight, 42 * day, "2026-11-24T18:30", "2027-01-05T18:30", [2]string{"2026-11-24T18:30", "2027-01-05T18:30"}},
	}
	for _, test := range tests {
		w := availability.Window{Start: utc(test.start), End: utc(test.end)}
		want := availability.Window{Start: utc(test.want[0]), End: utc(test.want[1])}
		if got := test.prefetch.widen(w, test.longest, 15*time.Minute); !got.Equal(want) {
			t.Errorf("%s: %v, want %v", test.name, got, want)
		}
	}
}

func TestWideningCostsNoCall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := utc("2026-11-23T00:00").Add(time.Duration(rapid.IntRange(0, 60*24*14).Draw(t, "minute")) * time.Minute)
		longest := time.Duration(rapid.IntRange(24, 62*24).Draw(t, "hours a call")) * time.Hour
		length := time.Duration(rapid.IntRange(1, 400*24*60).Draw(t, "minutes")) * time.Minute
		if rapid.Bool().Draw(t, "exactly") {
			length = longest * time.Duration(rapid.IntRange(1, 4).Draw(t, "times"))
		}
		interval := time.Duration(rapid.SampledFrom([]int{5, 15, 30, 60}).Draw(t, "interval")) * time.Minute
		p := Prefetch{Off: rapid.Bool().Draw(t, "off"), Ahead: time.Duration(rapid.IntRange(0, 42).Draw(t, "ahead")) * day}
		w := availability.Window{Start: start, End: start.Add(length)}

		wide := p.widen(w, longest, interval)
		calls := align(w, interval).Slots(longest)
		if pieces := split(wide, longest, interval); len(pieces) > calls || !wide.Contains(w) {
			t.Fatalf("%v becomes %v: %d calls instead of %d", w, wide, len(pieces), calls)
		}
		if wide.Start.Sub(wide.Start.Truncate(interval)) != 0 {
			t.Fatalf("%v begins within a slot", wide)
		}
		at := wide.Start
		for _, piece := range split(wide, longest, interval) {
			if !piece.Start.Equal(at) || piece.Empty() || piece.Duration() > longest {
				t.Fatalf("piece %v of %v", piece, wide)
			}
			at = piece.End
		}
		if !at.Equal(wide.End) {
			t.Fatalf("the pieces end at %v", at)
		}
	})
}
