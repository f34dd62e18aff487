package publicfoldertest

import (
	"fmt"
	"slices"
)

// Reply is a way an answer as a whole comes out odd, or is spoilt between server and
// client.
type Reply uint8

// The ways.
const (
	// Intact is the zero value: the answer arrives as it should.
	Intact Reply = iota
	// Hang: nothing comes until the client leaves or the server is closed.
	Hang
	// Reset: the connection is reset instead of an answer.
	Reset
	// Truncate: half of the answer, then the connection is closed in good order, so
	// that only the XML shows that something is missing.
	Truncate
	// ShortBody: half of the answer although Content-Length announced all.
	ShortBody
	// Empty: status 200, the right type, and no body.
	Empty
	// HTML: a web page with status 200.
	HTML
	// LoginPage: a log-in form with status 200.
	LoginPage
	// NotXML: bytes that are no XML, as text/xml.
	NotXML
	// OtherXML: the XML answer to another question, ?Cmd=galfind.
	OtherXML
	// ControlCharacter: a name in the answer holds what XML cannot hold.
	ControlCharacter
	// DeepNesting: hundreds of thousands of elements, each in the one before, none
	// closed.
	DeepNesting
	// Oversized: the right answer with 64 MiB of white space behind it.
	Oversized
	// EntityBomb: XML whose entities stand for entities, a gigabyte of text in all.
	EntityBomb
	// FalseGzip: the answer says it is compressed, and is not.
	FalseGzip
	// CutGzip: the answer is compressed, and half of it is missing.
	CutGzip
	// NoRows: an answer about nobody, not even "All Attendees".
	NoRows
	// OtherInterval: slots twice as long as asked for.
	OtherInterval
	// OtherPrefix, which is harmless: XML with another prefix than "a".
	OtherPrefix
	// DefaultNamespace, which is harmless: XML without a prefix, but with a byte
	// order mark and a declaration.
	DefaultNamespace
	// Reordered, which is harmless: the rows come backwards.
	Reordered
	// ExtraRows, which is harmless: rows of people nobody asked about.
	ExtraRows
	// NoAllAttendees, which is harmless: that row is missing.
	NoAllAttendees
)

// replyWays are the names of the ways, what they make of the rows, and what sends such
// an answer.
var replyWays = [...]struct {
	name     string
	harmless bool
	change   func([]item) []item
	send     func(*delivery)
}{
	Intact:           {"intact", true, unchanged, (*delivery).whole},
	Hang:             {"hang", false, unchanged, (*delivery).hang},
	Reset:            {"reset", false, unchanged, (*delivery).reset},
	Truncate:         {"truncate", false, unchanged, (*delivery).truncate},
	ShortBody:        {"short-body", false, unchanged, (*delivery).shortBody},
	Empty:            {"empty", false, unchanged, (*delivery).empty},
	HTML:             {"html", false, unchanged, (*delivery).html},
	LoginPage:        {"login-page", false, unchanged, (*delivery).loginPage},
	NotXML:           {"not-xml", false, unchanged, (*delivery).notXML},
	OtherXML:         {"other-xml", false, unchanged, (*delivery).otherXML},
	ControlCharacter: {"control-character", false, unchanged, (*delivery).controlCharacter},
	DeepNesting:      {"deep-nesting", false, unchanged, (*delivery).deepNesting},
	Oversized:        {"oversized", false, unchanged, (*delivery).oversized},
	EntityBomb:       {"entity-bomb", false, unchanged, (*delivery).entityBomb},
	FalseGzip:        {"false-gzip", false, unchanged, (*delivery).falseGzip},
	CutGzip:          {"cut-gzip", false, unchanged, (*delivery).cutGzip},
	NoRows:           {"no-rows", false, func([]item) []item { return nil }, (*delivery).whole},
	OtherInterval:    {"other-interval", false, unchanged, (*delivery).whole},
	OtherPrefix:      {"other-prefix", true, unchanged, (*delivery).whole},
	DefaultNamespace: {"default-namespace", true, unchanged, (*delivery).whole},
	Reordered:        {"reordered", true, backwards, (*delivery).whole},
	ExtraRows:        {"extra-rows", true, strangers, (*delivery).whole},
	NoAllAttendees:   {"no-all-attendees", true, func(rows []item) []item { return rows[1:] }, (*delivery).whole},
}

func unchanged(rows []item) []item { return rows }

func backwards(rows []item) []item {
	slices.Reverse(rows)
	return rows
}

func strangers(rows []item) []item {
	stranger := item{name: "Stranger", addressType: "SMTP", address: "stranger@example.org", digits: rows[0].digits}
	return append(append([]item{stranger}, rows...), stranger)
}

// String returns the name that Faults uses.
func (r Reply) String() string {
	if int(r) < len(replyWays) {
		return replyWays[r].name
	}
	return fmt.Sprintf("Reply(%d)", uint8(r))
}
