package proptag

import (
	"fmt"
	"time"

	"fbgate/availability"
)

// Month holds the appointments of one kind in one month.
type Month struct {
	Year  int
	Month time.Month
	// Events are blocks of four bytes: the minutes from the first of the month,
	// 00:00 UTC, to the start and to the end of an appointment, each a little-endian
	// WORD.
	Events []byte
}

// The years Outlook can hold.
const firstYear, lastYear = 1601, 4500

// Value returns the number that stands for the month: Year*16 + Month. From December to
// January it jumps by 5.
func (m Month) Value() int32 { return int32(m.Year*16 + int(m.Month)) }

// exists reports whether there is such a month. Zimbra counts on from December and
// writes 13, 14, 15 and 0, without appointments.
func (m Month) exists() bool {
	return m.Year >= firstYear && m.Year <= lastYear && m.Month >= time.January && m.Month <= time.December
}

func (m Month) start() time.Time { return time.Date(m.Year, m.Month, 1, 0, 0, 0, 0, time.UTC) }

// length returns how many minutes the month has.
func (m Month) length() int {
	return int(m.start().AddDate(0, 1, 0).Sub(m.start()) / time.Minute)
}

// Months joins a property with the values of months and its neighbour with their Events.
// It is an error if they are not of the same length, or too many for a message. Two
// absent properties give nil.
func Months(values []int32, events [][]byte) ([]Month, error) {
	if len(values) != len(events) {
		return nil, fmt.Errorf("%d months, but the appointments of %d", len(values), len(events))
	}
	if len(values) > maxListed {
		return nil, fmt.Errorf("%d months, more than %d", len(values), maxListed)
	}
	if len(values) == 0 {
		return nil, nil
	}
	months := make([]Month, len(values))
	for i, v := range values {
		months[i] = Month{Year: int(v >> 4), Month: time.Month(v & 15), Events: events[i]}
	}
	return months, nil
}

// maxListed is how many months a list may have if somebody counted through those that
// do not exist.
const maxListed = maxMonths / 12 * 16

// KnownMonths returns the longest run of whole UTC months in w of which s knows
// everything, the first of several; or an empty window.
func KnownMonths(s availability.Schedule, w availability.Window) availability.Window {
	var run, longest availability.Window
	for start := monthFrom(w.Start); !start.AddDate(0, 1, 0).After(w.End); start = start.AddDate(0, 1, 0) {
		month := availability.Window{Start: start, End: start.AddDate(0, 1, 0)}
		switch {
		case !s.Covers(month):
			run = availability.Window{}
			continue
		case run.Empty():
			run = month
		default:
			run.End = month.End
		}
		if run.Duration() > longest.Duration() {
			longest = run
		}
	}
	return longest
}

// monthOf returns the start of the UTC month t lies in.
func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// monthFrom returns the first start of a UTC month that is not before t.
func monthFrom(t time.Time) time.Time {
	start := monthOf(t)
	if start.Before(t) {
		start = start.AddDate(0, 1, 0)
	}
	return start
}
