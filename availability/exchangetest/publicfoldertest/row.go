package publicfoldertest

import (
	"fmt"
	"strings"
)

// Row is a way the row of one mailbox comes out odd.
type Row uint8

// The ways.
const (
	// Sound is the zero value: the row is right.
	Sound Row = iota
	// Missing: there is no such row.
	Missing
	// Undrawn: the row has no fbdata.
	Undrawn
	// NoDigits: the fbdata is empty.
	NoDigits
	// Fours: nothing but 4.
	Fours
	// TooShort: the last quarter of the digits is missing.
	TooShort
	// TooLong: one digit more.
	TooLong
	// CutShort: the last digits are missing and three dots stand for them.
	CutShort
	// Digit5: the first digit is 5, which means no data to later servers.
	Digit5
	// Digit9: the first digit is 9.
	Digit9
	// Folded: a line break in the middle of the digits.
	Folded
	// Renamed: the row is of another address.
	Renamed
	// Contradicted: a second row of the same address says otherwise.
	Contradicted
	// OtherCase, which is harmless: the address in capitals.
	OtherCase
	// Padded, which is harmless: white space before and after the digits.
	Padded
	// Twice, which is harmless: the row comes twice.
	Twice
)

// rowWays are the names of the ways and what becomes of a row.
var rowWays = [...]struct {
	name     string
	harmless bool
	change   func(item) []item
}{
	Sound:        {"sound", true, same},
	Missing:      {"row-missing", false, func(item) []item { return nil }},
	Undrawn:      {"row-undrawn", false, one(func(row *item) { row.undrawn = true })},
	NoDigits:     {"row-no-digits", false, one(func(row *item) { row.digits = "" })},
	Fours:        {"row-fours", false, one(func(row *item) { row.digits = strings.Repeat("4", len(row.digits)) })},
	TooShort:     {"row-too-short", false, one(func(row *item) { row.digits = row.digits[:len(row.digits)*3/4] })},
	TooLong:      {"row-too-long", false, one(func(row *item) { row.digits += "0" })},
	CutShort:     {"row-cut-short", false, one(func(row *item) { row.digits = row.digits[:len(row.digits)*3/4] + "..." })},
	Digit5:       {"row-digit-5", false, one(func(row *item) { row.digits = "5" + row.digits[1:] })},
	Digit9:       {"row-digit-9", false, one(func(row *item) { row.digits = "9" + row.digits[1:] })},
	Folded:       {"row-folded", false, one(func(row *item) { row.digits = row.digits[:len(row.digits)/2] + "\n" + row.digits[len(row.digits)/2:] })},
	Renamed:      {"row-renamed", false, one(func(row *item) { row.address = "primary." + row.address })},
	Contradicted: {"row-contradicted", false, func(row item) []item { return []item{row, contrary(row)} }},
	OtherCase:    {"row-other-case", true, one(func(row *item) { row.address = " " + strings.ToUpper(row.address) + " " })},
	Padded:       {"row-padded", true, one(func(row *item) { row.digits = "\r\n\t" + row.digits + "\r\n\t" })},
	Twice:        {"row-twice", true, func(row item) []item { return []item{row, row} }},
}

func same(row item) []item { return []item{row} }

func one(change func(*item)) func(item) []item {
	return func(row item) []item { change(&row); return []item{row} }
}

func contrary(row item) item {
	row.digits = strings.Map(func(digit rune) rune {
		if digit == '0' {
			return '2'
		}
		return '0'
	}, row.digits)
	return row
}

// String returns the name that Faults uses.
func (r Row) String() string {
	if int(r) < len(rowWays) {
		return rowWays[r].name
	}
	return fmt.Sprintf("Row(%d)", uint8(r))
}
