package proptag_test

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/translate/proptag"
)

// months makes a list of values and hexadecimal events: "32154:a09bfa9b 32155:".
func months(t *testing.T, s string) []proptag.Month {
	t.Helper()
	var values []int32
	var events [][]byte
	for field := range strings.FieldsSeq(s) {
		value, data, _ := strings.Cut(field, ":")
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Fatal(err)
		}
		values, events = append(values, int32(n)), append(events, unhex(data))
	}
	all, err := proptag.Months(values, events)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSchedule(t *testing.T) {
	const busy, oof, tentative = availability.Busy, availability.OOF, availability.Tentative
	winter := window("2007-12-01 00:00", "2008-02-01 00:00")
	tests := []struct {
		name                          string
		w                             availability.Window
		merged, tentative, busy, away string
		want                          []availability.Span
	}{
		{"all absent", autumn, "", "", "", "", nil},
		{"present but empty", autumn, "32154: 32155:", "32154: 32155:", "32154: 32155:", "32154: 32155:", nil},
		{"one", autumn, "32154:a09bfa9b", "", "32154:a09bfa9b", "", []availability.Span{span("2009-10-28 16:00", "2009-10-28 17:30", busy)}},
		{"only in merged", autumn, "32154:a09bfa9b", "", "", "", []availability.Span{span("2009-10-28 16:00", "2009-10-28 17:30", busy)}},
		{"not in merged", autumn, "32154:", "", "32154:a09bfa9b", "", []availability.Span{span("2009-10-28 16:00", "2009-10-28 17:30", busy)}},
		{"tentative in merged", autumn, "32154:3c00b400", "32154:3c007800", "32154:7800b400", "", []availability.Span{
			span("2009-10-01 01:00", "2009-10-01 02:00", tentative), span("2009-10-01 02:00", "2009-10-01 03:00", busy),
		}},
		{"away over busy over tentative", autumn, "", "32154:0000b400", "32154:3c00b400", "32154:7800b400", []availability.Span{
			span("2009-10-01 00:00", "2009-10-01 01:00", tentative), span("2009-10-01 01:00", "2009-10-01 02:00", busy), span("2009-10-01 02:00", "2009-10-01 03:00", oof),
		}},
		{"up to 23:59 of the last day", autumn, "", "", "32154:e8ad5fae 32155:00007800", "", []availability.Span{span("2009-10-31 22:00", "2009-11-01 02:00", busy)}},
		{"past the end of the month", autumn, "", "", "32154:e8add8ae", "", []availability.Span{span("2009-10-31 22:00", "2009-11-01 02:00", busy)}},
		{"months that do not exist", winter, "32124: 32125: 32126: 32127: 32128: 32129:", "", "32124: 32125: 32126: 32127: 32128: 32129:00003c00", "", []availability.Span{span("2008-01-01 00:00", "2008-01-01 01:00", busy)}},
		{"any order", autumn, "", "", "32155:00003c00 32154:7800b400 32154:00003c00", "", []availability.Span{
			span("2009-10-01 00:00", "2009-10-01 01:00", busy), span("2009-10-01 02:00", "2009-10-01 03:00", busy), span("2009-11-01 00:00", "2009-11-01 01:00", busy),
		}},
		{"blocks in any order, overlapping and empty", autumn, "", "", "32154:7800b4003c00790000000000", "", []availability.Span{span("2009-10-01 01:00", "2009-10-01 03:00", busy)}},
		{"outside the range", window("2009-10-01 08:00", "2009-11-01 07:00"), "", "", "32154:00004002 32153:00003c00", "", []availability.Span{span("2009-10-01 08:00", "2009-10-01 09:36", busy)}},
	}
	for _, test := range tests {
		r := proptag.Record{
			Range: test.w, Merged: months(t, test.merged), Tentative: months(t, test.tentative),
			Busy: months(t, test.busy), Away: months(t, test.away),
		}
		got, err := r.Schedule()
		want := availability.NewSchedule(test.w, 0, test.want)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v\n%v is expected", test.name, got, err, want)
		}
	}
}

func TestScheduleRefuses(t *testing.T) {
	busy := func(s string) proptag.Record { return proptag.Record{Range: autumn, Busy: months(t, s)} }
	tests := []struct {
		name string
		r    proptag.Record
		says string
	}{
		{"no range", proptag.Record{}, "publish range"},
		{"backward range", proptag.Record{Range: availability.Window{Start: autumn.End, End: autumn.Start}}, "publish range"},
		{"a range of centuries", proptag.Record{Range: window("1601-01-01 00:00", "2601-01-01 00:00")}, "publish range"},
		{"three bytes", busy("32154:a09bfa"), "month 32154: 3 bytes"},
		{"half a block", busy("32154:a09bfa9ba09b"), "6 bytes"},
		{"backward", busy("32154:fa9ba09b"), "before its start"},
		{"an appointment in a month that does not exist", busy("32125:00003c00"), "none of that number"},
		{"the year 0", busy("1:00003c00"), "none of that number"},
		{"too many months", proptag.Record{Range: autumn, Away: make([]proptag.Month, 49)}, "(away): 49 months"},
		{"too many blocks", proptag.Record{Range: autumn, Busy: []proptag.Month{{Year: 2009, Month: 10, Events: make([]byte, 4<<16+4)}}}, "65536 blocks"},
	}
	for _, test := range tests {
		if got, err := test.r.Schedule(); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, %v", test.name, got, err)
		}
	}
}

// The reply of a real Exchange, cut open without this project's reader of XML.
func TestCapture(t *testing.T) {
	reply := at.Vector(t, "dav/gcc_FreeBusyPublicFolderResponse.xml")
	values := func(tag string) []string {
		element := regexp.MustCompile(`<e:` + tag + `[^>]*>(.*?)</e:` + tag + `>`).FindSubmatch(reply)
		if element == nil {
			t.Fatalf("no %s", tag)
		}
		var all []string
		for _, v := range regexp.MustCompile(`<c:v>(.*?)</c:v>|<c:v/>`).FindAllSubmatch(element[1], -1) {
			all = append(all, string(v[1]))
		}
		if all == nil {
			all = []string{string(element[1])}
		}
		return all
	}
	numbers := func(tag string) []int32 {
		var all []int32
		for _, v := range values(tag) {
			n, err := strconv.ParseInt(v, 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, int32(n))
		}
		return all
	}
	list := func(months, events string) []proptag.Month {
		var all [][]byte
		for _, v := range values(events) {
			data, err := base64.StdEncoding.DecodeString(v)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, data)
		}
		joined, err := proptag.Months(numbers(months), all)
		if err != nil {
			t.Fatal(err)
		}
		return joined
	}
	r := proptag.Record{
		Range:     availability.Window{Start: proptag.FromMinutes(numbers("x68470003")[0]), End: proptag.FromMinutes(numbers("x68480003")[0])},
		Merged:    list("x684f1003", "x68501102"),
		Tentative: list("x68511003", "x68521102"),
		Busy:      list("x68531003", "x68541102"),
		Away:      list("x68551003", "x68561102"),
	}
	got, err := r.Schedule()
	if err != nil {
		t.Fatal(err)
	}
	busy := func(start, end string) availability.Span { return span(start, end, availability.Busy) }
	want := availability.NewSchedule(window("2007-12-01 08:00", "2008-03-01 08:00"), 0, []availability.Span{
		busy("2007-12-11 20:30", "2007-12-11 21:00"), busy("2007-12-11 22:30", "2007-12-11 23:00"), busy("2007-12-12 17:30", "2007-12-12 18:00"),
		busy("2007-12-13 19:30", "2007-12-13 20:00"), busy("2007-12-16 19:00", "2007-12-16 19:30"), busy("2007-12-18 19:30", "2007-12-18 20:00"),
		busy("2007-12-18 22:30", "2007-12-19 00:30"), busy("2007-12-26 18:00", "2007-12-26 18:30"), busy("2007-12-26 20:30", "2007-12-26 21:00"),
		busy("2007-12-31 17:30", "2007-12-31 18:00"), busy("2007-12-31 21:00", "2007-12-31 21:30"),
		busy("2008-01-02 17:30", "2008-01-02 18:00"), busy("2008-01-02 21:00", "2008-01-03 00:00"),
	})
	if !got.Equal(want) {
		t.Fatalf("%v\n%v is expected", got, want)
	}

	// And back, byte for byte: in whole months, which are known to be free here.
	whole := window("2007-12-01 00:00", "2008-03-01 00:00")
	back, err := proptag.Encode(availability.NewSchedule(whole, 0, got.Spans), whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2][]proptag.Month{{back.Merged, r.Merged}, {back.Tentative, r.Tentative}, {back.Busy, r.Busy}, {back.Away, r.Away}} {
		if hexes(pair[0]) != hexes(pair[1]) {
			t.Errorf("written as %s, Exchange has %s", hexes(pair[0]), hexes(pair[1]))
		}
	}
}

// Whatever is published, no minute that a list names is free, and nothing outside the
// range is known.
func FuzzSchedule(f *testing.F) {
	f.Add(int32(214980480), int32(215025120), int32(32154), []byte{0xa0, 0x9b, 0xfa, 0x9b}, int32(32155), []byte{0, 0, 0x78, 0})
	f.Add(int32(0), int32(-1), int32(32125), []byte{}, int32(-1), []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, start, end, first int32, busy []byte, second int32, away []byte) {
		one, err := proptag.Months([]int32{first, second}, [][]byte{busy, away})
		if err != nil {
			t.Fatal(err)
		}
		r := proptag.Record{Range: availability.Window{Start: proptag.FromMinutes(start), End: proptag.FromMinutes(end)}, Busy: one[:1], Away: one[1:]}
		s, err := r.Schedule()
		if err != nil {
			return
		}
		at.CheckCanonical(t, s)
		if !s.Known.Equal(r.Range) || !s.Covers(r.Range) {
			t.Fatalf("%v is known of %v", s.Known, r.Range)
		}
		whole := proptag.KnownMonths(s, s.Known)
		if whole.Empty() || whole.Start.Year() < 1601 {
			return
		}
		again, err := proptag.Encode(s, whole)
		if err != nil {
			if whole.Start.AddDate(0, 36, 0).Before(whole.End) || whole.End.Year() > 4500 {
				return
			}
			t.Fatal(err)
		}
		back, err := again.Schedule()
		if err != nil || !back.Clip(whole).Equal(s.Clip(whole)) && !endsOneMinuteEarly(again) {
			t.Fatalf("%v came back as %v, %v", s, back, err)
		}
	})
}

// endsOneMinuteEarly reports whether something ends at 23:59 of the last day of a month,
// which is read as its end.
func endsOneMinuteEarly(r proptag.Record) bool {
	for _, list := range [][]proptag.Month{r.Merged, r.Tentative, r.Busy, r.Away} {
		for _, m := range list {
			for _, last := range [][]byte{{0x5f, 0xae}, {0xbf, 0xa8}, {0x7f, 0x9d}, {0x1f, 0xa3}} {
				if bytes.HasSuffix(m.Events, last) {
					return true
				}
			}
		}
	}
	return false
}
