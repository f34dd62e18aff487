// Package plan is a Source around a Source that takes one call for each Lookup: it
// makes a question into as few such calls as the server's limits allow, and their
// answers into one without a seam.
//
// Mailboxes go in batches and the window in pieces, all at once. Where a server has
// too much to tell about one piece it is asked for less, and where one mailbox makes
// a whole call fail the others are asked about without it.
package plan

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"fbgate/availability"
)

// Config says what one call may ask. Zero fields take the default named.
type Config struct {
	Organization string        // its name in logs
	MaxMailboxes int           // in one call, default 100
	MaxWindow    time.Duration // of one call, in whole hours, default 42 days
	// Interval is the length of the slots the server draws, default 15 minutes:
	// windows begin and end with one.
	Interval time.Duration
	// Weight and MaxWeight bound a batch by more than its number: its weights
	// together. Nil does not.
	Weight    func(availability.Mailbox) int
	MaxWeight int
	// Prefetch is how the window is widened.
	Prefetch Prefetch
	Log      *slog.Logger // default slog.Default()
}

// Planner is a Source. Build it with New.
type Planner struct {
	Config
	next  availability.Source
	limit limits
}

var _ availability.Source = (*Planner)(nil)

// New returns a Planner of calls to next.
func New(next availability.Source, c Config) *Planner {
	c.MaxMailboxes = cmp.Or(c.MaxMailboxes, 100)
	c.MaxWindow = cmp.Or(c.MaxWindow, 42*day)
	c.Interval = cmp.Or(c.Interval, 15*time.Minute)
	c.Log = cmp.Or(c.Log, slog.Default())
	return &Planner{Config: c, next: next, limit: limits{configured: c.MaxWindow}}
}

// Lookup asks for the window of q widened by Prefetch; answers speak about that
// wider window.
func (p *Planner) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	answers := make([]availability.Answer, len(q.Mailboxes))
	var batches []func()
	for longest, share := range p.limit.share(q.Mailboxes) {
		window := p.Prefetch.widen(q.Window, longest, p.Interval)
		pieces := split(window, longest, p.Interval)
		for _, batch := range p.batches(q.Mailboxes, share) {
			batches = append(batches, func() {
				p.put(answers, batch, window, q, p.askAll(ctx, q.Select(batch), pieces))
			})
		}
	}
	p.atOnce(batches)
	return answers
}

// askAll asks about one batch in every piece of the window at once.
func (p *Planner) askAll(ctx context.Context, q availability.Query, pieces []availability.Window) [][]outcome {
	outcomes := make([][]outcome, len(pieces))
	calls := make([]func(), len(pieces))
	for i, piece := range pieces {
		calls[i] = func() { outcomes[i] = p.ask(ctx, q, piece) }
	}
	p.atOnce(calls)
	return outcomes
}

// put makes the answers of a batch, given by index, of the outcomes of all pieces.
func (p *Planner) put(answers []availability.Answer, batch []int, window availability.Window, q availability.Query, pieces [][]outcome) {
	for i, at := range batch {
		var whole outcome
		for _, outcomes := range pieces {
			whole.add(outcomes[i].Answer)
			whole.narrowed = whole.narrowed || outcomes[i].narrowed
		}
		whole.Mailbox, whole.Window = q.Mailboxes[at], window
		if whole.narrowed {
			whole.Window = q.Window // there may be more, which nobody asked about
		}
		answers[at] = whole.Answer
	}
}

// batches cuts the mailboxes with these indexes into such as one call may name.
func (p *Planner) batches(mailboxes []availability.Mailbox, indexes []int) (batches [][]int) {
	var batch []int
	weight := 0
	for _, i := range indexes {
		more := 0
		if p.Weight != nil {
			more = p.Weight(mailboxes[i])
		}
		if len(batch) == p.MaxMailboxes || p.MaxWeight > 0 && len(batch) > 0 && weight+more > p.MaxWeight {
			batches, batch, weight = append(batches, batch), nil, 0
		}
		batch, weight = append(batch, i), weight+more
	}
	return append(batches, batch)
}
