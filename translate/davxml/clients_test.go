package davxml_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/translate/davxml"
	"fbgate/translate/merged"

	"pgregory.net/rapid"
)

// question is what was asked, and the digits that are right.
type question struct {
	addresses []string
	rows      []string // of each address
	all       string   // of the row before them, "All Attendees"
}

// oldClient reads answers as a program did that cannot be changed any more. The
// readers share no code with this package.
type oldClient struct {
	name string
	// read returns what it takes for the digits of an address it asked about.
	read func(answer []byte, address string) (string, error)
	// want is what it should find for an address of the question: its digits, unless
	// the program cannot tell attendees apart, or is blind to some answers.
	want func(q question, i int) string
}

var oldClients = []oldClient{
	{"DavMail", readLastText, lastRow},              // asks about one attendee at a time
	{"GetFreeBusyData", readLastQualified, lastRow}, // a utility in C#: likewise
	{"Reliable Response", readFirstDigit, func(q question, _ int) string { return q.all[:1] }},
	{"Search Appliance", readFirstQualified, func(q question, _ int) string { return q.all }},
	{"Horde", readHorde, func(q question, i int) string {
		if q.rows[i] == "0" { // which to PHP is no text at all: the one slot stays unknown
			return ""
		}
		return q.rows[i]
	}},
	{"Zimbra", readByLocalName(func(email, asked string) bool { return strings.EqualFold(strings.TrimSpace(email), asked) }), ownRow},
	{"Zimbra, early", readByLocalName(func(email, asked string) bool { return email == asked }), ownRow},
	{"Google's connector", readGoogle, ownRow},
	{"Evolution", readEvolution, ownRow},
}

func ownRow(q question, i int) string  { return q.rows[i] }
func lastRow(q question, _ int) string { return q.rows[len(q.rows)-1] }

var errNotFound = errors.New("not found")

// readLastText needs no XML.
func readLastText(answer []byte, _ string) (string, error) {
	const start, end = "<a:fbdata>", "</a:fbdata>"
	from := bytes.LastIndex(answer, []byte(start))
	to := bytes.LastIndex(answer, []byte(end))
	if from < 0 || to < from {
		return "", errNotFound
	}
	return string(answer[from+len(start) : to]), nil
}

// readLastQualified takes every character for a number.
func readLastQualified(answer []byte, _ string) (digits string, err error) {
	root, err := parse(answer)
	if err != nil {
		return "", err
	}
	for _, item := range root.all("a:item") {
		for _, data := range item.all("a:fbdata") {
			digits = data.text()
		}
	}
	if strings.Trim(digits, "0123456789") != "" || digits == "" {
		return "", fmt.Errorf("%q is no number", digits)
	}
	return digits, nil
}

func readFirstQualified(answer []byte, _ string) (string, error) {
	root, err := parse(answer)
	if err != nil {
		return "", err
	}
	return root.first("a:fbdata").textOrError()
}

// readFirstDigit wants to know of the present moment only.
func readFirstDigit(answer []byte, _ string) (string, error) {
	root, err := parse(answer)
	if err != nil {
		return "", err
	}
	if root.qualified() != "a:response" {
		return "", errNotFound
	}
	digits, err := root.child("a:recipients").child("a:item").child("a:fbdata").textOrError()
	if err != nil {
		return "", err
	}
	return digits[:1], nil
}

// readHorde wants the root to have one child, of whatever kind, and compares
// addresses with case.
func readHorde(answer []byte, address string) (string, error) {
	root, err := parse(answer)
	if err != nil {
		return "", err
	}
	if len(root.children) != 1 {
		return "", fmt.Errorf("the root has %d children", len(root.children))
	}
	for _, item := range root.child("a:recipients").elements("a:item") {
		data := item.child("a:fbdata").text()
		if item.child("a:email").text() == address && data != "" && data != "0" { // PHP's empty()
			return data, nil
		}
	}
	return "", nil
}

// readByLocalName looks at no prefix.
func readByLocalName(same func(email, asked string) bool) func([]byte, string) (string, error) {
	return func(answer []byte, address string) (string, error) {
		root, err := parse(answer)
		if err != nil {
			return "", err
		}
		for _, item := range root.child("recipients").elements("item") {
			if same(item.child("email").text(), address) {
				return item.child("fbdata").textOrError()
			}
		}
		return "", errNotFound
	}
}

// readGoogle keys what it finds by the address in lower case, and has .NET refuse a
// document type.
func readGoogle(answer []byte, address string) (string, error) {
	if bytes.Contains(answer, []byte("<!DOCTYPE")) {
		return "", errors.New("DTD is prohibited")
	}
	root, err := parse(answer)
	if err != nil {
		return "", err
	}
	found := make(map[string]string)
	for _, item := range root.all("item") {
		if email, data := item.child("email"), item.child("fbdata"); email != nil && data != nil {
			found[strings.ToLower(email.text())] = data.text()
		}
	}
	digits, ok := found[strings.ToLower(address)]
	if !ok {
		return "", errNotFound
	}
	return digits, nil
}

// readEvolution passes over items that lack one of the two. It hands on what it finds,
// addresses as they come; it is the calendar that looks for one.
func readEvolution(answer []byte, address string) (string, error) {
	root, err := parse(answer)
	if err != nil {
		return "", err
	}
	for _, item := range root.first("recipients").elements("item") {
		email, data := item.child("email").text(), item.child("fbdata").text()
		if strings.EqualFold(email, address) && data != "" {
			return data, nil
		}
	}
	return "", errNotFound
}

// node is an element, or what else stands in one and is not blank.
type node struct {
	prefix, local string // of an element
	content       string // of anything else
	children      []*node
}

// parse reads XML without a thought for namespaces, like many a client.
func parse(document []byte) (*node, error) {
	above := []*node{{}}
	for d := xml.NewDecoder(bytes.NewReader(document)); ; {
		token, err := d.RawToken()
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		parent := above[len(above)-1]
		switch token := token.(type) {
		case xml.StartElement:
			n := &node{prefix: token.Name.Space, local: token.Name.Local}
			parent.children = append(parent.children, n)
			above = append(above, n)
		case xml.EndElement:
			if len(above) == 1 || parent.prefix != token.Name.Space || parent.local != token.Name.Local {
				return nil, fmt.Errorf("</%s:%s> has no start", token.Name.Space, token.Name.Local)
			}
			above = above[:len(above)-1]
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				parent.children = append(parent.children, &node{content: string(token)})
			}
		case xml.Comment:
			parent.children = append(parent.children, &node{})
		}
	}
	for _, n := range above[0].children {
		if n.local != "" && len(above) == 1 {
			return n, nil
		}
	}
	return nil, errors.New("there is no whole element")
}

func (n *node) qualified() string { return n.prefix + ":" + n.local }

// elements returns the children of a name, which with a prefix has to be the
// qualified one. A nil node has none.
func (n *node) elements(name string) (found []*node) {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.local != "" && (c.local == name || c.qualified() == name) {
			found = append(found, c)
		}
	}
	return found
}

func (n *node) child(name string) *node {
	if found := n.elements(name); len(found) > 0 {
		return found[0]
	}
	return nil
}

// all returns what is of that name below n, however deep.
func (n *node) all(name string) []*node {
	found := n.elements(name)
	for _, c := range n.children {
		found = append(found, c.all(name)...)
	}
	return found
}

func (n *node) first(name string) *node {
	if found := n.all(name); len(found) > 0 {
		return found[0]
	}
	return nil
}

func (n *node) text() (s string) {
	if n != nil {
		for _, c := range n.children {
			s += c.content
		}
	}
	return s
}

func (n *node) textOrError() (string, error) {
	if s := n.text(); s != "" {
		return s, nil
	}
	return "", errNotFound
}

// goldenAnswers are the files, and what was asked. An address that XML cannot hold is echoed with
// U+FFFD, and so lost on clients that look for it.
var goldenAnswers = map[string]question{
	"answer-one.xml": {[]string{"Mary@Contoso.com"}, []string{"000022011000"}, "000022011000"},
	"answer-three.xml": {[]string{"mary@contoso.com", "joe@fabrikam.com", "/o=Contoso/cn=Recipients/cn=ann"},
		[]string{"000022000000", "001333300000", "444444444444"}, "441333344444"},
	"answer-escaped.xml":      {[]string{"o'brien<&>\"\uFFFD\uFFFD@contoso.com"}, []string{"000022000000"}, "000022000000"},
	"answer-partly-known.xml": {[]string{"mary@contoso.com"}, []string{"000022044444"}, "000022044444"},
}

func TestOldClientsReadGoldenAnswers(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "dav", "answer-*.xml"))
	if err != nil || len(files) < len(goldenAnswers) {
		t.Fatalf("%d golden answers, %v", len(files), err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		q, known := goldenAnswers[filepath.Base(file)]
		if !known {
			t.Errorf("%s: what was asked is not in the table", file)
		}
		for _, client := range oldClients {
			for i, address := range q.addresses {
				if got, err := client.read(body, address); err != nil || got != client.want(q, i) {
					t.Errorf("%s: %s reads %q for %s, %v; want %q", file, client.name, got, address, err, client.want(q, i))
				}
			}
		}
	}
}

func TestOldClientsReadAnyAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := davxml.Request{
			Window:   at.Window().Draw(t, "window"),
			Interval: time.Duration(rapid.SampledFrom([]int{5, 15, 30, 60, 1440}).Draw(t, "minutes")) * time.Minute,
		}
		schedules := rapid.SliceOfN(at.Schedule(), 1, 4).Draw(t, "schedules")
		q := question{all: strings.Repeat("0", r.Window.Slots(r.Interval))}
		for i, s := range schedules {
			address := fmt.Sprintf("%s%d@Example.org", rapid.StringMatching(`[A-Za-zäß]['&<>"+%/=.A-Za-z]{0,8}`).Draw(t, "name"), i)
			row := (merged.Digits{}).Append(nil, s, r.Window, r.Interval)
			all := []byte(q.all)
			merged.Overlay(all, row)
			q = question{append(q.addresses, address), append(q.rows, string(row)), string(all)}
			r.Attendees = append(r.Attendees, davxml.Attendee{Type: "SMTP", Address: address})
		}
		body := davxml.AppendAnswer(nil, r, answers(schedules), merged.Digits{})
		for _, client := range oldClients {
			for i, address := range q.addresses {
				got, err := client.read(body, address)
				if err != nil || got != client.want(q, i) {
					t.Fatalf("%s reads %q for %s, %v; want %q of\n%s", client.name, got, address, err, client.want(q, i), body)
				}
				if len(q.rows) == 1 && !strings.HasPrefix(q.rows[0], got) {
					t.Fatalf("%s reads %q of the only attendee, who is %q", client.name, got, q.rows[0])
				}
			}
		}
	})
}

// Horde cannot learn of one free slot, and of one that is not free it can.
func TestHordeAndOneSlot(t *testing.T) {
	for digit, want := range map[string]string{"0": "", "1": "1", "2": "2", "3": "3", "4": "4", "00": "00"} {
		w := digits(strings.Repeat("0", len(digit))).Known
		r := davxml.Request{Window: w, Interval: time.Hour, Attendees: []davxml.Attendee{{Type: "SMTP", Address: "mary@contoso.com"}}}
		schedule := merged.Parse(digit, w, time.Hour, merged.Exchange2003)
		body := davxml.AppendAnswer(nil, r, answers([]availability.Schedule{schedule}), merged.Digits{})
		if got, err := readHorde(body, "mary@contoso.com"); err != nil || got != want {
			t.Errorf("of %s Horde reads %q, %v", digit, got, err)
		}
	}
}

// Why an answer looks as it does: which clients get nothing, or the wrong thing, from
// one that looks otherwise.
func TestWhatOldClientsInsistOn(t *testing.T) {
	body, err := os.ReadFile("../../testdata/dav/answer-one.xml")
	if err != nil {
		t.Fatal(err)
	}
	q := goldenAnswers["answer-one.xml"]
	everybody := make([]string, len(oldClients))
	for i, client := range oldClients {
		everybody[i] = client.name
	}
	for _, test := range []struct {
		change string
		edits  []string // old, new
		lost   []string
	}{
		{"an XML declaration", []string{"<a:response", `<?xml version="1.0"?><a:response`}, nil},
		{"no line ends", []string{"\n", ""}, nil},
		{"another prefix", []string{"<a:", "<b:", "</a:", "</b:", "xmlns:a", "xmlns:b"},
			[]string{"DavMail", "GetFreeBusyData", "Reliable Response", "Search Appliance", "Horde"}},
		{"an attribute", []string{"<a:fbdata>", `<a:fbdata interval="60">`}, []string{"DavMail"}},
		{"a comment", []string{"<a:recipients>", "<!-- from fbgate --><a:recipients>"}, []string{"Horde"}},
		{"a document type", []string{"<a:response", "<!DOCTYPE response><a:response"}, []string{"Google's connector"}},
		{"an address in lower case", []string{"Mary@Contoso.com</a:email>", "mary@contoso.com</a:email>"}, []string{"Horde", "Zimbra, early"}},
		{"space among the digits", []string{"000022", "\n000022"}, everybody},
		{"no row for all", []string{"<a:displayname>All Attendees</a:displayname><a:type>1</a:type><a:fbdata>000022011000</a:fbdata>", ""},
			[]string{"Reliable Response"}},
		{"no digits", []string{"<a:fbdata>000022011000</a:fbdata>", ""}, everybody},
	} {
		changed := strings.NewReplacer(test.edits...).Replace(string(body))
		if changed == string(body) {
			t.Errorf("%s: there is nothing to change", test.change)
		}
		var lost []string
		for _, client := range oldClients {
			if got, err := client.read([]byte(changed), q.addresses[0]); err != nil || got != client.want(q, 0) {
				lost = append(lost, client.name)
			}
		}
		if !slices.Equal(lost, test.lost) {
			t.Errorf("%s is lost on %q, want %q", test.change, lost, test.lost)
		}
	}
}
