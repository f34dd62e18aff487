package availability

import (
	"slices"
	"sort"
	"time"
)

// Span is a time during which a mailbox has one status.
type Span struct {
	Window
	Status Status
}

// Schedule is what is known of one mailbox. The zero Schedule knows nothing.
//
// Build one with [NewSchedule], [Schedule.Merge] or [Schedule.Clip], which keep
// its form canonical: two Schedules that say the same have equal fields. A
// Schedule is shared freely and must not be changed.
type Schedule struct {
	// Known is the time of which something is known. Outside it the status
	// is NoData, never Free.
	Known Window
	// Step is 0 if Spans are exact; otherwise they were drawn from slots of
	// this length, and a start or end may be wrong by less than it.
	Step time.Duration
	// Spans are ascending and disjoint, lie in Known, and none is Free: what
	// they leave of Known is free. A NoData span is a gap in what is known.
	Spans []Span
}

// NewSchedule returns the Schedule of a mailbox known to be free throughout
// known except for spans, which may overlap, come in any order and reach
// outside known. Where spans overlap [Cover] decides, so that a NoData span
// hides no appointment.
func NewSchedule(known Window, step time.Duration, spans []Span) Schedule {
	segments := make([]Span, 0, len(spans)+1)
	segments = append(segments, Span{known, Free})
	for _, s := range spans {
		if s.Window = s.Intersect(known); !s.Empty() {
			segments = append(segments, s)
		}
	}
	return assemble(step, sweep(segments, Cover))
}

// Merge returns what s and o together know of the same mailbox. Where both know
// something the stronger status holds. Merge is commutative, associative and
// idempotent.
func (s Schedule) Merge(o Schedule) Schedule {
	segments := slices.Concat(s.segments(), o.segments())
	return assemble(max(s.Step, o.Step), sweep(segments, func(a, b Status) Status { return max(a, b) }))
}

// Clip returns what s knows of w.
func (s Schedule) Clip(w Window) Schedule {
	if w.Contains(s.Known) {
		return s
	}
	var clipped []Span
	for _, seg := range s.segments() {
		if seg.Window = seg.Intersect(w); !seg.Empty() {
			clipped = append(clipped, seg)
		}
	}
	return assemble(s.Step, clipped)
}

// At returns the status at the moment t.
func (s Schedule) At(t time.Time) Status {
	if !s.Known.Holds(t) {
		return NoData
	}
	if i := s.firstEndingAfter(t); i < len(s.Spans) && s.Spans[i].Holds(t) {
		return s.Spans[i].Status
	}
	return Free
}

// Covers reports whether s knows something of every moment of w.
func (s Schedule) Covers(w Window) bool {
	if !s.Known.Contains(w) {
		return false
	}
	for i := s.firstEndingAfter(w.Start); i < len(s.Spans) && s.Spans[i].Start.Before(w.End); i++ {
		if s.Spans[i].Status == NoData {
			return false
		}
	}
	return true
}

func (s Schedule) firstEndingAfter(t time.Time) int {
	return sort.Search(len(s.Spans), func(i int) bool { return s.Spans[i].End.After(t) })
}

// Equal reports whether s and o say the same.
func (s Schedule) Equal(o Schedule) bool {
	return s.Known.Equal(o.Known) && s.Step == o.Step &&
		slices.EqualFunc(s.Spans, o.Spans, func(a, b Span) bool { return a.Status == b.Status && a.Window.Equal(b.Window) })
}

// segments returns s as contiguous spans from end to end of Known, the free
// ones spelt out.
func (s Schedule) segments() []Span {
	if s.Known.Empty() {
		return nil
	}
	segments := make([]Span, 0, 2*len(s.Spans)+1)
	at := s.Known.Start
	for _, span := range s.Spans {
		if at.Before(span.Start) {
			segments = append(segments, Span{Window{at, span.Start}, Free})
		}
		segments = append(segments, span)
		at = span.End
	}
	if at.Before(s.Known.End) {
		segments = append(segments, Span{Window{at, s.Known.End}, Free})
	}
	return segments
}

// assemble makes the canonical Schedule of ascending disjoint segments with the
// free ones spelt out: it drops NoData at both ends, joins equal neighbours, and
// fills holes with NoData.
func assemble(step time.Duration, segments []Span) Schedule {
	for len(segments) > 0 && segments[0].Status == NoData {
		segments = segments[1:]
	}
	for len(segments) > 0 && segments[len(segments)-1].Status == NoData {
		segments = segments[:len(segments)-1]
	}
	if len(segments) == 0 {
		return Schedule{}
	}
	s := Schedule{Known: Window{segments[0].Start, segments[len(segments)-1].End}, Step: step}
	at := s.Known.Start
	for _, seg := range segments {
		if at.Before(seg.Start) {
			s.add(Span{Window{at, seg.Start}, NoData})
		}
		s.add(seg)
		at = seg.End
	}
	return s
}

func (s *Schedule) add(span Span) {
	if span.Status == Free {
		return
	}
	if n := len(s.Spans); n > 0 && s.Spans[n-1].Status == span.Status && s.Spans[n-1].End.Equal(span.Start) {
		s.Spans[n-1].End = span.End
		return
	}
	s.Spans = append(s.Spans, span)
}
