package cache

import (
	"cmp"
	"slices"
	"time"

	"fbgate/availability"
)

// Flush forgets everything and returns how many mailboxes that were. Lookups
// under way are answered to those who wait for them, but not remembered, and
// nobody joins them any more. So it is with the other flushes.
func (c *Cache) Flush() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ground()
	return c.store.Clear()
}

// FlushMailbox forgets one mailbox and returns how many it forgot: 0 or 1.
func (c *Cache) FlushMailbox(m availability.Mailbox) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[m]; f != nil {
		f.flushed = true
		delete(c.flights, m)
	}
	if c.store.Delete(m) {
		return 1
	}
	return 0
}

// FlushOrganization forgets the mailboxes an organization answered for and
// returns how many.
func (c *Cache) FlushOrganization(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Whose mailboxes are being looked up is known only when they are answered.
	c.ground()
	n := 0
	for m, answers := range c.store.All() {
		of := func(a availability.Answer) bool { return a.Organization == name }
		if slices.ContainsFunc(answers, of) && c.store.Delete(m) {
			n++
		}
	}
	return n
}

// ground marks all lookups under way as flushed.
func (c *Cache) ground() {
	for _, f := range c.flights {
		f.flushed = true
	}
	clear(c.flights)
}

// Entries returns what is remembered, by mailbox and then by start, of the
// mailboxes after the given one, and at most that many answers but at least one
// mailbox's. Total counts the mailboxes there are.
func (c *Cache) Entries(after availability.Mailbox, most int) (entries []availability.Answer, total int) {
	now := time.Now()
	for m, answers := range c.store.All() {
		total++
		if m <= after {
			continue
		}
		for _, a := range answers {
			if now.Before(a.Expires) {
				entries = append(entries, a)
			}
		}
	}
	slices.SortFunc(entries, func(a, b availability.Answer) int {
		return cmp.Or(cmp.Compare(a.Mailbox, b.Mailbox), a.Window.Start.Compare(b.Window.Start))
	})
	end := min(len(entries), max(1, most))
	for end < len(entries) && end > 0 && entries[end].Mailbox == entries[end-1].Mailbox {
		end++
	}
	return entries[:end], total
}
