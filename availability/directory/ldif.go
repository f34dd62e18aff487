package directory

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// ldif reads the entries of an LDIF file (RFC 2849), as ldifde and ldapsearch write it.
type ldif struct {
	lines  ldifLines
	faults *faults
	table  *table
	people tree

	state     ldifState
	line      int // where the entry begins
	dn        string
	recipient recipient
}

type ldifState uint8

const (
	between ldifState = iota
	inEntry
	inTrailer // what ldapsearch writes after the entries
)

// parseLDIF reads a file. An error is that of reading.
func parseLDIF(t *table, in *bufio.Reader, faults *faults) error {
	l := &ldif{lines: ldifLines{in: in}, faults: faults, table: t}
	for !faults.full() {
		line, ok, err := l.lines.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if len(t.recipients) >= maxRecipients {
			faults.add(l.lines.number, "more than %d entries", maxRecipients)
			return nil
		}
		l.take(line)
	}
	l.end()
	l.people.join(t, faults)
	return nil
}

// take reads one line, unfolded.
func (l *ldif) take(line []byte) {
	switch {
	case len(line) == 0:
		l.end()
		return
	case line[0] == '#':
		return
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		l.fault("%.60q is not attribute: value", line)
		return
	}
	description, options, _ := strings.Cut(strings.ToLower(string(name)), ";")
	switch l.state {
	case between:
		l.begin(description, value)
	case inTrailer:
		l.trailer(description, value)
	case inEntry:
		l.attribute(description, options, value)
	}
}

// begin reads the first line of an entry.
func (l *ldif) begin(attribute string, value []byte) {
	switch attribute {
	case "version":
		if v, _ := l.value(value); strings.TrimSpace(v) != "1" {
			l.fault("LDIF of version %.20q is not known", v)
		}
	case "dn":
		l.state, l.line = inEntry, l.lines.number
		l.recipient.reset()
		l.dn, _ = l.value(value)
	case "search", "result", "ref":
		l.state = inTrailer
		l.trailer(attribute, value)
	default:
		l.fault("an entry begins with dn:, not %.60q", attribute)
		l.state = inTrailer // skip it
	}
}

func (l *ldif) trailer(attribute string, value []byte) {
	if attribute == "result" && !bytes.HasPrefix(bytes.TrimSpace(value), []byte("0 ")) {
		l.fault("the export is not complete: result %.60q", bytes.TrimSpace(value))
	}
}

// attribute reads a line of an entry.
func (l *ldif) attribute(name, options string, value []byte) {
	switch name {
	case "dn":
		l.fault("an empty line has to stand before the next entry")
		return
	case "changetype":
		if v, _ := l.value(value); !strings.EqualFold(strings.TrimSpace(v), "add") {
			l.fault("changetype %.20q: the file has to hold entries, not changes", v)
		}
		return
	case attrMail, attrProxy, attrTarget, attrLegacyDN, attrDisplayName, attrObjectClass, attrMember:
	default:
		return
	}
	v, ok := l.value(value)
	if !ok {
		return
	}
	// Active Directory names a part of the members so; "*" says that it is the last.
	if part, ranged := strings.CutPrefix(options, "range="); ranged && !strings.HasSuffix(part, "*") {
		l.recipient.truncated = true
	}
	if err := l.recipient.add(name, v); err != nil {
		l.fault("%v", err)
	}
}

// value returns what stands behind the colon. A space may follow it.
func (l *ldif) value(value []byte) (string, bool) {
	switch {
	case l.lines.long:
		l.fault("the line is longer than %d KiB", maxLine>>10)
		return "", false
	case len(value) > 0 && value[0] == '<':
		l.fault("values in other files (attribute:< URL) are not read")
		return "", false
	case len(value) > 0 && value[0] == ':':
		decoded, err := base64.StdEncoding.AppendDecode(nil, bytes.TrimSpace(value[1:]))
		if err != nil {
			l.fault("%.60q is not base64: %v", bytes.TrimSpace(value[1:]), err)
			return "", false
		}
		value = decoded
	default:
		value = bytes.TrimLeft(value, " ")
	}
	if !utf8.Valid(value) || bytes.IndexByte(value, 0) >= 0 {
		l.fault("%.60q is not UTF-8", value)
		return "", false
	}
	return string(value), true
}

// end closes the entry under way.
func (l *ldif) end() {
	if l.state == inEntry {
		l.people.add(l.table, &l.recipient, l.dn, l.line)
	}
	l.state = between
}

func (l *ldif) fault(format string, args ...any) {
	l.faults.add(l.lines.number, format, args...)
}
