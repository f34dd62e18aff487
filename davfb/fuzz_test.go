package davfb_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/davfb"
	"fbgate/davfb/face"
	"fbgate/davfb/folder"
	"fbgate/davfb/internet"
	"fbgate/translate/davxml"
)

// motley answers about each mailbox in one of the ways there are, always in the same: it
// is free, busy at times, partly known, or there is a Reason.
func motley(_ context.Context, q availability.Query) []availability.Answer {
	codes := []availability.Code{availability.UnknownMailbox, availability.NoPermission, availability.Timeout, availability.Throttled, availability.NoInformation}
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		hash := fnv.New32()
		_, _ = hash.Write([]byte(m))
		n := int(hash.Sum32() % 10)
		a := availability.Answer{Mailbox: m, Window: q.Window, At: at.Epoch, Organization: "test", Cached: n%2 == 0}
		third := q.Window.Duration() / 3
		middle := availability.Window{Start: q.Window.Start.Add(third), End: q.Window.End.Add(-third)}
		switch {
		case n < len(codes):
			a.Reason = availability.Because(codes[n], "in a test")
		case n == 5:
			a.Schedule = availability.NewSchedule(middle, 0, nil)
			a.Reason = availability.Because(availability.NoInformation, "part of it")
		case n == 6:
			a.Schedule = availability.NewSchedule(q.Window, 0, nil)
		default:
			a.Schedule = availability.NewSchedule(q.Window, 0, []availability.Span{{Window: middle, Status: availability.Status(n - 6)}})
		}
		answers[i] = a
	}
	return answers
}

// drawer keeps what is published, of one request after the other.
type drawer map[availability.Mailbox]availability.Publication

func (d drawer) Publish(_ context.Context, p availability.Publication) error {
	d[p.Mailbox] = p
	return nil
}

func (d drawer) Withdraw(_ context.Context, m availability.Mailbox) (bool, error) {
	_, ok := d[m]
	delete(d, m)
	return ok, nil
}

func (d drawer) Get(_ context.Context, m availability.Mailbox) (availability.Publication, bool, error) {
	p, ok := d[m]
	return p, ok, nil
}

// few lists some people.
type few struct{}

func (few) Recipients(_ context.Context, _ availability.Requester, after availability.Mailbox, _ int) ([]folder.Recipient, bool, error) {
	var page []folder.Recipient
	for i := range 10 {
		if r := (folder.Recipient{LegacyDN: fmt.Sprintf("/o=Contoso/ou=Sales/cn=Recipients/cn=user%d", i)}); r.Mailbox() > after {
			page = append(page, r)
		}
	}
	return page, false, nil
}

var fuzzed = davxml.Limits{Attendees: 20, Window: 400 * 24 * time.Hour, Digits: 20_000}

// fuzzedGateway is a gateway with all that clients see, and what they published.
func fuzzedGateway(t testing.TB) (http.Handler, drawer) {
	t.Helper()
	published := make(drawer)
	quiet := slog.New(slog.DiscardHandler)
	login := func(r *http.Request) (string, error) {
		if r.Header.Get("Authorization") == "" {
			return "", &face.Refusal{Status: http.StatusUnauthorized, Challenge: `Basic realm="fbgate"`, Text: "Who are you?"}
		}
		return "mary", nil
	}
	source := sourceFunc(motley)
	files, err := internet.New(internet.Config{
		Source: source, DefaultDomain: "contoso.com", Patterns: []string{"/calendar/%NAME%.vfb", "/vcal_server.php/type=vfb&email=%NAME%@%SERVER%", "/free?who=%NAME%&at=%SERVER%"},
		Publisher: published, Authenticate: login, Log: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	tree := folder.New(folder.Config{Source: source, Name: "a1", Recipients: few{}, Publisher: published, MayPublish: login, MaxBody: 64 << 10, MaxAsked: 12, Log: quiet})
	return davfb.New(davfb.Config{
		Source: source, Name: "a1", Limits: fuzzed, MaxURL: 16 << 10, Log: quiet,
		Parts: []davfb.Part{{Matches: folder.Holds, Handler: tree}, {Matches: files.Matches, Handler: files}},
	}), published
}

const item = "/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=Contoso_xF8FF_ou=Sales/"

// FuzzRequest sends whatever is a request of HTTP/1 through all that clients see.
// Nothing panics, each answer is what its fields say and no web page, what was published
// is sound, and the rows of free/busy are those asked for.
func FuzzRequest(f *testing.F) {
	data, err := os.ReadFile("../testdata/dav/requests.txt")
	if err != nil {
		f.Fatal(err)
	}
	const host = " HTTP/1.1\r\nHost: gw.contoso.com\r\n"
	var targets []string
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); fields[0] != "#" {
			targets = append(targets, fields[1])
		}
	}
	for _, capture := range at.Captures(f) {
		for line := range strings.Lines(string(capture)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "GET" {
				targets = append(targets, fields[1])
			}
		}
	}
	for _, target := range append(targets, item, item+"USER-_xF8FF_cn=Recipients_xF8FF_cn=mary.EML", "/freebusy/mary@contoso.com.vfb",
		"/freebusy/contoso.com/mary", "/freebusy/?mary@contoso.com", "/calendar/mary.vfb?start=2009-10-28&end=2009-10-29", "/public//", "*") {
		f.Add([]byte("GET " + target + host + "\r\n"))
		f.Add([]byte("HEAD " + target + " HTTP/1.0\r\nX-Request-Id: a b\r\nX-Fbgate-Via: b2, a1\r\n\r\n"))
		f.Add([]byte("OPTIONS " + target + host + "\r\n"))
	}
	const ask = `<a:propfind xmlns:a="DAV:"><a:prop><a:displayname/><x:x68541102 xmlns:x="http://schemas.microsoft.com/mapi/proptag/"/></a:prop></a:propfind>`
	const searching = `<a:searchrequest xmlns:a="DAV:"><a:sql>SELECT "DAV:href" FROM Scope('SHALLOW TRAVERSAL OF ""') WHERE "DAV:displayname" LIKE '%user%'</a:sql></a:searchrequest>`
	sized := func(head, body string) []byte {
		return fmt.Appendf(nil, "%s%sAuthorization: Basic bTp4\r\nContent-Length: %d\r\n\r\n%s", head, host, len(body), body)
	}
	f.Add(sized("PROPFIND "+item, "\r\nDepth: 1,noroot\r\n"))
	f.Add([]byte(strings.Replace(string(sized("PROPFIND "+item, ask)), "Auth", "Depth: 1\r\nBrief: t\r\nAuth", 1)))
	f.Add(sized("SEARCH "+item, searching))
	f.Add(sized("BPROPFIND "+item, strings.Replace(ask, "<a:prop>", "<a:target><a:href>USER-%2Fcn=a.EML</a:href></a:target><a:prop>", 1)))
	f.Add(sized("PROPPATCH "+item+"USER-_xF8FF_cn=mary.EML", `<a:propertyupdate xmlns:a="DAV:"><a:set><a:prop><a:x/></a:prop></a:set></a:propertyupdate>`))
	f.Add(sized("PUT /freebusy/mary@contoso.com.ifb", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\nBEGIN:VFREEBUSY\r\nORGANIZER:mailto:mary@contoso.com\r\nDTSTART:20000101T000000Z\r\nDTEND:20990101T000000Z\r\nFREEBUSY:20300101T000000Z/PT1H\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"))
	handler, published := fuzzedGateway(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		r.RemoteAddr = "192.0.2.1:4711"
		clear(published)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		checkResponse(t, r.Method, w)
		if most := 64<<10 + 200*len(raw); w.Body.Len() > most {
			t.Errorf("%d bytes come of %d", w.Body.Len(), len(raw))
		}
		for m, p := range published {
			at.CheckCanonical(t, p.Schedule)
			if p.Mailbox != m || !p.Expires.After(p.At) || p.Expires.After(p.Schedule.Known.End) {
				t.Errorf("published: %+v", p)
			}
		}
		if w.Code == http.StatusOK && strings.HasPrefix(w.Body.String(), "<a:response") {
			checkRows(t, r.URL.RawQuery, w.Body.Bytes())
		}
	})
}

// checkResponse fails the test if a response cannot be right, whatever was asked.
func checkResponse(t *testing.T, method string, w *httptest.ResponseRecorder) {
	t.Helper()
	header := w.Header()
	kind := strings.ToLower(header.Get("Content-Type"))
	switch {
	case w.Code < 200 || w.Code == 500 || w.Code == 501 || w.Code >= 300 && w.Code < 400 && w.Code != 304:
		t.Errorf("status %d: %s", w.Code, w.Body)
	case header.Get("Location") != "" || strings.Contains(kind, "html"):
		t.Errorf("%v", header)
	case !face.IsToken(header.Get("X-Request-Id")):
		t.Errorf("a request named %q", header.Get("X-Request-Id"))
	}
	for name, values := range header {
		if len(values) != 1 || strings.ContainsFunc(values[0], func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("%s: %q", name, values)
		}
	}
	if method == http.MethodHead {
		return
	}
	if length := header.Get("Content-Length"); length != "" && length != strconv.Itoa(w.Body.Len()) {
		t.Errorf("%d bytes are announced as %s", w.Body.Len(), length)
	}
	if w.Code >= 400 && w.Body.Len() > 2000 {
		t.Errorf("status %d in %d bytes", w.Code, w.Body.Len())
	}
	if (w.Code == 204 || w.Code == 304) && w.Body.Len() > 0 {
		t.Errorf("status %d has %q", w.Code, w.Body)
	}
	if strings.HasPrefix(kind, "text/xml") {
		checkXML(t, w.Body.Bytes())
	}
}

func checkXML(t *testing.T, body []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
	}
}

// checkRows fails the test if the rows are not those asked for, or the first not what
// the others make: the busiest of what is known, and unknown rather than free.
func checkRows(t *testing.T, query string, body []byte) {
	t.Helper()
	request, err := davxml.ParseQuery(query, fuzzed)
	if err != nil {
		t.Fatal(err)
	}
	slots := request.Window.Slots(request.Interval)
	items, err := davxml.ReadAnswer(body, slots)
	if err != nil || len(items) != len(request.Attendees)+1 {
		t.Fatalf("%d rows for %d attendees: %v", len(items), len(request.Attendees), err)
	}
	for i := range slots {
		column := make([]byte, len(items)-1)
		for row := range column {
			column[row] = items[row+1].Digits[i]
		}
		slices.SortFunc(column, func(a, b byte) int { return strings.IndexByte("04123", b) - strings.IndexByte("04123", a) })
		if items[0].Digits[i] != column[0] {
			t.Fatalf("slot %d of %v", i, items)
		}
	}
	answers := motley(context.Background(), availability.Query{Mailboxes: request.Mailboxes(), Window: request.Window})
	for i, a := range answers {
		if len(a.Schedule.Spans) == 0 && a.Schedule.Known.Empty() && strings.Trim(items[i+1].Digits, "4") != "" {
			t.Fatalf("%s is %s, though nothing is known", a.Mailbox, items[i+1].Digits)
		}
	}
}

// What a question says of the gateways it has passed is read as it is written: tokens
// alone, no more than twenty, and this gateway last.
func FuzzVia(f *testing.F) {
	f.Add("b2", "c3, d4")
	f.Add("a1", "")
	f.Add(strings.Repeat("b,", 100), "x y,,\x00")
	f.Fuzz(func(t *testing.T, one, other string) {
		var asked []string
		handler := davfb.New(davfb.Config{Name: "a1", Log: slog.New(slog.DiscardHandler), Source: sourceFunc(func(_ context.Context, q availability.Query) []availability.Answer {
			asked = append(asked, q.Via)
			return availability.Fail(q, availability.Because(availability.NoRoute, "nobody"))
		})})
		r := httptest.NewRequest(http.MethodGet, question(hours(0, 1), time.Hour, "mary@contoso.com"), nil)
		r.Header[availability.ViaHeader] = []string{one, other}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		var passed []string
		for _, name := range strings.Split(one+","+other, ",") {
			if name = strings.TrimSpace(name); face.IsToken(name) {
				passed = append(passed, name)
			}
		}
		if slices.Contains(passed, "a1") {
			if w.Code != http.StatusLoopDetected || len(asked) > 0 {
				t.Errorf("%q, %q: status %d, asked %q", one, other, w.Code, asked)
			}
			return
		}
		want := strings.Join(append(passed[max(0, len(passed)-20):], "a1"), ", ")
		if len(asked) != 1 || asked[0] != want {
			t.Errorf("%q, %q becomes %q, want %q", one, other, asked, want)
		}
	})
}
