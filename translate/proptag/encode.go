package proptag

import (
	"encoding/binary"
	"fmt"
	"time"

	"fbgate/availability"
)

// Encoder writes Records. Its zero value leaves out WorkingElsewhere, as free.
type Encoder struct {
	// WorkingElsewhere is what to write for it: Free, Tentative, Busy or OOF. NoData
	// stands for Free.
	WorkingElsewhere availability.Status
}

// Encode is that of the zero [Encoder].
func Encode(s availability.Schedule, w availability.Window) (Record, error) {
	return Encoder{}.Encode(s, w)
}

// Encode returns the Record of s for w, with all its months in each list.
//
// It is an error if w is not one to 36 whole UTC months, or if s does not know all of it:
// a Record cannot say that part of it is unknown, and many readers look at months without
// minding Range. [KnownMonths] finds what can be encoded.
func (e Encoder) Encode(s availability.Schedule, w availability.Window) (Record, error) {
	if w.Empty() || !monthOf(w.Start).Equal(w.Start) || !monthOf(w.End).Equal(w.End) {
		return Record{}, fmt.Errorf("%v to %v are not whole months in UTC", w.Start, w.End)
	}
	if w.Start.Year() < firstYear || w.End.Year() > lastYear || w.Start.AddDate(0, maxMonths, 0).Before(w.End) {
		return Record{}, fmt.Errorf("%v to %v are more than %d months, or in no year there is", w.Start, w.End, maxMonths)
	}
	if !s.Covers(w) {
		return Record{}, fmt.Errorf("not all of %v to %v is known", w.Start, w.End)
	}
	w = availability.Window{Start: w.Start.UTC(), End: w.End.UTC()}
	var merged, tentative, busy, away list
	for _, span := range s.Spans {
		span.Window = span.Intersect(w)
		switch e.status(span.Status) {
		case availability.Tentative:
			tentative.add(span.Window)
		case availability.Busy:
			merged.add(span.Window)
			busy.add(span.Window)
		case availability.OOF:
			merged.add(span.Window)
			away.add(span.Window)
		}
	}
	return Record{Range: w, Merged: merged.months(w), Tentative: tentative.months(w), Busy: busy.months(w), Away: away.months(w)}, nil
}

func (e Encoder) status(s availability.Status) availability.Status {
	if s == availability.WorkingElsewhere {
		return e.WorkingElsewhere
	}
	return s
}

// list gathers windows in whole minutes, ascending and apart: those that touch or
// overlap are one.
type list []availability.Window

func (l *list) add(w availability.Window) {
	if w.Empty() {
		return
	}
	w.Start = w.Start.UTC().Truncate(time.Minute)
	if end := w.End.UTC().Truncate(time.Minute); end.Before(w.End) {
		w.End = end.Add(time.Minute)
	}
	if n := len(*l); n > 0 && !(*l)[n-1].End.Before(w.Start) {
		(*l)[n-1] = (*l)[n-1].Hull(w)
		return
	}
	*l = append(*l, w)
}

// months parts the list into the months of w. What lasts to the end of a month ends at
// the month's full length.
func (l list) months(w availability.Window) []Month {
	var months []Month
	for start := w.Start; start.Before(w.End); start = start.AddDate(0, 1, 0) {
		month := Month{Year: start.Year(), Month: start.Month()}
		all := availability.Window{Start: start, End: start.AddDate(0, 1, 0)}
		for len(l) > 0 && l[0].Start.Before(all.End) {
			month.Events = appendBlock(month.Events, l[0].Intersect(all), start)
			if l[0].End.After(all.End) {
				break // the rest is of the next month
			}
			l = l[1:]
		}
		months = append(months, month)
	}
	return months
}

func appendBlock(dst []byte, w availability.Window, month time.Time) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(w.Start.Sub(month)/time.Minute))
	return binary.LittleEndian.AppendUint16(dst, uint16(w.End.Sub(month)/time.Minute))
}
