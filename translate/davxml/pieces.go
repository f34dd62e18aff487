package davxml

import (
	"io"
	"iter"

	"fbgate/availability"
	"fbgate/translate/merged"
)

// AnswerLen returns the length of the answer to r in bytes, whoever is busy.
func (r Request) AnswerLen() int {
	slots := r.Window.Slots(r.Interval)
	n := len(head) + slots + len(endItem) + len(tail)
	row := make([]byte, 0, 512) // on the stack; nearly every row is shorter
	for _, a := range r.Attendees {
		row = appendAttendee(row[:0], a)
		n += len(row) + slots + len(endItem)
	}
	return n
}

// WriteAnswer writes what AppendAnswer appends, drawn piece by piece, so that the
// longest answer needs no more memory than a short one, however slowly it is read.
// It ends with the first error of w.
func WriteAnswer(w io.Writer, r Request, answers []availability.Answer, digits merged.Digits) error {
	p := pieces{w: w}
	p.buffer = append(p.buffer, head...)
	var one []byte
	for window := range r.windows() {
		from := len(p.buffer)
		p.buffer = appendZeros(p.buffer, window.Slots(r.Interval))
		for i := range answers {
			one = digits.Append(one[:0], answers[i].Schedule, window, r.Interval)
			merged.Overlay(p.buffer[from:], one)
		}
		if p.flush(); p.err != nil {
			return p.err
		}
	}
	p.buffer = append(p.buffer, endItem...)
	for i, attendee := range r.Attendees {
		p.buffer = appendAttendee(p.buffer, attendee)
		for window := range r.windows() {
			p.buffer = digits.Append(p.buffer, answers[i].Schedule, window, r.Interval)
			if p.flush(); p.err != nil {
				return p.err
			}
		}
		p.buffer = append(p.buffer, endItem...)
	}
	p.buffer = append(p.buffer, tail...)
	p.flush()
	return p.err
}

// pieceSlots is how many slots are drawn at a time.
const pieceSlots = 8192

// windows parts the window of r into pieces of whole slots.
func (r Request) windows() iter.Seq[availability.Window] {
	return func(yield func(availability.Window) bool) {
		for piece := r.Window; !piece.Empty(); piece.Start = piece.Start.Add(pieceSlots * r.Interval) {
			end := availability.Window{Start: piece.Start, End: piece.Start.Add(pieceSlots * r.Interval)}
			if !yield(piece.Intersect(end)) {
				return
			}
		}
	}
}

// pieces gathers what is written until there is enough of it.
type pieces struct {
	w      io.Writer
	buffer []byte
	err    error // the first one; nothing is written after it
}

func (p *pieces) flush() {
	if p.err == nil {
		_, p.err = p.w.Write(p.buffer)
	}
	p.buffer = p.buffer[:0]
}
