package cache

import (
	"context"
	"time"

	"fbgate/availability"
)

// want is a question that was answered with what is stale.
type want struct {
	query availability.Query
	asked time.Time
}

// mostWanted bounds the mailboxes to be refreshed, and mostRefreshed how many of them
// are in one round.
const mostWanted, mostRefreshed = 10_000, 200

// want writes down that q got a stale answer about k. The caller holds mu.
func (c *Cache) want(k Key, q availability.Query, now time.Time) {
	if _, known := c.wanted[k]; known || len(c.wanted) < mostWanted {
		q.RequestID, q.Mailboxes = "", nil
		c.wanted[k] = want{q, now}
	}
}

// Refresh begins lookups of mailboxes that were last answered with what is stale, so
// that who asks when the organization is back need not wait: of those somebody asked
// about within the last Known, and no more than 200, in any order, so that none is
// left behind by others that fail. Failures that are remembered are not asked about.
// It returns how many mailboxes that were and does not wait for them. Call it now and
// then, such as every 30 seconds.
func (c *Cache) Refresh(ctx context.Context) int {
	if ctx.Err() != nil {
		return 0
	}
	n := 0
	for _, q := range c.due() {
		c.board(ctx, q, &lookup{domain: c.domain(&q)}, indexes(q.Mailboxes), true)
		n += len(q.Mailboxes)
	}
	return n
}

// due returns what is to be asked in this round, and forgets who is no longer stale or
// was not asked for lately.
func (c *Cache) due() []availability.Query {
	// batch is what questions have in common that are asked as one.
	type batch struct {
		window      availability.Window
		interval    time.Duration
		via, domain string
	}
	batches := make(map[batch]*availability.Query)
	c.mu.Lock()
	defer c.mu.Unlock()
	now, n := c.now(), 0
	for k, w := range c.wanted {
		var a availability.Answer
		f, _ := c.recall(k, w.query.Window, now, &a)
		switch {
		case now.Sub(w.asked) > c.policy.Known, f == nothing, f == current && !a.Stale:
			delete(c.wanted, k)
		case f == current || n == mostRefreshed:
		default:
			n++
			b := batch{w.query.Window, w.query.Interval, w.query.Via, k.Domain}
			if batches[b] == nil {
				batches[b] = &w.query
			}
			batches[b].Mailboxes = append(batches[b].Mailboxes, k.Mailbox)
		}
	}
	queries := make([]availability.Query, 0, len(batches))
	for _, q := range batches {
		queries = append(queries, *q)
	}
	return queries
}

func indexes(mailboxes []availability.Mailbox) []int {
	all := make([]int, len(mailboxes))
	for i := range all {
		all[i] = i
	}
	return all
}
