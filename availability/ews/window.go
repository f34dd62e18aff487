package ews

import (
	"time"

	"fbgate/availability"
)

const day = 24 * time.Hour

// Prefetch says how much more than asked a lookup asks for, so that paging
// through a calendar finds the next weeks in the cache.
type Prefetch struct {
	// Off asks what the client asked, rounded to whole hours.
	Off bool
	// Ahead is added after the whole weeks touched.
	Ahead time.Duration
}

// widen returns the window to ask for instead of w. It never takes more calls of
// at most longest than w itself would.
//
// Weeks are Sunday to Saturday in UTC and a day on either side, so that they hold
// the whole week of any client, whichever day it begins there and however far
// from Greenwich.
func (p Prefetch) widen(w availability.Window, longest, interval time.Duration) availability.Window {
	if p.Off {
		return align(w, max(interval, time.Hour))
	}
	calls := max(1, time.Duration(w.Slots(longest)))
	wide := availability.Window{
		Start: weekStart(w.Start).Add(-day),
		End:   weekStart(w.End.Add(-1)).Add(7*day + day + p.Ahead),
	}
	if wide.Duration() <= calls*longest {
		return wide
	}
	// Too long: first what lies ahead goes, then what lies behind.
	days := align(w, day)
	wide.End = later(days.End, wide.Start.Add(calls*longest))
	if wide.Duration() <= calls*longest {
		return wide
	}
	wide = availability.Window{Start: days.Start, End: days.Start.Add(calls * longest)}
	if wide.Contains(w) {
		return wide
	}
	return align(w, time.Hour)
}

// weekStart returns the Sunday, 00:00 UTC, at or before t.
func weekStart(t time.Time) time.Time {
	midnight := t.UTC().Truncate(day)
	return midnight.AddDate(0, 0, -int(midnight.Weekday()))
}

// align widens w to whole multiples of unit. Merged free/busy slots then begin at
// whole hours UTC, which leaves servers nothing to round.
func align(w availability.Window, unit time.Duration) availability.Window {
	start, end := w.Start.UTC().Truncate(unit), w.End.UTC().Truncate(unit)
	if end.Before(w.End) {
		end = end.Add(unit)
	}
	return availability.Window{Start: start, End: end}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// split cuts w into pieces of at most longest, in order and without gaps.
func split(w availability.Window, longest time.Duration) []availability.Window {
	var pieces []availability.Window
	for w.Duration() > longest {
		cut := w.Start.Add(longest)
		pieces = append(pieces, availability.Window{Start: w.Start, End: cut})
		w.Start = cut
	}
	return append(pieces, w)
}
