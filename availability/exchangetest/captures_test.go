package exchangetest_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
)

// The zones in which the captures were taken.
var (
	pacific2006 = timeZone(480, rule{0, 2, 5, 10}, rule{-60, 2, 1, 4})
	eastern     = timeZone(300, rule{0, 2, 1, 11}, rule{-60, 2, 2, 3})
)

// For the calendar a capture was taken of, the pretend server gives the same
// answer: the same elements in the same order, and the same in them, but for
// what it makes up (what nobody may read: texts, subjects, server names).
func TestCaptures(t *testing.T) {
	vectors(t)
	tests := []struct {
		file     string
		dialect  exchangetest.Dialect
		calendar func(x *exchangetest.Exchange)
		request  func(t *testing.T) string
		// part is the element from which on the answer is compared.
		part string
		// slips are slots the real server marked though no event touches them.
		slips []string
	}{
		{
			file: "S1-ms-doc-response-e2007beta.xml", dialect: exchangetest.Exchange2007SP1, part: "Envelope",
			calendar: s1Calendar,
			request:  func(t *testing.T) string { return vector(t, "S1-ms-doc-request-e2007beta.xml") },
			slips:    []string{"000002220220000000000000", "000000220220000000000000", "000000001100000000000000", "000000000100000000000000"},
		},
		{
			file: "S2-e2007rtm-unknown-user.xml", dialect: exchangetest.Exchange2007SP1, part: "Envelope",
			calendar: func(*exchangetest.Exchange) {},
			request:  func(*testing.T) string { return week("unknown.user@example.org").String() },
		},
		{
			file: "S3-e2007rtm-success-offset-times.xml", dialect: exchangetest.Exchange2007SP1, part: "Envelope",
			calendar: s3Calendar,
			request:  func(*testing.T) string { return s3Request().String() },
		},
		{
			file: "S4-e2016-15.1.1531-empty-dayofweek.xml", dialect: exchangetest.Exchange2013, part: "Envelope",
			calendar: func(x *exchangetest.Exchange) { x.SetMailbox("user@example.org") },
			request: func(*testing.T) string {
				a := week("user@example.org")
				a.zone, a.view = eastern, "Detailed"
				return a.String()
			},
		},
		{
			// Its envelope says 8.0.652 without being one of that version.
			file: "S5-invalid-smtp-address.xml", dialect: exchangetest.Exchange2010, part: "GetUserAvailabilityResponse",
			calendar: func(*exchangetest.Exchange) {},
			request:  func(*testing.T) string { return week("foobar").String() },
		},
		{
			file: "S6-no-freebusy-access-fragment.xml", dialect: exchangetest.Exchange2013, part: "FreeBusyResponse",
			calendar: func(x *exchangetest.Exchange) {
				x.SetMailbox("user@example.org")
				x.SetView("user@example.org", "None")
			},
			request: func(*testing.T) string { return week("user@example.org").String() },
		},
		{
			file: "S7-fault-serverbusy-backoff.xml", dialect: exchangetest.Exchange2007SP1, part: "Envelope",
			calendar: func(x *exchangetest.Exchange) {
				x.FailCalls(1, exchangetest.Fault{Code: "ErrorServerBusy", BackOff: 299984 * time.Millisecond})
			},
			request: func(*testing.T) string { return week("user@example.org").String() },
		},
	}
	for _, tt := range tests {
		t.Run(tt.file[:2], func(t *testing.T) {
			capture := strings.NewReplacer(tt.slips...).Replace(vector(t, tt.file))
			x := exchangetest.New(tt.dialect)
			tt.calendar(x)
			_, body := post(t, serve(t, x), tt.request(t))

			want := strings.Join(outline(mustParse(t, []byte(capture)).all(tt.part)[0], ""), "\n")
			got := strings.Join(outline(mustParse(t, body).all(tt.part)[0], ""), "\n")
			if got != want {
				t.Errorf("got\n%s\n\nwant\n%s", got, want)
			}
		})
	}
}

// Of the dialect that writes offsets of the request's zone, the times are those
// of the captures to the letter.
func TestCapturedTimes(t *testing.T) {
	tests := []struct {
		file     string
		calendar func(x *exchangetest.Exchange)
		request  func(t *testing.T) string
	}{
		{"S1-ms-doc-response-e2007beta.xml", s1Calendar, func(t *testing.T) string { return vector(t, "S1-ms-doc-request-e2007beta.xml") }},
		{"S3-e2007rtm-success-offset-times.xml", s3Calendar, func(*testing.T) string { return s3Request().String() }},
	}
	for _, tt := range tests {
		x := exchangetest.New(exchangetest.Exchange2019)
		tt.calendar(x)
		_, body := post(t, serve(t, x), tt.request(t))
		got, want := times(mustParse(t, body)), times(mustParse(t, []byte(vector(t, filepath.FromSlash(tt.file)))))
		if !slices.Equal(got, want) {
			t.Errorf("%s: times %v, want %v", tt.file, got, want)
		}
	}
}

func times(n *node) []string {
	var all []string
	for _, e := range n.all("CalendarEvent") {
		all = append(all, e.text("StartTime"), e.text("EndTime"))
	}
	return all
}

func s1Calendar(x *exchangetest.Exchange) {
	on := func(hour, minute int) time.Time {
		return time.Date(2006, 10, 16, hour, minute, 0, 0, time.FixedZone("PDT", -7*3600))
	}
	x.SetMailbox("user1@example.com",
		span(on(6, 0), on(6, 30), availability.Busy),
		span(on(7, 0), on(8, 0), availability.Busy),
		span(on(9, 40), on(10, 10), availability.Busy))
	x.SetMailbox("user2@example.com", span(on(9, 0), on(10, 0), availability.Tentative))
	x.SetView("user2@example.com", "FreeBusyMerged")
}

func s3Calendar(x *exchangetest.Exchange) {
	x.SetMailbox("user@example.org",
		span(time.Date(2012, 5, 15, 4, 0, 0, 0, time.UTC), time.Date(2012, 5, 16, 4, 0, 0, 0, time.UTC), availability.Free),
		span(time.Date(2012, 5, 16, 12, 0, 0, 0, time.UTC), time.Date(2012, 5, 16, 12, 30, 0, 0, time.UTC), availability.Busy))
	x.SetView("user@example.org", "FreeBusy")
}

func s3Request() asked {
	a := week("user@example.org")
	a.zone, a.start, a.end, a.view = eastern, "2012-05-15T09:00:00", "2012-05-17T00:00:00", "Detailed"
	return a
}

// madeUp are the elements whose text a server is free to choose.
var madeUp = map[string]bool{
	"MessageText": true, "faultstring": true, "Message": true, "ID": true, "Subject": true, "Location": true,
	"ExceptionServerName": true, "ResponseSource": true,
}

// outline lists the elements below n in order, with their namespaces, the names
// of their attributes, and their texts as far as those have to be the same.
// Offsets are left out of event times: all the captures' zones are the request's.
func outline(n *node, indent string) []string {
	attrs := make(map[string]string)
	for _, a := range n.Attrs {
		switch {
		case a.Name.Space == "xmlns" || a.Name.Local == "xmlns":
		case n.XMLName.Local == "ServerVersionInfo":
			attrs[a.Name.Local] = "…"
		default:
			attrs[a.Name.Local] = a.Value
		}
	}
	text := strings.TrimSpace(n.Data)
	switch {
	case madeUp[n.XMLName.Local]:
		text = "…"
	case n.XMLName.Local == "StartTime" || n.XMLName.Local == "EndTime":
		text = text[:len("2006-01-02T15:04:05")]
	}
	line := fmt.Sprintf("%s%s %s", indent, n.XMLName.Local, n.XMLName.Space)
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		line += fmt.Sprintf(" %s=%q", name, attrs[name])
	}
	lines := []string{line + " " + text}
	for _, c := range n.Children {
		lines = append(lines, outline(c, indent+"  ")...)
	}
	return lines
}

// What the request files of the captures cannot show: the zone of S1 gives the
// same moments.
func TestCaptureZone(t *testing.T) {
	x := exchangetest.New(exchangetest.Exchange2013)
	s1Calendar(x)
	a := week("user1@example.com")
	a.zone, a.start, a.end = pacific2006, "2006-10-16T00:00:00", "2006-10-16T23:59:59"
	answer := ask(t, serve(t, x), a)[0]
	want := []string{"2006-10-16T13:00:00Z", "2006-10-16T13:30:00Z", "2006-10-16T14:00:00Z", "2006-10-16T15:00:00Z", "2006-10-16T16:40:00Z", "2006-10-16T17:10:00Z"}
	if got := times(answer); !slices.Equal(got, want) {
		t.Errorf("times %v, want %v", got, want)
	}
	if r := x.Requests()[0]; !r.Window.Start.Equal(time.Date(2006, 10, 16, 7, 0, 0, 0, time.UTC)) {
		t.Errorf("the window starts %v", r.Window.Start)
	}
}
