package cache

import (
	"context"
	"log/slog"
	"time"

	"fbgate/availability"
)

// soon waits for f as long as somebody does who has a stale answer. Patience begins
// with the lookup: who comes late does not wait for it all over again.
func (c *Cache) soon(ctx context.Context, l *lookup, f *flight) bool {
	begun := l.begun
	if f.begun.Before(begun) {
		begun = f.begun
	}
	ctx, cancel := context.WithDeadline(ctx, begun.Add(c.policy.Patience))
	defer cancel()
	return landed(ctx, f)
}

// fallBack sets a to what is to be served of k now that asking has failed or takes
// long. It looks again, as the stale answer there was may have been flushed, denied
// or become too old meanwhile; without one it unsets a and returns false.
func (c *Cache) fallBack(k Key, w availability.Window, l *lookup, a *availability.Answer, why *availability.Reason) bool {
	var known availability.Answer
	if f, _ := c.recall(k, w, c.now(), &known); f == nothing || failed(&known) {
		*a = availability.Answer{}
		return false
	}
	if *a = known; a.Stale {
		l.why = why
	}
	return true
}

// quiet is how long the log says nothing more of an organization's stale answers.
const quiet = time.Minute

// noteStale writes down who got a stale answer, for Refresh, and tells operators.
func (c *Cache) noteStale(q availability.Query, l *lookup) {
	if l.why == nil {
		return
	}
	now := c.now()
	stale, oldest := 0, time.Duration(0)
	c.mu.Lock()
	for i := range l.answers {
		if a := &l.answers[i]; a.Stale {
			stale++
			oldest = max(oldest, a.Age(now))
			c.want(Key{a.Mailbox, l.domain}, q, now)
		}
	}
	silent := stale == 0 || !c.warned.IsZero() && now.Sub(c.warned) < quiet
	if !silent {
		c.warned = now
	}
	c.mu.Unlock()
	if silent {
		return
	}
	slog.Warn("serving stale",
		slog.String("request_id", q.RequestID),
		slog.String("organization", c.organization),
		slog.String("reason", string(l.why.Code)),
		slog.Int("attendees", stale),
		slog.Duration("age", oldest.Round(time.Second)),
		slog.String("detail", l.why.Detail),
		slog.String("remedy", l.why.Remedy()),
	)
}
