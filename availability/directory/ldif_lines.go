package directory

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// ldifLines unfolds lines: one that begins with a space goes on the one before.
type ldifLines struct {
	in     *bufio.Reader
	number int  // of the line next returned, where it begins
	long   bool // that line is longer than maxLine: only its beginning was returned

	read int // lines
	line []byte
}

// next returns a line without its end, false after the last one. It is valid until
// the next call.
func (l *ldifLines) next() (line []byte, ok bool, err error) {
	l.line, l.long = l.line[:0], false
	l.number = l.read + 1
	if ok, err = l.append(); !ok {
		return nil, false, err
	}
	for {
		if c, _ := l.in.Peek(1); len(c) == 0 || c[0] != ' ' {
			return l.line, true, nil
		}
		if len(l.line) == 0 && !l.long {
			// Not of use to anybody, but an entry must not end in its middle.
			return l.line, true, nil
		}
		l.in.Discard(1)
		if _, err = l.append(); err != nil {
			return nil, false, err
		}
	}
}

// append reads a physical line onto the one under way, false at the end of the file.
func (l *ldifLines) append() (ok bool, err error) {
	for {
		part, err := l.in.ReadSlice('\n')
		ended := err == nil
		if ended {
			part = bytes.TrimSuffix(part[:len(part)-1], []byte("\r"))
		}
		if room := maxLine - len(l.line); len(part) > room {
			part, l.long = part[:room], true
		}
		l.line = append(l.line, part...)
		switch {
		case ended:
			l.read++
			return true, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			if len(l.line) > 0 && l.line[len(l.line)-1] == '\r' {
				l.line = l.line[:len(l.line)-1]
			}
			if len(l.line) > 0 {
				l.read++
			}
			return len(l.line) > 0, nil
		default:
			return false, err
		}
	}
}
