package ews_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/ews"
	"fbgate/availability/exchangetest"
	wire "fbgate/translate/ews"
)

const hour = time.Hour

func span(from, to time.Duration, status availability.Status) availability.Span {
	return availability.Span{Window: availability.Window{Start: at.Epoch.Add(from), End: at.Epoch.Add(to)}, Status: status}
}

func window(from, to time.Duration) availability.Window { return span(from, to, 0).Window }

// exchange starts a pretend Exchange with three mailboxes and returns a Source
// that asks it.
func exchange(t testing.TB, d exchangetest.Dialect, change func(*ews.Config)) (*exchangetest.Exchange, *ews.Source) {
	t.Helper()
	x := exchangetest.New(d)
	x.SetMailbox("mary@fabrikam.com", span(9*hour, 10*hour, availability.Busy), span(30*hour, 32*hour, availability.Tentative))
	x.SetMailbox("joe@fabrikam.com", span(-48*hour, 8*hour, availability.OOF), span(9*hour+20*time.Minute, 9*hour+50*time.Minute, availability.Busy))
	x.SetMailbox("ann@fabrikam.com")
	url, stop, err := x.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	c := ews.Config{Organization: "fabrikam", URL: url, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&c)
	}
	return x, ews.New(c)
}

var mailboxes = []availability.Mailbox{"mary@fabrikam.com", "joe@fabrikam.com", "ann@fabrikam.com"}

func lookup(s availability.Source, w availability.Window, mailboxes ...availability.Mailbox) []availability.Answer {
	return s.Lookup(context.Background(), availability.Query{RequestID: "r1", Mailboxes: mailboxes, Window: w, Interval: 30 * time.Minute})
}

func TestConformance(t *testing.T) {
	for _, d := range exchangetest.Dialects() {
		t.Run(d.String(), func(t *testing.T) {
			_, s := exchange(t, d, nil)
			at.TestSource(t, at.Sample{Source: s, Known: mailboxes, Unknown: "nobody@fabrikam.com", Window: window(0, 24*hour)})
		})
	}
}

// Every dialect, every view: the same people do the same things.
func TestDialects(t *testing.T) {
	for _, d := range exchangetest.Dialects() {
		for _, view := range []wire.View{wire.MergedOnly, wire.FreeBusyMerged, wire.DetailedMerged} {
			for _, noMerged := range []bool{false, true} {
				x, s := exchange(t, d, func(c *ews.Config) { c.View, c.Interval = view, 5*time.Minute })
				x.NoMergedFreeBusy = noMerged
				answers := lookup(s, window(0, 48*hour), mailboxes...)
				for i, want := range []string{
					".........b....................tt................",
					"oooooooo.b......................................",
					"................................................",
				} {
					if got := at.Sketch(answers[i].Schedule, window(0, 48*hour), hour); got != want || answers[i].Reason != nil {
						t.Errorf("%v, %v, without digits %v: %s is\n%s, want\n%s (%v)", d, view, noMerged, mailboxes[i], got, want, answers[i].Reason)
					}
				}
			}
		}
	}
}

func TestPartlyPublishedMailbox(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2010, nil)
	x.SetMailbox("old@fabrikam.com", span(9*hour, 10*hour, availability.Busy))
	x.SetPublished("old@fabrikam.com", window(-240*hour, 12*hour))
	a := lookup(s, window(0, 24*hour), "old@fabrikam.com")[0]
	if got := at.Sketch(a.Schedule, window(0, 24*hour), hour); got != ".........b..????????????" {
		t.Errorf("drawn as %s", got)
	}
	if a.Reason == nil || a.Reason.Code != availability.NoInformation {
		t.Errorf("reason %v", a.Reason)
	}
}

func TestFewestCallsAndNoSeams(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2019, nil)
	x.Latency = 20 * time.Millisecond
	var people []availability.Mailbox
	for i := range 250 {
		address := fmt.Sprintf("user%d@fabrikam.com", i)
		// Across every day, thus across every seam.
		x.SetMailbox(address, span(-30*24*hour, time.Duration(i+1)*12*hour, availability.Busy), span(85*24*hour, 200*24*hour, availability.OOF))
		people = append(people, availability.Mailbox(address))
	}
	asked := window(3*hour, 90*24*hour+3*hour)
	answers := lookup(s, asked, people...)
	if x.Calls() != 9 {
		t.Errorf("%d calls for 250 mailboxes and 90 days, want 9", x.Calls())
	}
	for i, a := range answers {
		want := availability.NewSchedule(a.Window, 0, []availability.Span{
			span(-30*24*hour, time.Duration(i+1)*12*hour, availability.Busy), span(85*24*hour, 200*24*hour, availability.OOF)})
		if !a.Schedule.Equal(want) || !a.Window.Contains(asked) {
			t.Errorf("%s:\n got %v\nwant %v", a.Mailbox, a.Schedule, want)
		}
	}
	if n := x.MaxInFlight(); n < 2 || n > 5 {
		t.Errorf("%d calls at once, want some, but at most 5", n)
	}
}

func TestRequestTellsWhoAsksAndWhatFor(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2019, func(c *ews.Config) { c.UserAgent = "fbgate/1.2 (test)" })
	lookup(s, window(0, 24*hour), "mary@fabrikam.com")
	r := x.Requests()[0]
	if r.UserAgent != "fbgate/1.2 (test)" || r.ClientRequestID != "r1" || r.View != "FreeBusyMerged" || r.Interval != 15*time.Minute || r.Answered != "NoError" {
		t.Errorf("%+v", r)
	}
}

// A server that lists only so many entries is asked for less, and the learnt
// answer speaks about no more than that.
func TestNarrowsWhereThereIsTooMuch(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2013, nil)
	x.MaxEntries = 100
	var crowded []availability.Span
	for i := range 24 * 40 { // an hour's meeting each hour
		crowded = append(crowded, span(time.Duration(i)*hour, time.Duration(i)*hour+30*time.Minute, availability.Busy))
	}
	x.SetMailbox("room@fabrikam.com", crowded...)
	week := window(24*hour, 8*24*hour)
	answers := lookup(s, week, "mary@fabrikam.com", "room@fabrikam.com")
	for _, a := range answers {
		at.CheckAnswer(t, a, a.Mailbox, week)
		if a.Reason != nil {
			t.Errorf("%s: %v", a.Mailbox, a.Reason)
		}
	}
	if got, want := at.Sketch(answers[1].Schedule, week, 30*time.Minute), strings.Repeat("b.", 7*24); got != want {
		t.Errorf("got %s", got)
	}
	if !answers[1].Window.Equal(week) || answers[0].Window.Equal(week) {
		t.Errorf("windows %v and %v", answers[0].Window, answers[1].Window)
	}
	if x.Calls() > 1+maxNarrowings {
		t.Errorf("%d calls", x.Calls())
	}
}

// At most so many calls follow one that was too long.
const maxNarrowings = 16

// One hopeless calendar does not use up the narrower questions that others need.
func TestCrowdedNeighbour(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2013, nil)
	x.MaxEntries = 100
	meetings := func(every, length time.Duration) (calendar []availability.Span) {
		for at := time.Duration(0); at < 42*24*hour; at += every {
			calendar = append(calendar, span(at, at+length, availability.Busy))
		}
		return calendar
	}
	x.SetMailbox("room@fabrikam.com", meetings(2*time.Minute, time.Minute)...)
	x.SetMailbox("busy@fabrikam.com", meetings(4*hour, hour)...) // 252 in 42 days
	answers := lookup(s, window(0, 42*24*hour), "room@fabrikam.com", "busy@fabrikam.com")
	if r := answers[0].Reason; r == nil || r.Code != availability.TooManyEntries {
		t.Errorf("the room has %v", r)
	}
	if got := at.Sketch(answers[1].Schedule, window(0, 42*24*hour), hour); answers[1].Reason != nil || got != strings.Repeat("b...", 42*6) {
		t.Errorf("its neighbour has %v: %s", answers[1].Reason, got)
	}
}

func TestNarrowsWhenTheServerTakesLessThanConfigured(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2013, nil)
	x.MaxWindow = 10 * 24 * hour
	month := window(0, 30*24*hour)
	for i, a := range lookup(s, month, mailboxes...) {
		at.CheckAnswer(t, a, mailboxes[i], month)
		if a.Reason != nil {
			t.Errorf("%v", a.Reason)
		}
	}
}

func TestAgeCountsFromTheQuestion(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2019, nil)
	a := lookup(s, window(0, 24*hour), "mary@fabrikam.com")[0]
	if came := x.Requests()[0].At; a.At.After(came) {
		t.Errorf("the answer is of %v, but the question came at %v", a.At, came)
	}
}

func TestNarrowingEnds(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2013, nil)
	x.MaxEntries = 1
	var crowded []availability.Span
	for i := range 24 * 400 {
		crowded = append(crowded, span(time.Duration(i)*hour, time.Duration(i)*hour+30*time.Minute, availability.Busy))
	}
	x.SetMailbox("room@fabrikam.com", crowded...)
	a := lookup(s, window(0, 399*24*hour), "room@fabrikam.com")[0]
	if a.Reason == nil || a.Reason.Code != availability.TooManyEntries || !a.Schedule.Equal(availability.Schedule{}) {
		t.Errorf("%+v", a)
	}
	if x.Calls() > 10*(1+maxNarrowings) { // ten pieces
		t.Errorf("%d calls", x.Calls())
	}
}

// A fault of our own in the middle of a call costs its mailboxes an answer, not the
// process.
func TestSurvivesAPanic(t *testing.T) {
	_, s := exchange(t, exchangetest.Exchange2013, func(c *ews.Config) {
		c.Transport = roundTripper(func(*http.Request) (*http.Response, error) { panic("out of cheese") })
	})
	for i, a := range lookup(s, window(0, 24*hour), mailboxes...) {
		at.CheckAnswer(t, a, mailboxes[i], window(0, 24*hour))
		if a.Reason == nil || a.Reason.Code != availability.Internal {
			t.Errorf("%+v", a)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSubjectsAreNeverKept(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2013, func(c *ews.Config) { c.View = wire.DetailedMerged })
	x.NoMergedFreeBusy = true
	if text := fmt.Sprintf("%+v", lookup(s, window(0, 24*hour), mailboxes...)); strings.Contains(text, exchangetest.Confidential) {
		t.Error(text)
	}
}
