package availabilitytest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
)

// Sample is what the conformance suite has to know of the source it tests.
type Sample struct {
	Source availability.Source
	// Known are mailboxes the source answers fully in Window, at least two.
	Known []availability.Mailbox
	// Unknown is one it cannot answer.
	Unknown availability.Mailbox
	Window  availability.Window
}

// TestSource is the conformance suite of availability.Source: every implementation
// runs it.
func TestSource(t *testing.T, s Sample) {
	ask := func(ctx context.Context, mailboxes ...availability.Mailbox) []availability.Answer {
		q := availability.Query{RequestID: "conformance", Mailboxes: mailboxes, Window: s.Window, Interval: 30 * time.Minute}
		asked := slices.Clone(mailboxes)
		answers := s.Source.Lookup(ctx, q)
		if !slices.Equal(mailboxes, asked) {
			t.Errorf("the query was changed to %v", mailboxes)
		}
		if len(answers) != len(mailboxes) {
			t.Fatalf("%d answers about %d mailboxes", len(answers), len(mailboxes))
		}
		for i, a := range answers {
			CheckAnswer(t, a, mailboxes[i], s.Window)
		}
		return answers
	}
	known := func(t *testing.T, a availability.Answer) {
		t.Helper()
		if a.Reason != nil || a.At.IsZero() || a.Organization == "" {
			t.Errorf("%s: %+v", a.Mailbox, a)
		}
	}
	unknown := func(t *testing.T, a availability.Answer) {
		t.Helper()
		if a.Reason == nil || !a.Schedule.Equal(availability.Schedule{}) {
			t.Errorf("%s: %+v, but it is not known", a.Mailbox, a)
		}
	}

	t.Run("answers nobody", func(t *testing.T) { ask(t.Context()) })
	t.Run("answers in the order asked", func(t *testing.T) {
		for _, a := range ask(t.Context(), backwards(s.Known)...) {
			known(t, a)
		}
	})
	t.Run("answers the same mailbox twice", func(t *testing.T) {
		answers := ask(t.Context(), s.Known[0], s.Known[1], s.Known[0])
		known(t, answers[0])
		if !answers[0].Schedule.Equal(answers[2].Schedule) {
			t.Error("but differently")
		}
	})
	t.Run("one that fails spoils no other", func(t *testing.T) {
		answers := ask(t.Context(), s.Known[0], s.Unknown, s.Known[1])
		known(t, answers[0])
		unknown(t, answers[1])
		known(t, answers[2])
	})
	t.Run("returns when the caller leaves", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		leave()
		done := make(chan struct{})
		go func() { defer close(done); ask(ctx, s.Known...) }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("it does not")
		}
	})
	t.Run("answers many at once", func(t *testing.T) {
		var askers sync.WaitGroup
		for i := range 16 {
			askers.Go(func() {
				m := s.Known[i%len(s.Known)]
				known(t, ask(t.Context(), m)[0])
			})
		}
		askers.Wait()
	})
}

// CheckAnswer fails the test if a breaks the promises of its type.
func CheckAnswer(t testing.TB, a availability.Answer, m availability.Mailbox, w availability.Window) {
	t.Helper()
	switch {
	case a.Mailbox != m:
		t.Errorf("an answer about %q instead of %q", a.Mailbox, m)
	case !a.Window.Contains(w):
		t.Errorf("%s: the answer speaks about %v, not all of %v", m, a.Window, w)
	case a.Reason == nil && !a.Schedule.Covers(w):
		t.Errorf("%s: something is unknown, but there is no reason: %+v", m, a)
	case a.Reason != nil && (a.Reason.Code == "" || a.Reason.Remedy() == ""):
		t.Errorf("%s: reason %+v does not say what to do", m, a.Reason)
	}
	CheckCanonical(t, a.Schedule)
}

func backwards(mailboxes []availability.Mailbox) []availability.Mailbox {
	mailboxes = slices.Clone(mailboxes)
	slices.Reverse(mailboxes)
	return mailboxes
}
