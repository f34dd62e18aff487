// Package merged translates Schedules to and from merged free/busy strings: one
// digit a slot, the form of Exchange 2003's ?Cmd=freebusy, of EWS's
// MergedFreeBusy and of Graph's availabilityView.
//
// The same digit means different things to different servers, so reading takes
// an [Alphabet]. Writing is always in the digits of Exchange 2003: 0 free,
// 1 tentative, 2 busy, 3 out of office, 4 no data. (KB813268 has 1 and 2 the
// other way round; servers and every known client do not.)
package merged

import (
	"slices"
	"time"

	"fbgate/availability"
)

// Alphabet says what the digits '0' to '9' mean. All other characters, and
// digits it does not name, mean NoData.
type Alphabet [10]availability.Status

// The alphabets in use.
var (
	// Exchange2003 is also that of EWS up to Exchange 2010 and of
	// [MS-ASCMD] 2.2.3.107.
	Exchange2003 = Alphabet{availability.Free, availability.Tentative, availability.Busy, availability.OOF}
	// Exchange2013 takes a 4 for WorkingElsewhere, as Microsoft's EWS Managed
	// API does.
	Exchange2013 = Alphabet{availability.Free, availability.Tentative, availability.Busy, availability.OOF, availability.WorkingElsewhere}
)

func (a *Alphabet) status(digit byte) availability.Status {
	if digit < '0' || digit > '9' {
		return availability.NoData
	}
	return a[digit-'0']
}

// Parse returns the Schedule the digits draw from w.Start on, one digit each
// interval. Digits past w are ignored; where they end early the rest of w is
// unknown.
func Parse(digits string, w availability.Window, interval time.Duration, alphabet Alphabet) availability.Schedule {
	n := min(len(digits), w.Slots(interval))
	if n == 0 {
		return availability.Schedule{}
	}
	moment := func(slot int) time.Time { return w.Start.Add(time.Duration(slot) * interval) }
	var spans []availability.Span
	for from := 0; from < n; {
		status := alphabet.status(digits[from])
		to := from + 1
		for to < n && alphabet.status(digits[to]) == status {
			to++
		}
		if status != availability.Free {
			spans = append(spans, availability.Span{Window: availability.Window{Start: moment(from), End: moment(to)}, Status: status})
		}
		from = to
	}
	known := availability.Window{Start: w.Start, End: moment(n)}
	return availability.NewSchedule(known.Intersect(w), interval, spans)
}

// Digits writes merged free/busy. Its zero value draws WorkingElsewhere as
// free, as Microsoft's own newer services do for old clients.
type Digits struct {
	// WorkingElsewhere is the status to draw for it: Free, Tentative, Busy or
	// OOF. NoData stands for Free.
	WorkingElsewhere availability.Status
}

// Append appends one digit for each slot of w. It allocates at most once, to grow
// dst.
func (d Digits) Append(dst []byte, s availability.Schedule, w availability.Window, interval time.Duration) []byte {
	digits := [availability.Statuses]byte{
		availability.NoData:           '4',
		availability.Free:             '0',
		availability.WorkingElsewhere: '0',
		availability.Tentative:        '1',
		availability.Busy:             '2',
		availability.OOF:              '3',
	}
	if d.WorkingElsewhere != availability.NoData {
		digits[availability.WorkingElsewhere] = digits[d.WorkingElsewhere]
	}
	dst = slices.Grow(dst, w.Slots(interval))
	for status := range s.Slots(w, interval) {
		dst = append(dst, digits[status])
	}
	return dst
}

// Overlay raises each digit of all to that of one where one claims its slot more
// strongly: the row "All Attendees". The rank is that of [availability.Cover]:
// an attendee of whom nothing is known hides that others are free, but not that
// they are busy.
func Overlay(all, one []byte) {
	for i := range min(len(all), len(one)) {
		if rank(one[i]) > rank(all[i]) {
			all[i] = one[i]
		}
	}
}

func rank(digit byte) byte {
	switch digit {
	case '0':
		return 0
	case '4':
		return 1
	default:
		return digit
	}
}
