package vfreebusy

import (
	"time"

	"fbgate/availability"
)

// Part returns what s knows of one time without gaps: of the one that holds the moment
// around, or, if around is zero, of the longest, the earlier of two as long. The result
// knows nothing if there is no such time.
//
// There are files with several VFREEBUSY components for what lies around a gap, but a
// reader that only heeds the first would see less, or take the rest for free.
func Part(s availability.Schedule, around time.Time) availability.Schedule {
	var part availability.Window
	for _, w := range known(s) {
		if around.IsZero() && w.Duration() > part.Duration() || !around.IsZero() && w.Holds(around) {
			part = w
		}
	}
	return s.Clip(part)
}

// known returns the times of which s knows something, without the gaps between them.
func known(s availability.Schedule) []availability.Window {
	var parts []availability.Window
	at := s.Known.Start
	for _, span := range s.Spans {
		if span.Status == availability.NoData {
			parts = append(parts, availability.Window{Start: at, End: span.Start})
			at = span.End
		}
	}
	if last := (availability.Window{Start: at, End: s.Known.End}); !last.Empty() {
		parts = append(parts, last)
	}
	return parts
}
