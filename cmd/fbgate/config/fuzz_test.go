package config_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"fbgate/cmd/fbgate/config"
)

// FuzzParse checks that no file breaks the parser, and that every fault points
// into the file and shows the place.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "testdata/good/*.yaml"} {
		for _, path := range files(f, pattern) {
			f.Add(content(f, path))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("fbgate.yaml", data)
		if err == nil {
			if len(c.Organizations) == 0 {
				t.Fatal("got neither a fault nor an organization")
			}
			return
		}
		var faults config.Faults
		if c != nil || !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("got %v, %v; want Faults alone", c, err)
		}
		lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(data), "\ufeff")), "\n")
		for _, fault := range faults {
			checkFault(t, fault, lines)
		}
	})
}

func checkFault(t *testing.T, fault config.Fault, lines []string) {
	t.Helper()
	if fault.Line < 1 || fault.Line > len(lines) {
		t.Fatalf("%v: the file has %d lines", fault, len(lines))
	}
	if width := utf8.RuneCountInString(lines[fault.Line-1]); fault.Column < 1 || fault.Column > width+1 {
		t.Fatalf("%v: the line has %d characters", fault, width)
	}
	if fault.Problem == "" || strings.Contains(fault.Error(), "\n") || strings.Count(fault.Excerpt, "\n") != 1 {
		t.Fatalf("%q, %q: want one line, and two of excerpt", fault.Error(), fault.Excerpt)
	}
}
