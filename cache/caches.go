package cache

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"fbgate/availability"
)

// Caches are those of all organizations, which operators look at as one. The map
// is by the organization's name and must not change while it is in use.
type Caches map[string]*Cache

// Flush forgets everything and returns how many mailboxes that were.
func (c Caches) Flush() int {
	n := 0
	for _, one := range c {
		n += one.Flush()
	}
	return n
}

// FlushMailbox forgets what any organization said of a mailbox and returns how
// many of them had said something.
func (c Caches) FlushMailbox(m availability.Mailbox) int {
	n := 0
	for _, one := range c {
		n += one.FlushMailbox(m)
	}
	return n
}

// Entries returns what is remembered of the mailboxes wanted, by mailbox and then
// by start, at most that many answers but at least one mailbox's. Total counts all
// mailboxes there are.
func (c Caches) Entries(wanted func(availability.Mailbox) bool, most int) (entries []availability.Answer, total int) {
	now := time.Now()
	for _, organization := range slices.Sorted(maps.Keys(c)) {
		for m, answers := range c[organization].store.All() {
			total++
			if !wanted(m) {
				continue
			}
			for _, a := range answers {
				if now.Before(a.Expires) {
					entries = append(entries, a)
				}
			}
		}
	}
	slices.SortStableFunc(entries, func(a, b availability.Answer) int {
		return cmp.Or(cmp.Compare(a.Mailbox, b.Mailbox), a.Window.Start.Compare(b.Window.Start))
	})
	end := min(len(entries), max(1, most))
	for end < len(entries) && entries[end].Mailbox == entries[end-1].Mailbox {
		end++
	}
	return entries[:end], total
}
