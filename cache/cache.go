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
	"sync"
	"sync/atomic"
	"time"

	"fbgate/availability"
	"fbgate/availability/meter"
)

// Cache is a Source that remembers the answers of another.
type Cache struct {
	// Meter counts what is looked up. It may be nil, and is to be set before the first
	// Lookup.
	Meter *meter.Organization

	organization string
	source       availability.Source
	store        Store
	policy       Policy
	waiting      atomic.Int32     // Lookups that wait for flights
	renewing     atomic.Bool      // Renew is at it
	turn         chan struct{}    // has one element while somebody lists
	now          func() time.Time // time.Now, but in tests of clocks

	mu      sync.Mutex
	flights map[Key][]*flight // those that can be joined
	flying  int               // all, the flushed ones too
	wanted  map[Key]want      // what was served stale
	warned  time.Time         // that stale answers are served
}

var _ availability.Source = (*Cache)(nil)

// New returns a Cache, in store, of the answers of the organization of that name.
func New(organization string, source availability.Source, store Store, policy Policy) *Cache {
	return &Cache{
		organization: organization, source: source, store: store, policy: policy, now: time.Now,
		turn: make(chan struct{}, 1), flights: make(map[Key][]*flight), wanted: make(map[Key]want),
	}
}

// Lookup answers from memory what it can and asks for the rest. Mailboxes still
// being looked up when the time to wait is over, or ctx ends, get a Timeout; the
// lookup goes on.
func (c *Cache) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	answers := make([]availability.Answer, len(q.Mailboxes))
	domain := c.domain(&q)
	var found [finds][]int // indexes of mailboxes
	var why *availability.Reason
	now := c.now()
	for i, m := range q.Mailboxes {
		find, reason := c.recall(Key{m, domain}, q.Window, now, &answers[i])
		if find != current {
			found[find] = append(found[find], i)
		}
		if reason != nil {
			why = reason
		}
	}
	var ways []way
	if why != nil || len(found[nothing]) > 0 || len(found[aged]) > 0 {
		ways = make([]way, len(answers))
		c.complete(ctx, q, found, &lookup{answers: answers, domain: domain, begun: time.Now(), why: why, ways: ways})
	}
	c.count(answers, ways)
	return answers
}

// lookup is a Lookup that needs more than what is remembered.
type lookup struct {
	answers []availability.Answer
	domain  string
	begun   time.Time
	why     *availability.Reason // an answer is stale
	ways    []way                // of the answers; nil if nobody waits for them
}

// complete looks up what was not found.
func (c *Cache) complete(ctx context.Context, q availability.Query, found [finds][]int, l *lookup) {
	c.board(ctx, q, l, found[failing], true) // nobody waits for these
	// Who has a stale answer comes last: others may wait longer than they would.
	if missing := append(found[nothing], found[aged]...); len(missing) > 0 {
		c.await(ctx, q, l, missing)
	}
	c.noteStale(q, l)
}

// await begins lookups, or joins those under way, and waits for them.
func (c *Cache) await(ctx context.Context, q availability.Query, l *lookup, missing []int) {
	defer c.waiting.Add(-1)
	if n := int(c.waiting.Add(1)); c.policy.Waiting > 0 && n > c.policy.Waiting {
		l.why = availability.Because(availability.Overloaded, "%d requests wait for this organization", n-1)
		for _, i := range missing {
			if a := &l.answers[i]; !a.Stale {
				*a = c.fail(q.About(q.Mailboxes[i:i+1]), l.why)[0]
				l.went(i, overloaded)
			}
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, c.policy.Wait)
	defer cancel()
	// Lookups ask for more than they have to, so one for another day may bring
	// this one too. If it did not, only one that will is joined.
	short := c.wait(ctx, q, l, c.board(ctx, q, l, missing, true))
	c.wait(ctx, q, l, c.board(ctx, q, l, short, false))
	waited := time.Since(l.begun)
	for _, i := range missing {
		l.answers[i].Waited = waited
	}
}

func (c *Cache) fail(q availability.Query, reason *availability.Reason) []availability.Answer {
	answers := availability.Fail(q, reason)
	for i := range answers {
		answers[i].Organization = c.organization
	}
	return answers
}
