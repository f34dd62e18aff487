package davfb_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/ews"
	"fbgate/availability/exchangetest"
	"fbgate/availability/guard"
	"fbgate/availability/meter"
	"fbgate/availability/plan"
	"fbgate/availability/route"
	"fbgate/cache"
	"fbgate/davfb"
	"fbgate/translate/davxml"
)

// stack is the whole gateway, from the client's request to the organizations.
type stack struct {
	http.Handler
	router *route.Router
	caches cache.Caches
	log    *bytes.Buffer
}

var limits = davxml.Limits{Attendees: 500, Window: 400 * 24 * time.Hour, Digits: 5_000_000}

func newStack() *stack {
	s := &stack{router: route.New(), caches: make(cache.Caches), log: new(bytes.Buffer)}
	s.Handler = davfb.New(davfb.Config{Source: s.router, Name: "a1", Limits: limits, MaxURL: 64 << 10, Log: slog.New(slog.NewTextHandler(s.log, nil))})
	return s
}

// over returns a gateway in front of one Source.
func over(source availability.Source) *stack {
	s := newStack()
	s.add(source, "*")
	return s
}

func (s *stack) add(source availability.Source, domain string) {
	s.caches[domain] = cache.New(domain, source, cache.NewMemory(10_000), cache.Policy{Known: 15 * time.Minute, Lasting: 5 * time.Minute, Passing: 30 * time.Second, Wait: 10 * time.Second, Timeout: 25 * time.Second})
	s.caches[domain].Meter = new(meter.Organization)
	s.router.Add(s.caches[domain], domain)
}

// organization starts a pretend Exchange and routes its domain there.
func (s *stack) organization(t testing.TB, d exchangetest.Dialect, domain string) *exchangetest.Exchange {
	t.Helper()
	x := exchangetest.New(d)
	url, stop, err := x.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	log := slog.New(slog.DiscardHandler)
	source := ews.New(ews.Config{Organization: domain, Endpoint: ews.Pinned(url), Log: log})
	guarded := guard.New(guard.Config{Organization: domain, Members: []guard.Member{{Name: url, Source: source}}, Log: log})
	s.add(plan.New(guarded, plan.Config{Prefetch: plan.Prefetch{Ahead: 14 * 24 * time.Hour}, Log: log}), domain)
	return x
}

func (s *stack) get(t testing.TB, target string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w.Result()
}

// ask returns the rows of the answer about the attendees.
func (s *stack) ask(t testing.TB, w availability.Window, interval time.Duration, attendees ...string) []davxml.Item {
	t.Helper()
	items, err := davxml.ReadAnswer([]byte(body(t, s.get(t, question(w, interval, attendees...)))), w.Slots(interval))
	if err != nil {
		t.Fatal(err)
	}
	return items
}

func question(w availability.Window, interval time.Duration, attendees ...string) string {
	const form = "2006-01-02T15:04:05Z"
	q := fmt.Sprintf("/public/?Cmd=freebusy&start=%s&end=%s&interval=%d", w.Start.UTC().Format(form), w.End.UTC().Format(form), interval/time.Minute)
	for _, a := range attendees {
		q += "&u=SMTP:" + a
	}
	return q
}

func body(t testing.TB, r *http.Response) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func hours(from, to int) availability.Window {
	return availability.Window{Start: at.Epoch.Add(time.Duration(from) * time.Hour), End: at.Epoch.Add(time.Duration(to) * time.Hour)}
}

func busy(from, to int) availability.Span {
	return availability.Span{Window: hours(from, to), Status: availability.Busy}
}

// sourceFunc is a Source that is a function.
type sourceFunc func(ctx context.Context, q availability.Query) []availability.Answer

func (f sourceFunc) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	return f(ctx, q)
}

// free answers that everybody is free, and whoever's name begins with "x" unknown.
func free(_ context.Context, q availability.Query) []availability.Answer {
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		answers[i] = availability.Answer{Mailbox: m, Window: q.Window, At: time.Now(), Organization: "test"}
		if strings.HasPrefix(string(m), "x") {
			answers[i].Reason = availability.Because(availability.UnknownMailbox, "no such mailbox")
		} else {
			answers[i].Schedule = availability.NewSchedule(q.Window, 0, nil)
		}
	}
	return answers
}
