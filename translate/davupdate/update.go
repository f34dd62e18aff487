package davupdate

import (
	"encoding/base64"
	"strconv"
	"time"

	"fbgate/translate/folderpath"
	"fbgate/translate/proptag"
	"fbgate/translate/wirexml"
)

// Append appends the body of the PROPPATCH that makes an item, that of a mailbox, say what r says, published
// at the given time. The server makes the item if there is none. The same Record at the
// same time gives the same bytes.
//
// Kinds of appointments of which there are none are removed, as Outlook and Google's
// connector leave them out; of the others all months of r are written.
func Append(dst []byte, item folderpath.Path, r proptag.Record, at time.Time) []byte {
	u := update{dst}
	u.raw(`<?xml version="1.0" encoding="utf-8"?>` +
		`<a:propertyupdate xmlns:a="DAV:" xmlns:b="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/" xmlns:c="xml:"` +
		` xmlns:d="http://schemas.microsoft.com/mapi/proptag/" xmlns:e="http://schemas.microsoft.com/mapi/"><a:set><a:prop>`)
	u.number("x68410003", 0) // no resource
	u.typed("x10F2000B", "boolean", "1")
	u.number("x3FF10003", 1033)
	u.number("x66A10003", 1033)
	u.typed("x68680040", "dateTime.tz", at.UTC().Format("2006-01-02T15:04:05.000Z"))
	u.text("e:subject", item.Subject())
	u.text("d:x0E1D001F", item.Subject())
	u.text("d:x0070001F", item.Subject())
	u.text("d:x003D001F", "")
	u.text("d:x6849001F", item.DN())
	lists := []list{
		{"x68531003", "x68541102", r.Busy},
		{"x684f1003", "x68501102", r.Merged},
		{"x68511003", "x68521102", r.Tentative},
		{"x68551003", "x68561102", r.Away},
	}
	for _, l := range lists {
		if !l.empty() {
			u.list(l)
		}
	}
	u.number("x68470003", proptag.Minutes(r.Range.Start))
	u.number("x68480003", proptag.Minutes(r.Range.End))
	u.raw(`</a:prop></a:set>`)
	u.remove(lists)
	u.raw(`</a:propertyupdate>`)
	return u.dst
}

// list is one kind of appointments and the names of its two properties.
type list struct {
	values, events string
	months         []proptag.Month
}

func (l list) empty() bool {
	for _, m := range l.months {
		if len(m.Events) > 0 {
			return false
		}
	}
	return true
}

type update struct{ dst []byte }

func (u *update) raw(s string) { u.dst = append(u.dst, s...) }

// typed writes a property whose value needs no escaping.
func (u *update) typed(name, dt, value string) {
	u.raw(`<d:` + name + ` b:dt="` + dt + `">` + value + `</d:` + name + `>`)
}

func (u *update) number(name string, n int32) { u.typed(name, "int", strconv.Itoa(int(n))) }

// text writes a string, which is what a value without a type is.
func (u *update) text(name, value string) {
	u.raw(`<` + name + `>`)
	u.dst = wirexml.AppendText(u.dst, value)
	u.raw(`</` + name + `>`)
}

func (u *update) list(l list) {
	u.raw(`<d:` + l.values + ` b:dt="mv.int">`)
	for _, m := range l.months {
		u.raw(`<c:v>` + strconv.Itoa(int(m.Value())) + `</c:v>`)
	}
	u.raw(`</d:` + l.values + `><d:` + l.events + ` b:dt="mv.bin.base64">`)
	for _, m := range l.months {
		u.raw(`<c:v>`)
		u.dst = base64.StdEncoding.AppendEncode(u.dst, m.Events)
		u.raw(`</c:v>`)
	}
	u.raw(`</d:` + l.events + `>`)
}

func (u *update) remove(lists []list) {
	begun := false
	for _, l := range lists {
		if !l.empty() {
			continue
		}
		if !begun {
			u.raw(`<a:remove><a:prop>`)
			begun = true
		}
		u.raw(`<d:` + l.values + `/><d:` + l.events + `/>`)
	}
	if begun {
		u.raw(`</a:prop></a:remove>`)
	}
}
