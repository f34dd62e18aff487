package davxml

import (
	"slices"

	"fbgate/availability"
	"fbgate/translate/merged"
	"fbgate/translate/wirexml"
)

// AppendAnswer appends the reply to r: the row "All Attendees", then one row for
// each attendee in the order asked, drawn from the answers in the same order.
//
// Every byte is one some client looks for. The prefix has to be "a:", since most
// search for the text "<a:fbdata>"; there may be nothing else in that element and
// no attribute on it; the address is echoed as it came, since some compare it
// with case; the root has one child, since Horde insists; there is no XML
// declaration in any captured reply. Line ends between rows are tolerated by all.
func AppendAnswer(dst []byte, r Request, answers []availability.Answer, digits merged.Digits) []byte {
	slots := r.Window.Slots(r.Interval)
	dst = slices.Grow(dst, 256+(len(r.Attendees)+1)*(slots+192))
	dst = append(dst, head...)
	from := len(dst)
	dst = appendZeros(dst, slots)
	all := len(dst)
	dst = append(dst, endItem...)
	for i, attendee := range r.Attendees {
		dst = appendAttendee(dst, attendee)
		row := len(dst)
		dst = digits.Append(dst, answers[i].Schedule, r.Window, r.Interval)
		merged.Overlay(dst[from:all], dst[row:])
		dst = append(dst, endItem...)
	}
	return append(dst, tail...)
}

const (
	head    = "<a:response xmlns:a=\"WM\"><a:recipients>\n<a:item><a:displayname>All Attendees</a:displayname><a:type>1</a:type><a:fbdata>"
	endItem = "</a:fbdata></a:item>\n"
	tail    = "</a:recipients></a:response>\n"
)

func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '0')
	}
	return dst
}

func appendAttendee(dst []byte, a Attendee) []byte {
	dst = append(dst, "<a:item><a:displayname>"...)
	dst = wirexml.AppendText(dst, a.Address)
	dst = append(dst, `</a:displayname><a:email type="`...)
	dst = append(dst, a.Type...)
	dst = append(dst, `">`...)
	dst = wirexml.AppendText(dst, a.Address)
	// 1: a required attendee (MAPI_TO); servers sent nothing else.
	return append(dst, "</a:email><a:type>1</a:type><a:fbdata>"...)
}

// AppendError appends the body of a refusal. It has no fbdata element, which
// clients that take any body for an answer would read.
func AppendError(dst []byte, e *ParameterError) []byte {
	element := func(name, text string) {
		dst = append(append(append(dst, "<a:"...), name...), '>')
		dst = wirexml.AppendText(dst, text)
		dst = append(append(append(dst, "</a:"...), name...), '>')
	}
	dst = append(dst, "<a:error xmlns:a=\"WM\">"...)
	element("parameter", e.Parameter)
	element("received", e.Received)
	element("expected", e.Expected)
	return append(dst, "</a:error>\n"...)
}
