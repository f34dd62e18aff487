package cache

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"fbgate/availability"
)

// magic begins a snapshot. Change its number when what follows does.
const magic, anyMagic = "fbgate cache 1\n", "fbgate cache "

// The bounds of a snapshot. What exceeds one is not written, and not read.
const (
	maxSnapshot = 1 << 30 // bytes
	maxText     = 2000    // bytes of a name, address or URL
	maxSpans    = 20_000  // of one answer
)

// maxAge is how far a time may lie from now, and how long a window may be.
const maxAge = 100 * 366 * 24 * time.Hour

// snapshot is what is remembered, at one moment:
//
//	magic
//	when it was written   seconds since 1970, nanoseconds
//	organizations         how many; of each
//	  name, fingerprint   texts
//	  by requester        0 or 1
//	  keys                of each a 1, and a 0 after the last
//	    mailbox, domain   texts
//	    answers           how many; of each, the latest first
//	      source          text
//	      age             length
//	      left            nanoseconds until it expires, less than 0 if it has
//	      window          start: seconds since 1970, nanoseconds; length
//	      known           as the window
//	      step            length
//	      spans           how many; of each: from the end of the last one, length, status
//	      reason          0, or 1 and the detail of a no-data
//	keys in all           how many
//	SHA-256               of all before, 32 bytes
//
// Numbers are varints, lengths nanoseconds or, as even numbers, whole minutes; a text is
// its length and its bytes.
//
// Failures are not in it: who starts the gateway anew may just have mended their cause.
type snapshot struct {
	written       time.Time
	organizations []organization
}

// organization is what one Cache remembers.
type organization struct {
	name, fingerprint string
	byRequester       bool
	kept              []kept
}

// kept is what is remembered by one key.
type kept struct {
	key     Key
	answers []memory
}

// memory is an Answer whose times are counted from when the snapshot was written, as
// the monotonic clock begins anew with the machine.
type memory struct {
	availability.Answer               // without At and Expires
	age, left           time.Duration // left is less than 0 if it is stale
}

// snapshot returns what is worth keeping of the caches.
func (c Caches) snapshot(fingerprints map[string]string, now time.Time) snapshot {
	s := snapshot{written: now}
	for _, name := range slices.Sorted(maps.Keys(c)) {
		one := c[name]
		o := organization{name: name, fingerprint: fingerprints[name], byRequester: one.policy.ByRequester}
		now := one.now()
		for k, answers := range one.store.All() {
			if m := one.memories(answers, now); len(m) > 0 {
				o.kept = append(o.kept, kept{k, m})
			}
		}
		s.organizations = append(s.organizations, o)
	}
	return s
}

// memories returns those of answers that say when the mailbox is busy and may still be
// served.
func (c *Cache) memories(answers []availability.Answer, now time.Time) []memory {
	var all []memory
	for _, a := range answers {
		if good(&a) && c.policy.use(&a, now) > 0 {
			all = append(all, memory{a, a.Age(now), a.TTL(now)})
		}
	}
	return all
}

// restore stores what may still be served of s, in caches whose organization is
// configured as it was, and returns how many keys that were. Nothing that was looked
// up since is replaced.
func (c Caches) restore(s snapshot, fingerprints map[string]string, passed time.Duration) int {
	n := 0
	for _, o := range s.organizations {
		one, ok := c[o.name]
		if !ok || fingerprints[o.name] != o.fingerprint || one.policy.ByRequester != o.byRequester {
			continue
		}
		for _, k := range o.kept {
			if one.restore(k, passed) {
				n++
			}
		}
	}
	return n
}

func (c *Cache) restore(k kept, passed time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.store.Get(k.key); ok {
		return false
	}
	now := c.now()
	var answers []availability.Answer
	var use time.Duration
	for _, m := range k.answers {
		a := m.Answer
		a.Mailbox, a.Organization, a.For = k.key.Mailbox, c.organization, c.audience(k.key)
		a.At, a.Expires = now.Add(-m.age-passed), now.Add(m.left-passed)
		left := c.policy.use(&a, now)
		// What would be fresh for longer than it is remembered at all was not
		// remembered by this policy, or not by this clock.
		if left <= 0 || a.TTL(now) > c.policy.Known || len(answers) == mostWindows {
			continue
		}
		answers = append(answers, a)
		use = max(use, left)
	}
	c.store.Set(k.key, answers, use)
	return len(answers) > 0
}

// age returns how long ago s was written, or why it is of no use.
func (c Caches) age(s snapshot, now time.Time) (time.Duration, error) {
	passed := now.Round(0).Sub(s.written)
	longest := time.Duration(0)
	for _, one := range c {
		longest = max(longest, one.policy.Known+one.policy.Stale)
	}
	switch {
	case passed < 0:
		return 0, fmt.Errorf("it is of %s, which is still to come: the clock was set back", s.written.UTC().Format(time.RFC3339))
	case passed >= longest:
		return 0, fmt.Errorf("it is of %s, and nothing is served after more than %v", s.written.UTC().Format(time.RFC3339), longest)
	}
	return passed, nil
}
