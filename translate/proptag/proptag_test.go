package proptag_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/translate/proptag"

	"pgregory.net/rapid"
)

func utc(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

func window(start, end string) availability.Window {
	return availability.Window{Start: utc(start), End: utc(end)}
}

func span(start, end string, status availability.Status) availability.Span {
	return availability.Span{Window: window(start, end), Status: status}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// hexes draws a list as month values and bytes.
func hexes(months []proptag.Month) string {
	var b strings.Builder
	for i, m := range months {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(time.Date(m.Year, m.Month, 1, 0, 0, 0, 0, time.UTC).Format("2006-01:"))
		b.WriteString(hex.EncodeToString(m.Events))
	}
	return b.String()
}

var autumn = window("2009-10-01 00:00", "2009-12-01 00:00")

func TestEncode(t *testing.T) {
	const busy, oof, tentative, elsewhere = availability.Busy, availability.OOF, availability.Tentative, availability.WorkingElsewhere
	tests := []struct {
		name                          string
		w                             availability.Window
		spans                         []availability.Span
		merged, tentative, busy, away string
	}{
		{
			"nothing", autumn, nil,
			"2009-10: 2009-11:", "2009-10: 2009-11:", "2009-10: 2009-11:", "2009-10: 2009-11:",
		}, { // the example of [MS-OXOPFFB] 4.4: noon to 1 PM of 2 February, PST
			"one hour", window("2008-02-01 00:00", "2008-03-01 00:00"),
			[]availability.Span{span("2008-02-02 20:00", "2008-02-02 21:00", busy)},
			"2008-02:500a8c0a", "2008-02:", "2008-02:500a8c0a", "2008-02:",
		}, {
			"two in a month", autumn,
			[]availability.Span{span("2009-10-28 16:00", "2009-10-28 17:30", busy), span("2009-10-29 09:00", "2009-10-29 10:00", busy)},
			"2009-10:a09bfa9b9c9fd89f 2009-11:", "2009-10: 2009-11:", "2009-10:a09bfa9b9c9fd89f 2009-11:", "2009-10: 2009-11:",
		}, {
			"a whole month", autumn,
			[]availability.Span{span("2009-10-01 00:00", "2009-11-01 00:00", oof)},
			"2009-10:000060ae 2009-11:", "2009-10: 2009-11:", "2009-10: 2009-11:", "2009-10:000060ae 2009-11:",
		}, {
			"split at the end of a month", autumn,
			[]availability.Span{span("2009-10-31 22:00", "2009-11-01 02:00", tentative)},
			"2009-10: 2009-11:", "2009-10:e8ad60ae 2009-11:00007800", "2009-10: 2009-11:", "2009-10: 2009-11:",
		}, {
			"busy and away touch in merged", autumn,
			[]availability.Span{span("2009-10-01 01:00", "2009-10-01 02:00", busy), span("2009-10-01 02:00", "2009-10-01 03:00", oof)},
			"2009-10:3c00b400 2009-11:", "2009-10: 2009-11:", "2009-10:3c007800 2009-11:", "2009-10:7800b400 2009-11:",
		}, {
			"over the year, and cut at both ends", window("2009-12-01 00:00", "2010-02-01 00:00"),
			[]availability.Span{span("2009-11-30 23:00", "2009-12-01 01:00", busy), span("2010-01-31 23:00", "2010-02-01 01:00", busy)},
			"2009-12:00003c00 2010-01:24ae60ae", "2009-12: 2010-01:", "2009-12:00003c00 2010-01:24ae60ae", "2009-12: 2010-01:",
		}, {
			"over three months", window("2010-01-01 00:00", "2010-04-01 00:00"),
			[]availability.Span{span("2010-01-31 00:00", "2010-03-02 00:00", busy)},
			"2010-01:c0a860ae 2010-02:0000809d 2010-03:0000a005", "2010-01: 2010-02: 2010-03:",
			"2010-01:c0a860ae 2010-02:0000809d 2010-03:0000a005", "2010-01: 2010-02: 2010-03:",
		}, {
			"working elsewhere", autumn,
			[]availability.Span{span("2009-10-01 01:00", "2009-10-01 02:00", elsewhere)},
			"2009-10: 2009-11:", "2009-10: 2009-11:", "2009-10: 2009-11:", "2009-10: 2009-11:",
		}, {
			"seconds widen", autumn,
			[]availability.Span{{Window: availability.Window{Start: utc("2009-10-01 01:00").Add(59 * time.Second), End: utc("2009-10-01 01:59").Add(time.Second)}, Status: busy}},
			"2009-10:3c007800 2009-11:", "2009-10: 2009-11:", "2009-10:3c007800 2009-11:", "2009-10: 2009-11:",
		},
	}
	for _, test := range tests {
		known := availability.Window{Start: test.w.Start.Add(-24 * time.Hour), End: test.w.End.Add(24 * time.Hour)}
		r, err := proptag.Encode(availability.NewSchedule(known, 0, test.spans), test.w)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got := []string{hexes(r.Merged), hexes(r.Tentative), hexes(r.Busy), hexes(r.Away)}
		if want := []string{test.merged, test.tentative, test.busy, test.away}; !slices.Equal(got, want) || !r.Range.Equal(test.w) {
			t.Errorf("%s:\n%q\n%q are expected", test.name, got, want)
		}
	}
}

func TestWorkingElsewhere(t *testing.T) {
	s := availability.NewSchedule(autumn, 0, []availability.Span{span("2009-10-01 01:00", "2009-10-01 02:00", availability.WorkingElsewhere)})
	r, err := proptag.Encoder{WorkingElsewhere: availability.Tentative}.Encode(s, autumn)
	if err != nil || hexes(r.Tentative) != "2009-10:3c007800 2009-11:" || hexes(r.Merged) != "2009-10: 2009-11:" {
		t.Errorf("%+v, %v", r, err)
	}
}

// What is not known cannot be said, so it must not be left out.
func TestEncodeRefuses(t *testing.T) {
	gap := span("2009-10-05 00:00", "2009-10-06 00:00", availability.NoData)
	tests := []struct {
		name string
		s    availability.Schedule
		w    availability.Window
		says string
	}{
		{"nothing known", availability.Schedule{}, autumn, "known"},
		{"the last minute unknown", availability.NewSchedule(window("2009-10-01 00:00", "2009-11-30 23:59"), 0, nil), autumn, "known"},
		{"a gap", availability.NewSchedule(autumn, 0, []availability.Span{gap}), autumn, "known"},
		{"an empty window", availability.NewSchedule(autumn, 0, nil), availability.Window{}, "whole months"},
		{"part of a month", availability.NewSchedule(autumn, 0, nil), window("2009-10-01 00:00", "2009-11-02 00:00"), "whole months"},
		{"too many months", availability.NewSchedule(window("2009-01-01 00:00", "2012-02-01 00:00"), 0, nil), window("2009-01-01 00:00", "2012-02-01 00:00"), "36"},
		{"no such year", availability.NewSchedule(window("4500-12-01 00:00", "4501-01-01 00:00"), 0, nil), window("4500-12-01 00:00", "4501-01-01 00:00"), "year"},
	}
	for _, test := range tests {
		if r, err := proptag.Encode(test.s, test.w); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %+v, %v", test.name, r, err)
		}
	}
}

func TestKnownMonths(t *testing.T) {
	known := func(start, end string, gaps ...availability.Span) availability.Schedule {
		return availability.NewSchedule(window(start, end), 0, gaps)
	}
	asked := window("2009-10-01 00:00", "2010-02-01 00:00")
	tests := []struct {
		name string
		s    availability.Schedule
		want availability.Window
	}{
		{"all", known("2009-09-01 00:00", "2010-03-01 00:00"), asked},
		{"nothing", availability.Schedule{}, availability.Window{}},
		{"parts of two months", known("2009-10-02 00:00", "2009-11-30 00:00"), availability.Window{}},
		{"the end is missing", known("2009-10-01 00:00", "2010-01-31 23:59"), window("2009-10-01 00:00", "2010-01-01 00:00")},
		{
			"a gap: the longer run", known("2009-10-01 00:00", "2010-02-01 00:00", span("2009-11-03 00:00", "2009-11-03 00:01", availability.NoData)),
			window("2009-12-01 00:00", "2010-02-01 00:00"),
		},
	}
	for _, test := range tests {
		if got := proptag.KnownMonths(test.s, asked); !got.Equal(test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for value, m := range map[int32]proptag.Month{
		32124: {Year: 2007, Month: 12}, 32129: {Year: 2008, Month: 1}, 32130: {Year: 2008, Month: 2},
		32154: {Year: 2009, Month: 10}, 32156: {Year: 2009, Month: 12}, 32161: {Year: 2010, Month: 1},
	} {
		if m.Value() != value {
			t.Errorf("%d-%d is %d, want %d", m.Year, m.Month, m.Value(), value)
		}
		got, err := proptag.Months([]int32{value}, [][]byte{nil})
		if err != nil || got[0].Year != m.Year || got[0].Month != m.Month {
			t.Errorf("%d is %+v, %v", value, got, err)
		}
	}
	for minutes, when := range map[int32]string{
		0: "1601-01-01 00:00", -1: "1600-12-31 23:59", 214980480: "2009-10-01 00:00", 215112960: "2010-01-01 00:00",
		214016160: "2007-12-01 08:00", 214147200: "2008-03-01 08:00",
	} {
		if got := proptag.Minutes(utc(when).Add(59 * time.Second)); got != minutes {
			t.Errorf("%s is minute %d, want %d", when, got, minutes)
		}
		if got := proptag.FromMinutes(minutes); !got.Equal(utc(when)) {
			t.Errorf("minute %d is %v, want %s", minutes, got, when)
		}
	}
	if got := proptag.Minutes(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)); got != 1<<31-1 {
		t.Errorf("the year 9999 is minute %d", got)
	}
}

func TestMonthsHaveToMatch(t *testing.T) {
	if _, err := proptag.Months([]int32{32124, 32129}, [][]byte{nil}); err == nil {
		t.Error("two months have the appointments of one")
	}
	if _, err := proptag.Months(make([]int32, 49), make([][]byte, 49)); err == nil {
		t.Error("49 months are taken")
	}
	if months, err := proptag.Months(nil, nil); months != nil || err != nil {
		t.Errorf("absent properties are %v, %v", months, err)
	}
}

func TestRoundTrip(t *testing.T) {
	w := availability.Window{Start: at.Epoch.AddDate(0, -1, -18), End: at.Epoch.AddDate(0, 1, -18)} // September and October
	rapid.Check(t, func(t *rapid.T) {
		s := availability.NewSchedule(w, 0, at.Spans().Draw(t, "spans"))
		shift := time.Duration(rapid.IntRange(-19, 10).Draw(t, "days")) * 24 * time.Hour
		for i := range s.Spans {
			s.Spans[i].Start, s.Spans[i].End = s.Spans[i].Start.Add(shift), s.Spans[i].End.Add(shift)
		}
		s = availability.NewSchedule(w, 0, s.Spans)
		r, err := proptag.Encode(s, w)
		if !s.Covers(w) {
			if err == nil {
				t.Fatalf("%v has a gap and became %+v", s, r)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Schedule()
		if err != nil {
			t.Fatal(err)
		}
		at.CheckCanonical(t, got)
		for moment := w.Start; moment.Before(w.End); moment = moment.Add(5 * time.Minute) {
			want := s.At(moment)
			if want == availability.WorkingElsewhere {
				want = availability.Free
			}
			if got.At(moment) != want {
				t.Fatalf("at %v: %v, want %v", moment, got.At(moment), want)
			}
		}
	})
}
