package wirexml

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxElements is how many elements a document read by [DecodeCharset] may have. Memory
// grows with elements more than with bytes, half a kilobyte for each. A message of 36
// months has 300.
const MaxElements = 2000

// DecodeCharset is Decode for documents of old clients: in UTF-8, UTF-16, ISO-8859-1 or
// windows-1252, as the byte order mark, the first character or the declaration says. A
// declaration that contradicts the bytes is not believed: what says UTF-16 and is not was
// taken from a string that once was. Documents have at most [MaxElements].
func DecodeCharset(data []byte, v any) error {
	data, err := fromUTF16(data)
	if err != nil {
		return err
	}
	tokens := newTokens(data)
	tokens.CharsetReader = charsetReader
	return decode(&boundedReader{tokens: tokens, most: MaxElements}, v)
}

// fromUTF16 returns data in UTF-8 if it is UTF-16, and as it is if not.
func fromUTF16(data []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order, data = binary.LittleEndian, data[2:]
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order, data = binary.BigEndian, data[2:]
	case bytes.HasPrefix(data, []byte{'<', 0}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0, '<'}):
		order = binary.BigEndian
	default:
		return data, nil
	}
	if len(data)%2 != 0 {
		return nil, errors.New("UTF-16 of an odd number of bytes")
	}
	text := make([]byte, 0, len(data)/2+len(data)/8)
	for len(data) > 0 {
		r := rune(order.Uint16(data))
		data = data[2:]
		if utf16.IsSurrogate(r) && len(data) > 0 {
			if pair := utf16.DecodeRune(r, rune(order.Uint16(data))); pair != utf8.RuneError {
				r, data = pair, data[2:]
			}
		}
		text = utf8.AppendRune(text, r)
	}
	return text, nil
}

// charsetReader is asked for declarations other than UTF-8.
func charsetReader(charset string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "utf-16", "utf-16le", "utf-16be", "ucs-2", "unicode", "utf8", "us-ascii", "ascii":
		return input, nil
	case "iso-8859-1", "iso8859-1", "latin1", "windows-1252", "cp1252":
		// As browsers do: what ISO-8859-1 has for controls was always meant as
		// windows-1252.
		return &latin{input: input}, nil
	default:
		return nil, fmt.Errorf("charset %.50q is not known; send UTF-8", charset)
	}
}

// latin reads windows-1252 as UTF-8.
type latin struct {
	input io.Reader
	text  []byte // converted and not yet read
}

// Read converts a little at a time.
func (l *latin) Read(p []byte) (int, error) {
	if len(l.text) == 0 {
		var raw [512]byte
		n, err := l.input.Read(raw[:])
		if n == 0 {
			return 0, err
		}
		l.text = l.text[:0]
		for _, c := range raw[:n] {
			l.text = utf8.AppendRune(l.text, windows1252(c))
		}
	}
	n := copy(p, l.text)
	l.text = l.text[n:]
	return n, nil
}

// upper1252 is 0x80 to 0x9f of windows-1252; unassigned ones stand for themselves.
var upper1252 = [32]rune{
	'€', 0x81, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0x8d, 'Ž', 0x8f,
	0x90, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0x9d, 'ž', 'Ÿ',
}

func windows1252(c byte) rune {
	if c >= 0x80 && c <= 0x9f {
		return upper1252[c-0x80]
	}
	return rune(c)
}

func newTokens(data []byte) *xml.Decoder {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	return xml.NewDecoder(bytes.NewReader(bytes.TrimLeft(data, " \t\r\n")))
}
