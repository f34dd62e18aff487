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
	"fbgate/availability/upstream"
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
	c := ews.Config{Organization: "fabrikam", Endpoint: ews.Pinned(url), Client: &upstream.Client{}, Log: slog.New(slog.DiscardHandler)}
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

func TestRequestTellsWhoAsksAndWhatFor(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2019, func(c *ews.Config) { c.Client.UserAgent = "fbgate/1.2 (test)" })
	lookup(s, window(0, 24*hour), "mary@fabrikam.com")
	r := x.Requests()[0]
	if r.UserAgent != "fbgate/1.2 (test)" || r.ClientRequestID != "r1" || r.View != "FreeBusyMerged" || r.Interval != 15*time.Minute || r.Answered != "NoError" {
		t.Errorf("%+v", r)
	}
}

func TestAgeCountsFromTheQuestion(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2019, nil)
	a := lookup(s, window(0, 24*hour), "mary@fabrikam.com")[0]
	if came := x.Requests()[0].At; a.At.After(came) {
		t.Errorf("the answer is of %v, but the question came at %v", a.At, came)
	}
}

// A fault of our own in the middle of a call costs its mailboxes an answer, not the
// process.
func TestSurvivesAPanic(t *testing.T) {
	_, s := exchange(t, exchangetest.Exchange2013, func(c *ews.Config) {
		c.Client.Transport = roundTripper(func(*http.Request) (*http.Response, error) { panic("out of cheese") })
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
