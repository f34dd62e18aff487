package publicfolder

import (
	"errors"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/translate/davxml"
	"fbgate/translate/merged"
)

// rows are the rows of a reply by mailbox.
type rows struct {
	request davxml.Request
	digits  map[string][]string // by address in lower case, of those asked about
	// stranger is an address that was not asked about; empty if there is none.
	stranger string
	// exact is set if a row has exactly the digits asked for. Then the server drew
	// slots as long as they were asked for, and a row with fewer digits is only cut
	// short; otherwise each of its digits might stand for another time.
	exact bool
}

// read sorts the rows of a reply. Rows are told by their address, without regard to
// case, and never by their place: the first, of all attendees, has none.
func read(body []byte, request davxml.Request) (rows, error) {
	items, err := davxml.ReadRows(body)
	if err != nil {
		return rows{}, err
	}
	if len(items) == 0 {
		return rows{}, errors.New("free/busy reply: there are no rows")
	}
	r := rows{request: request, digits: make(map[string][]string, len(request.Attendees))}
	for _, a := range request.Attendees {
		r.digits[strings.ToLower(a.Address)] = nil
	}
	slots := request.Window.Slots(request.Interval)
	for _, item := range items {
		digits, address := strings.TrimSpace(item.Digits), strings.ToLower(item.Address)
		r.exact = r.exact || len(digits) == slots && davxml.AreDigits(digits)
		if _, asked := r.digits[address]; asked && address != "" {
			r.digits[address] = append(r.digits[address], digits)
		} else if address != "" {
			r.stranger = item.Address
		}
	}
	return r, nil
}

// of returns what the rows say of m.
func (r rows) of(m availability.Mailbox) (availability.Schedule, *availability.Reason) {
	digits, reason := r.row(m)
	if reason != nil {
		return availability.Schedule{}, reason
	}
	schedule := merged.Parse(digits, r.request.Window, r.request.Interval, merged.Exchange2003)
	return schedule, r.gaps(digits)
}

// row returns the digits of m, as many as were asked for or fewer, or why they cannot
// be trusted. Whose they are not is quoted, as it gets into the log, and m is known there.
func (r rows) row(m availability.Mailbox) (string, *availability.Reason) {
	found := r.digits[strings.ToLower(string(m))]
	switch {
	case len(found) == 0 && r.stranger != "":
		return "", availability.Because(availability.BadResponse, "the reply has no row of it, but one of %.100q, which was not asked about", r.stranger)
	case len(found) == 0:
		return "", availability.Because(availability.UnknownMailbox, "the reply has no row of it")
	}
	digits, slots := found[0], r.request.Window.Slots(r.request.Interval)
	for _, other := range found[1:] {
		if other != digits {
			return "", availability.Because(availability.BadResponse, "the reply has two rows of it, which differ")
		}
	}
	switch {
	case digits == "":
		return "", availability.Because(availability.NoInformation, "its row has no digits")
	case !davxml.AreDigits(digits):
		return "", availability.Because(availability.BadResponse, "its row is %.80q, expected digits from 0 to 4", digits)
	case len(digits) > slots, len(digits) < slots && !r.exact:
		return "", availability.Because(availability.BadResponse, "its row has %d digits, expected %d", len(digits), slots)
	}
	return digits, nil
}

// gaps returns why digits do not say all, nil if they do.
//
// A row of nothing but 4 is not called an unknown mailbox: Exchange 2003 draws one
// that never published its free/busy just the same.
func (r rows) gaps(digits string) *availability.Reason {
	slots, unknown := r.request.Window.Slots(r.request.Interval), strings.Count(digits, "4")
	switch {
	case unknown == slots:
		return availability.Because(availability.NoInformation, "nothing but 4, no data: there is no such mailbox, or it has published no free/busy of this time")
	case len(digits) < slots:
		return availability.Because(availability.BadResponse, "its row ends after %d of %d digits", len(digits), slots)
	case unknown > 0:
		first := r.request.Window.Start.Add(time.Duration(strings.IndexByte(digits, '4')) * r.request.Interval)
		return availability.Because(availability.NoInformation, "no data in %d of %d slots, the first at %s", unknown, slots, first.UTC().Format(time.RFC3339))
	}
	return nil
}
