package cache

import (
	"fbgate/availability"
	"fbgate/availability/meter"
)

// way is how an answer came about.
type way uint8

const (
	remembered way = iota
	shared         // by a lookup under way for another question
	asked          // by one for this question
	overloaded     // not at all: there are too many lookups, or too many wait
)

// went writes down how the answer with this index came about. A mailbox may be looked
// up twice for one question, as a lookup under way can fall short of it; the last of
// the ways counts.
func (l *lookup) went(i int, w way) {
	if l.ways != nil {
		l.ways[i] = max(l.ways[i], w)
	}
}

// count tells the Meter of answers and the ways they came; with nil all are remembered.
func (c *Cache) count(answers []availability.Answer, ways []way) {
	if c.Meter == nil {
		return
	}
	var looked meter.Looked
	for i := range answers {
		switch {
		case answers[i].Stale:
			looked.Stale++
		case ways == nil || ways[i] == remembered:
			looked.Remembered++
		case ways[i] == shared:
			looked.Shared++
		case ways[i] == asked:
			looked.Asked++
		default:
			looked.Overloaded++
		}
	}
	c.Meter.Told(looked, answers)
}
