package davxml

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"fbgate/translate/wirexml"
)

// Item is one row of a reply.
type Item struct {
	DisplayName string
	Type        string // "SMTP" or "EX"; empty for "All Attendees"
	Address     string // empty for "All Attendees"
	Digits      string // of Exchange 2003, one a slot
}

// ReadAnswer reads the reply of an Exchange 2003 server, or of fbgate, to a
// request of as many slots. It is strict where a lenient reader would shift or
// invent data: every row has exactly that many digits and nothing else in it. The
// caller bounds the size of body.
func ReadAnswer(body []byte, slots int) ([]Item, error) {
	items, err := ReadRows(body)
	if err != nil {
		return nil, err
	}
	for i, item := range items {
		if !AreDigits(item.Digits) || len(item.Digits) != slots {
			return nil, fmt.Errorf("free/busy reply: row %d has %q, expected %d digits from 0 to 4", i+1, shorten(item.Digits), slots)
		}
	}
	return items, nil
}

// ReadRows reads the reply as [ReadAnswer] does, but leaves it to the caller to judge
// what stands where a row's digits should be: [Item.Digits] is as it came, empty if
// the row has none. So one row that is wrong need not spoil the others.
func ReadRows(body []byte) ([]Item, error) {
	var reply struct {
		XMLName xml.Name `xml:"WM response"`
		Rows    []row    `xml:"WM recipients>item"`
	}
	if err := wirexml.Decode(body, &reply); err != nil {
		return nil, fmt.Errorf("free/busy reply: %w", err)
	}
	items := make([]Item, len(reply.Rows))
	for i, row := range reply.Rows {
		var ok bool
		if items[i], ok = row.item(); !ok {
			return nil, fmt.Errorf("free/busy reply: row %d is no row of one address and one string of digits", i+1)
		}
	}
	return items, nil
}

// row is an item as it lies in a reply, whatever is in it more often than it should.
type row struct {
	DisplayName string `xml:"WM displayname"`
	Email       []text `xml:"WM email"`
	Digits      []text `xml:"WM fbdata"`
}

type text struct {
	Type   string     `xml:"type,attr"` // of an address
	Text   string     `xml:",chardata"`
	Inside []struct{} `xml:",any"` // elements, which would part the text unseen
}

// item returns the row's content, and false if it cannot be told which it is.
func (r row) item() (item Item, ok bool) {
	item.DisplayName = r.DisplayName
	for _, email := range r.Email {
		item.Type, item.Address = email.Type, strings.TrimSpace(email.Text)
	}
	whole := true
	for _, digits := range r.Digits {
		item.Digits, whole = digits.Text, len(digits.Inside) == 0
	}
	return item, whole && len(r.Email) <= 1 && len(r.Digits) <= 1
}

// AreDigits reports whether s holds nothing but digits of Exchange 2003, 0 to 4.
func AreDigits(s string) bool { return strings.Trim(s, "01234") == "" }

// ReadError reads the body of fbgate's refusal of a request, nil if it is none.
func ReadError(body []byte) *ParameterError {
	var refusal struct {
		XMLName   xml.Name `xml:"WM error"`
		Parameter string   `xml:"WM parameter"`
		Received  string   `xml:"WM received"`
		Expected  string   `xml:"WM expected"`
	}
	if wirexml.Decode(body, &refusal) != nil || refusal.Parameter == "" {
		return nil
	}
	return &ParameterError{refusal.Parameter, refusal.Received, refusal.Expected}
}

// Query returns the raw query that asks for r, in the form OWA uses.
func (r Request) Query() string {
	const form = "2006-01-02T15:04:05Z"
	q := fmt.Appendf(nil, "Cmd=freebusy&start=%s&end=%s&interval=%d",
		r.Window.Start.UTC().Format(form), r.Window.End.UTC().Format(form), r.Interval/time.Minute)
	for _, a := range r.Attendees {
		q = a.AppendQuery(q)
	}
	return string(q)
}

// AppendQuery appends what a takes in the query of a request: "&u=SMTP:" and the
// address, escaped.
func (a Attendee) AppendQuery(dst []byte) []byte {
	return append(append(append(append(dst, "&u="...), a.Type...), ':'), escape(a.Address)...)
}

// escape percent-encodes what would part a query or end a request line. The plus
// is encoded too, for readers that decode it as a space.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ', c >= 0x7f, strings.IndexByte(`"#%&+;<>`, c) >= 0:
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
