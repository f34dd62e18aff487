package directory

import (
	"fmt"
	"slices"
	"strings"
)

// maxFaults is how many faults of a file are told at once.
const maxFaults = 20

// faults is what is wrong with a file, as an error of several lines.
type faults struct {
	path  string
	found []fault
}

type fault struct {
	line int // 0 for the file as a whole
	text string
}

func (f *faults) add(line int, format string, args ...any) {
	if f.full() {
		return
	}
	f.found = append(f.found, fault{line, fmt.Sprintf(format, args...)})
}

// full reports whether looking for more is of no use.
func (f *faults) full() bool { return len(f.found) >= maxFaults }

// err returns f, nil if nothing is wrong.
func (f *faults) err() error {
	if len(f.found) == 0 {
		return nil
	}
	slices.SortStableFunc(f.found, func(a, b fault) int { return a.line - b.line })
	return f
}

// Error lists the faults, one a line.
func (f *faults) Error() string {
	var b strings.Builder
	for i, fault := range f.found {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.path)
		if fault.line > 0 {
			fmt.Fprintf(&b, ":%d", fault.line)
		}
		b.WriteString(": " + fault.text)
	}
	if f.full() {
		b.WriteString("\n… and perhaps more")
	}
	return b.String()
}
