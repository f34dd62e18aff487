package vfreebusy

import (
	"bytes"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
)

// mostNested is how deep components may lie in each other; an alarm in an event in a
// calendar is the deepest there is.
const mostNested = 8

// mostHead is how long name and parameters of a line may be, in bytes.
const mostHead = 1000

// of are the properties that are read; all others are passed over, whatever they hold.
var of = []string{"BEGIN", "END", "METHOD", "ORGANIZER", "ATTENDEE", "DTSTART", "DTEND", "DURATION", "FREEBUSY"}

// heads are what comes before the value of a content line (RFC 5545 3.1).
var (
	nameHead = regexp.MustCompile(`^([A-Za-z0-9-]+)[;:]`)
	lineHead = regexp.MustCompile(`^[A-Za-z0-9-]+(;[A-Za-z0-9-]+=("[^"]*"|[^";:,]*)(,("[^"]*"|[^";:,]*))*)*:`)
)

// screen returns the lines of a calendar that matter, unfolded, or why it must not be
// decoded. go-ical's Decoder is not made for strangers: it calls itself for each component
// in another, takes time by the square of a parameter's length, panics on a parameter
// without a value after it, and cannot tell a calendar cut short from its end. What is cut
// short would be free from there on.
func screen(data []byte) ([]byte, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("the calendar is longer than %d bytes", MaxSize)
	}
	var kept []byte
	depth := 0
	for number, line := range unfolded(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))) {
		name := nameHead.FindSubmatch(line)
		if name == nil {
			return nil, fmt.Errorf("line %d is no line of a calendar", number)
		}
		property := strings.ToUpper(string(name[1]))
		if !slices.Contains(of, property) {
			continue
		}
		if head := lineHead.Find(line); head == nil || len(head) > mostHead {
			return nil, fmt.Errorf("line %d, %s, has malformed parameters", number, property)
		}
		switch property {
		case "BEGIN":
			depth++
		case "END":
			depth--
		}
		if depth < 0 || depth > mostNested {
			return nil, fmt.Errorf("line %d: components are nested wrongly, or deeper than %d", number, mostNested)
		}
		kept = append(append(kept, line...), "\r\n"...)
	}
	if depth > 0 {
		return nil, fmt.Errorf("the calendar is cut short: %d components have no END", depth)
	}
	return kept, nil
}

// unfolded yields the content lines that are not empty, each with the number of the line
// it begins in, from 1 on. A line is valid until the next one.
func unfolded(data []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		var line []byte
		begun, number := 0, 0
		for piece := range bytes.Lines(data) {
			number++
			piece = bytes.TrimRight(piece, "\r\n")
			if len(piece) > 0 && (piece[0] == ' ' || piece[0] == '\t') {
				line = append(line, piece[1:]...)
				continue
			}
			if line = bytes.TrimRight(line, " \t"); len(line) > 0 && !yield(begun, line) {
				return
			}
			line, begun = append(line[:0], piece...), number
		}
		if line = bytes.TrimRight(line, " \t"); len(line) > 0 {
			yield(begun, line)
		}
	}
}
