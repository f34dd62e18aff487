package davprop_test

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fbgate/availability/availabilitytest"
	"fbgate/translate/davprop"
)

const tagSpace = "http://schemas.microsoft.com/mapi/proptag/"

// short writes names for comparison.
func short(all []xml.Name) string {
	var b strings.Builder
	for _, n := range all {
		fmt.Fprintf(&b, "%s%s ", strings.Replace(n.Space, tagSpace, "#", 1), n.Local)
	}
	return strings.TrimSuffix(b.String(), " ")
}

// says reports whether err says so; "" stands for no error.
func says(err error, fault string) bool {
	if fault == "" {
		return err == nil
	}
	return err != nil && strings.Contains(err.Error(), fault)
}

func TestParseFind(t *testing.T) {
	find := func(inner string) string {
		return `<D:propfind xmlns:D="DAV:" xmlns:m="` + tagSpace + `">` + inner + `</D:propfind>`
	}
	tests := []struct{ name, body, want, fault string }{
		{"no body", " \r\n", "all", ""},
		{"allprop", find("<D:allprop/>"), "all", ""},
		{"propname", find("<D:propname/>"), "names", ""},
		{"Evolution", find("<D:prop><m:x68470003/><m:x68480003/><m:x684f1003/><m:x68501102/></D:prop>"), "#x68470003 #x68480003 #x684f1003 #x68501102", ""},
		{"spelling is kept", find("<D:prop><m:x10F2000B/><m:0x684F1003/><D:displayname/><plain/></D:prop>"), "#x10F2000B #0x684F1003 DAV:displayname plain", ""},
		{"default namespace", `<propfind xmlns="DAV:"><prop><href/></prop></propfind>`, "DAV:href", ""},
		{"contents do not matter", find("<D:prop><D:href>x<D:href/></D:href></D:prop>"), "DAV:href", ""},
		{"nothing", find(""), "", "one of prop"},
		{"no property", find("<D:prop/>"), "", "one of prop"},
		{"two at once", find("<D:allprop/><D:propname/>"), "", "one of prop"},
		{"another document", `<propfind/>`, "", "propfind"},
		{"too many", find("<D:prop>" + strings.Repeat("<m:x/>", 129) + "</D:prop>"), "", "128"},
		{"too long", find("<D:prop><m:x" + strings.Repeat("y", 256) + "/></D:prop>"), "", "256"},
		{"too deep", find("<D:prop>" + strings.Repeat("<m:x>", 100)), "", "deeper"},
		{"XML's own namespace", find("<D:prop><xml:lang/></D:prop>"), "", "XML itself"},
		{"half a name", find("<D:prop><D:/></D:prop>"), "", "name"},
		{"entities", `<!DOCTYPE x [<!ENTITY a "b">]>` + find("<D:allprop/>"), "", "document type"},
	}
	for _, test := range tests {
		f, err := davprop.ParseFind([]byte(test.body))
		got := short(f.Props)
		switch {
		case f.All:
			got = "all"
		case f.NamesOnly:
			got = "names"
		}
		if got != test.want || !says(err, test.fault) {
			t.Errorf("%s: %q, %v", test.name, got, err)
		}
	}
}

func TestParseBatch(t *testing.T) {
	batch := func(n int) []byte {
		return []byte(`<D:propfind xmlns:D="DAV:"><D:target>` + strings.Repeat("<D:href>mary.EML</D:href>", n) + `</D:target><D:prop><D:href/></D:prop></D:propfind>`)
	}
	hrefs, f, err := davprop.ParseBatch(batch(2), 2)
	if err != nil || !slices.Equal(hrefs, []string{"mary.EML", "mary.EML"}) || short(f.Props) != "DAV:href" {
		t.Errorf("%v, %+v, %v", hrefs, f, err)
	}
	for _, n := range []int{0, 3} {
		if _, _, err := davprop.ParseBatch(batch(n), 2); !says(err, "targets") {
			t.Errorf("%d targets: %v", n, err)
		}
	}
	if _, _, err := davprop.ParseBatch(nil, 2); err == nil {
		t.Error("no body")
	}
}

func TestKey(t *testing.T) {
	tests := []struct{ local, key string }{
		{"x68501102", "x68501102"}, {"0x684F1003", "x684f1003"}, {"0X684F1003", "x684f1003"}, {"x10F2000B", "x10f2000b"},
		{"x6849001E", "x6849001f"}, {"x0037001f", "x0037001f"}, {"x6850101e", "x6850101f"},
		{"x6850", "x6850"}, {"subject", "subject"}, {"x6850110G", "x6850110G"}, {"x+6850112", "x+6850112"},
	}
	for _, test := range tests {
		if got := davprop.Key(xml.Name{Space: tagSpace, Local: test.local}); got.Local != test.key || got.Space != tagSpace {
			t.Errorf("%s is %s, want %s", test.local, got.Local, test.key)
		}
	}
	other := xml.Name{Space: "DAV:", Local: "0X684F1003"}
	if davprop.Key(other) != other {
		t.Error("another namespace is folded")
	}
}

// What GCC's FreeBusyBuilder sends, but for its prefix of subjects.
const builder = `SELECT "urn:schemas:httpmail:subject" FROM Scope('SHALLOW TRAVERSAL OF ""') WHERE ("DAV:ishidden" is Null OR "DAV:ishidden" = false) ` +
	`AND "DAV:isfolder" = false AND NOT ("http://schemas.microsoft.com/mapi/proptag/x7AE0001E" is Null) AND "http://schemas.microsoft.com/mapi/proptag/x7AE0001E" LIKE 'GWISE:%'`

func search(sql string) []byte {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(sql))
	return []byte(`<?xml version="1.0"?><D:searchrequest xmlns:D = "DAV:"><D:sql>` + b.String() + `</D:sql></D:searchrequest>`)
}

func TestParseSearch(t *testing.T) {
	s, err := davprop.ParseSearch(search(builder))
	if err != nil || short(s.Props) != "urn:schemas:httpmail:subject" || s.Scope != "" ||
		short(s.Uses) != "DAV:ishidden DAV:ishidden DAV:isfolder #x7AE0001E #x7AE0001E" {
		t.Errorf("%+v, %v", s, err)
	}
	s, err = davprop.ParseSearch(search("select *\r\nfrom scope ( 'shallow traversal of \"/public/x y/\"' )"))
	if err != nil || !s.All || s.Scope != "/public/x y/" || !s.Matches(nil) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestMatches(t *testing.T) {
	message := map[string]string{"DAV:ishidden": "0", "DAV:isfolder": "0", "DAV:displayname": "USER-/cn=Mary.EML", "DAV:n": "12"}
	tests := []struct {
		where string
		want  bool
	}{
		{`"DAV:ishidden" is null or "DAV:ishidden" = false`, true},
		{`"DAV:ishidden" = true`, false},
		{`"DAV:n" = 12`, true},
		{`"DAV:n" <> 12`, false},
		{`"DAV:n" != 13 and "DAV:n" is not null`, true},
		{`"DAV:none" is null`, true},
		{`not ("DAV:none" is null)`, false},
		// Not to know is neither.
		{`"DAV:none" = 1`, false},
		{`not "DAV:none" = 1`, false},
		{`"DAV:none" <> 1`, false},
		{`"DAV:none" = 1 or "DAV:n" = 12`, true},
		{`not ("DAV:none" = 1 and "DAV:n" = 13)`, true},
		// AND binds more closely than OR.
		{`"DAV:n" = 12 or "DAV:n" = 12 and "DAV:n" = 13`, true},
		{`("DAV:n" = 12 or "DAV:n" = 12) and "DAV:n" = 13`, false},
		{`"DAV:displayname" = 'user-/CN=mary.eml'`, true},
		{`"DAV:displayname" LIKE 'user-%'`, true},
		{`"DAV:displayname" LIKE '%.EML'`, true},
		{`"DAV:displayname" LIKE '%cn=%.EML'`, true},
		{`"DAV:displayname" LIKE 'USER-/cn=Mary.EML'`, true},
		{`"DAV:displayname" LIKE 'USER-/cn=Mary.EML%.EML'`, false},
		{`"DAV:displayname" LIKE 'USER'`, false},
		{`"DAV:displayname" LIKE '%john%'`, false},
		{`"DAV:displayname" LIKE '%'`, true},
		{`"DAV:none" LIKE '%'`, false},
	}
	for _, test := range tests {
		s, err := davprop.ParseSearch(search(`SELECT "DAV:href" FROM Scope('SHALLOW TRAVERSAL OF ""') WHERE ` + test.where))
		if err != nil {
			t.Errorf("%s: %v", test.where, err)
			continue
		}
		got := s.Matches(func(n xml.Name) (string, bool) { text, ok := message[n.Space+n.Local]; return text, ok })
		if got != test.want {
			t.Errorf("%s: %v", test.where, got)
		}
	}
}

func TestParseSearchRefuses(t *testing.T) {
	const from = ` FROM Scope('SHALLOW TRAVERSAL OF ""')`
	tests := []struct{ sql, fault string }{
		{``, "expects SELECT"},
		{`DELETE FROM x`, "expects SELECT"},
		{`SELECT subject` + from, "a property such as"},
		{`SELECT "subject"` + from, "a property such as"},
		{`SELECT "DAV:a<b"` + from, "a property such as"},
		{`SELECT "DAV:"` + from, "a property such as"},
		{`SELECT "DAV:href`, "a property such as"},
		{`SELECT "DAV:href"`, "expects FROM"},
		{`SELECT "DAV:href" FROM Scope('DEEP TRAVERSAL OF ""')`, "SHALLOW"},
		{`SELECT "DAV:href" FROM Scope('SHALLOW TRAVERSAL OF x')`, "quotation"},
		{`SELECT "DAV:href" FROM Scope('SHALLOW TRAVERSAL OF "x" y')`, "quotation"},
		{`SELECT "DAV:href" FROM Scope("x")`, "SHALLOW"},
		{`SELECT "DAV:href"` + from + ` ORDER BY "DAV:href"`, "the end"},
		{`SELECT "DAV:href"` + from + ` WHERE`, "a property such as"},
		{`SELECT "DAV:href"` + from + ` WHERE "DAV:a" > 3`, "IS, =, <> or LIKE"},
		{`SELECT "DAV:href"` + from + ` WHERE "DAV:a" = "DAV:b"`, "a string, a number"},
		{`SELECT "DAV:href"` + from + ` WHERE "DAV:a" LIKE 3`, "pattern"},
		{`SELECT "DAV:href"` + from + ` WHERE ("DAV:a" = 3`, "expects )"},
		{`SELECT "DAV:href"` + from + ` WHERE "DAV:a" IS 3`, "expects NULL"},
		{`SELECT "DAV:href"` + from + ` WHERE ` + strings.Repeat("(", 40), "nested deeper"},
		{`SELECT "DAV:href"` + from + ` WHERE ` + strings.Repeat("NOT ", 40), "nested deeper"},
		{`SELECT "DAV:href"` + from + ` WHERE "DAV:a" = 3` + strings.Repeat(` AND "DAV:a" = 3`, 16), "more than 16 comparisons"},
	}
	for _, test := range tests {
		if s, err := davprop.ParseSearch(search(test.sql)); !says(err, test.fault) {
			t.Errorf("%.100s: %+v, %v", test.sql, s, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(search(builder))
	f.Add([]byte(gccPatch))
	f.Add([]byte(zimbraPatch))
	f.Add([]byte(`<D:propfind xmlns:D="DAV:"><D:target><D:href>x</D:href></D:target><D:prop><D:href/></D:prop></D:propfind>`))
	f.Add([]byte(`<a:propfind xmlns:a="DAV:"><a:propname/></a:propfind>`))
	f.Add([]byte(" \r\n"))
	for _, capture := range availabilitytest.Captures(f) {
		f.Add(capture)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var all []xml.Name
		availabilitytest.CheckAllocation(t, 4*len(body), func() {
			_, _ = davprop.ParseFind(body)
			_, _, _ = davprop.ParseBatch(body, 3)
			_, _ = davprop.ParseSearch(body)
			_, _ = davprop.ParsePatch(body)
		})
		if find, err := davprop.ParseFind(body); err == nil {
			all = append(all, find.Props...)
		}
		if hrefs, find, err := davprop.ParseBatch(body, 3); err == nil {
			all = append(all, find.Props...)
			if len(hrefs) == 0 || len(hrefs) > 3 {
				t.Errorf("%d targets", len(hrefs))
			}
		}
		if s, err := davprop.ParseSearch(body); err == nil {
			all = append(all, s.Props...)
			s.Matches(func(xml.Name) (string, bool) { return "x", true })
		}
		if p, err := davprop.ParsePatch(body); err == nil {
			all = append(all, p.Remove...)
			if r, err := p.Record(); err == nil {
				if s, err := r.Schedule(); err == nil {
					availabilitytest.CheckCanonical(t, s)
				}
			}
			for _, property := range p.Set {
				all = append(all, property.Name)
			}
		}
		// Whatever name is asked for can be written back.
		m := davprop.NewMultistatus(all, false)
		answer := m.AppendEnd(m.AppendResponse(m.AppendStart(nil), davprop.Response{Href: "x", Missing: all}))
		var back struct {
			Prop []struct {
				Names []struct{ XMLName xml.Name } `xml:",any"`
			} `xml:"response>propstat>prop"`
		}
		if err := xml.Unmarshal(answer, &back); err != nil {
			t.Fatalf("%q: %v", answer, err)
		}
		var names []struct{ XMLName xml.Name }
		for _, prop := range back.Prop {
			names = append(names, prop.Names...)
		}
		if len(names) != len(all) {
			t.Fatalf("%v comes back as %v", all, names)
		}
		for i, name := range all {
			if names[i].XMLName != name {
				t.Fatalf("%v comes back as %v", name, names[i].XMLName)
			}
		}
	})
}
