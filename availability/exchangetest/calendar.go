package exchangetest

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"fbgate/availability"
)

// sort puts spans in the order in which they are told.
func sort(spans []availability.Span) {
	slices.SortStableFunc(spans, func(a, b availability.Span) int {
		return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End))
	})
}

// entries returns what of a calendar touches the window, whole, by start.
func (m mailbox) entries(window availability.Window) []availability.Span {
	var found []availability.Span
	for _, e := range m.calendar {
		if !e.Start.Before(window.End) {
			break
		}
		if e.End.After(window.Start) || e.Start.Equal(window.Start) {
			found = append(found, e)
		}
	}
	return found
}

// unpublished returns the parts of the window of which nothing was published.
func (m mailbox) unpublished(window availability.Window) []availability.Span {
	if m.published == nil {
		return nil
	}
	before := window.Intersect(availability.Window{Start: window.Start, End: m.published.Start})
	after := window.Intersect(availability.Window{Start: m.published.End, End: window.End})
	var gaps []availability.Span
	for _, w := range []availability.Window{before, after} {
		if !w.Empty() {
			gaps = append(gaps, availability.Span{Window: w, Status: availability.NoData})
		}
	}
	return gaps
}

// mergedFreeBusy draws one digit for each interval of the window, the last of
// which may be cut short. Where several apply "the highest number is used"
// (mergedfreebusy in Microsoft's reference): by the server's own numbering.
func (t *traits) mergedFreeBusy(spans []availability.Span, window availability.Window, interval time.Duration) string {
	digits := bytes.Repeat([]byte{t.digits[availability.Free]}, slotsUntil(window.End, window, interval))
	for _, s := range spans {
		digit := t.digits[s.Status]
		s.Window = s.Intersect(window)
		if s.Empty() {
			continue
		}
		first := int(s.Start.Sub(window.Start) / interval)
		for i := first; i < slotsUntil(s.End, window, interval); i++ {
			digits[i] = max(digits[i], digit)
		}
	}
	return string(digits)
}

// slotsUntil returns how many intervals have begun before the moment t.
func slotsUntil(t time.Time, window availability.Window, interval time.Duration) int {
	return int((t.Sub(window.Start) + interval - 1) / interval)
}
