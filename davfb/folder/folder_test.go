package folder_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/davfb/folder"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	base  = "/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/"
	group = base + "EX:_xF8FF_o=Contoso_xF8FF_ou=Sales/"
	mary  = group + "USER-_xF8FF_cn=Recipients_xF8FF_cn=mary.EML"
	dn    = "/o=Contoso/ou=Sales/cn=Recipients/cn="
)

// source answers about those it knows; it fails with the reasons it has.
type source struct {
	mu        sync.Mutex
	schedules map[availability.Mailbox]availability.Schedule
	reasons   map[availability.Mailbox]*availability.Reason
	asked     []availability.Query
}

func (s *source) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, q)
	answers := availability.Fail(q, availability.Because(availability.UnknownMailbox, "secret.contoso.com does not know it"))
	for i, m := range q.Mailboxes {
		if schedule, ok := s.schedules[m]; ok {
			answers[i].Schedule, answers[i].Reason, answers[i].Organization = schedule, nil, "contoso"
			if !schedule.Covers(q.Window) {
				answers[i].Reason = availability.Because(availability.NoInformation, "part of it")
			}
		}
		if reason, ok := s.reasons[m]; ok {
			answers[i].Reason = reason
		}
	}
	return answers
}

// recipients are listed in pages, as a directory does.
type recipients struct {
	all  []folder.Recipient
	err  error
	from int // the page that fails
}

func (r *recipients) Recipients(_ context.Context, _ availability.Requester, after availability.Mailbox, most int) ([]folder.Recipient, bool, error) {
	from, found := slices.BinarySearchFunc(r.all, after, func(one folder.Recipient, m availability.Mailbox) int {
		return strings.Compare(string(one.Mailbox()), string(m))
	})
	if found {
		from++
	}
	if r.err != nil && from >= r.from {
		return nil, false, r.err
	}
	to := min(from+most, len(r.all))
	return r.all[from:to], to < len(r.all), nil
}

func people(n int) *recipients {
	r := &recipients{}
	for i := range n {
		r.all = append(r.all, folder.Recipient{LegacyDN: fmt.Sprintf("%suser%05d", dn, i)})
	}
	return r
}

// publisher keeps publications in memory.
type publisher struct {
	kept map[availability.Mailbox]availability.Publication
	err  error
}

func (p *publisher) Publish(_ context.Context, one availability.Publication) error {
	if p.err != nil {
		return p.err
	}
	p.kept[one.Mailbox] = one
	return nil
}

func (p *publisher) Withdraw(_ context.Context, m availability.Mailbox) (bool, error) {
	_, ok := p.kept[m]
	delete(p.kept, m)
	return ok, p.err
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// months is what a message holds in the bubble of synctest, where it is 1 January 2000.
var months = availability.Window{Start: time.Date(1999, 12, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2000, 4, 1, 0, 0, 0, 0, time.UTC)}

func span(start time.Time, length time.Duration, status availability.Status) availability.Span {
	return availability.Span{Window: availability.Window{Start: start, End: start.Add(length)}, Status: status}
}

// contoso is a source with somebody for each case.
func contoso() *source {
	at := func(month, day, hour int) time.Time {
		return time.Date(2000, time.Month(month), day, hour, 0, 0, 0, time.UTC)
	}
	s := &source{
		schedules: map[availability.Mailbox]availability.Schedule{
			dnOf("mary"): availability.NewSchedule(months, 0, []availability.Span{
				span(at(1, 3, 9), time.Hour, availability.Busy), span(at(1, 3, 10), time.Hour, availability.OOF),
				span(at(1, 31, 22), 4*time.Hour, availability.Tentative), span(at(2, 7, 9), time.Hour, availability.WorkingElsewhere),
			}),
			dnOf("free"): availability.NewSchedule(months, 0, nil),
			dnOf("late"): availability.NewSchedule(availability.Window{Start: at(1, 1, 0), End: at(3, 20, 0)}, 0, nil),
			dnOf("gap"):  availability.NewSchedule(availability.Window{Start: at(1, 2, 0), End: at(1, 20, 0)}, 0, nil),
		},
		reasons: map[availability.Mailbox]*availability.Reason{},
	}
	for name, reason := range map[string]*availability.Reason{
		"gone": {Code: availability.NoRoute}, "malformed": {Code: availability.InvalidAddress}, "silent": {Code: availability.NoInformation},
		"private": {Code: availability.NoPermission}, "withheld": {Code: availability.Withheld},
		"slow": {Code: availability.Timeout, Detail: "secret.contoso.com"}, "busy": {Code: availability.Throttled, RetryAfter: 90 * time.Second},
		"denied": {Code: availability.NotAllowed, Detail: "secret"},
	} {
		s.reasons[dnOf(name)] = reason
	}
	return s
}

func dnOf(name string) availability.Mailbox { return availability.ParseMailbox(dn + name) }

// do sends a request; headers are "Name: value".
func do(t testing.TB, h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "http://gw.contoso.com/", strings.NewReader(body))
	r.RequestURI = target
	var err error
	if r.URL, err = url.Parse("http://gw.contoso.com" + target); err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// in2000 runs a test at the beginning of 2000.
func in2000(t *testing.T, test func(t *testing.T)) { synctest.Test(t, test) }

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs:\n%s\n%s is expected", name, got, want)
	}
}

const evolution = `<?xml version="1.0"?><D:propfind xmlns:D="DAV:" xmlns:p="http://schemas.microsoft.com/mapi/proptag/"><D:prop>` +
	`<p:x68470003/><p:x68480003/><p:x684f1003/><p:x68501102/><p:x68511003/><p:x68521102/><p:x68531003/><p:x68541102/><p:x68551003/><p:x68561102/></D:prop></D:propfind>`

const builder = `<D:searchrequest xmlns:D = "DAV:"><D:sql>SELECT "urn:schemas:httpmail:subject" FROM Scope('SHALLOW TRAVERSAL OF ""') WHERE ("DAV:ishidden" is Null OR "DAV:ishidden" = false) AND "DAV:isfolder" = false</D:sql></D:searchrequest>`

func TestAnswers(t *testing.T) {
	in2000(t, func(t *testing.T) {
		list := &recipients{all: []folder.Recipient{{LegacyDN: dn + "free"}, {LegacyDN: dn + "mary"}, {LegacyDN: "/o=Contoso/ou=Zoo & Co/cn=Recipients/cn=zoe"}, {LegacyDN: "nonsense"}}}
		h := folder.New(folder.Config{Source: contoso(), Recipients: list, Log: quiet()})
		propfind := func(props string) string {
			return `<D:propfind xmlns:D="DAV:" xmlns:p="http://schemas.microsoft.com/mapi/proptag/"><D:prop>` + props + `</D:prop></D:propfind>`
		}
		tests := []struct {
			file, method, target, body string
			headers                    []string
			responses                  int
		}{
			{"evolution.xml", "PROPFIND", mary, evolution, []string{"Brief: t", "Depth: 0"}, 1},
			{"shouting.xml", "PROPFIND", strings.ToUpper(mary), propfind("<p:0x6849001E/><p:x684F1003/><p:x6868FFFF/>"), nil, 1},
			{"message_all.xml", "PROPFIND", mary, "", []string{"Depth: 1"}, 1},
			{"message_names.xml", "PROPFIND", mary, `<propfind xmlns="DAV:"><propname/></propfind>`, []string{"Depth: infinity"}, 1},
			{"missing.xml", "PROPFIND", mary, propfind("<p:x12340003/><D:displayname/><D:lockdiscovery/>"), nil, 1},
			{"shrunk.xml", "PROPFIND", group + "USER-_xF8FF_cn=Recipients_xF8FF_cn=late.EML", evolution, nil, 1},
			{"root.xml", "PROPFIND", "//Public/non_ipm_subtree", "", []string{"Depth: 1"}, 2},
			{"folder.xml", "PROPFIND", base, propfind("<D:displayname/><D:resourcetype/><D:contentclass/>"), []string{"Depth: 1"}, 3},
			{"group.xml", "PROPFIND", group, propfind("<D:displayname/><D:resourcetype/><p:x6849001f/>"), []string{"Depth: 1,noroot"}, 2},
			{"group_0.xml", "PROPFIND", group, "", []string{"Depth: 0"}, 1},
			{"group_busy.xml", "PROPFIND", base + "EX:_xF8FF_O=contoso_xF8FF_OU=sales/", evolution, []string{"Depth: 1, noroot", "Brief: T"}, 2},
			{"search.xml", "SEARCH", group, builder, nil, 2},
			{"search_scope.xml", "SEARCH", base, strings.Replace(builder, `""`, `"http://other/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=contoso_xF8FF_ou=sales"`, 1), nil, 2},
			{"search_nothing.xml", "SEARCH", group, strings.Replace(builder, "isfolder", "none", 1), nil, 0},
			{"batch.xml", "BPROPFIND", group, `<D:propfind xmlns:D="DAV:" xmlns:p="http://schemas.microsoft.com/mapi/proptag/"><D:target>` +
				`<D:href>USER-_xF8FF_cn=Recipients_xF8FF_cn=mary.EML</D:href><D:href>http://x` + group + `USER-_xF8FF_cn=Recipients_xF8FF_cn=slow.EML</D:href><D:href>` + group + `USER-_xF8FF_cn=Recipients_xF8FF_cn=gone.EML</D:href><D:href>../</D:href><D:href>a%zz&amp;b</D:href>` +
				`</D:target><D:prop><D:displayname/><p:x68541102/></D:prop></D:propfind>`, nil, 5},
		}
		for _, test := range tests {
			w := do(t, h, test.method, test.target, test.body, test.headers...)
			if w.Code != http.StatusMultiStatus || w.Header().Get("Content-Type") != "text/xml; charset=utf-8" {
				t.Errorf("%s: %d %v %s", test.file, w.Code, w.Header(), w.Body)
				continue
			}
			if n, err := readByPosition(w.Body.Bytes()); err != nil || n != test.responses {
				t.Errorf("%s: %d responses, %v", test.file, n, err)
			}
			golden(t, test.file, w.Body.Bytes())
		}
	})
}

func TestRefusals(t *testing.T) {
	in2000(t, func(t *testing.T) {
		h := folder.New(folder.Config{Source: contoso(), Log: quiet(), MaxAsked: 2, Recipients: people(3)})
		message := func(name string) string { return strings.Replace(mary, "mary", name, 1) }
		deep := strings.Repeat("<a>", 100)
		tests := []struct {
			method, target, body string
			headers              []string
			status               int
			answer               map[string]string // headers
		}{
			{"PROPFIND", message("nobody"), "", nil, 404, nil},
			{"GET", message("nobody"), "", nil, 404, nil},
			{"PROPFIND", message("gone"), "", nil, 404, nil},
			{"PROPFIND", message("denied"), "", nil, 404, nil},
			{"PROPFIND", message("malformed"), "", nil, 404, nil},
			{"PROPFIND", message("silent"), "", nil, 404, nil},
			{"PROPFIND", message("private"), "", nil, 403, nil},
			{"HEAD", message("withheld"), "", nil, 403, nil},
			{"PROPFIND", message("slow"), "", nil, 503, map[string]string{"Retry-After": "60"}},
			{"GET", message("slow"), "", nil, 503, map[string]string{"Retry-After": "60"}},
			{"PROPFIND", message("busy"), "", nil, 503, map[string]string{"Retry-After": "90"}},
			{"PROPFIND", message("gap"), "", nil, 404, nil}, // the source says no information
			{"PROPFIND", base, "", nil, 403, map[string]string{"Content-Type": "text/xml; charset=utf-8"}},
			{"PROPFIND", base, "", []string{"Depth: infinity"}, 403, nil},
			{"PROPFIND", base, "", []string{"Depth: infinity,noroot"}, 403, nil},
			{"PROPFIND", base, "", []string{"Depth: 2"}, 400, nil},
			{"PROPFIND", base, "", []string{"Depth: 1,root"}, 400, nil},
			{"PROPFIND", mary, deep, nil, 400, nil},
			{"PROPFIND", mary, "<a", nil, 400, nil},
			{"PROPFIND", mary, strings.Repeat(" ", 1<<20+1), nil, 413, nil},
			{"PROPFIND", group, evolution, []string{"Depth: 1"}, 507, nil},
			{"SEARCH", group, deep, nil, 400, nil},
			{"SEARCH", group, "", nil, 400, nil},
			{"SEARCH", group, strings.Replace(builder, "DAV:ishidden", "http://schemas.microsoft.com/mapi/proptag/x684F1003", 2), nil, 400, nil},
			{"SEARCH", group, strings.Replace(builder, `""`, `"/exchange/"`, 1), nil, 400, nil},
			{"SEARCH", group, strings.Replace(builder, `""`, `"`+mary+`"`, 1), nil, 400, nil},
			{"SEARCH", mary, builder, nil, 405, map[string]string{"Allow": "OPTIONS, GET, HEAD, PROPFIND"}},
			{"BPROPFIND", group, evolution, nil, 400, nil},
			{"BPROPFIND", group, evolution, []string{"Depth: 1"}, 400, nil},
			{"BPROPFIND", group, deep, nil, 400, nil},
			{"PROPPATCH", mary, gccPatch, nil, 403, nil},
			{"POST", mary, gccPatch, nil, 403, nil},
			{"DELETE", mary, "", nil, 403, nil},
			{"DELETE", group, "", nil, 405, map[string]string{"Allow": "OPTIONS, GET, HEAD, PROPFIND, BPROPFIND, SEARCH"}},
			{"PUT", mary, "x", nil, 405, nil},
			{"MKCOL", group + "x", "", nil, 404, nil},
			{"MKCOL", group, "", nil, 405, nil},
			{"LOCK", mary, "", nil, 405, nil},
			{"SUBSCRIBE", base, "", nil, 405, nil},
			{"GET", base + "..%2f..%2f", "", nil, 404, nil},
			{"GET", base + "../../etc/", "", nil, 404, nil},
			{"GET", base + strings.Repeat("m", 9000), "", nil, 414, nil},
		}
		for _, test := range tests {
			w := do(t, h, test.method, test.target, test.body, test.headers...)
			if w.Code != test.status {
				t.Errorf("%s %.150s: %d %s, want %d", test.method, test.target, w.Code, w.Body, test.status)
			}
			for name, value := range test.answer {
				if w.Header().Get(name) != value {
					t.Errorf("%s %s: %s is %q, want %q", test.method, test.target, name, w.Header().Get(name), value)
				}
			}
			if strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "multistatus") {
				t.Errorf("%s %s says %s", test.method, test.target, w.Body)
			}
		}
	})
}

// Nothing that is not known may look free: no list of a month that is not known.
// limited answers nobody for a while.
type limited struct{}

func (limited) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	return availability.Fail(q, &availability.Reason{Code: availability.RateLimited, Detail: "secret", RetryAfter: 1500 * time.Millisecond})
}

// A client that asks too much learns when to come again, however it asks.
func TestAsksTooMuch(t *testing.T) {
	h := folder.New(folder.Config{Source: limited{}, Log: quiet(), Recipients: people(3)})
	const find = `<D:propfind xmlns:D="DAV:" xmlns:p="http://schemas.microsoft.com/mapi/proptag/">`
	for _, test := range []struct{ method, target, body string }{
		{"GET", mary, ""},
		{"HEAD", mary, ""},
		{"PROPFIND", mary, ""},
		{"PROPFIND", group, find + `<D:prop><p:x68541102/></D:prop></D:propfind>`},
		{"BPROPFIND", group, find + `<D:target><D:href>USER-_xF8FF_cn=Recipients_xF8FF_cn=mary.EML</D:href></D:target><D:prop><p:x68541102/></D:prop></D:propfind>`},
	} {
		w := do(t, h, test.method, test.target, test.body, "Depth: "+map[bool]string{true: "1", false: "0"}[test.target == group && test.method == "PROPFIND"])
		if w.Code != 503 || w.Header().Get("Retry-After") != "2" || w.Body.String() != "You have asked too much. Ask again later.\n" {
			t.Errorf("%s %s: %d %v %s", test.method, test.target, w.Code, w.Header(), w.Body)
		}
	}
	if w := do(t, h, "PROPFIND", group, "", "Depth: 1"); w.Code != 207 {
		t.Errorf("who asks about nobody: %d %s", w.Code, w.Body)
	}
}

func TestOnlyWholeKnownMonthsAreTold(t *testing.T) {
	in2000(t, func(t *testing.T) {
		s := &source{schedules: map[availability.Mailbox]availability.Schedule{
			dnOf("mary"): availability.NewSchedule(months, 0, []availability.Span{span(time.Date(2000, 2, 9, 0, 0, 0, 0, time.UTC), time.Hour, availability.NoData)}),
		}}
		w := do(t, folder.New(folder.Config{Source: s, Log: quiet()}), "PROPFIND", mary, evolution)
		body := w.Body.String()
		const december, january, february = "31996", "32001", "32002"
		if w.Code != 207 || strings.Contains(body, february) || !strings.Contains(body, december) || !strings.Contains(body, january) {
			t.Errorf("%d %s", w.Code, body)
		}
		if strings.Contains(do(t, folder.New(folder.Config{Source: s, Log: quiet()}), "GET", mary, "").Body.String(), "2000-02-09 000") {
			t.Error("the text takes what is not known for free")
		}
	})
}

func TestWhatIsAsked(t *testing.T) {
	in2000(t, func(t *testing.T) {
		s := contoso()
		do(t, folder.New(folder.Config{Source: s, Name: "gw1", Log: quiet()}), "PROPFIND", mary, "", "X-Request-Id: r1")
		do(t, folder.New(folder.Config{Source: s, MonthsBefore: -1, MonthsAfter: 99, Log: quiet()}), "PROPFIND", mary, "")
		january := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		if len(s.asked) != 2 || !s.asked[0].Window.Equal(months) || s.asked[0].RequestID != "r1" || s.asked[0].Via != "gw1" || s.asked[0].Mailboxes[0] != dnOf("mary") ||
			!s.asked[1].Window.Equal(availability.Window{Start: january, End: january.AddDate(3, 0, 0)}) {
			t.Errorf("%+v", s.asked)
		}
	})
}

// A listing asks nobody about free/busy unless it is wanted.
func TestListingAsksNobody(t *testing.T) {
	s := contoso()
	h := folder.New(folder.Config{Source: s, Recipients: people(1200), Log: quiet()})
	w := do(t, h, "PROPFIND", group, "", "Depth: 1")
	if n, err := readByPosition(w.Body.Bytes()); w.Code != 207 || n != 1201 || err != nil || len(s.asked) != 0 {
		t.Errorf("%d, %d responses, %v, %d questions", w.Code, n, err, len(s.asked))
	}
	if w := do(t, h, "GET", group, ""); strings.Count(w.Body.String(), "\n") != 1200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := do(t, h, "GET", base, ""); w.Body.String() != "http://gw.contoso.com"+group+"\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDirectoryFails(t *testing.T) {
	list := people(1200)
	list.err = errors.New("secret: connection refused")
	h := folder.New(folder.Config{Source: contoso(), Recipients: list, Log: quiet()})
	for _, target := range []string{group, base} {
		if w := do(t, h, "PROPFIND", target, "", "Depth: 1"); w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	// Later on the answer has begun: it is cut short.
	list.from = 1000
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("the answer ended as if it was whole: %v", p)
		}
	}()
	do(t, h, "PROPFIND", group, "", "Depth: 1")
}

func TestGet(t *testing.T) {
	in2000(t, func(t *testing.T) {
		h := folder.New(folder.Config{Source: contoso(), Log: quiet()})
		w := do(t, h, "GET", mary, "")
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || w.Header().Get("Last-Modified") != "Sat, 01 Jan 2000 00:00:00 GMT" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		golden(t, "mary.txt", w.Body.Bytes())
		if n := w.Header().Get("Content-Length"); n != fmt.Sprint(w.Body.Len()) || !strings.Contains(do(t, h, "PROPFIND", mary, "").Body.String(), ">"+n+"</a:getcontentlength>") {
			t.Errorf("the length is %s of %d", n, w.Body.Len())
		}
		escaped := strings.Replace(mary, "EX:_xF8FF_o", "EX:%2Fo", 1)
		if again := do(t, h, "GET", escaped, ""); again.Code != 200 || again.Body.String() != w.Body.String() {
			t.Errorf("%s: %d %s", escaped, again.Code, again.Body)
		}
		if head := do(t, h, "HEAD", mary, ""); head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != w.Header().Get("Content-Length") {
			t.Errorf("HEAD: %d %v %s", head.Code, head.Header(), head.Body)
		}
		if part := do(t, h, "GET", mary, "", "Range: bytes=0-3"); part.Code != 206 || part.Body.String() != "/o=C" {
			t.Errorf("a part: %d %s", part.Code, part.Body)
		}
	})
}

func TestOptions(t *testing.T) {
	c := folder.Config{Source: contoso(), Log: quiet()}
	header := func(target string) http.Header { return do(t, folder.New(c), "OPTIONS", target, "").Header() }
	if h := header(mary); h.Get("DAV") != "1" || h.Get("MS-Author-Via") != "DAV" || h.Get("Allow") != "OPTIONS, GET, HEAD, PROPFIND" {
		t.Error(h)
	}
	c.Publisher, c.MayPublish = &publisher{}, func(*http.Request) (string, error) { return "", nil }
	if h := header(mary); h.Get("Allow") != "OPTIONS, GET, HEAD, PROPFIND, PROPPATCH, POST, DELETE" {
		t.Error(h)
	}
	if h := header(group); h.Get("DASL") != "<DAV:sql>" || strings.Contains(h.Get("Allow"), "DELETE") || !strings.Contains(h.Get("Allow"), "SEARCH") {
		t.Error(h)
	}
}

func TestOrigin(t *testing.T) {
	c := folder.Config{Source: contoso(), Log: quiet(), Origin: func(r *http.Request) string { return "https://" + r.Header.Get("X-Forwarded-Host") }}
	if w := do(t, folder.New(c), "PROPFIND", group, "", "Depth: 0", "X-Forwarded-Host: mail"); !strings.Contains(w.Body.String(), "<a:href>https://mail/public/") {
		t.Error(w.Body)
	}
	c.Origin = nil
	if w := do(t, folder.New(c), "PROPFIND", group, "", "Depth: 0", "X-Forwarded-Host: mail"); !strings.Contains(w.Body.String(), "<a:href>http://gw.contoso.com/public/") {
		t.Error(w.Body)
	}
}

func TestHolds(t *testing.T) {
	for target, want := range map[string]bool{mary: true, "//PUBLIC//non_ipm_subtree": true, "/public/": false, "/public/x": false} {
		if r := httptest.NewRequest("GET", "http://x"+target, nil); folder.Holds(r) != want {
			t.Errorf("%s: %v", target, !want)
		}
	}
}

var _ face.Publisher = (*publisher)(nil)
