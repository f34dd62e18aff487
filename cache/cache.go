// Package cache is a Source around a Source that remembers answers.
//
// What is remembered is the Schedule of one mailbox, not a reply: another day,
// another interval or another set of attendees is a hit if the time asked about
// lies in what is known. Lookups are shared: at any time at most one is under way
// for a mailbox and time, however many ask, and it goes on when they leave, so that
// a late answer serves the next one who asks.
//
// Each organization has a Cache of its own, so that its mailboxes wait for nobody
// else's server and take nobody else's room.
package cache

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fbgate/availability"
)

// Cache is a Source that remembers the answers of another.
type Cache struct {
	organization string
	source       availability.Source
	store        Store
	policy       Policy
	waiting      atomic.Int32 // Lookups that wait for flights

	mu      sync.Mutex
	flights map[availability.Mailbox][]*flight // those that can be joined
	flying  int                                // all, the flushed ones too
}

var _ availability.Source = (*Cache)(nil)

// New returns a Cache, in store, of the answers of the organization of that name.
func New(organization string, source availability.Source, store Store, policy Policy) *Cache {
	return &Cache{organization: organization, source: source, store: store, policy: policy, flights: make(map[availability.Mailbox][]*flight)}
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
	defer c.waiting.Add(-1)
	if n := int(c.waiting.Add(1)); c.policy.Waiting > 0 && n > c.policy.Waiting {
		reason := availability.Because(availability.Overloaded, "%d requests wait for this organization", n-1)
		for _, i := range missing {
			answers[i] = c.fail(q.About(q.Mailboxes[i:i+1]), reason)[0]
		}
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
		if settled(a) {
			answer = a
			break
		}
	}
	answer.Cached = ok
	return answer, ok
}

func (c *Cache) fail(q availability.Query, reason *availability.Reason) []availability.Answer {
	answers := availability.Fail(q, reason)
	for i := range answers {
		answers[i].Organization = c.organization
	}
	return answers
}

// settled reports whether a will not be otherwise in seconds.
func settled(a availability.Answer) bool { return a.Reason == nil || a.Reason.Lasting() }

// mostWindows bounds how many separate windows are remembered of one mailbox.
const mostWindows = 8

// remember stores a before what is known of the mailbox and not replaced by it.
func (c *Cache) remember(a availability.Answer, now time.Time) {
	stored, _ := c.store.Get(a.Mailbox)
	kept := make([]availability.Answer, 1, len(stored)+1)
	kept[0] = a
	for _, old := range stored {
		replaced := a.Window.Contains(old.Window) && (settled(a) || !settled(old))
		if now.Before(old.Expires) && !replaced && len(kept) < mostWindows {
			kept = append(kept, old)
		}
	}
	last := slices.MaxFunc(kept, func(a, b availability.Answer) int { return a.Expires.Compare(b.Expires) })
	c.store.Set(a.Mailbox, kept, last.Expires.Sub(now))
}
