package directory

import (
	"bufio"
	"io"
	"path/filepath"
	"strings"
)

// Bounds of a file.
const (
	maxFile       = 256 << 20 // bytes
	maxRecipients = 2_000_000
	// maxLine is the longest line of which something is kept, in bytes. Longer
	// ones hold photographs and certificates.
	maxLine = 64 << 10
)

// parse reads a file whose kind its name tells.
func parse(path string, r io.Reader) (*table, error) {
	faults := &faults{path: path}
	limited := &io.LimitedReader{R: r, N: maxFile + 1}
	in := bufio.NewReaderSize(limited, maxLine)
	if !readable(in, faults) {
		return nil, faults.err()
	}
	t := &table{}
	var err error
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		err = parseCSV(t, in, faults)
	case ".ldif":
		err = parseLDIF(t, in, faults)
	default:
		faults.add(0, "the name of a directory file has to end in .csv or .ldif, which says what is in it")
	}
	switch {
	case err != nil:
		faults.add(0, "%v", err)
	case limited.N == 0:
		faults.found = nil // the last line was cut
		faults.add(0, "the file is larger than %d MiB", maxFile>>20)
	}
	if len(t.recipients) == 0 && len(faults.found) == 0 {
		faults.add(0, "there are no entries in the file")
	}
	if !faults.full() {
		t.sort(faults)
	}
	return t, faults.err()
}

// readable skips a byte order mark, and refuses UTF-16.
func readable(in *bufio.Reader, faults *faults) bool {
	const refusal = "the file is UTF-16: write it as UTF-8 (Export-Csv -Encoding UTF8, ldifde without -u)"
	head, _ := in.Peek(3)
	switch {
	case string(head) == "\xef\xbb\xbf":
		in.Discard(len(head))
	case len(head) >= 2 && (head[0] == 0 || head[1] == 0 || string(head[:2]) == "\xff\xfe" || string(head[:2]) == "\xfe\xff"):
		faults.add(0, refusal)
		return false
	}
	return true
}
