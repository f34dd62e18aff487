package vfreebusy

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// contentLines collects content lines. go-ical's Encoder writes each in one call,
// unfolded, and sorts properties by name, so that DTEND comes before DTSTART.
type contentLines [][]byte

func (c *contentLines) Write(line []byte) (int, error) {
	*c = append(*c, bytes.TrimSuffix(bytes.Clone(line), []byte("\r\n")))
	return len(line), nil
}

// order is that of the properties in what servers known to be used with Outlook write.
// iCalendar has none, but readers that go through the lines of a .vfb for themselves may.
var order = []string{
	"BEGIN:VCALENDAR", "PRODID", "VERSION", "METHOD",
	"BEGIN:VFREEBUSY", "ORGANIZER", "UID", "DTSTAMP", "DTSTART", "DTEND", "URL", "FREEBUSY",
	"END:VFREEBUSY", "END:VCALENDAR",
}

func rank(line []byte) int {
	return slices.IndexFunc(order, func(name string) bool { return bytes.HasPrefix(line, []byte(name)) })
}

// folded returns the lines, in order, as they go over the wire.
func (c contentLines) folded() []byte {
	slices.SortStableFunc(c, func(a, b []byte) int { return rank(a) - rank(b) })
	var out []byte
	for _, line := range c {
		out = appendFolded(out, line)
	}
	return out
}

// mostOctets is how long a line may be without its end (RFC 5545 3.1).
const mostOctets = 75

// appendFolded appends line in pieces of at most 75 octets, none of which ends within a
// character.
func appendFolded(dst, line []byte) []byte {
	room := mostOctets
	for len(line) > room {
		cut := room
		for cut > room-utf8.UTFMax && !utf8.RuneStart(line[cut]) {
			cut--
		}
		dst = append(append(dst, line[:cut]...), "\r\n "...)
		line, room = line[cut:], mostOctets-1
	}
	return append(append(dst, line...), "\r\n"...)
}
