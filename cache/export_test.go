package cache

import "time"

// SetClock makes c, and its store if that is a Memory, read another clock.
func (c *Cache) SetClock(now func() time.Time) {
	c.now = now
	if s, ok := c.store.(*Memory); ok {
		s.now = now
	}
}
