package merged_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/translate/merged"

	"pgregory.net/rapid"
)

func hours(from, to int) availability.Window {
	return availability.Window{Start: at.Epoch.Add(time.Duration(from) * time.Hour), End: at.Epoch.Add(time.Duration(to) * time.Hour)}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name     string
		digits   string
		alphabet merged.Alphabet
		want     string // by Sketch, eight slots
	}{
		{"exchange 2003", "01230122", merged.Exchange2003, ".tbo.tbb"},
		{"4 is no data up to 2010", "04440000", merged.Exchange2003, ".???...."},
		{"4 is working elsewhere from 2013", "04440005", merged.Exchange2013, ".www...?"},
		{"all unknown", "44444444", merged.Exchange2003, "????????"},
		{"too short", "0022", merged.Exchange2003, "..bb????"},
		{"too long", "002200000222", merged.Exchange2003, "..bb...."},
		{"nothing", "", merged.Exchange2003, "????????"},
		{"digits nobody defined", "09000000", merged.Exchange2013, ".?......"},
		{"no digits at all", "0 x\xff0200", merged.Exchange2003, ".???.b.."},
	}
	for _, test := range tests {
		s := merged.Parse(test.digits, hours(0, 8), time.Hour, test.alphabet)
		at.CheckCanonical(t, s)
		if got := at.Sketch(s, hours(0, 8), time.Hour); got != test.want {
			t.Errorf("%s: %q reads as %s, want %s", test.name, test.digits, got, test.want)
		}
	}
}

func TestParseCutsTheLastSlotAtTheWindow(t *testing.T) {
	w := hours(0, 8)
	w.End = w.End.Add(-30 * time.Minute)
	s := merged.Parse("00000002", w, time.Hour, merged.Exchange2003)
	if !s.Known.Equal(w) || !s.Spans[0].End.Equal(w.End) {
		t.Errorf("known %v, spans %v", s.Known, s.Spans)
	}
}

func TestWorkingElsewhereIsDrawnAsConfigured(t *testing.T) {
	s := merged.Parse("0412", hours(0, 4), time.Hour, merged.Exchange2013)
	for status, want := range map[availability.Status]string{
		availability.NoData: "0012", availability.Free: "0012", availability.Tentative: "0112", availability.Busy: "0212", availability.OOF: "0312",
	} {
		if got := (merged.Digits{WorkingElsewhere: status}).Append(nil, s, hours(0, 4), time.Hour); string(got) != want {
			t.Errorf("drawn as %v: %s, want %s", status, got, want)
		}
	}
}

func TestDigitsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, w := at.Schedule().Draw(t, "schedule"), at.Window().Draw(t, "window")
		interval := time.Duration(rapid.IntRange(1, 1440).Draw(t, "minutes")) * time.Minute
		digits := merged.Digits{}.Append(nil, s, w, interval)
		if len(digits) != w.Slots(interval) || strings.Trim(string(digits), "01234") != "" {
			t.Fatalf("%q for %d slots", digits, w.Slots(interval))
		}
		back := merged.Parse(string(digits), w, interval, merged.Exchange2003)
		if again := (merged.Digits{}).Append(nil, back, w, interval); !bytes.Equal(again, digits) {
			t.Fatalf("%s reads back as %s", digits, again)
		}
	})
}

func TestOverlayIsTheMaximumOfAllAttendees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := at.Window().Draw(t, "window")
		interval := time.Duration(rapid.IntRange(1, 1440).Draw(t, "minutes")) * time.Minute
		elsewhere := merged.Digits{WorkingElsewhere: rapid.SampledFrom([]availability.Status{
			availability.NoData, availability.Free, availability.Tentative, availability.Busy, availability.OOF}).Draw(t, "elsewhere")}
		attendees := rapid.SliceOfN(at.Schedule(), 1, 5).Draw(t, "attendees")
		all := bytes.Repeat([]byte{'0'}, w.Slots(interval))
		want := bytes.Clone(all)
		for _, s := range attendees {
			digits := elsewhere.Append(nil, s, w, interval)
			merged.Overlay(all, digits)
			for i, d := range digits { // spelt out: busy and away beat unknown, unknown beats free
				if strings.IndexByte("04123", d) > strings.IndexByte("04123", want[i]) {
					want[i] = d
				}
			}
		}
		if !bytes.Equal(all, want) {
			t.Fatalf("%s, want %s", all, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("000022220000", uint16(30))
	f.Add("0123456789\xff ", uint16(1))
	f.Fuzz(func(t *testing.T, digits string, minutes uint16) {
		w, interval := hours(0, 24), time.Duration(minutes)*time.Minute
		s := merged.Parse(digits, w, interval, merged.Exchange2013)
		at.CheckCanonical(t, s)
		i := 0
		for status := range s.Slots(w, interval) {
			if status == availability.Free && (i >= len(digits) || digits[i] != '0') {
				t.Fatalf("slot %d of %q is free", i, digits)
			}
			i++
		}
	})
}

func BenchmarkAppend48Digits(b *testing.B) {
	s := merged.Parse(strings.Repeat("000022001000", 28), hours(0, 168), 30*time.Minute, merged.Exchange2003)
	b.ReportAllocs()
	for b.Loop() {
		merged.Digits{}.Append(nil, s, hours(24, 48), 30*time.Minute)
	}
}
