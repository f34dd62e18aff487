package wirexml_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	at "fbgate/availability/availabilitytest"
	"fbgate/translate/wirexml"
)

func inUTF16(order binary.AppendByteOrder, s string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

func TestDecodeCharset(t *testing.T) {
	const text = "Zoë € 𝄞"
	declared := func(charset, text string) string {
		return `<?xml version="1.0" encoding="` + charset + `"?><note><to>` + text + `</to></note>`
	}
	tests := []struct{ name, document, to, fault string }{
		{"UTF-8", "<note><to>" + text + "</to></note>", text, ""},
		{"UTF-8, declared in capitals", declared("UTF-8", text), text, ""},
		{"UTF-8 with a mark", "\xef\xbb\xbf" + declared("utf-8", text), text, ""},
		{"UTF-16, little end first", inUTF16(binary.LittleEndian, "\ufeff"+declared("utf-16", text)), text, ""},
		{"UTF-16, big end first", inUTF16(binary.BigEndian, "\ufeff"+declared("UTF-16", text)), text, ""},
		{"UTF-16 without a mark", inUTF16(binary.LittleEndian, declared("utf-16", text)), text, ""},
		{"UTF-16 without a mark, big end first", inUTF16(binary.BigEndian, declared("utf-16", text)), text, ""},
		{"UTF-16 without a declaration", inUTF16(binary.BigEndian, "\ufeff<note><to>"+text+"</to></note>"), text, ""},
		{"UTF-16 by its declaration only", declared("utf-16", "Zoë"), "Zoë", ""},
		{"ISO-8859-1", declared("iso-8859-1", "Zo\xeb"), "Zoë", ""},
		{"ISO-8859-1, longer than one reading", declared("ISO-8859-1", strings.Repeat("\xeb", 2000)), strings.Repeat("ë", 2000), ""},
		{"windows-1252", declared("Windows-1252", "Zo\xeb \x80"), "Zoë €", ""},
		{"ASCII", declared("us-ascii", "Zoe"), "Zoe", ""},
		{"half a character", "\xff\xfe<\x00n\x00o", "", "odd number"},
		{"half a pair", inUTF16(binary.LittleEndian, "<note><to>")[:20] + "\x34\xd8" + inUTF16(binary.LittleEndian, "</to></note>"), "\ufffd", ""},
		{"unknown", declared("EBCDIC-CP-US", "x"), "", "EBCDIC"},
		{"too many elements", "<note>" + strings.Repeat("<b/>", 2000) + "</note>", "", "2000 elements"},
		{"too deep", inUTF16(binary.LittleEndian, "<note>"+strings.Repeat("<b>", 64)), "", "deeper than 64"},
		{"document type", inUTF16(binary.LittleEndian, "<!DOCTYPE note><note/>"), "", "document type"},
		{"empty", "", "", "no XML element"},
	}
	for _, test := range tests {
		var n note
		err := wirexml.DecodeCharset([]byte(test.document), &n)
		switch {
		case test.fault == "" && (err != nil || n.To != test.to):
			t.Errorf("%s: %q, %v", test.name, n.To, err)
		case test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)):
			t.Errorf("%s: error %v, want one that says %q", test.name, err, test.fault)
		}
	}
}

func FuzzDecodeCharset(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="windows-1252"?><note><to>Zo` + "\xeb" + `</to></note>`))
	f.Add([]byte(inUTF16(binary.BigEndian, "<note><to>x</to></note>")))
	for _, capture := range at.Captures(f) {
		f.Add(capture)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		var n note
		err := wirexml.DecodeCharset(document, &n)
		if err == nil && n.XMLName.Local != "note" || err != nil && (len(err.Error()) >= 400 || !utf8.ValidString(err.Error()) || strings.Contains(err.Error(), "\n")) {
			t.Fatalf("%q is %+v, %v", document, n, err)
		}
		var same note
		if strict := wirexml.Decode(document, &same); strict == nil && (err != nil || same != n) && !strings.Contains(err.Error(), "elements") {
			t.Fatalf("%q is %+v, but also %+v, %v", document, same, n, err)
		}
	})
}
