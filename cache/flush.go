package cache

import (
	"slices"
	"strings"

	"fbgate/availability"
)

// Flush forgets everything and returns how many mailboxes that were, each once for
// every mail domain that got answers of its own. Lookups under way are answered to
// those who wait for them, but not remembered, and nobody joins them any more. So it
// is with FlushMailbox.
func (c *Cache) Flush() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.flights {
		c.ground(k)
	}
	clear(c.wanted)
	return c.store.Clear()
}

// FlushMailbox forgets one mailbox and returns how often it was remembered: 0 or 1, or
// more where the organization answers by who asks.
func (c *Cache) FlushMailbox(m availability.Mailbox) int {
	c.groundMailbox(m)
	// To look for them may take a while, in which clients are served. What is remembered
	// meanwhile was asked for after the flush.
	keys := c.keys(m)
	c.mu.Lock()
	defer c.mu.Unlock()
	flushed := 0
	for _, k := range keys {
		delete(c.wanted, k)
		if c.store.Delete(k) {
			flushed++
		}
	}
	return flushed
}

// keys returns those that may be stored of m, by domain.
func (c *Cache) keys(m availability.Mailbox) []Key {
	if !c.policy.ByRequester {
		return []Key{{Mailbox: m}}
	}
	var keys []Key
	for k := range entries(c.store) {
		if k.Mailbox == m {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b Key) int { return strings.Compare(a.Domain, b.Domain) })
	return keys
}

// groundMailbox is ground for all keys of m.
func (c *Cache) groundMailbox(m availability.Mailbox) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.flights {
		if k.Mailbox == m {
			c.ground(k)
		}
	}
}

// ground keeps the lookups of k under way from being remembered and joined.
func (c *Cache) ground(k Key) {
	for _, f := range c.flights[k] {
		f.flushed = true
	}
	delete(c.flights, k)
}
