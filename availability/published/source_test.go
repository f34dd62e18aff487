package published_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/published"
)

// next answers free about everybody at contoso.com, and notes whom it was asked about.
type next struct {
	asked [][]availability.Mailbox
	keep  bool
}

func (n *next) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	if n.keep {
		n.asked = append(n.asked, slices.Clone(q.Mailboxes))
	}
	answers := availability.Fail(q, availability.Because(availability.NoRoute, "nobody's"))
	for i, m := range q.Mailboxes {
		if m.Domain() == "contoso.com" {
			answers[i].Reason = nil
			answers[i].Organization = "contoso"
			answers[i].Schedule = availability.NewSchedule(q.Window, 0, nil)
		}
	}
	return answers
}

func tomorrow() availability.Window {
	start := time.Now().Truncate(time.Hour)
	return availability.Window{Start: start, End: start.Add(24 * time.Hour)}
}

func TestSource(t *testing.T) {
	s := fresh(t, published.Options{})
	publish(t, s, publication("mary@fabrikam.com"), publication("/o=fabrikam/cn=john"))
	at.TestSource(t, at.Sample{
		Source: published.Source{Store: s, Next: &next{}}, Window: tomorrow(), Unknown: "nobody@nowhere.org",
		Known: []availability.Mailbox{"mary@fabrikam.com", "/o=fabrikam/cn=john", "amy@contoso.com"},
	})
}

func TestSourceAnswers(t *testing.T) {
	s := fresh(t, published.Options{})
	n := &next{keep: true}
	source := published.Source{Store: s, Next: n}
	expired, early := publication("old@contoso.com"), publication("early@contoso.com")
	expired.At, expired.Expires = expired.At.Add(-2*time.Hour), expired.At.Add(-time.Hour)
	early.At = early.At.Add(time.Hour) // the clock was set back since
	mary := publication("mary@contoso.com")
	publish(t, s, mary, expired, early)

	w := tomorrow()
	answers := source.Lookup(t.Context(), availability.Query{Window: w,
		Mailboxes: []availability.Mailbox{"amy@contoso.com", "mary@contoso.com", "old@contoso.com", "early@contoso.com", "mary@contoso.com"}})
	if want := []availability.Mailbox{"amy@contoso.com", "old@contoso.com"}; len(n.asked) != 1 || !slices.Equal(n.asked[0], want) {
		t.Errorf("next was asked about %v, not once about %v", n.asked, want)
	}
	for i, organization := range []string{"contoso", availability.Published, "contoso", availability.Published, availability.Published} {
		a := answers[i]
		at.CheckAnswer(t, a, a.Mailbox, w)
		if a.Organization != organization || a.Reason != nil || !a.Window.Equal(w) || time.Since(a.At) < 0 {
			t.Errorf("%s: %+v", a.Mailbox, a)
		}
	}
	if a := answers[1]; a.Source != "mary's Outlook" || !a.At.Equal(mary.At) || a.Schedule.At(mary.At) != availability.Busy || a.Cached {
		t.Errorf("%+v", a)
	}
}

func TestSourceSaysWhatIsNotCovered(t *testing.T) {
	s := fresh(t, published.Options{})
	publish(t, s, publication("mary@contoso.com"))
	source := published.Source{Store: s, Next: &next{}}
	published := publication("mary@contoso.com").Schedule.Known
	for name, w := range map[string]availability.Window{
		"in part":    {Start: published.End.Add(-time.Hour), End: published.End.Add(time.Hour)},
		"not at all": {Start: published.End.Add(time.Hour), End: published.End.Add(2 * time.Hour)},
	} {
		a := source.Lookup(t.Context(), availability.Query{Window: w, Mailboxes: []availability.Mailbox{"mary@contoso.com"}})[0]
		at.CheckAnswer(t, a, "mary@contoso.com", w)
		if a.Reason == nil || a.Reason.Code != availability.NoInformation || a.Schedule.At(w.End.Add(-time.Minute)) != availability.NoData {
			t.Errorf("%s: %+v", name, a)
		}
		if known := !a.Schedule.Known.Empty(); known != (name == "in part") {
			t.Errorf("%s: known %v", name, a.Schedule.Known)
		}
	}
}

// Whoever is denied a mailbox learns nothing of what is published of it, and Next is not
// asked either.
func TestSourceDenies(t *testing.T) {
	s := fresh(t, published.Options{})
	publish(t, s, publication("mary@fabrikam.com"), publication("amy@contoso.com"), publication("/o=fabrikam/cn=john"))
	n := &next{keep: true}
	var asked []availability.Mailbox
	source := published.Source{Store: s, Next: n, Denied: func(_ context.Context, q availability.Query) []*availability.Reason {
		asked = q.Mailboxes
		reasons := make([]*availability.Reason, len(q.Mailboxes))
		for i, m := range q.Mailboxes {
			if m.Domain() != "contoso.com" && q.Requester.Name != "mary" {
				reasons[i] = &availability.Reason{Code: availability.NotAllowed, Organization: "fabrikam"}
			}
		}
		return reasons
	}}
	mailboxes := []availability.Mailbox{"mary@fabrikam.com", "joe@nowhere.org", "/o=fabrikam/cn=john", "amy@contoso.com", "mary@fabrikam.com"}
	for who, want := range map[string][]availability.Code{
		"paul": {availability.NotAllowed, availability.NoRoute, availability.NotAllowed, "", availability.NotAllowed},
		"mary": {"", availability.NoRoute, "", "", ""},
	} {
		w := tomorrow()
		answers := source.Lookup(t.Context(), availability.Query{Requester: availability.Requester{Name: who}, Window: w, Mailboxes: mailboxes})
		for i, a := range answers {
			at.CheckAnswer(t, a, mailboxes[i], w)
			var code availability.Code
			if a.Reason != nil {
				code = a.Reason.Code
			}
			if code != want[i] || code != "" && (a.Organization != "" || a.Source != "" || !a.Schedule.Equal(availability.Schedule{})) {
				t.Errorf("%s: %s: %+v, want %q", who, a.Mailbox, a, want[i])
			}
		}
		if !slices.Equal(asked, []availability.Mailbox{"/o=fabrikam/cn=john", "amy@contoso.com", "mary@fabrikam.com"}) {
			t.Errorf("asked whether %v are denied", asked)
		}
	}
	for _, mailboxes := range n.asked {
		if !slices.Equal(mailboxes, []availability.Mailbox{"joe@nowhere.org"}) {
			t.Errorf("next was asked about %v", mailboxes)
		}
	}
}

func TestStoreThatCannotBeRead(t *testing.T) {
	var log bytes.Buffer
	s := fresh(t, published.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	publish(t, s, publication("mary@fabrikam.com"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	answers := published.Source{Store: s, Next: &next{}}.Lookup(t.Context(), availability.Query{Window: tomorrow(),
		Mailboxes: []availability.Mailbox{"mary@fabrikam.com", "amy@contoso.com"}})
	if r := answers[0].Reason; r == nil || r.Code != availability.Internal || !strings.Contains(r.Detail, "may be published") {
		t.Errorf("%+v", answers[0])
	}
	if answers[1].Reason != nil || answers[1].Organization != "contoso" {
		t.Errorf("%+v", answers[1])
	}
	denied := sourceFunc(func(_ context.Context, q availability.Query) []availability.Answer {
		return availability.Fail(q, &availability.Reason{Code: availability.NotAllowed, Organization: "fabrikam", Detail: "rule 1"})
	})
	answers = published.Source{Store: s, Next: denied}.Lookup(t.Context(), availability.Query{Window: tomorrow(), Mailboxes: []availability.Mailbox{"mary@fabrikam.com"}})
	if r := answers[0].Reason; r.Code != availability.Internal || r.Organization != "fabrikam" || !strings.HasSuffix(r.Detail, "; and it is not allowed: rule 1") {
		t.Errorf("who is denied: %v", r)
	}
	if !strings.Contains(log.String(), "cannot be read") {
		t.Errorf("nothing in the log: %s", log.String())
	}
}

type sourceFunc func(ctx context.Context, q availability.Query) []availability.Answer

func (f sourceFunc) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	return f(ctx, q)
}

// fixed answers the same each time, so that nothing it does is counted.
type fixed []availability.Answer

func (f fixed) Lookup(context.Context, availability.Query) []availability.Answer { return f }

func TestNothingPublishedCostsNothing(t *testing.T) {
	var source availability.Source = published.Source{Store: fresh(t, published.Options{}), Next: make(fixed, 1)}
	q := availability.Query{Window: tomorrow(), Mailboxes: []availability.Mailbox{"mary@contoso.com"}}
	if n := testing.AllocsPerRun(100, func() { source.Lookup(t.Context(), q) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	s := fresh(b, published.Options{})
	publish(b, s, publication("mary@contoso.com"))
	source := published.Source{Store: s, Next: make(fixed, 1)}
	for name, m := range map[string]availability.Mailbox{"published": "mary@contoso.com", "not": "john@contoso.com"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			q := availability.Query{Window: tomorrow(), Mailboxes: []availability.Mailbox{m}}
			for b.Loop() {
				source.Lookup(b.Context(), q)
			}
		})
	}
}
