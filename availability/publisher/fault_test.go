package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest/foldertest"
	"fbgate/availability/publisher"
)

// What befalls the items of a few mailboxes is theirs alone, and over when it is over.
func TestFaultsOfItems(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault foldertest.Fault
		code  availability.Code
	}{
		{"forbidden", foldertest.Fault{Status: 403}, availability.Forbidden},
		{"not found", foldertest.Fault{Status: 404}, availability.WrongEndpoint},
		{"conflict", foldertest.Fault{Status: 409}, availability.WrongEndpoint},
		{"locked", foldertest.Fault{Status: 423}, availability.UpstreamFailure},
		{"bad request", foldertest.Fault{Status: 400}, availability.RequestRejected},
		{"failed", foldertest.Fault{Status: 500}, availability.UpstreamFailure},
		{"unavailable", foldertest.Fault{Status: 503}, availability.UpstreamFailure},
		{"a property refused", foldertest.Fault{Property: 403}, availability.RequestRejected},
		{"hangs", foldertest.Fault{Hang: true}, availability.Timeout},
		{"reset", foldertest.Fault{Reset: true}, availability.Unreachable},
		{"reset after it was done", foldertest.Fault{Reset: true, Late: true}, availability.Unreachable},
		{"hangs after it was done", foldertest.Fault{Hang: true, Late: true}, availability.Timeout},
		{"a web page", foldertest.Fault{Status: 200}, availability.BadResponse},
		{"referred", foldertest.Fault{Status: 302, Location: "http://other/public/"}, availability.WrongEndpoint},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, 60, func(t *testing.T, w *world) {
				for i := range 5 {
					w.server.Fail(dn(i), test.fault)
				}
				w.start()
				r := w.round()
				if r.Written != 55 || r.Done != 60 || r.Failed[test.code] != 5 || r.Stopped != nil {
					t.Errorf("%+v", r)
				}
				failures := w.publisher.Status().Failures
				if len(failures) != 5 || failures[0].Step != publisher.StepWrite || failures[0].Reason.Code != test.code || failures[0].Reason.Detail == "" {
					t.Errorf("%+v", failures)
				}
				for i := range 5 {
					w.server.Fail(dn(i), foldertest.Fault{})
				}
				if r := w.round(); r.Written != 5 || r.Unchanged != 55 || len(w.server.Items()) != 60 {
					t.Errorf("%+v, %d items", r, len(w.server.Items()))
				}
			})
		})
	}
}

// What befalls the server ends the round, and it is left alone for a while.
func TestFaultsOfServer(t *testing.T) {
	for _, test := range []struct {
		name   string
		fault  foldertest.Fault
		code   availability.Code
		calls  int
		resume time.Duration // at the earliest
	}{
		{"unauthorized", foldertest.Fault{Status: 401}, availability.Unauthorized, 1, 15 * time.Minute},
		{"forms", foldertest.Fault{Status: 440}, availability.Unauthorized, 1, 15 * time.Minute},
		{"forms, by a redirect", foldertest.Fault{Status: 302, Location: "/exchweb/bin/auth/owalogon.asp?url=x"}, availability.Unauthorized, 1, 15 * time.Minute},
		{"throttled", foldertest.Fault{Status: 503, RetryAfter: 40 * time.Minute}, availability.Throttled, 1, 40 * time.Minute},
		{"too many requests", foldertest.Fault{Status: 429}, availability.Throttled, 1, time.Minute},
		{"down", foldertest.Fault{Reset: true}, availability.Unreachable, 10, time.Minute},
		{"hangs", foldertest.Fault{Hang: true}, availability.Timeout, 10, time.Minute},
		{"unavailable", foldertest.Fault{Status: 503}, availability.UpstreamFailure, 10, time.Minute},
		{"failed", foldertest.Fault{Status: 500}, availability.UpstreamFailure, 10, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, 300, func(t *testing.T, w *world) {
				w.server.FailAll(test.fault)
				w.start()
				r := w.round()
				time.Sleep(time.Nanosecond)
				if r.Stopped == nil || r.Stopped.Code != test.code || w.server.Calls() != test.calls || r.Failed[test.code] != test.calls || r.Written != 0 {
					t.Errorf("%d calls, %+v, %v", w.server.Calls(), r, r.Stopped)
				}
				if wait := w.publisher.Status().Next.Sub(r.Ended); wait < test.resume || wait > test.resume*5/4 {
					t.Errorf("goes on after %v, want %v", wait, test.resume)
				}
				if !strings.Contains(w.log.String(), "stopped.reason="+string(test.code)) {
					t.Error("the log says nothing of it")
				}
				// The longer it lasts the more seldom it is asked.
				var waits []time.Duration
				for range 6 {
					r = w.round()
					time.Sleep(time.Nanosecond)
					waits = append(waits, w.publisher.Status().Next.Sub(r.Ended))
				}
				if waits[5] < 14*time.Minute || waits[5] > 70*time.Minute {
					t.Errorf("waits for %v", waits)
				}
				w.server.FailAll(foldertest.Fault{})
				if r := w.round(); r.Written != 300 || r.Stopped != nil {
					t.Errorf("%+v", r)
				}
			})
		})
	}
}

// A server that goes away in the middle of a round.
func TestServerGoesDown(t *testing.T) {
	bubble(t, 300, func(t *testing.T, w *world) {
		n := 0
		w.config.Concurrency = 1
		w.way.before = func(*http.Request) {
			if n++; n == 120 {
				w.server.FailAll(foldertest.Fault{Status: 401})
			}
		}
		w.start()
		if r := w.round(); r.Written != 119 || r.Done != 120 || r.Stopped == nil || n != 120 {
			t.Errorf("%+v after %d calls", r, n)
		}
		w.server.FailAll(foldertest.Fault{})
		if r := w.round(); r.Written != 181 || r.Unchanged != 119 || r.Stopped != nil {
			t.Errorf("%+v", r)
		}
	})
}

// The folder of an administrative group is missing: it is left out after a while, the
// others are not.
func TestNoFolder(t *testing.T) {
	bubble(t, 50, func(t *testing.T, w *world) {
		for i := range 200 {
			w.recipients.list = append(w.recipients.list, publisher.Recipient{LegacyDN: fmt.Sprintf("%s/cn=Recipients/cn=%d", other, i), Mailbox: mailbox(1000 + i)})
		}
		w.start()
		r := w.round()
		if r.Written != 50 || r.Failed[availability.WrongEndpoint] != 200 || r.Done != 250 || r.Stopped != nil || w.server.Calls() > 50+20+4 {
			t.Errorf("%+v, %d calls", r, w.server.Calls())
		}
	})
}

// One whose lookup fails keeps nobody else from being published.
func TestFailingLookups(t *testing.T) {
	for _, code := range availability.Codes() {
		bubble(t, 10, func(t *testing.T, w *world) {
			w.source.fails(3, because(code))
			w.start()
			r := w.round()
			if _, there := w.server.Item(dn(3)); r.Written != 9 || r.Failed[code] != 1 || there {
				t.Errorf("%s: %+v, item: %v", code, r, there)
			}
		})
	}
}

func TestItemOfFailingLookup(t *testing.T) {
	for _, test := range []struct {
		reason  availability.Reason
		at, day bool // whether the item is there at once, and after a day
	}{
		{availability.Reason{Code: availability.Timeout}, true, false},
		{availability.Reason{Code: availability.Unauthorized, Scope: availability.OfServer}, true, false},
		{availability.Reason{Code: availability.TLS, Scope: availability.OfServer}, true, false},
		{availability.Reason{Code: availability.WrongEndpoint, Scope: availability.OfServer}, true, false},
		{availability.Reason{Code: availability.NoPermission}, false, false},
		{availability.Reason{Code: availability.NoPermission, Scope: availability.OfCall}, false, false},
		{availability.Reason{Code: availability.UnknownMailbox}, false, false},
		{availability.Reason{Code: availability.Withheld}, false, false},
		{availability.Reason{Code: availability.NoInformation}, false, false},
		{availability.Reason{Code: availability.NoRoute}, false, false},
	} {
		bubble(t, 3, func(t *testing.T, w *world) {
			w.source.busy(0, 9, availability.Busy)
			w.start()
			w.round()
			w.source.fails(0, &test.reason)
			r := w.round()
			if got := status(w, 0, 9) == availability.Busy; got != test.at || r.Unchanged != 2 || r.Failed[test.reason.Code] != 1 {
				t.Errorf("%s: the item is there: %v; %+v", test.reason.Code, got, r)
			}
			time.Sleep(25 * time.Hour)
			if _, there := w.server.Item(dn(0)); there != test.day {
				t.Errorf("%s: the item is there after a day: %v", test.reason.Code, there)
			}
			w.source.fails(0, nil)
			w.round()
			w.round()
			if status(w, 0, 10) != availability.Free {
				t.Errorf("%s: it does not come back", test.reason.Code)
			}
		})
	}
}

// Items that nobody confirms go, also while the directory is down.
func TestDirectoryDown(t *testing.T) {
	bubble(t, 150, func(t *testing.T, w *world) {
		w.start()
		w.round()
		w.stop()
		w.recipients.list, w.recipients.err = nil, because(availability.DirectoryFailed)
		w.start()
		if r := w.round(); len(w.server.Items()) != 150 || r.Recipients.Code != availability.DirectoryFailed {
			t.Errorf("%d items, %+v", len(w.server.Items()), r)
		}
		time.Sleep(24 * time.Hour)
		if r := w.round(); len(w.server.Items()) != 0 {
			t.Errorf("%d items, %+v", len(w.server.Items()), r)
		}
	})
}

// Only part of the time is known.
func TestPartial(t *testing.T) {
	bubble(t, 3, func(t *testing.T, w *world) {
		months := func(from, to int) func(availability.Window) availability.Answer {
			return func(w availability.Window) availability.Answer {
				known := availability.Window{Start: w.Start.AddDate(0, from, 0), End: w.Start.AddDate(0, to, -1)}
				return availability.Answer{Schedule: availability.NewSchedule(known, 0, nil), Reason: because(availability.NoInformation)}
			}
		}
		w.source.set(0, months(0, 3)) // but for the last day
		w.source.set(1, months(1, 4))
		w.source.set(2, func(w availability.Window) availability.Answer {
			return availability.Answer{Schedule: availability.NewSchedule(availability.Window{Start: w.Start.Add(time.Hour), End: w.Start.AddDate(0, 1, 0)}, 0, nil)}
		})
		w.start()
		r := w.round()
		if r.Written != 2 || r.Partial != 2 || r.Failed[availability.NoInformation] != 1 {
			t.Errorf("%+v", r)
		}
		a, _ := w.server.Item(dn(0))
		b, _ := w.server.Item(dn(1))
		if !a.Range.End.Equal(thisMonth().AddDate(0, 2, 0)) || !b.Range.Start.Equal(thisMonth().AddDate(0, 1, 0)) {
			t.Errorf("%v, %v", a.Range, b.Range)
		}
	})
}

// A Source that breaks its promise is not believed.
func TestShortAnswer(t *testing.T) {
	bubble(t, 3, func(t *testing.T, w *world) {
		w.config.Source = short{}
		w.start()
		if r := w.round(); r.Failed[availability.Internal] != 3 || len(w.server.Items()) != 0 {
			t.Errorf("%+v", r)
		}
	})
}

type short struct{}

func (short) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	return []availability.Answer{{Schedule: availability.NewSchedule(q.Window, 0, nil)}}
}

func TestEndsSoon(t *testing.T) {
	bubble(t, 30, func(t *testing.T, w *world) {
		w.server.FailAll(foldertest.Fault{Hang: true})
		w.start()
		time.Sleep(2 * time.Minute)
		begun := time.Now()
		w.stop()
		if time.Since(begun) != 0 {
			t.Errorf("it takes %v to end", time.Since(begun))
		}
	})
}

func TestBoundedFailures(t *testing.T) {
	bubble(t, 100, func(t *testing.T, w *world) {
		for i := range 100 {
			w.source.fails(i, availability.Because(availability.UnknownMailbox, "%s", strings.Repeat("x", 5000)))
		}
		w.start()
		w.round()
		s := w.publisher.Status()
		if len(s.Failures) != 20 || len(s.Failures[0].Reason.Detail) > 300 || w.log.Len() > 30_000 {
			t.Errorf("%d failures, %d bytes of log", len(s.Failures), w.log.Len())
		}
		if !slices.IsSortedFunc(s.Failures, func(a, b publisher.Failure) int { return a.At.Compare(b.At) }) {
			t.Error("they are not in order")
		}
	})
}

func TestCredentialFails(t *testing.T) {
	bubble(t, 10, func(t *testing.T, w *world) {
		calls := 0
		reason := &availability.Reason{Code: availability.CredentialFailed, Detail: "no such file", Scope: availability.OfServer}
		w.config.Client.Transport = roundTripper(func(*http.Request) (*http.Response, error) { calls++; return nil, reason })
		w.start()
		if r := w.round(); r.Stopped == nil || r.Stopped.Code != availability.CredentialFailed || calls != 1 || !errors.Is(r.Stopped, reason) {
			t.Errorf("%+v after %d calls", r, calls)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Where many items of a folder are refused, the others get their turn in some round.
func TestNobodyIsAlwaysLast(t *testing.T) {
	bubble(t, 205, func(t *testing.T, w *world) {
		for i := range 200 {
			w.server.Fail(dn(i), foldertest.Fault{Status: 403})
		}
		w.start()
		for range 100 {
			if w.round(); len(w.server.Items()) == 5 {
				return
			}
		}
		t.Errorf("%d items", len(w.server.Items()))
	})
}
