package publisher_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest/foldertest"
	"fbgate/availability/publisher"
	"fbgate/availability/upstream"
)

const (
	group = "/o=Contoso/ou=First Administrative Group"
	other = "/o=Contoso/ou=Second"
)

func dn(i int) string { return fmt.Sprintf("%s/cn=Recipients/cn=User%d", group, i) }
func mailbox(i int) availability.Mailbox {
	return availability.Mailbox(fmt.Sprintf("user%d@fabrikam.com", i))
}
func recipient(i int) publisher.Recipient {
	return publisher.Recipient{LegacyDN: dn(i), Mailbox: mailbox(i)}
}
func hours(n int) time.Duration                        { return time.Duration(n) * time.Hour }
func because(c availability.Code) *availability.Reason { return availability.Because(c, "in a test") }

// source answers what it was told; mailboxes it was told nothing of are free.
type source struct {
	mu      sync.Mutex
	answers map[availability.Mailbox]func(availability.Window) availability.Answer
	asked   []availability.Query
}

func (s *source) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, q)
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		answers[i] = availability.Answer{Schedule: availability.NewSchedule(q.Window, 0, nil)}
		if answer := s.answers[m]; answer != nil {
			answers[i] = answer(q.Window)
		}
		answers[i].Mailbox, answers[i].Window = m, q.Window
	}
	return answers
}

func (s *source) set(i int, answer func(availability.Window) availability.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[mailbox(i)] = answer
}

// fails lets a mailbox fail; nil heals it.
func (s *source) fails(i int, reason *availability.Reason) {
	if reason == nil {
		s.set(i, nil)
		return
	}
	s.set(i, func(availability.Window) availability.Answer { return availability.Answer{Reason: reason} })
}

// busy gives a mailbox an appointment of an hour, so many hours after the start.
func (s *source) busy(i, hour int, status availability.Status) {
	s.set(i, func(w availability.Window) availability.Answer {
		start := w.Start.Add(hours(hour))
		return availability.Answer{Schedule: availability.NewSchedule(w, 0, []availability.Span{{Window: availability.Window{Start: start, End: start.Add(time.Hour)}, Status: status}})}
	})
}

// recipients is a list that may break off.
type recipients struct {
	list []publisher.Recipient
	err  error
}

func (r *recipients) All(context.Context) iter.Seq2[publisher.Recipient, error] {
	return func(yield func(publisher.Recipient, error) bool) {
		for _, one := range r.list {
			if !yield(one, nil) {
				return
			}
		}
		if r.err != nil {
			yield(publisher.Recipient{}, r.err)
		}
	}
}

// memory is the way to a server in this process, since sockets know no synctest.
type memory struct {
	handler http.Handler
	before  func(*http.Request) // may be nil
}

func (m *memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.before != nil {
		m.before(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	in := httptest.NewRequest(r.Method, r.URL.String(), bytes.NewReader(body)).WithContext(r.Context())
	in.Header = r.Header
	out := httptest.NewRecorder()
	ended := make(chan bool)
	go func() {
		whole := false
		defer func() { _ = recover(); ended <- whole }()
		m.handler.ServeHTTP(out, in)
		whole = true
	}()
	switch whole := <-ended; {
	case r.Context().Err() != nil:
		return nil, r.Context().Err()
	case !whole:
		return nil, errors.New("connection reset by peer")
	}
	response := out.Result()
	response.Request = r
	return response, nil
}

// world is a publisher with all that is around it.
type world struct {
	t          testing.TB
	server     *foldertest.Server
	way        *memory
	source     *source
	recipients *recipients
	config     publisher.Config
	publisher  *publisher.Publisher
	log        *bytes.Buffer
	stop       func()
}

// newWorld has n recipients.
func newWorld(t testing.TB, n int) *world {
	w := &world{t: t, server: foldertest.New(group), source: &source{answers: make(map[availability.Mailbox]func(availability.Window) availability.Answer)}}
	w.recipients, w.way, w.log = new(recipients), &memory{handler: w.server}, new(bytes.Buffer)
	for i := range n {
		w.recipients.list = append(w.recipients.list, recipient(i))
	}
	w.config = publisher.Config{
		Organization: "contoso", Root: "http://mail.contoso.com/public/", Client: &upstream.Client{Transport: w.way},
		Source: w.source, Recipients: w.recipients, State: filepath.Join(t.TempDir(), "state"), Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}
	return w
}

// start runs the publisher, and ends it with the test or by w.stop.
func (w *world) start() {
	w.t.Helper()
	p, err := publisher.New(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	w.publisher = p
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	})
}

// round waits for the end of the next round and returns what came of it.
func (w *world) round() publisher.Round {
	w.t.Helper()
	before := w.publisher.Status().Round.Ended
	for range 100_000 {
		if s := w.publisher.Status(); s.Round.Ended.After(before) {
			return s.Round
		}
		time.Sleep(time.Second)
	}
	w.t.Fatal("there is no other round")
	return publisher.Round{}
}

// calls returns how many of the last 1000 requests had a method.
func (w *world) calls(method string) (n int) {
	for _, r := range w.server.Requests() {
		if r.Method == method {
			n++
		}
	}
	return n
}

// bubble runs a test where time is not real.
func bubble(t *testing.T, n int, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, n)
		defer func() {
			if w.stop != nil {
				w.stop()
			}
			if t.Failed() {
				t.Log(w.log.String()[max(0, w.log.Len()-3000):])
			}
		}()
		test(t, w)
	})
}

func status(w *world, i, hour int) availability.Status {
	item, _ := w.server.Item(dn(i))
	return item.At(thisMonth().Add(hours(hour)))
}

func thisMonth() time.Time {
	now := time.Now().UTC()
	return time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
}

func lower(i int) string { return strings.ToLower(dn(i)) }

// run runs a publisher that cannot.
func run(t *testing.T, w *world) error {
	p, err := publisher.New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	return p.Run(t.Context())
}
