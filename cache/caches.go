package cache

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"fbgate/availability"
)

// Caches are those of all organizations, which operators look at as one. The map
// is by the organization's name and must not change while it is in use.
type Caches map[string]*Cache

// Flush forgets everything and returns how many mailboxes that were, as [Cache.Flush]
// counts them.
func (c Caches) Flush() int {
	n := 0
	for _, one := range c {
		n += one.Flush()
	}
	return n
}

// FlushMailbox forgets what any organization said of a mailbox and returns how
// often that was remembered, as [Cache.FlushMailbox] counts it.
func (c Caches) FlushMailbox(m availability.Mailbox) int {
	n := 0
	for _, one := range c {
		n += one.FlushMailbox(m)
	}
	return n
}

// Refresh is that of each of them.
func (c Caches) Refresh(ctx context.Context) int {
	n := 0
	for _, one := range c {
		n += one.Refresh(ctx)
	}
	return n
}

// Entries returns what would be served of the mailboxes wanted, by mailbox and then by
// start, at most that many answers but at least one mailbox's. Answers that have
// expired are Stale: they are served if there is nothing else. Total counts all
// mailboxes there are, each once for every organization and, where that answers by who
// asks, every mail domain.
func (c Caches) Entries(wanted func(availability.Mailbox) bool, most int) (entries []availability.Answer, total int) {
	for _, organization := range slices.Sorted(maps.Keys(c)) {
		one := c[organization]
		now := one.now()
		for k, answers := range one.store.All() {
			total++
			if !wanted(k.Mailbox) {
				continue
			}
			for _, a := range answers {
				if one.policy.use(&a, now) > 0 {
					a.Stale = a.TTL(now) <= 0
					entries = append(entries, a)
				}
			}
		}
	}
	slices.SortStableFunc(entries, func(a, b availability.Answer) int {
		return cmp.Or(cmp.Compare(a.Mailbox, b.Mailbox), a.Window.Start.Compare(b.Window.Start), cmp.Compare(a.For, b.For))
	})
	end := min(len(entries), max(1, most))
	for end < len(entries) && entries[end].Mailbox == entries[end-1].Mailbox {
		end++
	}
	return entries[:end], total
}
