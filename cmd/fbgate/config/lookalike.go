package config

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lookalikes reports characters that look like YAML's quotes or spaces, or like
// nothing at all, and get into a file from web pages and word processors. YAML
// takes them for letters, so what it would say about the rest misleads.
func (s *source) lookalikes() (faults Faults) {
	for i, line := range s.lines {
		for at, r := range line[:commentIn(line)] {
			if c := lookalike(r); c != nil {
				p := place{i + 1, utf8.RuneCountInString(line[:at]) + 1}
				faults = append(faults, s.fault(p, "", c.problem, c.instead))
				break // one that closes a quote says nothing new
			}
		}
	}
	return faults
}

// comment finds where one begins. A "#" within quotes may do so too: all that is
// lost is the rest of that line.
var comment = regexp.MustCompile(`(^|[ \t])#`)

func commentIn(line string) int {
	if at := comment.FindStringIndex(line); at != nil {
		return at[0]
	}
	return len(line)
}

// lookalikeNames are the most frequent of their kind.
var lookalikeNames = map[rune]string{
	'\u00a0': "a no-break space",
	'\u200b': "a zero-width space",
	'\ufeff': "a byte order mark",
}

// lookalike says what a character is and what to write instead, nil if it is
// what it looks like.
func lookalike(r rune) *complaint {
	kind, instead := "", ""
	switch {
	case r <= '~':
		return nil
	case unicode.In(r, unicode.Pi, unicode.Pf) || strings.ContainsRune("„‚＂＇", r):
		kind = fmt.Sprintf("a typographic quote, %c", r)
		instead = fmt.Sprintf(`write ' or ", or, if it belongs to the value, \u%04X within double quotes`, r)
	case unicode.Is(unicode.Zs, r):
		kind, instead = "a typographic space", "write a plain space"
	case unicode.Is(unicode.Cf, r):
		kind, instead = "an invisible character", "remove it"
	default:
		return nil
	}
	return &complaint{fmt.Sprintf("this is %s (U+%04X)", cmp.Or(lookalikeNames[r], kind), r), instead}
}
