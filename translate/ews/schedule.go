package ews

import (
	"fmt"
	"slices"
	"strings"

	"fbgate/availability"
	"fbgate/translate/merged"
)

// schedule draws what one view says of r.Window. Events are preferred to merged
// free/busy: some servers send none, Exchange 2007's first builds mark a slot too
// many, and events can be redrawn at any interval.
func (r Request) schedule(v view, major int) (availability.Schedule, error) {
	digits, types := strings.TrimSpace(v.Merged), strings.Fields(v.Type)
	spans, err := r.appointments(v.Events)
	switch allZero := strings.Trim(digits, "0") == ""; {
	case slices.Contains(types, "None"):
		return availability.Schedule{}, availability.Because(availability.NoInformation, "view %.40q", v.Type)
	case err != nil:
		return availability.Schedule{}, err
	case len(spans) > 0:
		return availability.NewSchedule(r.Window, 0, append(spans, r.unexplained(digits, spans)...)), nil
	case digits == "" && (len(v.Events) > 0 || tellsEvents(types) && !tellsDigits(types)),
		digits != "" && tellsEvents(types) && allZero && len(digits) >= r.Window.Slots(r.Interval):
		// Servers leave out the array of a mailbox without appointments. But one that
		// promises digits and sends neither them nor appointments tells nothing.
		return availability.NewSchedule(r.Window, 0, nil), nil
	case digits != "":
		return merged.Parse(digits, r.Window, r.Interval, r.alphabet(digits, major)), nil
	default:
		return availability.Schedule{}, availability.Because(availability.NoInformation, "view %.40q without free/busy", v.Type)
	}
}

// tellsEvents reports whether a view of these types would list appointments if
// there were any.
func tellsEvents(types []string) bool {
	return slices.ContainsFunc(types, func(name string) bool {
		switch name {
		case "FreeBusy", "FreeBusyMerged", "Detailed", "DetailedMerged":
			return true
		}
		return false
	})
}

// tellsDigits reports whether a view of these types has merged free/busy.
func tellsDigits(types []string) bool {
	return slices.ContainsFunc(types, func(name string) bool { return strings.HasPrefix(name, "Merged") || strings.HasSuffix(name, "Merged") })
}

// maxEvents is more than any server lists of a mailbox; they stop at 1000.
const maxEvents = 10_000

// appointments returns the events in the window that are not free. Its error is a
// Reason.
func (r Request) appointments(events []event) ([]availability.Span, error) {
	if len(events) > maxEvents {
		return nil, availability.Because(availability.TooManyEntries, "%d calendar events of one mailbox", len(events))
	}
	var spans []availability.Span
	for _, e := range events {
		span, err := e.span()
		if err != nil {
			return nil, availability.Because(availability.BadResponse, "calendar event: %v", err)
		}
		if span.Status != availability.Free && !span.Intersect(r.Window).Empty() {
			spans = append(spans, span)
		}
	}
	return spans, nil
}

func (e event) span() (span availability.Span, err error) {
	if span.Start, err = parseTime(e.Start); err != nil {
		return span, err
	}
	if span.End, err = parseTime(e.End); err != nil {
		return span, err
	}
	if span.End.Before(span.Start) {
		return span, fmt.Errorf("it ends, %.40q, before it begins, %.40q", e.End, e.Start)
	}
	span.Status = busyType(strings.TrimSpace(e.BusyType))
	return span, nil
}

// busyType returns the status of that name, NoData if there is none such.
func busyType(name string) availability.Status {
	for status := range availability.Status(availability.Statuses) {
		if status.String() == name {
			return status
		}
	}
	return availability.NoData
}

// unexplained returns the slots whose digit is 4 or 5, or missing, though no event
// accounts for it: there the server knows nothing.
func (r Request) unexplained(digits string, events []availability.Span) []availability.Span {
	if digits == "" || !strings.ContainsAny(digits, "45") && len(digits) >= r.Window.Slots(r.Interval) {
		return nil
	}
	var unknown []availability.Span
	explained := availability.NewSchedule(r.Window, 0, events)
	slot, i := r.Window, 0
	for status := range explained.Slots(r.Window, r.Interval) {
		slot.End = slot.Start.Add(r.Interval)
		if status == availability.Free && (i >= len(digits) || digits[i] == '4' || digits[i] == '5') {
			unknown = append(unknown, availability.Span{Window: slot, Status: availability.NoData})
		}
		slot.Start = slot.End
		i++
	}
	return unknown
}

// alphabet says how to read digits that came without events. Up to Exchange 2010
// a 4 is "no data"; later ones may mean WorkingElsewhere by it, or relay it from
// an older server. Nothing but fours is no data anywhere.
func (r Request) alphabet(digits string, major int) merged.Alphabet {
	if major >= 15 && r.Digit4 == availability.WorkingElsewhere && strings.Trim(digits, "4") != "" {
		return merged.Exchange2013
	}
	return merged.Exchange2003
}
