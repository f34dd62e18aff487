package publisher

import (
	"context"
	"iter"
	"sync"

	"fbgate/availability"
)

// Asked is a Source that notes who was asked about lately, for [Config.Recent]. Of many
// it forgets those it has not heard of for longest: it remembers from 5,000 to 10,000.
type Asked struct {
	Next availability.Source

	mu         sync.Mutex
	young, old map[availability.Mailbox]struct{}
}

// Lookup asks Next.
func (a *Asked) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	a.note(q.Mailboxes)
	return a.Next.Lookup(ctx, q)
}

func (a *Asked) note(mailboxes []availability.Mailbox) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range mailboxes {
		if a.young == nil || len(a.young) == maxRecent/2 {
			a.young, a.old = make(map[availability.Mailbox]struct{}), a.young
		}
		a.young[m] = struct{}{}
	}
}

// Recent yields those asked about lately, each once.
func (a *Asked) Recent() iter.Seq[availability.Mailbox] {
	a.mu.Lock()
	defer a.mu.Unlock()
	recent := make([]availability.Mailbox, 0, len(a.young)+len(a.old))
	for m := range a.young {
		recent = append(recent, m)
	}
	for m := range a.old {
		if _, again := a.young[m]; !again {
			recent = append(recent, m)
		}
	}
	return func(yield func(availability.Mailbox) bool) {
		for _, m := range recent {
			if !yield(m) {
				return
			}
		}
	}
}
