package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong in the file.
type Fault struct {
	File    string
	Line    int    // from 1; 0 if the fault has no place in a file
	Column  int    // from 1, in characters
	Path    string // the key, such as "organizations[0].max_window"; empty in a syntax error
	Problem string // what was found
	Instead string // what to write, empty if Problem says it all
	Excerpt string // the line, and below it a caret; without secrets
}

// Error returns file, line, column, key, problem and advice in one line.
func (f Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	for _, part := range []string{f.Path, f.Problem} {
		if part == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(part)
	}
	if f.Instead != "" {
		b.WriteString("; " + f.Instead)
	}
	return b.String()
}

// Faults are all that is wrong in the file, in the file's order.
type Faults []Fault

// shownFaults is how many faults are printed: more do not help anybody.
const shownFaults = 100

// Error returns every fault in a line of its own, its excerpt below.
func (fs Faults) Error() string {
	var b strings.Builder
	for i, f := range fs {
		if i == shownFaults {
			fmt.Fprintf(&b, "\nand %d more", len(fs)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.Error())
		if f.Excerpt != "" {
			b.WriteString("\n" + f.Excerpt)
		}
	}
	return b.String()
}

// sorted returns the faults as an error in the file's order, nil if there are
// none.
func (fs Faults) sorted() error {
	if len(fs) == 0 {
		return nil
	}
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return fs
}

// complaint is a fault that does not know yet where it is.
type complaint struct{ problem, instead string }

func (c *complaint) Error() string {
	if c.instead == "" {
		return c.problem
	}
	return c.problem + "; " + c.instead
}

// longestQuote is how much of a faulty value is repeated, in characters.
const longestQuote = 60

// quote repeats a value of the file in a message, shortened and without
// secrets.
func quote(text string) string {
	runes := []rune(redact(text))
	if len(runes) > longestQuote {
		runes = append(runes[:longestQuote], '…')
	}
	return fmt.Sprintf("%q", string(runes))
}
