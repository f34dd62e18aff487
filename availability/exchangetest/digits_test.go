package exchangetest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
)

// Merged digits: ceil(window/interval) of them, the highest number where several
// apply, in the numbering of the server.
func TestDigits(t *testing.T) {
	busy := span(at(9, 0), at(10, 0), availability.Busy)
	tests := []struct {
		name       string
		calendar   []availability.Span
		start, end string // on the 16th
		interval   string
		old, new   string // until Exchange 2010, and since
	}{
		{"free", nil, "08:00:00", "12:00:00", "60", "0000", "0000"},
		{"on the boundary", []availability.Span{busy}, "08:00:00", "12:00:00", "60", "0200", "0200"},
		{"half a slot", []availability.Span{busy}, "08:30:00", "11:30:00", "60", "220", "220"},
		{"a minute of a slot", []availability.Span{span(at(9, 59), at(10, 1), availability.Tentative)}, "09:00:00", "11:00:00", "30", "0110", "0110"},
		{"the last slot is cut", []availability.Span{busy}, "08:00:00", "09:10:00", "30", "002", "002"},
		{"a second short", nil, "00:00:00", "23:59:59", "60", strings.Repeat("0", 24), strings.Repeat("0", 24)},
		{"interval longer than the window", []availability.Span{busy}, "08:00:00", "12:00:00", "1440", "2", "2"},
		{"30 minutes by default", []availability.Span{busy}, "09:00:00", "11:00:00", "", "2200", "2200"},
		{"longer than the window", []availability.Span{span(at(0, 0), at(24, 0), availability.OOF)}, "08:00:00", "10:00:00", "30", "3333", "3333"},
		{"up to the window", []availability.Span{busy}, "10:00:00", "11:00:00", "30", "00", "00"},
		{"after the window", []availability.Span{busy}, "08:00:00", "09:00:00", "30", "00", "00"},
		{"no length", []availability.Span{span(at(9, 0), at(9, 0), availability.Busy)}, "08:00:00", "10:00:00", "30", "0000", "0000"},
		{"free appointment", []availability.Span{span(at(9, 0), at(10, 0), availability.Free)}, "09:00:00", "10:00:00", "30", "00", "00"},
		{"overlapping", []availability.Span{busy, span(at(9, 30), at(10, 30), availability.Tentative), span(at(9, 0), at(9, 15), availability.OOF)},
			"09:00:00", "10:30:00", "15", "322211", "322211"},
		{"working elsewhere", []availability.Span{span(at(9, 0), at(10, 0), availability.WorkingElsewhere)}, "09:00:00", "10:30:00", "30", "000", "440"},
		{"working elsewhere outranks out of office", []availability.Span{span(at(9, 0), at(10, 0), availability.WorkingElsewhere), span(at(9, 0), at(9, 30), availability.OOF)},
			"09:00:00", "10:00:00", "30", "30", "44"},
		{"no data outranks all", []availability.Span{busy, span(at(9, 0), at(9, 30), availability.NoData)}, "09:00:00", "10:00:00", "30", "42", "52"},
	}
	for _, d := range exchangetest.Dialects() {
		x := exchangetest.New(d)
		url := serve(t, x)
		for _, tt := range tests {
			x.SetMailbox("mary@contoso.com", tt.calendar...)
			a := week("mary@contoso.com")
			a.start, a.end, a.interval, a.view = "2026-10-16T"+tt.start, "2026-10-16T"+tt.end, tt.interval, "MergedOnly"
			want := tt.new
			if d <= exchangetest.Exchange2010 {
				want = tt.old
			}
			if got := ask(t, url, a)[0].text("MergedFreeBusy"); got != want {
				t.Errorf("%v, %s: digits %s, want %s", d, tt.name, got, want)
			}
		}
	}
}

// Of a mailbox in a public folder only digits are known, and only of the time
// published.
func TestPublished(t *testing.T) {
	published := availability.Window{Start: at(8, 0), End: at(10, 0)}
	tests := []struct{ start, end, old, new string }{
		{"07:00:00", "11:00:00", "44002244", "55002255"},
		{"08:00:00", "10:00:00", "0022", "0022"},
		{"07:45:00", "08:45:00", "40", "50"}, // a slot of which a part is known
		{"05:00:00", "07:00:00", "4444", "5555"},
		{"12:00:00", "14:00:00", "4444", "5555"},
	}
	for _, d := range exchangetest.Dialects() {
		x := exchangetest.New(d)
		x.SetMailbox("old@contoso.com", span(at(9, 0), at(10, 0), availability.Busy), span(at(12, 0), at(13, 0), availability.Busy))
		x.SetPublished("old@contoso.com", published)
		url := serve(t, x)
		for _, tt := range tests {
			a := week("old@contoso.com")
			a.start, a.end, a.view = "2026-10-16T"+tt.start, "2026-10-16T"+tt.end, "Detailed"
			want := tt.new
			if d <= exchangetest.Exchange2010 {
				want = tt.old
			}
			r := ask(t, url, a)[0]
			if got := r.text("MergedFreeBusy"); got != want || r.text("FreeBusyViewType") != "MergedOnly" || len(r.all("CalendarEvent")) > 0 {
				t.Errorf("%v, from %s: digits %s, want %s; view %s", d, tt.start, got, want, r.text("FreeBusyViewType"))
			}
		}
	}
}

// What was asked for and what may be seen decide what is shown.
func TestViews(t *testing.T) {
	tests := []struct{ asked, most, shown string }{
		{"", "DetailedMerged", "MergedOnly"},
		{"MergedOnly", "DetailedMerged", "MergedOnly"},
		{"FreeBusy", "DetailedMerged", "FreeBusy"},
		{"FreeBusyMerged", "Detailed", "FreeBusyMerged"},
		{"Detailed", "Detailed", "Detailed"},
		{"DetailedMerged", "Detailed", "DetailedMerged"},
		{"MergedOnly Detailed", "DetailedMerged", "DetailedMerged"},
		{"MergedOnly FreeBusy", "DetailedMerged", "FreeBusyMerged"},
		{"DetailedMerged", "FreeBusy", "FreeBusyMerged"},
		{"Detailed", "FreeBusyMerged", "FreeBusy"},
		{"DetailedMerged", "MergedOnly", "MergedOnly"},
		{"Detailed", "MergedOnly", "MergedOnly"},
		{"FreeBusy", "MergedOnly", "MergedOnly"},
		{"DetailedMerged", "None", "None"},
	}
	x := exchangetest.New(exchangetest.Exchange2013)
	x.SetMailbox("mary@contoso.com", span(at(9, 0), at(10, 0), availability.Busy))
	url := serve(t, x)
	for _, tt := range tests {
		x.SetView("mary@contoso.com", tt.most)
		a := week("mary@contoso.com")
		a.view = tt.asked
		_, body := post(t, url, a.String())
		r := mustParse(t, body)
		if got := r.text("FreeBusyViewType"); got != tt.shown {
			t.Errorf("asked %q, allowed %s: shown %s, want %s", tt.asked, tt.most, got, tt.shown)
		}
		for element, expected := range map[string]bool{
			"MergedFreeBusy":       strings.Contains(tt.shown, "Merged"),
			"CalendarEvent":        strings.HasPrefix(tt.shown, "FreeBusy") || strings.HasPrefix(tt.shown, "Detailed"),
			"CalendarEventDetails": strings.HasPrefix(tt.shown, "Detailed"),
		} {
			if got := len(r.all(element)) > 0; got != expected {
				t.Errorf("shown %s: %s is %t", tt.shown, element, got)
			}
		}
		if told := strings.Contains(string(body), exchangetest.Confidential); told != strings.HasPrefix(tt.shown, "Detailed") {
			t.Errorf("shown %s: subjects told: %t", tt.shown, told)
		}
	}
}

// A server without merged digits sends events whatever was asked, and no view
// with an error.
func TestNoMergedFreeBusy(t *testing.T) {
	x := village(exchangetest.Exchange2013)
	x.NoMergedFreeBusy = true
	url := serve(t, x)
	for _, view := range []string{"MergedOnly", "FreeBusyMerged", "DetailedMerged"} {
		a := week("busy@contoso.com", "shy@contoso.com", "old@contoso.com", "nobody@contoso.com")
		a.view = view
		var shown []string
		for _, r := range ask(t, url, a) {
			shown = append(shown, r.text("FreeBusyViewType"))
			if len(r.all("MergedFreeBusy")) > 0 {
				t.Errorf("asked %s: digits", view)
			}
		}
		if want := []string{"Detailed", "FreeBusy", "Detailed", ""}; !slices.Equal(shown, want) {
			t.Errorf("asked %s: %v, want %v", view, shown, want)
		}
	}
	old := ask(t, url, week("old@contoso.com"))[0]
	var types []string
	for _, e := range old.all("BusyType") {
		types = append(types, e.Data)
	}
	if want := []string{"NoData", "Busy", "NoData"}; !slices.Equal(types, want) {
		t.Errorf("a mailbox published in part has events %v, want %v", types, want)
	}
}

// Events come whole, by start, in the time form of the server.
func TestEvents(t *testing.T) {
	calendar := []availability.Span{
		span(at(20, 0), at(30, 0), availability.OOF), // ends after the window
		span(at(9, 0), at(9, 0), availability.Busy),
		span(at(-1, 0), at(1, 0), availability.Free), // starts before it
		span(at(12, 0), at(13, 0), availability.WorkingElsewhere),
		span(at(24, 0), at(25, 0), availability.Busy), // starts when it ends
	}
	tests := []struct {
		dialect exchangetest.Dialect
		zone    string
		want    []string
	}{
		{exchangetest.Exchange2007SP1, utc, []string{
			"2026-10-15T23:00:00 2026-10-16T01:00:00 Free", "2026-10-16T09:00:00 2026-10-16T09:00:00 Busy",
			"2026-10-16T12:00:00 2026-10-16T13:00:00 Free", "2026-10-16T20:00:00 2026-10-17T06:00:00 OOF"}},
		{exchangetest.Exchange2010, berlin, []string{
			"2026-10-15T18:00:00-05:00 2026-10-15T20:00:00-05:00 Free", "2026-10-16T04:00:00-05:00 2026-10-16T04:00:00-05:00 Busy",
			"2026-10-16T07:00:00-05:00 2026-10-16T08:00:00-05:00 Free", "2026-10-16T15:00:00-05:00 2026-10-17T01:00:00-05:00 OOF"}},
		{exchangetest.Exchange2013, "", []string{
			"2026-10-15T23:00:00Z 2026-10-16T01:00:00Z Free", "2026-10-16T09:00:00Z 2026-10-16T09:00:00Z Busy",
			"2026-10-16T12:00:00Z 2026-10-16T13:00:00Z WorkingElsewhere", "2026-10-16T20:00:00Z 2026-10-17T06:00:00Z OOF"}},
		{exchangetest.Exchange2019, utc, []string{
			"2026-10-15T23:00:00+00:00 2026-10-16T01:00:00+00:00 Free", "2026-10-16T09:00:00+00:00 2026-10-16T09:00:00+00:00 Busy",
			"2026-10-16T12:00:00+00:00 2026-10-16T13:00:00+00:00 WorkingElsewhere", "2026-10-16T20:00:00+00:00 2026-10-17T06:00:00+00:00 OOF"}},
	}
	for _, tt := range tests {
		x := exchangetest.New(tt.dialect)
		x.SetMailbox("mary@contoso.com", calendar...)
		a := week("mary@contoso.com")
		a.zone, a.start, a.end = tt.zone, "2026-10-16T00:00:00Z", "2026-10-17T00:00:00Z"
		var got []string
		for _, e := range ask(t, serve(t, x), a)[0].all("CalendarEvent") {
			got = append(got, e.text("StartTime")+" "+e.text("EndTime")+" "+e.text("BusyType"))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.dialect, got, tt.want)
		}
	}
}

var berlin = timeZone(-60, rule{0, 3, 5, 10}, rule{-60, 2, 5, 3})

// The clocks of a request's zone are those of the real zone.
func TestZone(t *testing.T) {
	tests := []struct{ name, zone, start, end string }{
		{"Europe/Berlin", berlin, "2026-01-01T00:00:00", "2026-07-01T00:00:00"},
		{"Europe/Berlin", berlin, "2026-07-01T00:00:00", "2026-12-31T00:00:00"},
		{"America/New_York", eastern, "2026-01-01T00:00:00", "2026-12-31T00:00:00"},
		// Of 2026, the same days otherwise said.
		{"America/New_York", strings.NewReplacer(
			"<t:DayOrder>1</t:DayOrder><t:Month>11</t:Month><t:DayOfWeek>Sunday", "<t:DayOrder>1</t:DayOrder><t:Month>11</t:Month><t:DayOfWeek>Day",
			"<t:DayOrder>2</t:DayOrder><t:Month>3</t:Month><t:DayOfWeek>Sunday", "<t:DayOrder>3</t:DayOrder><t:Month>3</t:Month><t:DayOfWeek>WeekendDay",
		).Replace(eastern), "2026-01-01T00:00:00", "2026-12-30T00:00:00"},
		{"America/Phoenix", timeZone(420, rule{0, 2, 1, 11}, rule{0, 2, 1, 3}), "2026-01-01T00:00:00", "2026-07-01T00:00:00"},
		{"Australia/Sydney", timeZone(-600, rule{0, 3, 1, 4}, rule{-60, 2, 1, 10}), "2026-03-01T00:00:00", "2026-12-31T00:00:00"},
	}
	var calendar []availability.Span
	for noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC); noon.Year() == 2026; noon = noon.AddDate(0, 0, 7) {
		calendar = append(calendar, span(noon, noon.Add(time.Hour), availability.Busy))
	}
	for _, tt := range tests {
		location, err := time.LoadLocation(tt.name)
		if err != nil {
			t.Skipf("SKIPPED, time zone database missing: %v", err)
		}
		x := exchangetest.New(exchangetest.Exchange2007SP1)
		x.MaxWindow = 400 * 24 * time.Hour
		x.SetMailbox("mary@contoso.com", calendar...)
		a := week("mary@contoso.com")
		a.zone, a.start, a.end, a.view = tt.zone, tt.start, tt.end, "FreeBusy"
		events := ask(t, serve(t, x), a)[0].all("CalendarEvent")
		if len(events) < 25 {
			t.Fatalf("%s: %d events", tt.name, len(events))
		}
		const local = "2006-01-02T15:04:05"
		for _, e := range events {
			start, err := time.ParseInLocation(local, e.text("StartTime"), location)
			if err != nil || start.UTC().Hour() != 12 {
				t.Errorf("%s: an event starts %s: %v %v", tt.name, e.text("StartTime"), start.UTC(), err)
			}
		}
		window := x.Requests()[0].Window
		if start, end := window.Start.In(location).Format(local), window.End.In(location).Format(local); start != a.start || end != a.end {
			t.Errorf("%s: %s to %s was read as %s to %s", tt.name, a.start, a.end, start, end)
		}
	}
}
