package cache

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"fbgate/availability"
)

// RenewMailbox asks anew, in the background, what is remembered of a mailbox, and returns
// how many organizations remember something. What is remembered is served until the new
// answers come, and beyond if there are none; see [Cache.RenewMailbox].
func (c Caches) RenewMailbox(ctx context.Context, id string, m availability.Mailbox) int {
	n := 0
	for _, one := range c {
		n += one.RenewMailbox(ctx, id, m)
	}
	return n
}

// Renew is [Cache.Renew] for all of them.
func (c Caches) Renew(ctx context.Context, id string) int {
	n := 0
	for _, one := range c {
		n += one.Renew(ctx, id)
	}
	return n
}

// mostRenewed is of how many mailboxes and windows one call of Renew asks.
const mostRenewed = 10_000

// renewedAtOnce is how many of them are asked about at the same time, so that clients who
// want something else need not wait behind them.
const renewedAtOnce = 200

// Renew asks anew about all that is remembered, some at a time and in the background, and
// returns how many mailboxes that are: 10,000 at most, and 0 if it is at it already. What
// is remembered is served until the new answers come: unlike [Cache.Flush] nobody has to
// wait, and failures that say nothing about a mailbox hide nothing. Id names the question
// in logs. The end of ctx ends it; its lookups under way go on.
//
// Of an organization that answers by who asks nothing is renewed, as who asked is not
// remembered.
func (c *Cache) Renew(ctx context.Context, id string) int {
	if c.policy.ByRequester || !c.renewing.CompareAndSwap(false, true) {
		return 0
	}
	wanted, n := c.renewable(func(yield func(Key) bool) {
		for k := range entries(c.store) {
			if !yield(k) {
				return
			}
		}
	})
	go func() {
		defer c.renewing.Store(false)
		c.renew(ctx, id, wanted)
	}()
	return n
}

// RenewMailbox is Renew for one mailbox, and returns 1 if something is remembered of it.
func (c *Cache) RenewMailbox(ctx context.Context, id string, m availability.Mailbox) int {
	if c.policy.ByRequester {
		return 0
	}
	wanted, n := c.renewable(slices.Values(c.keys(m)))
	if n > 0 {
		go c.renew(ctx, id, wanted)
	}
	return n
}

// renewable returns what is remembered by these keys, by the window it is about, and of
// how many mailboxes.
func (c *Cache) renewable(keys iter.Seq[Key]) (windows map[availability.Window][]availability.Mailbox, n int) {
	windows = make(map[availability.Window][]availability.Mailbox)
	now, asked := c.now(), 0
	for k := range keys {
		if asked >= mostRenewed {
			break
		}
		answers, _ := c.store.Get(k)
		found := c.lively(answers, now)
		for _, w := range found {
			windows[w] = append(windows[w], k.Mailbox)
		}
		if asked += len(found); len(found) > 0 {
			n++
		}
	}
	return windows, n
}

// lively returns the windows of answers that may still be served, but for those within
// others.
func (c *Cache) lively(answers []availability.Answer, now time.Time) (windows []availability.Window) {
	for i := range answers {
		a := &answers[i]
		// In one zone, so that equal ones are one key.
		w := availability.Window{Start: a.Window.Start.UTC(), End: a.Window.End.UTC()}
		within := c.policy.use(a, now) <= 0
		for j := range answers {
			other := &answers[j]
			larger := other.Window.Contains(w) && (j < i || !a.Window.Contains(other.Window))
			within = within || j != i && larger && c.policy.use(other, now) > 0
		}
		if !within {
			windows = append(windows, w)
		}
	}
	return windows
}

// renew asks about one batch after the other.
func (c *Cache) renew(ctx context.Context, id string, wanted map[availability.Window][]availability.Mailbox) {
	for w, mailboxes := range wanted {
		for len(mailboxes) > 0 && ctx.Err() == nil {
			n := min(len(mailboxes), renewedAtOnce)
			q := availability.Query{RequestID: id, Mailboxes: mailboxes[:n], Window: w, Interval: renewInterval}
			c.renewSome(ctx, q)
			mailboxes = mailboxes[n:]
		}
	}
}

// renewInterval is that of clients. What has exact times has no use for it.
const renewInterval = 30 * time.Minute

// renewSome asks about q, but for what is under way already, and waits for all of it.
func (c *Cache) renewSome(ctx context.Context, q availability.Query) {
	var mailboxes []availability.Mailbox
	var flights, all []*flight
	c.mu.Lock()
	for _, m := range q.Mailboxes {
		k := Key{Mailbox: m}
		f := c.underWay(k, q.Window, false)
		if f == nil && c.flying < mostFlights/2 { // the rest is for clients
			f = &flight{key: k, begun: time.Now(), window: q.Window, done: make(chan struct{})}
			c.flights[k] = append(c.flights[k], f)
			c.flying++
			mailboxes, flights = append(mailboxes, m), append(flights, f)
		}
		if f != nil {
			all = append(all, f)
		}
	}
	c.mu.Unlock()
	var flying sync.WaitGroup
	if len(mailboxes) > 0 {
		flying.Go(func() { c.fly(context.WithoutCancel(ctx), q.About(mailboxes), flights) })
	}
	for _, f := range all {
		if !landed(ctx, f) {
			return
		}
	}
	flying.Wait()
}
