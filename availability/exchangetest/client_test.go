package exchangetest_test

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
)

// serve runs x until the test ends and returns the URL of its service.
func serve(t *testing.T, x *exchangetest.Exchange) string {
	t.Helper()
	server := httptest.NewServer(x)
	t.Cleanup(server.Close)
	t.Cleanup(x.Close) // first, so that nothing hangs
	return server.URL + exchangetest.Path
}

// asked is a request as a test asks it. What is empty is left out.
type asked struct {
	version    string
	zone       string
	mailboxes  []string
	start, end string
	interval   string
	view       string
}

// week is a request that is right in every way.
func week(mailboxes ...string) asked {
	return asked{
		version: "Exchange2007_SP1", zone: utc, mailboxes: mailboxes,
		start: "2026-10-16T00:00:00", end: "2026-10-23T00:00:00", interval: "30", view: "DetailedMerged",
	}
}

// rule is a transition: to a bias, on a Sunday of a month, 5 being the last.
type rule struct{ bias, hour, sunday, month int }

// utc is the zone a client that works in UTC sends.
var utc = timeZone(0, rule{0, 2, 1, 3}, rule{0, 2, 1, 10})

func timeZone(bias int, standard, daylight rule) string {
	transition := func(name string, r rule) string {
		return fmt.Sprintf("<t:%s><t:Bias>%d</t:Bias><t:Time>%02d:00:00</t:Time><t:DayOrder>%d</t:DayOrder><t:Month>%d</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:%s>", name, r.bias, r.hour, r.sunday, r.month, name)
	}
	return fmt.Sprintf("<t:TimeZone><t:Bias>%d</t:Bias>%s%s</t:TimeZone>", bias, transition("StandardTime", standard), transition("DaylightTime", daylight))
}

func (a asked) String() string {
	var b strings.Builder
	b.WriteString(`<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">`)
	if a.version != "" {
		fmt.Fprintf(&b, `<soap:Header><t:RequestServerVersion Version="%s"/></soap:Header>`, a.version)
	}
	b.WriteString("<soap:Body><m:GetUserAvailabilityRequest>" + a.zone + "<m:MailboxDataArray>")
	for _, m := range a.mailboxes {
		fmt.Fprintf(&b, "<t:MailboxData><t:Email><t:Address>%s</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType></t:MailboxData>", m)
	}
	fmt.Fprintf(&b, "</m:MailboxDataArray><t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>%s</t:StartTime><t:EndTime>%s</t:EndTime></t:TimeWindow>", a.start, a.end)
	if a.interval != "" {
		fmt.Fprintf(&b, "<t:MergedFreeBusyIntervalInMinutes>%s</t:MergedFreeBusyIntervalInMinutes>", a.interval)
	}
	if a.view != "" {
		fmt.Fprintf(&b, "<t:RequestedView>%s</t:RequestedView>", a.view)
	}
	b.WriteString("</t:FreeBusyViewOptions></m:GetUserAvailabilityRequest></soap:Body></soap:Envelope>")
	return b.String()
}

// post sends a request and returns the status and the whole body.
func post(t *testing.T, url, body string) (int, []byte) {
	t.Helper()
	response, err := http.Post(url, "text/xml; charset=utf-8", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

// ask sends a request that has to be answered, and returns the FreeBusyResponses.
func ask(t *testing.T, url string, a asked) []*node {
	t.Helper()
	status, body := post(t, url, a.String())
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, body)
	}
	return mustParse(t, body).all("FreeBusyResponse")
}

// faultCode returns the code of a SOAP fault, "" if the body is none.
func faultCode(t *testing.T, body []byte) string {
	t.Helper()
	answer := mustParse(t, body)
	if len(answer.all("Fault")) == 0 {
		return ""
	}
	return cmp.Or(answer.text("ResponseCode"), answer.text("ErrorCode"))
}

// node is an element of an answer.
type node struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []*node    `xml:",any"`
	Data     string     `xml:",chardata"`
}

func mustParse(t *testing.T, body []byte) *node {
	t.Helper()
	var n node
	dec := xml.NewDecoder(bytes.NewReader(bytes.TrimSpace(body)))
	if err := dec.Decode(&n); err != nil {
		t.Fatalf("the answer is no XML: %v\n%s", err, body)
	}
	if _, err := dec.Token(); err != io.EOF {
		t.Fatalf("something follows the answer: %v\n%s", err, body)
	}
	return &n
}

// all returns the elements with the given local name, in document order.
func (n *node) all(local string) []*node {
	if n.XMLName.Local == local {
		return []*node{n}
	}
	var found []*node
	for _, c := range n.Children {
		found = append(found, c.all(local)...)
	}
	return found
}

// text returns the text of the first element with the given name, "" if there
// is none.
func (n *node) text(local string) string {
	if found := n.all(local); len(found) > 0 {
		return strings.TrimSpace(found[0].Data)
	}
	return ""
}

func at(hour, minute int) time.Time {
	return time.Date(2026, 10, 16, hour, minute, 0, 0, time.UTC)
}

func span(start, end time.Time, s availability.Status) availability.Span {
	return availability.Span{Window: availability.Window{Start: start, End: end}, Status: s}
}
