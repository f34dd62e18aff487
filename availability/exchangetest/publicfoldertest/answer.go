package publicfoldertest

import (
	"cmp"
	"encoding/xml"
	"slices"
	"strings"
)

// item is one row of an answer; without an address it is "All Attendees".
type item struct {
	name, addressType, address string
	digits                     string
	undrawn                    bool // there is no fbdata
}

// answer draws the rows asked for, with what the faults of mailboxes and call make
// of them, as XML.
func (s *Server) answer(q query, f Fault) string {
	if f.Reply == OtherInterval {
		q.interval *= 2
	}
	var rows []item
	for _, a := range q.attendees {
		m := s.mailbox(a.address)
		if !m.exists && s.OmitUnknown {
			continue
		}
		row := item{name: a.address, addressType: a.addressType, address: a.address, digits: m.draw(q.window, q.interval)}
		rows = append(rows, rowWays[cmp.Or(m.fault.Row, f.Row)].change(row)...)
	}
	all := item{name: "All Attendees", digits: strings.Repeat("0", q.window.Slots(q.interval))}
	for _, row := range rows {
		all.digits = highest(all.digits, row.digits)
	}
	rows = slices.Insert(rows, 0, all)
	return render(f.Reply, replyWays[f.Reply].change(rows))
}

// highest lays the digits of one row over those of another as far as they go.
func highest(all, one string) string {
	digits := []byte(all)
	for i := range min(len(all), len(one)) {
		if one[i] >= '0' && one[i] <= '4' {
			digits[i] = max(digits[i], one[i])
		}
	}
	return string(digits)
}

// render writes XML as captured replyWays have it: no declaration, the prefix "a", an
// item's elements in this order.
func render(reply Reply, rows []item) string {
	prefix, xmlns, before := "a:", `xmlns:a="WM"`, ""
	switch reply {
	case OtherPrefix:
		prefix, xmlns = "free-busy:", `xmlns:free-busy="WM"`
	case DefaultNamespace:
		prefix, xmlns, before = "", `xmlns="WM"`, "\ufeff"+`<?xml version="1.0" encoding="utf-8"?>`+"\n"
	}
	var b strings.Builder
	element := func(name, attributes, text string) {
		b.WriteString("\t\t\t<" + prefix + name + attributes + ">")
		_ = xml.EscapeText(&b, []byte(text)) // a Builder takes all
		b.WriteString("</" + prefix + name + ">\r\n")
	}
	b.WriteString(before + "<" + prefix + "response " + xmlns + ">\r\n\t<" + prefix + "recipients>\r\n")
	for _, row := range rows {
		b.WriteString("\t\t<" + prefix + "item>\r\n")
		element("displayname", "", row.name)
		if row.addressType != "" {
			element("email", ` type="`+row.addressType+`"`, row.address)
		}
		element("type", "", "1")
		if !row.undrawn {
			element("fbdata", "", row.digits)
		}
		b.WriteString("\t\t</" + prefix + "item>\r\n")
	}
	b.WriteString("\t</" + prefix + "recipients>\r\n</" + prefix + "response>")
	return b.String()
}
