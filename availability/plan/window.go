package plan

import (
	"time"

	"fbgate/availability"
)

const day = 24 * time.Hour

// Prefetch says how much more than asked a lookup asks for, so that paging
// through a calendar finds the next weeks in the cache.
type Prefetch struct {
	// Off asks what the client asked, in whole hours.
	Off bool
	// Ahead is added after the whole weeks touched.
	Ahead time.Duration
}

// widen returns the window to ask for instead of w: one that contains it and takes
// no more calls of at most longest. Merged free/busy slots, which have the length
// interval, begin with it.
//
// Weeks are Sunday to Saturday in UTC and a day on either side, so that they hold
// the whole week of any client, whichever day it begins there and however far
// from Greenwich.
func (p Prefetch) widen(w availability.Window, longest, interval time.Duration) availability.Window {
	least := leastWindow(w, longest, interval)
	if p.Off {
		return least
	}
	most := time.Duration(least.Slots(longest)) * longest
	wide := availability.Window{
		Start: weekStart(w.Start).Add(-day),
		End:   weekStart(w.End.Add(-1)).Add(7*day + day + p.Ahead),
	}
	if wide.Duration() <= most {
		return wide
	}
	// Too long: first what lies ahead goes, then what lies behind, then all.
	whole := align(w, max(day, interval))
	for _, start := range []time.Time{wide.Start, whole.Start} {
		if shorter := (availability.Window{Start: start, End: start.Add(most)}); shorter.Contains(whole) {
			return shorter
		}
	}
	return least
}

// leastWindow is w in whole hours, which leave servers nothing to round, or in
// whole slots if the hours would take a call more.
func leastWindow(w availability.Window, longest, interval time.Duration) availability.Window {
	least := align(w, max(time.Hour, interval))
	if least.Slots(longest) > w.Slots(longest) {
		return align(w, interval)
	}
	return least
}

// weekStart returns the Sunday, 00:00 UTC, at or before t.
func weekStart(t time.Time) time.Time {
	midnight := t.UTC().Truncate(day)
	return midnight.AddDate(0, 0, -int(midnight.Weekday()))
}

// align widens w to whole multiples of unit.
func align(w availability.Window, unit time.Duration) availability.Window {
	start, end := w.Start.UTC().Truncate(unit), w.End.UTC().Truncate(unit)
	if end.Before(w.End) {
		end = end.Add(unit)
	}
	return availability.Window{Start: start, End: end}
}

// split cuts w into pieces of at most longest, in order and without gaps, between slots
// of the length interval, unless those are longer.
func split(w availability.Window, longest, interval time.Duration) []availability.Window {
	length := max(longest.Truncate(interval), min(interval, longest))
	var pieces []availability.Window
	for w.Duration() > longest {
		cut := w.Start.Add(length)
		pieces = append(pieces, availability.Window{Start: w.Start, End: cut})
		w.Start = cut
	}
	return append(pieces, w)
}
