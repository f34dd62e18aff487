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
	var reply struct {
		XMLName xml.Name `xml:"WM response"`
		Items   []struct {
			DisplayName string `xml:"WM displayname"`
			Email       struct {
				Type    string `xml:"type,attr"`
				Address string `xml:",chardata"`
			} `xml:"WM email"`
			Digits string `xml:"WM fbdata"`
		} `xml:"WM recipients>item"`
	}
	if err := wirexml.Decode(body, &reply); err != nil {
		return nil, fmt.Errorf("free/busy reply: %w", err)
	}
	items := make([]Item, len(reply.Items))
	for i, item := range reply.Items {
		if bad := strings.Trim(item.Digits, "01234"); bad != "" || len(item.Digits) != slots {
			return nil, fmt.Errorf("free/busy reply: row %d (%s) has %q, expected %d digits from 0 to 4", i+1, item.DisplayName, shorten(item.Digits), slots)
		}
		items[i] = Item{item.DisplayName, item.Email.Type, strings.TrimSpace(item.Email.Address), item.Digits}
	}
	return items, nil
}

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
		q = append(append(append(append(q, "&u="...), a.Type...), ':'), escape(a.Address)...)
	}
	return string(q)
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
