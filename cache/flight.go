package cache

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"fbgate/availability"
)

// mostFlights bounds the lookups under way, one for each mailbox and window: those
// who asked for them may have left long ago.
const mostFlights = 10_000

// flight is the lookup of one mailbox under way.
type flight struct {
	window availability.Window // asked for; more may come
	done   chan struct{}       // closed when answer is set
	answer availability.Answer
	// flushed is set if an operator flushed the mailbox meanwhile; guarded by
	// Cache.mu.
	flushed bool
}

// seat is a mailbox of a query, by index, on the flight that will answer it.
type seat struct {
	index  int
	flight *flight
}

// board finds a flight for each of the mailboxes with these indexes: one for the
// window of q, or with hope, if there is none, one for another window, which may
// reach it. For mailboxes that have none it starts one lookup for all.
func (c *Cache) board(ctx context.Context, q availability.Query, indexes []int, hope bool) []seat {
	if len(indexes) == 0 {
		return nil
	}
	seats := make([]seat, 0, len(indexes))
	var mailboxes []availability.Mailbox
	var flights []*flight
	c.mu.Lock()
	now := time.Now()
	for _, i := range indexes {
		m := q.Mailboxes[i]
		f := c.underWay(m, q.Window, hope)
		if f == nil {
			f = &flight{window: q.Window, done: make(chan struct{})}
			// It may have landed since the store was asked.
			if a, ok := c.remembered(m, q.Window, now); ok {
				f.land(a)
			} else if c.flying >= mostFlights {
				f.land(c.fail(q.About([]availability.Mailbox{m}), availability.Because(availability.Overloaded, "%d lookups are under way", c.flying))[0])
			} else {
				c.flights[m] = append(c.flights[m], f)
				c.flying++
				mailboxes, flights = append(mailboxes, m), append(flights, f)
			}
		}
		seats = append(seats, seat{i, f})
	}
	c.mu.Unlock()
	if len(mailboxes) > 0 {
		go c.fly(context.WithoutCancel(ctx), q.About(mailboxes), flights)
	}
	return seats
}

// underWay returns a flight of m for w, or with hope another if there is none.
func (c *Cache) underWay(m availability.Mailbox, w availability.Window, hope bool) *flight {
	flights := c.flights[m]
	for _, f := range flights {
		if f.window.Contains(w) {
			return f
		}
	}
	if hope && len(flights) > 0 {
		return flights[0]
	}
	return nil
}

// wait fills in answers as flights land, and returns the indexes whose flight,
// started for another window, fell short of the one of q, or is not known to reach
// it when ctx ends.
func (c *Cache) wait(ctx context.Context, q availability.Query, seats []seat, answers []availability.Answer) (short []int) {
	for _, s := range seats {
		switch {
		case !landed(ctx, s.flight):
			answers[s.index] = c.fail(q.About(q.Mailboxes[s.index:s.index+1]),
				availability.Because(availability.Timeout, "no answer within %v; the lookup goes on and will be remembered", c.policy.Wait))[0]
			if !s.flight.window.Contains(q.Window) {
				short = append(short, s.index)
			}
		case s.flight.answer.Window.Contains(q.Window):
			answers[s.index] = s.flight.answer
		default:
			short = append(short, s.index)
		}
	}
	return short
}

// landed waits for f until ctx is done. What has landed by then counts.
func landed(ctx context.Context, f *flight) bool {
	select {
	case <-f.done:
		return true
	default:
	}
	select {
	case <-f.done:
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *flight) land(a availability.Answer) {
	f.answer = a
	close(f.done)
}

// fly looks the mailboxes of q up and lands their flights.
func (c *Cache) fly(ctx context.Context, q availability.Query, flights []*flight) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.policy.Timeout,
		availability.Because(availability.Timeout, "the lookup was not complete within %v", c.policy.Timeout))
	defer cancel()
	answers := c.ask(ctx, q)

	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for i, f := range flights {
		a := answers[i]
		if ttl := c.policy.ttl(a); ttl > 0 && !f.flushed {
			a.Expires = now.Add(ttl)
			c.remember(a, now)
		}
		f.land(a)
		c.flying--
		if !f.flushed {
			c.end(a.Mailbox, f)
		}
	}
}

// end takes f off the list of the mailbox's flights.
func (c *Cache) end(m availability.Mailbox, f *flight) {
	c.flights[m] = slices.DeleteFunc(c.flights[m], func(other *flight) bool { return other == f })
	if len(c.flights[m]) == 0 {
		delete(c.flights, m)
	}
}

// ask asks the source, which may panic or break its promise: those who wait get
// an answer all the same.
func (c *Cache) ask(ctx context.Context, q availability.Query) (answers []availability.Answer) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "panic in a lookup", "request_id", q.RequestID, "panic", p, "stack", string(debug.Stack()))
			answers = c.fail(q, availability.Because(availability.Internal, "panic: %v", p))
		}
	}()
	answers = c.source.Lookup(ctx, q)
	broken := len(answers) != len(q.Mailboxes)
	for i := range answers {
		broken = broken || answers[i].Mailbox != q.Mailboxes[i] || !answers[i].Window.Contains(q.Window)
	}
	if broken {
		return c.fail(q, availability.Because(availability.Internal, "the source answered something else than it was asked"))
	}
	return answers
}
