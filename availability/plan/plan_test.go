package plan_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/ews"
	"fbgate/availability/exchangetest"
	"fbgate/availability/guard"
	"fbgate/availability/plan"
)

const hour = time.Hour

func span(from, to time.Duration, status availability.Status) availability.Span {
	return availability.Span{Window: availability.Window{Start: at.Epoch.Add(from), End: at.Epoch.Add(to)}, Status: status}
}

func window(from, to time.Duration) availability.Window { return span(from, to, 0).Window }

var mailboxes = []availability.Mailbox{"mary@fabrikam.com", "joe@fabrikam.com", "ann@fabrikam.com"}

var fortnight = plan.Prefetch{Ahead: 14 * 24 * hour}

// exchange starts a pretend Exchange with three mailboxes and returns a Planner of
// guarded calls to it.
func exchange(t testing.TB, d exchangetest.Dialect) (*exchangetest.Exchange, *plan.Planner) {
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
	log := slog.New(slog.DiscardHandler)
	source := ews.New(ews.Config{Organization: "fabrikam", Endpoint: ews.Pinned(url), Log: log})
	guarded := guard.New(guard.Config{Members: []guard.Member{{Name: url, Source: source}}, Log: log})
	return x, plan.New(guarded, plan.Config{Prefetch: fortnight, Log: log})
}

func lookup(s availability.Source, w availability.Window, mailboxes ...availability.Mailbox) []availability.Answer {
	return s.Lookup(context.Background(), availability.Query{RequestID: "r1", Mailboxes: mailboxes, Window: w, Interval: 30 * time.Minute})
}

func TestConformance(t *testing.T) {
	for _, d := range exchangetest.Dialects() {
		t.Run(d.String(), func(t *testing.T) {
			_, s := exchange(t, d)
			at.TestSource(t, at.Sample{Source: s, Known: mailboxes, Unknown: "nobody@fabrikam.com", Window: window(0, 24*hour)})
		})
	}
}

// At most so many calls follow one that told too little.
const maxNarrowings = 16

func TestFewestCallsAndNoSeams(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2019)
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

// A server that lists only so many entries is asked for less, and the learnt
// answer speaks about no more than that.
func TestNarrowsWhereThereIsTooMuch(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2013)
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

// One hopeless calendar does not use up the narrower questions that others need.
func TestCrowdedNeighbour(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2013)
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
	x, s := exchange(t, exchangetest.Exchange2013)
	x.MaxWindow = 10 * 24 * hour
	month := window(0, 30*24*hour)
	for i, a := range lookup(s, month, mailboxes...) {
		at.CheckAnswer(t, a, mailboxes[i], month)
		if a.Reason != nil {
			t.Errorf("%v", a.Reason)
		}
	}
}

func TestNarrowingEnds(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2013)
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

// What a server does not list at once is asked for in parts the next time too, and
// so is what it takes no question about, without trying again what failed.
func TestLearnsTheServersLimits(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2013)
	x.MaxWindow = 10 * 24 * hour
	week := window(0, 7*24*hour)
	lookup(s, week, mailboxes...)
	refused := func() (n int) {
		for _, r := range x.Requests() {
			if r.Answered == "ErrorTimeIntervalTooBig" {
				n++
			}
		}
		return n
	}
	lookup(s, week, mailboxes...)
	taught := refused()
	lookup(s, week, mailboxes...)
	lookup(s, window(30*24*hour, 60*24*hour), mailboxes...)
	if taught == 0 || refused() != taught {
		t.Errorf("%d refusals while learning, %d after", taught, refused())
	}
}

func TestLearnsWhoseCalendarIsCrowded(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2013)
	x.MaxEntries = 100
	var crowded []availability.Span
	for i := range 42 * 24 / 4 { // 252 in 42 days
		crowded = append(crowded, span(time.Duration(4*i)*hour, time.Duration(4*i+1)*hour, availability.Busy))
	}
	x.SetMailbox("room@fabrikam.com", crowded...)
	month := window(0, 30*24*hour)
	var calls []int
	for range 3 {
		before := x.Calls()
		for _, a := range lookup(s, month, "room@fabrikam.com", "mary@fabrikam.com") {
			if a.Reason != nil {
				t.Errorf("%s: %v", a.Mailbox, a.Reason)
			}
		}
		calls = append(calls, x.Calls()-before)
	}
	if calls[2] >= calls[0] {
		t.Errorf("calls for the same thing: %v", calls)
	}
}

// stubborn is a Source that takes no long questions about one mailbox.
type stubborn struct {
	about availability.Mailbox
	calls int
}

func (s *stubborn) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	s.calls++
	answers := availability.Fail(q, nil)
	for i := range answers {
		if answers[i].Schedule = availability.NewSchedule(q.Window, 0, nil); answers[i].Mailbox == s.about && q.Window.Duration() > 24*hour {
			answers[i].Schedule, answers[i].Reason = availability.Schedule{}, availability.Because(availability.WindowTooLong, "ErrorTimeIntervalTooBig")
		}
	}
	return answers
}

// What a proxy says of one mailbox's server is no lesson about the others, and no
// lesson is for ever.
func TestLessonsAreOfWhomTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &stubborn{about: "joe@fabrikam.com"}
		p := plan.New(source, plan.Config{Log: slog.New(slog.DiscardHandler)})
		lookup(p, window(0, 42*24*hour), mailboxes...)
		before := source.calls
		lookup(p, window(0, 42*24*hour), "mary@fabrikam.com")
		if source.calls != before+1 {
			t.Errorf("%d calls about mary", source.calls-before)
		}
		source.about = ""
		time.Sleep(24 * hour)
		before = source.calls
		lookup(p, window(0, 42*24*hour), "joe@fabrikam.com")
		if source.calls != before+1 {
			t.Errorf("%d calls about joe a day later", source.calls-before)
		}
	})
}

// poisoned is a Source of which some mailboxes make every call fail that names them.
type poisoned struct {
	poison []availability.Mailbox
	mu     sync.Mutex
	calls  [][]availability.Mailbox
}

func (p *poisoned) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, q.Mailboxes)
	for _, m := range q.Mailboxes {
		if slices.Contains(p.poison, m) {
			return availability.Fail(q, &availability.Reason{Code: availability.UpstreamFailure, Detail: "ErrorInternalServerError", Scope: availability.OfCall})
		}
	}
	answers := availability.Fail(q, nil)
	for i := range answers {
		answers[i].Schedule = availability.NewSchedule(q.Window, 0, nil)
	}
	return answers
}

// One mailbox at which the server stumbles does not take the others with it.
func TestBisectsACallThatFailsAsAWhole(t *testing.T) {
	var people []availability.Mailbox
	for i := range 100 {
		people = append(people, availability.Mailbox(fmt.Sprintf("user%02d@fabrikam.com", i)))
	}
	for _, poison := range []int{0, 50, 73, 99} {
		source := &poisoned{poison: people[poison : poison+1]}
		answers := lookup(plan.New(source, plan.Config{}), window(0, 24*hour), people...)
		for i, a := range answers {
			at.CheckAnswer(t, a, people[i], window(0, 24*hour))
			if failed := a.Reason != nil; failed != (i == poison) {
				t.Errorf("with %d as the culprit %d has %v", poison, i, a.Reason)
			}
		}
		if len(source.calls) > 15 {
			t.Errorf("%d calls to find one of 100", len(source.calls))
		}
	}
}

// One of several mailboxes whose call, tried again for it alone, failed as a whole: it has
// the reason of that, and is not forgotten.
func TestOneOfSeveralThatFailsAsACall(t *testing.T) {
	cut := &availability.Reason{Code: availability.BadResponse, Detail: "cut short", Scope: availability.OfCall, Again: true}
	next := sourceFunc(func(q availability.Query) []availability.Answer {
		answers := availability.Fail(q, nil)
		for i, m := range q.Mailboxes {
			if m == "joe@fabrikam.com" {
				answers[i].Reason = cut
			} else {
				answers[i].Schedule = availability.NewSchedule(q.Window, 0, nil)
			}
		}
		return answers
	})
	s := plan.New(next, plan.Config{Prefetch: fortnight, Log: slog.New(slog.DiscardHandler)})
	for i, a := range lookup(s, window(0, 24*hour), mailboxes...) {
		at.CheckAnswer(t, a, mailboxes[i], window(0, 24*hour))
		if want := i == 1; (a.Reason == cut) != want || a.At.IsZero() {
			t.Errorf("%s: %v, of %v", a.Mailbox, a.Reason, a.At)
		}
	}
}

func TestBisectionEnds(t *testing.T) {
	var people []availability.Mailbox
	for i := range 100 {
		people = append(people, availability.Mailbox(fmt.Sprintf("user%02d@fabrikam.com", i)))
	}
	source := &poisoned{poison: people}
	for i, a := range lookup(plan.New(source, plan.Config{}), window(0, 24*hour), people...) {
		at.CheckAnswer(t, a, people[i], window(0, 24*hour))
		if a.Reason == nil || a.Reason.Code != availability.UpstreamFailure {
			t.Errorf("%s: %v", a.Mailbox, a.Reason)
		}
	}
	if len(source.calls) > 1+maxNarrowings {
		t.Errorf("%d calls", len(source.calls))
	}
}

func TestBatchesByWeight(t *testing.T) {
	var people []availability.Mailbox
	for i := range 10 {
		people = append(people, availability.Mailbox(strings.Repeat("x", 10*i+1)+"@fabrikam.com"))
	}
	source := &poisoned{}
	weight := func(m availability.Mailbox) int { return len(m) }
	lookup(plan.New(source, plan.Config{Weight: weight, MaxWeight: 100, MaxMailboxes: 4}), window(0, 24*hour), people...)
	asked := 0
	for _, batch := range source.calls {
		sum := 0
		for _, m := range batch {
			sum += len(m)
		}
		asked += len(batch)
		if sum > 100 && len(batch) > 1 || len(batch) > 4 {
			t.Errorf("a batch of %d with %d bytes", len(batch), sum)
		}
	}
	if asked != len(people) {
		t.Errorf("%d of %d asked about", asked, len(people))
	}
}

// broken is a Source that panics if asked about joe.
type broken struct{}

func (broken) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	if slices.Contains(q.Mailboxes, "joe@fabrikam.com") {
		panic("out of cheese")
	}
	return availability.Fail(q, nil)
}

// A panic is one of the lookup it befalls, however many calls that has: whoever made
// it can deal with it, and the program goes on.
func TestPanicIsTheCallers(t *testing.T) {
	for name, w := range map[string]availability.Window{"one call": window(0, 24*hour), "calls for two pieces": window(0, 60*24*hour)} {
		for _, most := range []int{100, 1} {
			func() {
				defer func() {
					if p := recover(); p != "out of cheese" {
						t.Errorf("%s, %d mailboxes each: recovered %v", name, most, p)
					}
				}()
				s := plan.New(broken{}, plan.Config{MaxMailboxes: most, Log: slog.New(slog.DiscardHandler)})
				lookup(s, w, mailboxes...)
				t.Errorf("%s, %d mailboxes each: no panic", name, most)
			}()
		}
	}
}

// sourceFunc is a Source that is a function.
type sourceFunc func(availability.Query) []availability.Answer

func (f sourceFunc) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	return f(q)
}
