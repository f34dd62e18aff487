// Package wirexml reads XML that strangers sent and escapes text for XML written
// by hand. Replies are written by hand, with fixed prefixes, because encoding/xml
// cannot keep a prefix and old clients search for the literal text "<a:fbdata>".
package wirexml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxDepth is how deep elements may be nested. EWS replies reach 12.
const MaxDepth = 64

// Decode reads the one document in data into v, as [xml.Unmarshal] does, but
// refuses document type declarations, elements nested deeper than [MaxDepth] and
// anything but white space after the root. It takes a byte order mark and leading
// white space. The caller bounds the size of data. An error is one line of less than
// 400 bytes, as it is told and logged; one of syntax is a [*xml.SyntaxError].
func Decode(data []byte, v any) error {
	return decode(&boundedReader{tokens: newTokens(data)}, v)
}

func decode(bounded *boundedReader, v any) error {
	err := decodeAll(bounded, v)
	if syntax := (*xml.SyntaxError)(nil); errors.As(err, &syntax) {
		return &xml.SyntaxError{Line: syntax.Line, Msg: shorten(syntax.Msg)}
	}
	if err != nil {
		return errors.New(shorten(err.Error()))
	}
	return nil
}

// shorten makes one short line of an error, in which encoding/xml may repeat a name of any
// length.
func shorten(s string) string {
	const most = 300
	line := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s[:min(len(s), most)])
	if len(s) > most || len(line) > most {
		line = strings.ToValidUTF8(line[:min(len(line), most)], "") + "…"
	}
	return line
}

func decodeAll(bounded *boundedReader, v any) error {
	d := xml.NewTokenDecoder(bounded)
	if err := d.Decode(v); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("there is no XML element")
		}
		return err
	}
	for {
		switch token, err := d.Token(); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		default:
			if text, ok := token.(xml.CharData); ok && len(bytes.TrimSpace(text)) == 0 {
				continue
			}
			if _, ok := token.(xml.Comment); !ok {
				return errors.New("something follows the root element")
			}
		}
	}
}

// boundedReader hands on raw tokens; the decoder around it matches start and end
// elements and resolves namespaces, and has pushed no element this refused.
type boundedReader struct {
	tokens *xml.Decoder
	depth  int
	count  int
	most   int // elements in all; 0 does not limit
}

func (b *boundedReader) Token() (xml.Token, error) {
	token, err := b.tokens.RawToken()
	switch token.(type) {
	case xml.StartElement:
		if b.depth++; b.depth > MaxDepth {
			return nil, fmt.Errorf("elements nested deeper than %d", MaxDepth)
		}
		if b.count++; b.most > 0 && b.count > b.most {
			return nil, fmt.Errorf("more than %d elements", b.most)
		}
	case xml.EndElement:
		b.depth--
	case xml.Directive:
		return nil, errors.New("document type declarations are not accepted")
	}
	return token, err
}

// AppendText appends s escaped for element content and attribute values. What
// XML 1.0 cannot hold, control characters and malformed UTF-8, becomes U+FFFD.
func AppendText[T string | []byte](dst []byte, s T) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			dst = appendASCII(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
		if r == 0xfffe || r == 0xffff {
			r = utf8.RuneError
		}
		dst = utf8.AppendRune(dst, r)
		i += size
	}
	return dst
}

func appendASCII(dst []byte, c byte) []byte {
	switch {
	case c == '&':
		return append(dst, "&amp;"...)
	case c == '<':
		return append(dst, "&lt;"...)
	case c == '>':
		return append(dst, "&gt;"...)
	case c == '"':
		return append(dst, "&quot;"...)
	case c == '\t', c == '\n', c == '\r':
		return append(dst, '&', '#', 'x', "0123456789ABCDEF"[c], ';')
	case c < ' ':
		return utf8.AppendRune(dst, utf8.RuneError)
	default:
		return append(dst, c)
	}
}
