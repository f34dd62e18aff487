package cache

import (
	"cmp"
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
	key    Key
	begun  time.Time
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
func (c *Cache) board(ctx context.Context, q availability.Query, l *lookup, indexes []int, hope bool) []seat {
	if len(indexes) == 0 {
		return nil
	}
	seats := make([]seat, 0, len(indexes))
	var mailboxes []availability.Mailbox
	var flights []*flight
	c.mu.Lock()
	now := c.now()
	for _, i := range indexes {
		m := q.Mailboxes[i]
		k := Key{m, l.domain}
		f := c.underWay(k, q.Window, hope)
		if f != nil {
			l.went(i, shared)
		} else {
			f = &flight{key: k, begun: time.Now(), window: q.Window, done: make(chan struct{})}
			// It may have landed since the store was asked.
			var a availability.Answer
			if found, why := c.recall(k, q.Window, now, &a); found == current {
				f.land(a)
				l.why = cmp.Or(why, l.why)
			} else if c.flying >= mostFlights {
				f.land(c.fail(q.About([]availability.Mailbox{m}), availability.Because(availability.Overloaded, "%d lookups are under way", c.flying))[0])
				l.went(i, overloaded)
			} else {
				c.flights[k] = append(c.flights[k], f)
				c.flying++
				mailboxes, flights = append(mailboxes, m), append(flights, f)
				l.went(i, asked)
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

// underWay returns a flight of k for w, or with hope another if there is none.
func (c *Cache) underWay(k Key, w availability.Window, hope bool) *flight {
	flights := c.flights[k]
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
func (c *Cache) wait(ctx context.Context, q availability.Query, l *lookup, seats []seat) (short []int) {
	for _, s := range seats {
		f, a := s.flight, &l.answers[s.index]
		reaches := f.window.Contains(q.Window)
		switch {
		case a.Stale && !c.soon(ctx, l, f) && c.fallBack(f.key, q.Window, l, a, c.slow(c.policy.Patience)):
		case !landed(ctx, f):
			// Another lookup may have brought what this one still owes.
			if c.fallBack(f.key, q.Window, l, a, c.slow(c.policy.Wait)) {
				continue
			}
			*a = c.fail(q.About(q.Mailboxes[s.index:s.index+1]), c.slow(c.policy.Wait))[0]
		case failed(&f.answer) && c.fallBack(f.key, q.Window, l, a, f.answer.Reason):
			continue
		default:
			if reaches = f.answer.Window.Contains(q.Window); reaches {
				*a = f.answer
			}
		}
		if !reaches {
			short = append(short, s.index)
		}
	}
	return short
}

// slow is why somebody who waited that long has no answer.
func (c *Cache) slow(waited time.Duration) *availability.Reason {
	return availability.Because(availability.Timeout, "no answer within %v; the lookup goes on and will be remembered", waited)
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
	now := c.now()
	for i, f := range flights {
		a := answers[i]
		a.For = c.audience(f.key)
		if ttl := c.policy.ttl(&a); !f.flushed && (ttl > 0 || !good(&a)) {
			a.Expires = now.Add(ttl)
			c.remember(f.key, a, now)
		}
		f.land(a)
		c.flying--
		if !f.flushed {
			c.end(f)
		}
	}
}

// end takes f off the list of flights.
func (c *Cache) end(f *flight) {
	c.flights[f.key] = slices.DeleteFunc(c.flights[f.key], func(other *flight) bool { return other == f })
	if len(c.flights[f.key]) == 0 {
		delete(c.flights, f.key)
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
		unsaid := answers[i].Reason == nil && !answers[i].Schedule.Covers(answers[i].Window)
		broken = broken || unsaid || answers[i].Mailbox != q.Mailboxes[i] || !answers[i].Window.Contains(q.Window)
	}
	if broken {
		return c.fail(q, availability.Because(availability.Internal, "the source answered something else than it was asked"))
	}
	return answers
}
