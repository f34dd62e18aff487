package publisher

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"fbgate/availability"
)

// Status is how a Publisher fares.
type Status struct {
	Organization string
	// Running is set during a round.
	Running bool
	// Fault is the error with which Run has ended; nil while it goes on, and after an
	// orderly end.
	Fault error
	// Round is the present round, or between two the one before; the zero Round if there
	// has been none. Previous is the one before that.
	Round, Previous Round
	// Next is when the next round begins, if none is running.
	Next time.Time
	// Failures are the last ones, at most 20, the oldest first.
	Failures []Failure
}

// Round is what one pass over all recipients has come to. Of its Total recipients
// Written, Unchanged and the numbers in Failed sum up to those that were seen to.
type Round struct {
	Began time.Time
	Ended time.Time // zero while it runs
	// Window are the months published.
	Window availability.Window
	// Total is how many recipients there are, and Done how many were seen to.
	Total, Done int
	// Written and Unchanged are items that are true; Partial those of them that hold
	// fewer months than Window, as no more is known.
	Written, Unchanged, Partial int
	// Removed are items that were removed.
	Removed int
	// Failed are recipients whose item could not be confirmed, by why. What became of
	// an item, see [Config].Keep.
	Failed map[availability.Code]int
	// FailedRemovals are items that should have been removed and could not be.
	FailedRemovals int
	// Stopped is why the round ended early, Recipients why not all of them are known.
	Stopped, Recipients *availability.Reason
}

// Step is where something failed.
type Step string

// The steps.
const (
	StepLookup Step = "lookup" // free/busy was asked for
	StepWrite  Step = "write"  // PROPPATCH
	StepRemove Step = "remove" // DELETE
)

// Failure is one that befell a mailbox.
type Failure struct {
	At       time.Time
	LegacyDN string
	Mailbox  availability.Mailbox // empty if it has left
	Step     Step
	Reason   *availability.Reason
}

const (
	// maxFailures is how many are shown, and logged in each round.
	maxFailures = 20
	// progressEvery is how often a long round is heard of in the log.
	progressEvery = time.Minute
)

// Status returns how the Publisher fares. It may be called at any time.
func (p *Publisher) Status() Status {
	t := &p.status
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.status
	s.Organization = p.config.Organization
	s.Round.Failed, s.Previous.Failed = maps.Clone(s.Round.Failed), maps.Clone(s.Previous.Failed)
	s.Failures = slices.Clone(s.Failures)
	return s
}

// tracker keeps the Status.
type tracker struct {
	mu     sync.Mutex
	status Status
	logged int       // failures in this round
	told   time.Time // when the log told of progress
}

func (t *tracker) change(f func(s *Status, r *Round)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.status, &t.status.Round)
}

func (t *tracker) begin(now time.Time, w availability.Window) {
	t.change(func(s *Status, r *Round) {
		s.Running, s.Next = true, time.Time{}
		if !r.Began.IsZero() {
			s.Previous = *r
		}
		*r = Round{Began: now, Window: w, Failed: make(map[availability.Code]int)}
		t.logged, t.told = 0, now
	})
}

func (t *tracker) listed(total int, reason *availability.Reason) {
	t.change(func(_ *Status, r *Round) { r.Total, r.Recipients = total, reason })
}

func (t *tracker) unchanged(partial bool) {
	t.change(func(_ *Status, r *Round) { r.Unchanged++; r.done(partial) })
}

func (t *tracker) written(partial bool) {
	t.change(func(_ *Status, r *Round) { r.Written++; r.done(partial) })
}

func (r *Round) done(partial bool) {
	r.Done++
	if partial {
		r.Partial++
	}
}

func (t *tracker) removed() { t.change(func(_ *Status, r *Round) { r.Removed++ }) }

func (t *tracker) end(stopped *availability.Reason) {
	t.change(func(s *Status, r *Round) { s.Running, r.Ended, r.Stopped = false, time.Now(), stopped })
}

// run notes that rounds begin, or with what error they have ended.
func (t *tracker) run(fault error) { t.change(func(s *Status, _ *Round) { s.Fault = fault }) }

func (t *tracker) next(at time.Time) { t.change(func(s *Status, _ *Round) { s.Next = at }) }

// failed notes and logs a failure.
func (p *Publisher) failed(ctx context.Context, f Failure) {
	f.At = time.Now()
	reason := *f.Reason
	reason.Detail = fmt.Sprintf("%.300s", reason.Detail)
	f.Reason = &reason
	level := slog.LevelDebug
	p.status.change(func(s *Status, r *Round) {
		if f.Step == StepRemove {
			r.FailedRemovals++
		} else {
			r.Done++
			r.Failed[reason.Code]++
		}
		if len(s.Failures) == maxFailures {
			s.Failures = slices.Delete(s.Failures, 0, 1)
		}
		s.Failures = append(s.Failures, f)
		if p.status.logged++; p.status.logged <= maxFailures {
			level = slog.LevelWarn
		}
	})
	p.config.Log.LogAttrs(ctx, level, "not published",
		slog.String("mailbox", string(f.Mailbox)), slog.String("legacy_dn", f.LegacyDN), slog.String("step", string(f.Step)),
		slog.String("reason", string(reason.Code)), slog.String("detail", reason.Detail), slog.String("remedy", reason.Remedy()))
}

// logProgress tells of a long round now and then.
func (p *Publisher) logProgress(ctx context.Context, id string) {
	tell := false
	p.status.change(func(*Status, *Round) {
		if tell = time.Since(p.status.told) >= progressEvery; tell {
			p.status.told = time.Now()
		}
	})
	if tell {
		p.config.Log.LogAttrs(ctx, slog.LevelInfo, "publishing", p.Status().Round.attributes(id)...)
	}
}

// logRound tells what a round has come to.
func (p *Publisher) logRound(ctx context.Context, id string) {
	r := p.Status().Round
	level, attributes := slog.LevelInfo, r.attributes(id)
	for name, reason := range map[string]*availability.Reason{"stopped": r.Stopped, "recipients": r.Recipients} {
		if reason == nil {
			continue
		}
		level = slog.LevelWarn
		attributes = append(attributes, slog.Group(name,
			slog.String("reason", string(reason.Code)), slog.String("detail", fmt.Sprintf("%.300s", reason.Detail)), slog.String("remedy", reason.Remedy())))
	}
	p.config.Log.LogAttrs(ctx, level, "published", attributes...)
}

func (r Round) attributes(id string) []slog.Attr {
	attributes := []slog.Attr{
		slog.String("request_id", id), slog.Int("total", r.Total), slog.Int("done", r.Done),
		slog.Int("written", r.Written), slog.Int("unchanged", r.Unchanged), slog.Int("partial", r.Partial),
		slog.Int("removed", r.Removed), slog.Int("failed_removals", r.FailedRemovals),
	}
	for _, code := range slices.Sorted(maps.Keys(r.Failed)) {
		attributes = append(attributes, slog.Int("failed_"+string(code), r.Failed[code]))
	}
	end := r.Ended
	if end.IsZero() {
		end = time.Now()
	}
	return append(attributes, slog.Duration("took", end.Sub(r.Began)))
}
