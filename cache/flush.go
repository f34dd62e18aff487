package cache

import "fbgate/availability"

// Flush forgets everything and returns how many mailboxes that were. Lookups
// under way are answered to those who wait for them, but not remembered, and
// nobody joins them any more. So it is with FlushMailbox.
func (c *Cache) Flush() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for m := range c.flights {
		c.ground(m)
	}
	return c.store.Clear()
}

// FlushMailbox forgets one mailbox and returns how many it forgot: 0 or 1.
func (c *Cache) FlushMailbox(m availability.Mailbox) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ground(m)
	if c.store.Delete(m) {
		return 1
	}
	return 0
}

// ground keeps the lookups of m under way from being remembered and joined.
func (c *Cache) ground(m availability.Mailbox) {
	for _, f := range c.flights[m] {
		f.flushed = true
	}
	delete(c.flights, m)
}
