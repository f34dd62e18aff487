package autodiscover_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/autodiscover"
	adt "fbgate/availability/exchangetest/autodiscovertest"
)

// bubble runs a test with a Locator and the one service it finds, which counts calls.
func bubble(t *testing.T, test func(t *testing.T, s *adt.Service, l *autodiscover.Locator)) {
	synctest.Test(t, func(t *testing.T) {
		n, s := newInternet(), exchange(adt.Exchange2013)
		n.services["https://fabrikam.com"] = s
		test(t, s, autodiscover.New(n.config(n)))
	})
}

// expect wants the URL, and so many calls of the service until then.
func expect(t *testing.T, s *adt.Service, l *autodiscover.Locator, m availability.Mailbox, url string, calls int) {
	t.Helper()
	got, err := l.URL(t.Context(), availability.Query{}, m)
	if err != nil || got != url {
		t.Errorf("%q, %v", got, err)
	}
	if n := len(s.Requests()); n != calls {
		t.Errorf("%d calls, want %d", n, calls)
	}
}

const moved = "https://new.fabrikam.com/EWS/Exchange.asmx"

func TestRemembers(t *testing.T) {
	bubble(t, func(t *testing.T, s *adt.Service, l *autodiscover.Locator) {
		expect(t, s, l, mary, ews, 1)
		s.SetMailbox(mary, adt.Mailbox{ExternalEWS: moved})
		time.Sleep(24*time.Hour - time.Second)
		expect(t, s, l, "joe@eu.fabrikam.com", ews, 1)
		time.Sleep(time.Second)
		expect(t, s, l, mary, ews, 1) // nobody waits for the search that begins
		synctest.Wait()
		expect(t, s, l, mary, moved, 2)
	})
}

func TestFailedURL(t *testing.T) {
	bubble(t, func(t *testing.T, s *adt.Service, l *autodiscover.Locator) {
		expect(t, s, l, mary, ews, 1)
		s.SetMailbox(mary, adt.Mailbox{ExternalEWS: moved})
		l.Failed("https://other.fabrikam.com/EWS/Exchange.asmx")
		time.Sleep(time.Minute)
		expect(t, s, l, mary, ews, 1)
		l.Failed(ews)
		expect(t, s, l, mary, moved, 2)
		l.Failed(moved) // too soon
		expect(t, s, l, mary, moved, 2)
		time.Sleep(29 * time.Second)
		expect(t, s, l, mary, moved, 2)
		time.Sleep(time.Second)
		expect(t, s, l, mary, moved, 3)
	})
}

// A URL that was found is better than none, even if it seems not to work.
func TestStaleURL(t *testing.T) {
	bubble(t, func(t *testing.T, s *adt.Service, l *autodiscover.Locator) {
		expect(t, s, l, mary, ews, 1)
		s.Fail(-1, adt.Fault{Status: http.StatusBadGateway})
		time.Sleep(25 * time.Hour)
		expect(t, s, l, mary, ews, 1)
		synctest.Wait()
		expect(t, s, l, mary, ews, 2)
		l.Failed(ews)
		time.Sleep(29 * time.Second)
		expect(t, s, l, mary, ews, 2)
		time.Sleep(time.Second)
		expect(t, s, l, mary, ews, 3)

		s.Fail(-1, adt.Fault{Hang: true})
		time.Sleep(30 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if url, err := l.URL(ctx, availability.Query{}, mary); err != nil || url != ews {
			t.Errorf("who cannot wait gets %q, %v", url, err)
		}
		time.Sleep(time.Minute) // until the search is over
	})
}

func TestSharesASearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := newInternet(), exchange(adt.Exchange2013)
		n.services["https://fabrikam.com"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(3 * time.Second):
				s.ServeHTTP(w, r)
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
		})
		l := autodiscover.New(n.config(n))
		cause := availability.Because(availability.Timeout, "the client has no more time")
		hasty, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		leaver, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			_, err := l.URL(hasty, availability.Query{}, mary) // it begins the search
			checkReason(t, err, availability.Timeout, "the client has no more time")
		})
		synctest.Wait()
		callers.Go(func() {
			_, err := l.URL(leaver, availability.Query{}, mary)
			checkReason(t, err, availability.Timeout, "goes on")
		})
		for i := range 20 {
			callers.Go(func() {
				m := availability.Mailbox(fmt.Sprintf("user%d@fabrikam.com", i))
				if url, err := l.URL(t.Context(), availability.Query{}, m); err != nil || url != ews {
					t.Errorf("%q, %v", url, err)
				}
			})
		}
		time.Sleep(2 * time.Second)
		leave()
		callers.Wait()
		if calls := len(s.Requests()); calls != 1 {
			t.Errorf("%d calls", calls)
		}
	})
}

// A failure is remembered for those it concerns, and not for longer than a while.
func TestRemembersFailures(t *testing.T) {
	bubble(t, func(t *testing.T, s *adt.Service, l *autodiscover.Locator) {
		fails := func(m availability.Mailbox, code availability.Code, calls int) {
			t.Helper()
			_, err := l.URL(t.Context(), availability.Query{}, m)
			checkReason(t, err, code, "")
			if n := len(s.Requests()); n != calls {
				t.Errorf("%d calls, want %d", n, calls)
			}
		}
		fails("nobody@fabrikam.com", availability.UnknownMailbox, 2)
		fails("nobody@fabrikam.com", availability.UnknownMailbox, 2)
		fails("noone@fabrikam.com", availability.UnknownMailbox, 4)
		s.Fail(-1, adt.Fault{Status: http.StatusBadGateway})
		fails(mary, availability.NotDiscovered, 5)
		fails("joe@fabrikam.com", availability.NotDiscovered, 5)
		fails("joe@eu.fabrikam.com", availability.NotDiscovered, 5) // a search of its own, which reaches nobody
		time.Sleep(30*time.Second - time.Nanosecond)
		fails(mary, availability.NotDiscovered, 5)
		time.Sleep(time.Nanosecond)
		s.Fail(-1, adt.Fault{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"120"}}})
		fails(mary, availability.NotDiscovered, 6)
		time.Sleep(2*time.Minute - time.Nanosecond)
		fails(mary, availability.NotDiscovered, 6)
		time.Sleep(time.Nanosecond)
		s.Fail(0, adt.Fault{})
		expect(t, s, l, mary, ews, 7)
		expect(t, s, l, "nobody@fabrikam.com", ews, 7)
	})
}

// Whoever asks about many mailboxes that do not exist makes few searches of it, and
// keeps nobody from being found for long.
func TestManyUnknownMailboxes(t *testing.T) {
	bubble(t, func(t *testing.T, s *adt.Service, l *autodiscover.Locator) {
		var callers sync.WaitGroup
		for i := range 100 {
			callers.Go(func() {
				m := availability.Mailbox(fmt.Sprintf("nobody%d@fabrikam.com", i))
				if _, err := l.URL(t.Context(), availability.Query{}, m); err == nil {
					t.Errorf("%s found something", m)
				}
			})
		}
		callers.Wait()
		if calls := len(s.Requests()); calls != 16*2 {
			t.Errorf("%d calls", calls)
		}
		_, err := l.URL(t.Context(), availability.Query{}, mary)
		checkReason(t, err, availability.NotDiscovered, "16 searches for others have failed within 30s")
		time.Sleep(2 * time.Second)
		expect(t, s, l, mary, ews, 16*2+1)
	})
}

type panicking struct{}

func (panicking) RoundTrip(*http.Request) (*http.Response, error) { panic("oops") }

func TestPanicIsAFailure(t *testing.T) {
	var log bytes.Buffer
	n := newInternet()
	c := n.config(n)
	c.Transport, c.Log = panicking{}, slog.New(slog.NewTextHandler(&log, nil))
	_, err := autodiscover.New(c).URL(t.Context(), availability.Query{}, mary)
	checkReason(t, err, availability.Internal, "panic: oops")
	if !bytes.Contains(log.Bytes(), []byte("stack=")) || !bytes.Contains(log.Bytes(), []byte("reason=internal")) {
		t.Errorf("log: %s", log.Bytes())
	}
}

func TestLog(t *testing.T) {
	var log bytes.Buffer
	n, s := newInternet(), exchange(adt.Exchange2013)
	n.services["https://fabrikam.com"] = s
	c := n.config(n)
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	if _, err := autodiscover.New(c).URL(t.Context(), availability.Query{RequestID: "4711"}, mary); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"level=INFO", "msg=Autodiscover", "request_id=4711", "organization=fabrikam", "domain=fabrikam.com", "url=" + ews, "server_version=15.0.1497.2"} {
		if !bytes.Contains(log.Bytes(), []byte(want)) {
			t.Errorf("no %s in %s", want, log.Bytes())
		}
	}
}

// A mailbox that has moved here from another organization keeps its domain: where this
// organization is asked, that domain has no say.
func TestMailboxOfAnotherDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := newInternet(), exchange(adt.Exchange2013)
		stranger := exchange(adt.Exchange2013)
		s.SetMailbox("joe@contoso.com", adt.Mailbox{ExternalEWS: ews})
		stranger.SetMailbox("joe@contoso.com", adt.Mailbox{ExternalEWS: "https://mail.contoso.com/EWS/Exchange.asmx"})
		n.services["https://fabrikam.com"], n.services["https://contoso.com"] = s, stranger
		c := n.config(n)
		c.Domains = []string{"fabrikam.com"}
		l := autodiscover.New(c)
		expect(t, s, l, "joe@contoso.com", ews, 1)
		if calls := len(stranger.Requests()); calls != 0 {
			t.Errorf("the other domain was asked %d times", calls)
		}
	})
}

// A service that asks to be left alone is, also while its URL is known.
func TestRetryAfterIsObeyed(t *testing.T) {
	bubble(t, func(t *testing.T, s *adt.Service, l *autodiscover.Locator) {
		expect(t, s, l, mary, ews, 1)
		s.Fail(-1, adt.Fault{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"300"}}})
		time.Sleep(time.Minute)
		l.Failed(ews)
		for range 8 {
			if url, err := l.URL(t.Context(), availability.Query{}, mary); err != nil || url != ews {
				t.Errorf("%q, %v", url, err)
			}
			time.Sleep(30 * time.Second)
		}
		if calls := len(s.Requests()); calls != 2 {
			t.Errorf("%d calls", calls)
		}
	})
}
