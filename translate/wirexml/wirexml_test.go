package wirexml_test

import (
	"encoding/xml"
	"strings"
	"testing"
	"unicode/utf8"

	"fbgate/translate/wirexml"
)

type note struct {
	XMLName xml.Name `xml:"note"`
	To      string   `xml:"to"`
}

func TestDecode(t *testing.T) {
	tests := []struct{ name, document, to, fault string }{
		{"plain", "<note><to>joe</to></note>", "joe", ""},
		{"byte order mark, white space, prefix, comment", "\xef\xbb\xbf \r\n<?xml version='1.0'?><x:note xmlns:x='urn:x'><x:to>joe</x:to></x:note> <!-- end --> ", "joe", ""},
		{"nested up to the bound", "<note>" + strings.Repeat("<b>", 63) + strings.Repeat("</b>", 63) + "</note>", "", ""},
		{"nested too deep", "<note>" + strings.Repeat("<b>", 64), "", "deeper than 64"},
		{"document type", "<!DOCTYPE note [<!ENTITY a 'b'>]><note/>", "", "document type"},
		{"entity", "<note><to>&a;</to></note>", "", "entity"},
		{"cut short", "<note><to>joe</to>", "", "unexpected EOF"},
		{"crossed", "<note><to>joe</note></to>", "", "closed by"},
		{"two roots", "<note/><note/>", "", "follows the root"},
		{"text after the root", "<note/>joe", "", "follows the root"},
		{"empty", "", "", "no XML element"},
		{"another charset", "<?xml version='1.0' encoding='utf-16'?><note/>", "", "encoding"},
		{"not XML", "%PDF-1.4", "", "no XML element"},
	}
	for _, test := range tests {
		var n note
		err := wirexml.Decode([]byte(test.document), &n)
		switch {
		case test.fault == "" && (err != nil || n.To != test.to):
			t.Errorf("%s: %q, %v", test.name, n.To, err)
		case test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)):
			t.Errorf("%s: error %v, want one that says %q", test.name, err, test.fault)
		}
	}
}

// encoding/xml repeats what it cannot read, however long that is.
func TestErrorsAreShort(t *testing.T) {
	long := strings.Repeat("\x87\n", 1<<16)
	for _, document := range []string{
		"<note><to>&" + strings.Repeat("\x01", 1<<16) + ";", "<" + strings.Repeat("ü", 1<<16) + "/>",
		"<" + long + ">", "<" + strings.Repeat("x", 1<<16) + "/>", "<note>&" + long + ";</note>", "<note><to x=" + long + "/></note>",
		"<note xmlns='" + strings.Repeat("y", 1<<16) + "'>" + strings.Repeat("<b>", 70), "<?xml version='" + strings.Repeat("1", 1<<16) + "'?><note/>",
	} {
		for _, decode := range []func([]byte, any) error{wirexml.Decode, wirexml.DecodeCharset} {
			var n note
			if err := decode([]byte(document), &n); err == nil || len(err.Error()) >= 400 || !utf8.ValidString(err.Error()) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%.20q: %v", document, err)
			}
		}
	}
}

func FuzzAppendText(f *testing.F) {
	f.Add("O'Brien & <Söhne> \x00 \xff \ufffe\n")
	f.Fuzz(func(t *testing.T, s string) {
		var n note
		document := string(wirexml.AppendText([]byte("<note><to>"), s)) + "</to></note>"
		if err := wirexml.Decode([]byte(document), &n); err != nil {
			t.Fatalf("%q: %v", document, err)
		}
		want := strings.Map(func(r rune) rune {
			if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
				return utf8.RuneError
			}
			return r
		}, s)
		if n.To != want {
			t.Fatalf("%q came back as %q", want, n.To)
		}
	})
}
