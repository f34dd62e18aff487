package published_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/published"

	"pgregory.net/rapid"
)

func open(t rapid.TB, path string, options published.Options) *published.Store {
	t.Helper()
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	s, err := published.Open(path, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fresh(t testing.TB, options published.Options) *published.Store {
	s := open(t, filepath.Join(t.TempDir(), "published.db"), options)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// publication is of m, from a day ago to 30 days ahead, busy for the next hour.
func publication(m availability.Mailbox) availability.Publication {
	now := time.Now().Truncate(time.Second).UTC()
	known := availability.Window{Start: now.Add(-24 * time.Hour), End: now.Add(30 * 24 * time.Hour)}
	busy := availability.Span{Window: availability.Window{Start: now, End: now.Add(time.Hour)}, Status: availability.Busy}
	return availability.Publication{
		Mailbox: m, By: "mary's Outlook", At: now, Expires: now.Add(15 * 24 * time.Hour),
		Schedule: availability.NewSchedule(known, 0, []availability.Span{busy}),
	}
}

func publish(t rapid.TB, s *published.Store, publications ...availability.Publication) {
	t.Helper()
	for _, p := range publications {
		if err := s.Publish(context.Background(), p); err != nil {
			t.Fatal(err)
		}
	}
}

func get(t rapid.TB, s *published.Store, m availability.Mailbox) (availability.Publication, bool) {
	t.Helper()
	p, ok, err := s.Get(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	return p, ok
}

func equal(a, b availability.Publication) bool {
	return a.Mailbox == b.Mailbox && a.By == b.By && a.At.Equal(b.At) && a.Expires.Equal(b.Expires) && a.Schedule.Equal(b.Schedule)
}

func TestPublishGetWithdraw(t *testing.T) {
	s := fresh(t, published.Options{})
	if _, ok := get(t, s, "mary@contoso.com"); ok || s.Len() != 0 {
		t.Error("something in an empty store")
	}
	first, second := publication("mary@contoso.com"), publication("mary@contoso.com")
	second.By = "mary's telephone"
	publish(t, s, first, publication("/o=contoso/cn=john"), second)
	if p, ok := get(t, s, "mary@contoso.com"); !ok || !equal(p, second) || s.Len() != 2 {
		t.Errorf("%+v, %v, %d kept", p, ok, s.Len())
	}
	for _, want := range []bool{true, false} {
		if was, err := s.Withdraw(t.Context(), "mary@contoso.com"); was != want || err != nil {
			t.Errorf("withdrawn %v, %v", was, err)
		}
	}
	if _, ok := get(t, s, "mary@contoso.com"); ok || s.Len() != 1 {
		t.Errorf("withdrawn, and %d kept", s.Len())
	}
	if _, ok := get(t, s, "/o=contoso/cn=john"); !ok {
		t.Error("somebody else is gone, too")
	}
}

func TestSurvivesClosing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "published.db")
	s := open(t, path, published.Options{})
	p := publication("mary@contoso.com")
	publish(t, s, p)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(t.Context(), p); err == nil {
		t.Error("published in a closed store")
	}
	if _, _, err := s.Get(t.Context(), p.Mailbox); err == nil {
		t.Error("read from a closed store")
	}
	s = open(t, path, published.Options{})
	defer s.Close()
	if got, ok := get(t, s, p.Mailbox); !ok || !equal(got, p) || s.Len() != 1 {
		t.Errorf("%+v, %v, %d kept", got, ok, s.Len())
	}
}

func TestPublishRefuses(t *testing.T) {
	s := fresh(t, published.Options{})
	spans := make([]availability.Span, 0, 20_001)
	base := publication("mary@contoso.com").Schedule.Known.Start
	for i := range 20_001 {
		start := base.Add(time.Duration(i) * 2 * time.Minute)
		spans = append(spans, availability.Span{Window: availability.Window{Start: start, End: start.Add(time.Minute)}, Status: availability.Busy})
	}
	for name, change := range map[string]func(p *availability.Publication){
		"1 to 1000 bytes":      func(p *availability.Publication) { p.Mailbox = "" },
		"1 to 1000 bytes ":     func(p *availability.Publication) { p.Mailbox = availability.Mailbox(strings.Repeat("x", 1001)) },
		"nothing is known":     func(p *availability.Publication) { p.Schedule = availability.Schedule{} },
		"more than 20000":      func(p *availability.Publication) { p.Schedule = availability.NewSchedule(p.Schedule.Known, 0, spans) },
		"more than 100 years":  func(p *availability.Publication) { p.Schedule.Known.End = base.AddDate(101, 0, 0) },
		"not a year from 1601": func(p *availability.Publication) { p.Schedule.Known.Start = base.AddDate(-9000, 0, 0) },
		"1601 to 4500":         func(p *availability.Publication) { p.Expires = base.AddDate(9000, 0, 0) },
		"before it was":        func(p *availability.Publication) { p.Expires = p.At },
		"out of range":         func(p *availability.Publication) { p.Schedule.Step = -1 },
	} {
		p := publication("mary@contoso.com")
		change(&p)
		err := s.Publish(t.Context(), p)
		if name == "not a year from 1601" {
			name = "more than 100 years" // whichever is said first
		}
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(name)) || s.Len() != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Publish(done, publication("a@b.c")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := s.Withdraw(done, "a@b.c"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	long := publication("mary@contoso.com")
	long.By = strings.Repeat("é", 200) + "\xff"
	publish(t, s, long)
	if p, _ := get(t, s, long.Mailbox); p.By != strings.Repeat("é", 100) {
		t.Errorf("by %q", p.By)
	}
}

func TestFull(t *testing.T) {
	s := fresh(t, published.Options{MaxMailboxes: 2})
	publish(t, s, publication("a@contoso.com"), publication("b@contoso.com"))
	if err := s.Publish(t.Context(), publication("c@contoso.com")); !errors.Is(err, published.ErrFull) {
		t.Error(err)
	}
	publish(t, s, publication("a@contoso.com")) // no new one
	if _, err := s.Withdraw(t.Context(), "a@contoso.com"); err != nil {
		t.Fatal(err)
	}
	publish(t, s, publication("c@contoso.com"))
	if s.Len() != 2 {
		t.Errorf("%d kept", s.Len())
	}
}

// Many at once are as exact as one, in the limit too.
func TestManyAtOnce(t *testing.T) {
	s := fresh(t, published.Options{MaxMailboxes: 50})
	var clients sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for i := range 100 {
		clients.Go(func() {
			err := s.Publish(t.Context(), publication(availability.Mailbox(fmt.Sprintf("m%d@contoso.com", i))))
			if errors.Is(err, published.ErrFull) {
				mu.Lock()
				refused++
				mu.Unlock()
			} else if err != nil {
				t.Error(err)
			}
		})
		clients.Go(func() {
			if _, _, err := s.Get(t.Context(), "m1@contoso.com"); err != nil {
				t.Error(err)
			}
		})
	}
	clients.Wait()
	if refused != 50 || s.Len() != 50 {
		t.Errorf("%d refused, %d kept", refused, s.Len())
	}
}

func TestAllAndSweep(t *testing.T) {
	s := fresh(t, published.Options{})
	var want []availability.Mailbox
	var clients sync.WaitGroup
	for i := range 250 { // more than two pages
		m := availability.Mailbox(fmt.Sprintf("m%03d@contoso.com", i))
		want = append(want, m)
		p := publication(m)
		switch i % 3 {
		case 1: // expired, not long ago
			p.At, p.Expires = p.At.Add(-50*time.Hour), p.At.Add(-20*time.Hour)
		case 2: // expired long ago
			p.At, p.Expires = p.At.Add(-50*time.Hour), p.At.Add(-25*time.Hour)
		}
		clients.Go(func() { publish(t, s, p) })
	}
	clients.Wait()
	list := func(after availability.Mailbox) (all []availability.Mailbox) {
		for p, err := range s.All(after) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, p.Mailbox)
		}
		return all
	}
	if got := list(""); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if got := list("m099@contoso.com"); !slices.Equal(got, want[100:]) {
		t.Errorf("after one: %v", got)
	}
	if got := list("m09"); !slices.Equal(got, want[90:]) {
		t.Errorf("after none: %v", got)
	}
	for range s.All("") {
		break // and nothing is held
	}
	for i, m := range want {
		if _, ok := get(t, s, m); ok != (i%3 == 0) {
			t.Errorf("%s is served: %v", m, ok)
		}
	}
	if n, err := s.Sweep(t.Context()); n != 83 || err != nil || s.Len() != 167 {
		t.Errorf("%d removed, %v, %d kept", n, err, s.Len())
	}
	if was, err := s.Withdraw(t.Context(), want[1]); was || err != nil {
		t.Errorf("what has expired is withdrawn: %v, %v", was, err)
	}
	if n, err := s.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("%d removed again, %v", n, err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Sweep(done); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A store does what a map does, also when it is closed and opened at any moment.
func TestIsAMap(t *testing.T) {
	dir := t.TempDir()
	rounds := 0
	rapid.Check(t, func(t *rapid.T) {
		rounds++
		path := filepath.Join(dir, fmt.Sprintf("%d.db", rounds))
		reopen := func() *published.Store {
			s := open(t, path, published.Options{})
			published.Careless(s)
			return s
		}
		s := reopen()
		defer func() { s.Close() }()
		model := make(map[availability.Mailbox]availability.Publication)
		mailboxes := rapid.SampledFrom([]availability.Mailbox{"a@x.y", "b@x.y", "/o=x/cn=c"})
		t.Repeat(map[string]func(*rapid.T){
			"publish": func(t *rapid.T) {
				p := publication(mailboxes.Draw(t, "mailbox"))
				p.By = rapid.StringN(0, 20, 80).Draw(t, "by")
				if p.Schedule = at.Schedule().Draw(t, "schedule"); p.Schedule.Known.Empty() {
					t.Skip()
				}
				publish(t, s, p)
				model[p.Mailbox] = p
			},
			"withdraw": func(t *rapid.T) {
				m := mailboxes.Draw(t, "mailbox")
				_, want := model[m]
				if was, err := s.Withdraw(context.Background(), m); was != want || err != nil {
					t.Fatalf("withdrawn %v, %v", was, err)
				}
				delete(model, m)
			},
			"restart": func(t *rapid.T) {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = reopen()
			},
			"": func(t *rapid.T) {
				if s.Len() != len(model) {
					t.Fatalf("%d kept of %d", s.Len(), len(model))
				}
				for _, m := range []availability.Mailbox{"a@x.y", "b@x.y", "/o=x/cn=c"} {
					want, published := model[m]
					if p, ok := get(t, s, m); ok != published || ok && !equal(p, want) {
						t.Fatalf("%+v, %v, want %+v", p, ok, want)
					}
				}
			},
		})
	})
}
