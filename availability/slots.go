package availability

import (
	"iter"
	"time"
)

// Slots redraws s: it yields the status of each slot of the given length from
// w.Start on, [Window.Slots] of them, the last one cut at w.End. A slot takes
// the status [Cover] gives for all its moments.
func (s Schedule) Slots(w Window, interval time.Duration) iter.Seq[Status] {
	return func(yield func(Status) bool) {
		if interval <= 0 {
			return
		}
		length, known := w.Duration(), s.Known.since(w.Start)
		c := cursor{rest: s.Spans[s.firstEndingAfter(w.Start):], origin: w.Start}
		c.measure()
		for slot := (stretch{}); slot.end < length; {
			slot = stretch{slot.end, slot.end + min(interval, length-slot.end)}
			status := c.cover(slot)
			if slot.start < known.start || slot.end > known.end {
				status = Cover(status, NoData)
			}
			if !yield(status) {
				return
			}
		}
	}
}

// cursor walks over spans as slots ascend.
type cursor struct {
	rest   []Span // those that end after the last slot's start
	first  stretch
	origin time.Time
}

func (c *cursor) measure() {
	if len(c.rest) > 0 {
		c.first = c.rest[0].since(c.origin)
	}
}

// cover returns the status of what is known in a slot.
func (c *cursor) cover(slot stretch) Status {
	for len(c.rest) > 0 && c.first.end <= slot.start {
		c.rest = c.rest[1:]
		c.measure()
	}
	if len(c.rest) == 0 || c.first.start >= slot.end {
		return Free
	}
	status := c.rest[0].Status
	if c.first.end < slot.end { // there may be more
		for _, span := range c.rest[1:] {
			if span.since(c.origin).start >= slot.end {
				break
			}
			status = Cover(status, span.Status)
		}
	}
	return status
}

// stretch is a window measured from some moment: comparing and adding durations is
// much cheaper than times.
type stretch struct{ start, end time.Duration }

func (w Window) since(t time.Time) stretch { return stretch{w.Start.Sub(t), w.End.Sub(t)} }
