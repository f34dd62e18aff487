package config

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// source is the text of a file, for messages to point into.
type source struct {
	name  string
	text  string // line breaks are \n, no byte order mark
	lines []string

	inCredential []bool // by line
}

// place is a position in a source; both count from 1, columns in characters.
type place struct{ line, column int }

// newSource takes a file's content if it is text of a sensible size.
func newSource(name string, data []byte) (*source, Faults) {
	if len(data) > maxFile {
		problem := fmt.Sprintf("the file is larger than %v", Size(maxFile))
		return nil, Faults{{File: name, Line: 1, Column: 1, Problem: problem, Instead: "split it among several instances of fbgate"}}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	s := &source{name: name, text: text, lines: strings.Split(text, "\n")}
	s.inCredential = inCredential(s.lines)
	for i, line := range s.lines {
		if at := strings.IndexFunc(line, notText); at >= 0 {
			p := place{i + 1, utf8.RuneCountInString(line[:at]) + 1}
			return nil, Faults{s.fault(p, "", "this is not text in UTF-8", "save the file as UTF-8 and remove control characters")}
		}
	}
	return s, s.lookalikes()
}

// notText reports characters that YAML does not allow, and what takes the place
// of bytes that are not UTF-8.
func notText(r rune) bool {
	return r < ' ' && r != '\t' || 0x7f <= r && r < 0xa0 || r == utf8.RuneError || r == '\u2028' || r == '\u2029'
}

// fault makes a Fault that lies within the file, whatever the parser thinks of
// its place.
func (s *source) fault(p place, path, problem, instead string) Fault {
	p.line = min(max(p.line, 1), len(s.lines))
	line := s.lines[p.line-1]
	p.column = min(max(p.column, 1), utf8.RuneCountInString(line)+1)
	return Fault{
		File: s.name, Line: p.line, Column: p.column, Path: path,
		Problem: problem, Instead: instead, Excerpt: excerpt(s.withoutSecrets(p.line-1), p),
	}
}

// The part of a line an excerpt shows, in characters.
const (
	excerptWidth  = 100
	excerptBefore = 60 // of them before the caret, at most
)

// excerpt shows the line of a fault, which has no secrets, and a caret below
// its column.
func excerpt(line string, p place) string {
	runes := []rune(strings.Map(printable, line))
	column := min(p.column, len(runes)+1)
	before := runes[:column-1]
	if cut := len(before) - excerptBefore; cut > 0 {
		before, runes = before[cut:], runes[cut:]
	}
	shown := runes[:min(len(runes), excerptWidth)]
	return fmt.Sprintf("%5d | %s\n      | %s^", p.line, string(shown), blank(before))
}

// printable keeps what a terminal would obey, or not show, out of an excerpt.
func printable(r rune) rune {
	if notText(r) || unicode.Is(unicode.Cf, r) {
		return utf8.RuneError
	}
	return r
}

// blank is as wide as the text, tabs included.
func blank(text []rune) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(text))
}
