package cache

import (
	"context"

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

// Len returns about how many mailboxes are remembered, each once for every organization
// and, where that answers by who asks, every mail domain. It counts what has expired but
// was not freed yet.
func (c Caches) Len() int {
	n := 0
	for _, one := range c {
		n += one.store.Len()
	}
	return n
}
