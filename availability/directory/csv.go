package directory

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"fbgate/availability"
)

// columns are what the Exchange shell and LDAP call the attributes, in lower case.
// Other columns are not read.
var columns = map[string]string{
	"primarysmtpaddress":   attrMail,
	"mail":                 attrMail,
	"emailaddresses":       attrProxy,
	"proxyaddresses":       attrProxy,
	"externalemailaddress": attrTarget,
	"targetaddress":        attrTarget,
	"legacyexchangedn":     attrLegacyDN,
	"displayname":          attrDisplayName,
	"members":              attrMember,
	"member":               attrMember,
}

// sheet reads the rows of a CSV file.
type sheet struct {
	reader  *csv.Reader
	skipped int      // lines before the header
	columns []string // the attribute in each, "" if it is not read
	faults  *faults
	table   *table
}

// parseCSV reads a file as Export-Csv writes it. An error is that of reading.
func parseCSV(t *table, in *bufio.Reader, faults *faults) error {
	s := &sheet{faults: faults, table: t}
	if head, _ := in.Peek(len("#TYPE ")); strings.EqualFold(string(head), "#TYPE ") {
		if _, err := in.ReadSlice('\n'); err != nil {
			faults.add(1, "there is nothing after the line #TYPE")
			return nil
		}
		s.skipped = 1
	}
	head, _ := in.Peek(maxLine)
	line, _, _ := bytes.Cut(head, []byte("\n"))
	s.reader = csv.NewReader(in)
	s.reader.Comma = delimiter(line)
	s.reader.ReuseRecord = true
	s.reader.FieldsPerRecord = -1
	if ok, err := s.header(); !ok {
		return err
	}
	return s.rows()
}

// delimiter returns what separates the columns of a header: whichever of them it has
// most of.
func delimiter(header []byte) rune {
	comma := ','
	for _, other := range ";\t" {
		if bytes.Count(header, []byte(string(other))) > bytes.Count(header, []byte(string(comma))) {
			comma = other
		}
	}
	return comma
}

// next returns the next row and its line, false at the end. Malformed ones are faults.
func (s *sheet) next() (record []string, line int, ok bool, err error) {
	for !s.faults.full() {
		record, err = s.reader.Read()
		var malformed *csv.ParseError
		switch {
		case err == io.EOF:
			return nil, 0, false, nil
		case errors.As(err, &malformed):
			s.faults.add(malformed.Line+s.skipped, "column %d: %v", malformed.Column, malformed.Err)
		case err != nil:
			return nil, 0, false, err
		default:
			line, _ = s.reader.FieldPos(0)
			return record, line + s.skipped, true, nil
		}
	}
	return nil, 0, false, nil
}

// header reads which column holds what, and reports whether the rows can be read.
func (s *sheet) header() (ok bool, err error) {
	record, line, ok, err := s.next()
	if !ok {
		if err == nil && len(s.faults.found) == 0 {
			s.faults.add(0, "the file is empty: it begins with a line of column names, such as PrimarySmtpAddress,LegacyExchangeDN")
		}
		return false, err
	}
	seen := make(map[string]string)
	for _, name := range record {
		attribute := columns[strings.ToLower(strings.TrimSpace(name))]
		if other, twice := seen[attribute]; twice && attribute != "" {
			s.faults.add(line, "columns %.60q and %.60q hold the same", other, name)
		}
		seen[attribute] = name
		s.columns = append(s.columns, attribute)
	}
	if seen[attrMail] == "" && seen[attrProxy] == "" {
		s.faults.add(line, "there is no column PrimarySmtpAddress and no column EmailAddresses: the first line has to name the columns")
	}
	return len(s.faults.found) == 0, nil
}

func (s *sheet) rows() error {
	var r recipient
	for {
		record, line, ok, err := s.next()
		if !ok {
			return err
		}
		switch {
		case len(record) != len(s.columns):
			s.faults.add(line, "%d columns instead of %d", len(record), len(s.columns))
			continue
		case len(s.table.recipients) >= maxRecipients:
			s.faults.add(line, "more than %d entries", maxRecipients)
			return nil
		}
		r.reset()
		if s.read(record, &r, line) {
			s.put(&r, line)
		}
	}
}

// read takes the fields of a row and reports whether they are right.
func (s *sheet) read(record []string, r *recipient, line int) bool {
	before := len(s.faults.found)
	for i, field := range record {
		attribute := s.columns[i]
		switch {
		case attribute == "" || field == "":
			continue
		case !utf8.ValidString(field) || strings.ContainsRune(field, 0):
			s.faults.add(line, "%.60q is not UTF-8: write the file with Export-Csv -Encoding UTF8", field)
			continue
		case len(field) >= maxLine && attribute != attrMember:
			s.faults.add(line, "%s is longer than %d KiB", attribute, maxLine>>10)
			continue
		case notExpanded(field):
			s.faults.add(line, "%.100q is the name of a type: join the values with @{n='EmailAddresses';e={$_.EmailAddresses -join ';'}}", field)
			continue
		}
		for _, value := range values(attribute, field) {
			if err := r.add(attribute, value); err != nil {
				s.faults.add(line, "%v", err)
			}
		}
	}
	if len(s.faults.found) == before && r.primaryAddress() == "" {
		s.faults.add(line, "there is no SMTP address")
	}
	return len(s.faults.found) == before
}

// values returns the values in a field.
func values(attribute, field string) []string {
	if attribute == attrProxy || attribute == attrMember {
		return splitAddresses(field)
	}
	return []string{field}
}

// notExpanded reports whether field is what Export-Csv writes of a value that is a
// collection and not text.
func notExpanded(field string) bool {
	return strings.HasPrefix(field, "Microsoft.Exchange.Data.") || strings.HasPrefix(field, "System.Collections.") ||
		strings.HasPrefix(field, "Deserialized.")
}

// put adds a row to the table.
func (s *sheet) put(r *recipient, line int) {
	row := s.table.addRecipient(r, line)
	members := make([]cut, 0, len(r.members))
	for _, value := range r.members {
		m, err := member(value)
		if err != nil {
			s.faults.add(line, "member: %v", err)
			continue
		}
		members = append(members, s.table.add(string(m)))
	}
	s.table.addMembers(row, members, nil)
}

// member returns the address of a member.
func member(value string) (availability.Mailbox, error) {
	if dn := legacyDN(value); dn.IsLegacyDN() {
		return dn, nil
	}
	return smtp(value)
}
