// Package cache is a Source around a Source that remembers answers.
//
// What is remembered is the Schedule of one mailbox, not a reply: another day,
// another interval or another set of attendees is a hit if the time asked about
// lies in what is known. Lookups are shared: at any time at most one is under way
// for a mailbox, however many ask, and it goes on when they leave, so that a late
// answer serves the next one who asks.
//
// Each organization has a Cache of its own, so that its mailboxes wait for nobody
// else's server and take nobody else's room.
package cache

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"fbgate/availability"
)

// Policy says how long answers are remembered and waited for. Zero times mean not
// at all.
type Policy struct {
	// Known is how long answers without a Reason are remembered.
	Known time.Duration
	// Lasting is for failures that stay until somebody changes something, such
	// as an unknown mailbox.
	Lasting time.Duration
	// Passing is for failures that may be over soon, such as a timeout. If the
	// other side said how long it wants to be left alone, that counts, but no
	// longer than Known.
	Passing time.Duration
	// Wait is how long somebody who asks waits for an answer.
	Wait time.Duration
	// Timeout is how long a lookup may take in all, those who asked for it gone
	// or not.
	Timeout time.Duration
}

// ttl returns how long a is to be remembered.
func (p Policy) ttl(a availability.Answer) time.Duration {
	switch r := a.Reason; {
	case r == nil, r.Code == availability.NoInformation && !a.Schedule.Known.Empty():
		return p.Known
	case r.Code == availability.Internal:
		return 0
	case r.Lasting():
		return p.Lasting
	default:
		return min(max(p.Passing, r.RetryAfter), max(p.Known, p.Passing))
	}
}

// Cache is a Source that remembers the answers of another.
type Cache struct {
	organization string
	source       availability.Source
	store        Store
	policy       Policy

	mu      sync.Mutex
	flights map[availability.Mailbox][]*flight
	flying  int // flights, of all mailboxes
}

// mostFlights bounds the lookups under way, one for each mailbox and window: those
// who asked for them may have left long ago. One takes about half a kilobyte.
const mostFlights = 10_000

var _ availability.Source = (*Cache)(nil)

// New returns a Cache, in store, of the answers of the organization of that name.
func New(organization string, source availability.Source, store Store, policy Policy) *Cache {
	return &Cache{organization: organization, source: source, store: store, policy: policy, flights: make(map[availability.Mailbox][]*flight)}
}

// flight is the lookup of one mailbox under way.
type flight struct {
	window availability.Window // asked for; more may come
	done   chan struct{}       // closed when answer is set
	answer availability.Answer
	// flushed is set if an operator flushed the mailbox meanwhile; guarded by
	// Cache.mu.
	flushed bool
}

// Lookup answers from memory what it can and asks for the rest. Mailboxes still
// being looked up when the time to wait is over, or ctx ends, get a Timeout; the
// lookup goes on.
func (c *Cache) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	answers := make([]availability.Answer, len(q.Mailboxes))
	var missing []int
	now := time.Now()
	for i, m := range q.Mailboxes {
		var ok bool
		if answers[i], ok = c.remembered(m, q.Window, now); !ok {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return answers
	}
	ctx, cancel := context.WithTimeout(ctx, c.policy.Wait)
	defer cancel()
	// Lookups ask for more than they have to, so one for another day may bring
	// this one too. If it did not, only one that will is joined.
	short := c.wait(ctx, q, c.board(ctx, q, missing, true), answers)
	c.wait(ctx, q, c.board(ctx, q, short, false), answers)
	return answers
}

// remembered returns what is stored about m, if it speaks about all of w. Of
// several answers the last counts, but a passing failure does not hide what was
// known before it.
func (c *Cache) remembered(m availability.Mailbox, w availability.Window, now time.Time) (answer availability.Answer, ok bool) {
	stored, _ := c.store.Get(m)
	for _, a := range stored {
		if !now.Before(a.Expires) || !a.Window.Contains(w) {
			continue
		}
		if !ok {
			answer, ok = a, true
		}
		if a.Reason == nil || a.Reason.Lasting() {
			answer = a
			break
		}
	}
	answer.Cached = ok
	return answer, ok
}

// seat is a mailbox of a query, by index, on the flight that will answer it.
type seat struct {
	index  int
	flight *flight
}

// board finds a flight for each of the mailboxes with these indexes: one for the
// window of q, or with any one for any window. For mailboxes that have none it
// starts one lookup for all.
func (c *Cache) board(ctx context.Context, q availability.Query, indexes []int, any bool) []seat {
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
		f := c.underWay(m, q.Window, any)
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

// underWay returns a flight of m for w, or with any, if there is none, another.
func (c *Cache) underWay(m availability.Mailbox, w availability.Window, any bool) *flight {
	flights := c.flights[m]
	for _, f := range flights {
		if f.window.Contains(w) {
			return f
		}
	}
	if any && len(flights) > 0 {
		return flights[0]
	}
	return nil
}

// wait fills in answers as flights land, and returns the indexes whose flight,
// started for another window, fell short of the one of q.
func (c *Cache) wait(ctx context.Context, q availability.Query, seats []seat, answers []availability.Answer) (short []int) {
	for _, s := range seats {
		switch {
		case !landed(ctx, s.flight):
			answers[s.index] = c.fail(q.About(q.Mailboxes[s.index:s.index+1]),
				availability.Because(availability.Timeout, "no answer within %v; the lookup goes on and will be remembered", c.policy.Wait))[0]
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

func (c *Cache) fail(q availability.Query, reason *availability.Reason) []availability.Answer {
	answers := availability.Fail(q, reason)
	for i := range answers {
		answers[i].Organization = c.organization
	}
	return answers
}

// mostWindows bounds how many separate windows are remembered of one mailbox.
const mostWindows = 8

// remember stores a before what is known of the mailbox and not replaced by it.
func (c *Cache) remember(a availability.Answer, now time.Time) {
	stored, _ := c.store.Get(a.Mailbox)
	passing := a.Reason != nil && !a.Reason.Lasting()
	kept := make([]availability.Answer, 1, len(stored)+1)
	kept[0] = a
	for _, old := range stored {
		replaced := a.Window.Contains(old.Window) && !(passing && old.Reason == nil)
		if now.Before(old.Expires) && !replaced && len(kept) < mostWindows {
			kept = append(kept, old)
		}
	}
	last := slices.MaxFunc(kept, func(a, b availability.Answer) int { return a.Expires.Compare(b.Expires) })
	c.store.Set(a.Mailbox, kept, last.Expires.Sub(now))
}
