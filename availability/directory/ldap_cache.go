package directory

import (
	"time"

	"fbgate/availability"
)

// cache remembers which recipient an address belongs to, or that it is unknown.
// Known and unknown ones do not put out each other, since anybody can ask about
// addresses that do not exist.
type cache struct {
	most              int
	hitTTL, missTTL   time.Duration
	recipients, noOne map[availability.Mailbox]memory
}

type memory struct {
	entry *Entry // nil for an unknown address
	until time.Time
}

func newCache(most int, hitTTL, missTTL time.Duration) cache {
	return cache{
		most: most, hitTTL: hitTTL, missTTL: missTTL,
		recipients: make(map[availability.Mailbox]memory),
		noOne:      make(map[availability.Mailbox]memory),
	}
}

// get returns what is known of m, which may be that there is no such recipient.
func (c *cache) get(m availability.Mailbox, now time.Time) (e *Entry, known bool) {
	if hit, ok := c.recipients[m]; ok && now.Before(hit.until) {
		return hit.entry, true
	}
	miss, ok := c.noOne[m]
	return nil, ok && now.Before(miss.until)
}

// stale returns the last that was known of m, however old.
func (c *cache) stale(m availability.Mailbox) *Entry { return c.recipients[m].entry }

// put remembers e, which may be nil.
func (c *cache) put(m availability.Mailbox, e *Entry, now time.Time) {
	if e == nil {
		delete(c.recipients, m)
		makeRoom(c.noOne, m, c.most, now)
		c.noOne[m] = memory{until: now.Add(c.missTTL)}
		return
	}
	delete(c.noOne, m)
	makeRoom(c.recipients, m, c.most, now)
	c.recipients[m] = memory{e, now.Add(c.hitTTL)}
}

// makeRoom forgets somebody if there is no room for m: of a few looked at, one that
// has expired, or else the one that expires next.
func makeRoom(memories map[availability.Mailbox]memory, m availability.Mailbox, most int, now time.Time) {
	if _, there := memories[m]; there || len(memories) < most {
		return
	}
	var victim availability.Mailbox
	var until time.Time
	looked := 0
	for other, memory := range memories { // in an order that changes each time
		if looked == 0 || memory.until.Before(until) {
			victim, until = other, memory.until
		}
		if looked++; looked == 8 || until.Before(now) {
			break
		}
	}
	delete(memories, victim)
}
