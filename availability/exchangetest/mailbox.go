package exchangetest

import (
	"fmt"
	"slices"
	"strings"

	"fbgate/availability"
)

// mailbox is what the server holds of one user. Once stored it is not changed
// but replaced.
type mailbox struct {
	exists    bool
	calendar  []availability.Span // ascending by start
	published *availability.Window
	limit     view
	fault     Fault
}

// SetMailbox creates a mailbox, or replaces its calendar. Spans may overlap and
// come in any order; a Free one is an appointment shown as free, one without
// length is a reminder that takes no time.
func (x *Exchange) SetMailbox(address string, calendar ...availability.Span) {
	calendar = slices.Clone(calendar)
	sort(calendar)
	x.change(address, func(m *mailbox) { m.exists, m.calendar = true, calendar })
}

// RemoveMailbox removes a mailbox, as when it has moved away.
func (x *Exchange) RemoveMailbox(address string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.mailboxes, strings.ToLower(address))
}

// SetPublished turns a mailbox into one whose free/busy was published to a
// public folder, like those of Exchange 2003: the view is MergedOnly, and
// outside the published window the digits say no data.
func (x *Exchange) SetPublished(address string, published availability.Window) {
	x.change(address, func(m *mailbox) { m.published = &published })
}

// SetView sets the most the caller may see of a mailbox: "MergedOnly",
// "FreeBusy" or "Detailed", with or without Merged. The digits are shown to
// everybody who may see something. "None" denies all: ErrorNoFreeBusyAccess. It
// panics on any other name.
func (x *Exchange) SetView(address, most string) {
	limit, known := views[most]
	if !known {
		panic(fmt.Sprintf("exchangetest: %q is no view of [MS-OXWAVLS] FreeBusyViewType", most))
	}
	x.change(address, func(m *mailbox) { m.limit = limit })
}

// FailMailbox lets a mailbox fail from now on; the zero Fault heals it. A fault
// of whole calls ([Fault.PerMailbox] is false) befalls every call that names the
// mailbox, and so all the others in it.
func (x *Exchange) FailMailbox(address string, f Fault) {
	x.change(address, func(m *mailbox) { m.fault = f })
}

func (x *Exchange) change(address string, edit func(*mailbox)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := strings.ToLower(address)
	m, known := x.mailboxes[key]
	if !known {
		m.limit = detailedMerged
	}
	edit(&m)
	x.mailboxes[key] = m
}

func (x *Exchange) mailbox(address string) mailbox {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.mailboxes[strings.ToLower(address)]
}

// callFault returns the fault the call has because of its mailboxes: that of the
// first whose fault is one of whole calls, else no more than the longest of
// their delays.
func (x *Exchange) callFault(addresses []address) Fault {
	var slow Fault
	for _, a := range addresses {
		f := x.mailbox(a.address).fault
		if f.spoils() || f.Code != "" && !f.PerMailbox() {
			return f
		}
		slow.Delay = max(slow.Delay, f.Delay)
	}
	return slow
}

// isSMTP reports whether an address can be one of a mailbox: "user@domain".
func (a address) isSMTP() bool {
	if a.routing != "" && !strings.EqualFold(a.routing, "SMTP") {
		return false
	}
	user, domain, found := strings.Cut(a.address, "@")
	return found && user != "" && domain != "" && !strings.ContainsAny(a.address, " <>\t\r\n\x00") &&
		!strings.Contains(domain, "@") && !strings.HasPrefix(domain, ".") && !strings.HasSuffix(domain, ".")
}
