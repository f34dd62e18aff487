package davprop_test

import (
	"encoding/xml"
	"regexp"
	"strings"
	"testing"

	"fbgate/translate/davprop"
)

const from = `SELECT "DAV:href" FROM Scope('SHALLOW TRAVERSAL OF ""') `

// A condition and its opposite never hold both, and one of them holds of a resource that
// has all properties.
func FuzzWhere(f *testing.F) {
	_, condition, _ := strings.Cut(builder, "WHERE ")
	f.Add(condition, "GWISE:x")
	f.Add(`"DAV:n" >= 12`, "")
	f.Add(`"DAV:a" <> true AND NOT "DAV:b" IS NOT NULL OR ("urn:x:c" LIKE '%a%b' AND "DAV:d" != 'Z')`, "1")
	f.Add(`NOT NOT NOT (((("DAV:a" = 0))))`, "0")
	f.Fuzz(func(t *testing.T, where, text string) {
		s, err := davprop.ParseSearch(search(from + "WHERE " + where))
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Fatalf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if len(s.Uses) == 0 || len(s.Props) != 1 || s.Scope != "" {
			t.Fatalf("%q: %+v", where, s)
		}
		opposite, err := davprop.ParseSearch(search(from + "WHERE NOT (" + where + ")"))
		if err != nil {
			if !strings.Contains(err.Error(), "less nesting") {
				t.Fatalf("%q is read, and its opposite is not: %v", where, err)
			}
			return
		}
		has := func(xml.Name) (string, bool) { return text, true }
		hasNot := func(xml.Name) (string, bool) { return "", false }
		some := func(name xml.Name) (string, bool) { return text, len(name.Local)%2 == 0 }
		if s.Matches(has) == opposite.Matches(has) {
			t.Errorf("%q and its opposite are %v of %q", where, s.Matches(has), text)
		}
		if s.Matches(hasNot) && opposite.Matches(hasNot) || s.Matches(some) && opposite.Matches(some) {
			t.Errorf("%q and its opposite both hold", where)
		}
	})
}

// LIKE is what a regular expression makes of it.
func FuzzLike(f *testing.F) {
	f.Add("GWISE:%", "gwise:MARY")
	f.Add("%a%%ab%", "aab")
	f.Add("a.b", "axb")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		var back string
		var escaped strings.Builder
		_ = xml.EscapeText(&escaped, []byte(pattern+text))
		if err := xml.Unmarshal([]byte("<a>"+escaped.String()+"</a>"), &back); err != nil || back != pattern+text || strings.Contains(pattern, "'") {
			return // cannot be asked
		}
		s, err := davprop.ParseSearch(search(from + `WHERE "DAV:displayname" LIKE '` + pattern + `'`))
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(strings.ToLower(pattern), "%")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		want := regexp.MustCompile(`(?s)^` + strings.Join(parts, ".*") + `$`).MatchString(strings.ToLower(text))
		if got := s.Matches(func(xml.Name) (string, bool) { return text, true }); got != want {
			t.Errorf("%q LIKE %q is %v", text, pattern, got)
		}
	})
}

// What a SEARCH says of where to search and what for comes whole.
func FuzzSearch(f *testing.F) {
	f.Add(builder)
	f.Add("select *\r\nfrom scope ( 'shallow traversal of \"/public/x y/\"' )")
	f.Add(`SELECT "DAV:href", "http://schemas.microsoft.com/mapi/proptag/0x684f1003" FROM SCOPE('DEEP TRAVERSAL OF "/public/"')`)
	f.Add(`SELECT "urn:`)
	f.Fuzz(func(t *testing.T, sql string) {
		s, err := davprop.ParseSearch(search(sql))
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Fatalf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if s.All == (len(s.Props) > 0) || s.NamesOnly || len(s.Props) > 256 || len(s.Uses) > 256 {
			t.Errorf("%q: %+v", sql, s)
		}
		// The Multistatus of the answer can write all of these.
		for _, name := range append(s.Uses, s.Props...) {
			if name.Space == "" || name.Local == "" || len(name.Space)+len(name.Local) > 512 || strings.Contains(name.Local, ":") {
				t.Errorf("%q speaks of %v", sql, name)
			}
		}
	})
}
