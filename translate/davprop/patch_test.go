package davprop_test

import (
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/translate/davprop"
)

// gccPatch has the envelope, the properties and their order of Google's sync service.
const gccPatch = `<?xml version="1.0" encoding="utf-8"?><a:propertyupdate xmlns:a="DAV:" xmlns:b="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/" xmlns:c="xml:" xmlns:d="http://schemas.microsoft.com/mapi/proptag/" xmlns:e="http://schemas.microsoft.com/mapi/"><a:set><a:prop>` +
	`<d:x68410003 b:dt="int">0</d:x68410003><d:x10F2000B b:dt="boolean">1</d:x10F2000B><d:x3FF10003 b:dt="int">1033</d:x3FF10003><d:x66A10003 b:dt="int">1033</d:x66A10003>` +
	`<d:x68680040 b:dt="dateTime.tz">2009-10-20T10:00:00.000Z</d:x68680040><e:subject>USER-/CN=RECIPIENTS/CN=MARY</e:subject><d:x0E1D001F>USER-/CN=RECIPIENTS/CN=MARY</d:x0E1D001F><d:x003D001F></d:x003D001F>` +
	`<d:x68531003 b:dt="mv.int"><c:v>32154</c:v><c:v>32155</c:v></d:x68531003><d:x684f1003 b:dt="mv.int"><c:v>32154</c:v><c:v>32155</c:v></d:x684f1003>` +
	`<d:x68541102 b:dt="mv.bin.base64"><c:v>oJv6mw==</c:v><c:v></c:v></d:x68541102><d:x68501102 b:dt="mv.bin.base64"><c:v>oJv6mw==</c:v><c:v></c:v></d:x68501102>` +
	`<d:x68470003 b:dt="int">214980480</d:x68470003><d:x68480003 b:dt="int">215068320</d:x68480003></a:prop></a:set>` +
	`<a:remove><a:prop><d:x68511003/><d:x68521102/><d:x68561102/><d:x68551003/></a:prop></a:remove></a:propertyupdate>`

// zimbraPatch has those of Zimbra: names that begin with 0x, hexadecimal integers without
// a type.
const zimbraPatch = `<D:propertyupdate xmlns:D="DAV:" xmlns:c="xml:" xmlns:b="http://schemas.microsoft.com/mapi/proptag/" xmlns:e="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/"><D:set><D:prop>` +
	`<b:0x0037001E>USER-/cn=RECIPIENTS/cn=james</b:0x0037001E><b:0x68470003>0x0cd05780</b:0x68470003><b:0x68480003>0x0cd1aea0</b:0x68480003><b:0x6849001F>/o=Org/ou=First/cn=RECIPIENTS/cn=james</b:0x6849001F>` +
	`<b:0x684F1003 e:dt="mv.int"><c:v>32154</c:v><c:v>32155</c:v></b:0x684F1003><b:0x68501102 e:dt="mv.bin.base64"><c:v>oJv6mw==</c:v><c:v></c:v></b:0x68501102>` +
	`<b:0x68511003 e:dt="mv.int"><c:v>32154</c:v><c:v>32155</c:v></b:0x68511003><b:0x68521102 e:dt="mv.bin.base64"><c:v>oJv6mw==</c:v><c:v></c:v></b:0x68521102>` +
	`<b:0x68531003 e:dt="mv.int"><c:v>32154</c:v><c:v>32155</c:v></b:0x68531003><b:0x68541102 e:dt="mv.bin.base64"><c:v></c:v><c:v></c:v></b:0x68541102>` +
	`<b:0x68551003 e:dt="mv.int"><c:v>32154</c:v><c:v>32155</c:v></b:0x68551003><b:0x68561102 e:dt="mv.bin.base64"><c:v></c:v><c:v></c:v></b:0x68561102>` +
	`<b:0x68410003>0</b:0x68410003><b:0x6846000B>1</b:0x6846000B></D:prop></D:set></D:propertyupdate>`

func TestPatchRecord(t *testing.T) {
	autumn := availability.Window{Start: time.Date(2009, 10, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2009, 12, 1, 0, 0, 0, 0, time.UTC)}
	hour := availability.Window{Start: time.Date(2009, 10, 28, 16, 0, 0, 0, time.UTC), End: time.Date(2009, 10, 28, 17, 30, 0, 0, time.UTC)}
	for _, test := range []struct {
		name, body string
		status     availability.Status
		set        int
	}{
		{"GCC", gccPatch, availability.Busy, 14},
		{"Zimbra", zimbraPatch, availability.Tentative, 14},
		{"without types", strings.NewReplacer(` b:dt="mv.int"`, "", ` b:dt="mv.bin.base64"`, "", ` b:dt="int"`, "").Replace(gccPatch), availability.Busy, 14},
	} {
		p, err := davprop.ParsePatch([]byte(test.body))
		if err != nil || len(p.Set) != test.set {
			t.Errorf("%s: %d set, %v", test.name, len(p.Set), err)
			continue
		}
		r, err := p.Record()
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got, err := r.Schedule()
		want := availability.NewSchedule(autumn, 0, []availability.Span{{Window: hour, Status: test.status}})
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", test.name, got, err)
		}
	}
}

func TestPatchRecordRefuses(t *testing.T) {
	replace := func(old, new string) string {
		if !strings.Contains(gccPatch, old) {
			t.Fatalf("there is no %s", old)
		}
		return strings.ReplaceAll(gccPatch, old, new)
	}
	patch := func(inner string) string {
		return `<a:propertyupdate xmlns:a="DAV:" xmlns:d="http://schemas.microsoft.com/mapi/proptag/"><a:set><a:prop>` + inner + `</a:prop></a:set></a:propertyupdate>`
	}
	tests := []struct{ name, body, fault string }{
		{"nothing of free/busy", patch("<d:x3FF10003>1033</d:x3FF10003>"), davprop.ErrNoRecord.Error()},
		{"no end", replace("d:x68480003", "d:x68480004"), "publish range"},
		{"no number", replace(">214980480<", ">tomorrow<"), "x68470003"},
		{"no number at the end", replace(">215068320<", ">0x<"), "x68480003"},
		{"number too large", replace(">215068320<", ">99999999999<"), "x68480003"},
		{"octal is decimal", replace(">32155<", ">0o1<"), "x684f1003"},
		{"no base64", replace("oJv6mw==", "oJv6m"), "base64"},
		{"months without appointments", replace("d:x68541102", "d:x6854ffff"), "appointments of 0"},
		{"not in v", patch("<d:x68531003>32154</d:x68531003>"), "not in an element v"},
		{"several starts", patch(`<d:x68470003><v>1</v><v>2</v></d:x68470003><d:x68480003>3</d:x68480003>`), "instead of one"},
	}
	for _, test := range tests {
		p, err := davprop.ParsePatch([]byte(test.body))
		if err == nil {
			_, err = p.Record()
		}
		if !says(err, test.fault) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	for _, body := range []string{"", "<x/>", `<propertyupdate xmlns="DAV:"/>`, `<propertyupdate xmlns="DAV:"><set><prop>` + strings.Repeat("<href/>", 257) + `</prop></set></propertyupdate>`} {
		if p, err := davprop.ParsePatch([]byte(body)); err == nil {
			t.Errorf("%.50q is %+v", body, p)
		}
	}
}
