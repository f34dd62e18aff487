package publicfoldertest

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"fbgate/availability"
)

// mailbox is what the server holds of one user. Once stored it is not changed but
// replaced.
type mailbox struct {
	exists    bool
	events    []availability.Span
	published *availability.Window
	fault     Fault
}

// SetCalendar creates a mailbox, or replaces its appointments, which may overlap and
// come in any order. It may be named by its legacyExchangeDN instead, but is a
// mailbox of its own then.
func (s *Server) SetCalendar(address string, events ...availability.Span) {
	events = slices.Clone(events)
	s.change(address, func(m *mailbox) { m.exists, m.events = true, events })
}

// RemoveMailbox removes a mailbox, as when it has moved away.
func (s *Server) RemoveMailbox(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mailboxes, strings.ToLower(address))
}

// SetPublished says what time the mailbox's Outlook has published free/busy of;
// outside it the digits are 4. With an empty window it never published any. Without
// this all time is published.
func (s *Server) SetPublished(address string, published availability.Window) {
	s.change(address, func(m *mailbox) { m.published = &published })
}

// FailMailbox lets a mailbox fail from now on; the zero Fault heals it. A fault of
// whole calls ([Fault.PerMailbox] is false) befalls every call that names the
// mailbox, and so all the others in it.
func (s *Server) FailMailbox(address string, f Fault) {
	s.change(address, func(m *mailbox) { m.fault = f })
}

func (s *Server) change(address string, edit func(*mailbox)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(address)
	m := s.mailboxes[key]
	edit(&m)
	s.mailboxes[key] = m
}

func (s *Server) mailbox(address string) mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mailboxes[strings.ToLower(address)]
}

// digits are the server's, by status. Exchange 2003 knew no working elsewhere.
var digits = [availability.Statuses]byte{
	availability.Free:             '0',
	availability.WorkingElsewhere: '0',
	availability.Tentative:        '1',
	availability.Busy:             '2',
	availability.OOF:              '3',
	availability.NoData:           '4',
}

// draw paints every minute of the window and then takes the highest digit of each
// slot, as "Checking Free/Busy Status (HTTP)" of the Exchange SDK has it.
func (m mailbox) draw(window availability.Window, interval time.Duration) string {
	minutes := bytes.Repeat([]byte{'0'}, window.Slots(time.Minute))
	paint := func(w availability.Window, digit byte) {
		if w = w.Intersect(window); w.Empty() {
			return
		}
		for i := int(w.Start.Sub(window.Start) / time.Minute); i < len(minutes) && w.End.After(window.Start.Add(time.Duration(i)*time.Minute)); i++ {
			minutes[i] = max(minutes[i], digit)
		}
	}
	for _, event := range m.events {
		paint(event.Window, digits[event.Status])
	}
	for _, gap := range m.unpublished(window) {
		paint(gap, '4')
	}
	var row []byte
	for slot := range slices.Chunk(minutes, int(interval/time.Minute)) {
		row = append(row, slices.Max(slot))
	}
	return string(row)
}

// unpublished returns the parts of the window of which nothing is known.
func (m mailbox) unpublished(window availability.Window) []availability.Window {
	switch {
	case !m.exists, m.published != nil && m.published.Empty():
		return []availability.Window{window}
	case m.published == nil:
		return nil
	}
	return []availability.Window{{Start: window.Start, End: m.published.Start}, {Start: m.published.End, End: window.End}}
}
