package davfb_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
)

func TestRequestLinesOfOldClients(t *testing.T) {
	data, err := os.ReadFile("../testdata/dav/requests.txt")
	if err != nil {
		t.Fatal(err)
	}
	s := over(sourceFunc(free))
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if fields[0] == "#" {
			continue
		}
		r := s.get(t, fields[1])
		b := body(t, r)
		if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/xml; charset=utf-8" || r.Header.Get("Content-Length") != fmt.Sprint(len(b)) {
			t.Errorf("%s: %s, %v", fields[0], r.Status, r.Header)
		}
		if !strings.HasPrefix(b, `<a:response xmlns:a="WM"><a:recipients>`) || !strings.Contains(b, "<a:fbdata>0") {
			t.Errorf("%s: %s", fields[0], b)
		}
	}
}

func TestAnswerThroughAllHops(t *testing.T) {
	s := newStack()
	contoso := s.organization(t, exchangetest.Exchange2010, "contoso.com")
	fabrikam := s.organization(t, exchangetest.Exchange2019, "fabrikam.com")
	contoso.SetMailbox("mary@contoso.com", busy(9, 11))
	fabrikam.SetMailbox("joe@fabrikam.com", busy(10, 12), availability.Span{Window: hours(14, 15), Status: availability.Tentative})

	attendees := []string{"Mary@Contoso.com", "joe@fabrikam.com", "nobody@fabrikam.com", "ann@northwind.com", "not an address"}
	items := s.ask(t, hours(8, 16), time.Hour, strings.Join(attendees[:4], "&u=SMTP:"), "not%20an%20address")
	want := []string{"", "02200000", "00220010", "44444444", "44444444", "44444444"}
	for i, digits := range want {
		if i == 0 {
			digits = "42224414"
			if items[0].DisplayName != "All Attendees" || items[0].Address != "" {
				t.Errorf("the first row is %+v", items[0])
			}
		} else if items[i].Address != attendees[i-1] {
			t.Errorf("row %d is about %q, want %q", i, items[i].Address, attendees[i-1])
		}
		if items[i].Digits != digits {
			t.Errorf("row %d is %s, want %s", i, items[i].Digits, digits)
		}
	}
	for _, want := range []string{"unknown-mailbox", "no-route", "invalid-address", "nobody@fabrikam.com", "ann@northwind.com"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, s.log)
		}
	}
}

// A week looked at from all sides costs one call for each organization.
func TestPagingIsOneUpstreamCall(t *testing.T) {
	s := newStack()
	x := s.organization(t, exchangetest.Exchange2019, "fabrikam.com")
	attendees := []string{"mary@fabrikam.com", "joe@fabrikam.com", "ann@fabrikam.com", "nobody@fabrikam.com"}
	for _, a := range attendees[:3] {
		x.SetMailbox(a, busy(9, 11), busy(33, 34), busy(57, 60))
	}
	s.ask(t, hours(48, 72), 30*time.Minute, attendees...)
	if x.Calls() != 1 {
		t.Fatalf("%d calls", x.Calls())
	}
	intervals := []int{30, 15, 60, 10, 5, 1, 45, 120, 1440, 7}
	for i, minutes := range intervals {
		day := i%7 - 1 // from the Sunday before the Monday of hours(0, …) on
		w := hours(24*day, 24*day+24)
		if i >= 7 {
			w = hours(0, 24*(i-5)) // several days
		}
		items := s.ask(t, w, time.Duration(minutes)*time.Minute, attendees[i%4:]...)
		if len(items) != 5-i%4 {
			t.Errorf("%d rows", len(items))
		}
	}
	if x.Calls() != 1 {
		t.Errorf("%d upstream calls after ten more questions, want still 1", x.Calls())
	}
}

func TestUpstreamCallsOfALargeQuestion(t *testing.T) {
	s := newStack()
	x := s.organization(t, exchangetest.Exchange2019, "fabrikam.com")
	var attendees []string
	for i := range 250 {
		attendees = append(attendees, fmt.Sprintf("user%d@fabrikam.com", i))
		x.SetMailbox(attendees[i], busy(24*i, 24*i+12))
	}
	items := s.ask(t, hours(0, 90*24), 12*time.Hour, attendees...)
	if x.Calls() != 9 {
		t.Errorf("%d calls for 250 mailboxes and 90 days, want 9", x.Calls())
	}
	for i, item := range items[1:] {
		want := []byte(strings.Repeat("0", 180))
		if 2*i < 180 {
			want[2*i] = '2'
		}
		if item.Digits != string(want) {
			t.Errorf("%s:\n got %s\nwant %s", item.Address, item.Digits, want)
		}
	}
	for i := range 10 {
		s.ask(t, hours(24*i, 24*i+24+i), time.Duration(i+1)*5*time.Minute, attendees[10*i:20+20*i]...)
	}
	if x.Calls() != 9 {
		t.Errorf("%d calls after ten more questions, want still 9", x.Calls())
	}
}

// A random part of the attendees fails in random ways: the others' digits are what
// they were, and whoever failed is no information throughout.
func TestFailureNeverLooksFree(t *testing.T) {
	s := newStack()
	x := s.organization(t, exchangetest.Exchange2013, "fabrikam.com")
	attendees := make([]string, 12)
	for i := range attendees {
		attendees[i] = fmt.Sprintf("user%d@fabrikam.com", i)
		x.SetMailbox(attendees[i], busy(i, i+2))
	}
	w := hours(0, 24)
	before := s.ask(t, w, time.Hour, attendees...)
	faults := exchangetest.Faults()
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		failed := make(map[int]exchangetest.Fault)
		for i, a := range attendees {
			var fault exchangetest.Fault
			if f := faults[random.IntN(len(faults))]; f.PerMailbox() && random.IntN(3) == 0 {
				fault, failed[i] = f, f
			}
			x.FailMailbox(a, fault)
		}
		s.caches.Flush()
		for i, item := range s.ask(t, w, time.Hour, attendees...)[1:] {
			want := before[i+1].Digits
			if _, ok := failed[i]; ok {
				want = strings.Repeat("4", 24)
			}
			if item.Digits != want {
				t.Fatalf("%s with %q: %s, want %s", item.Address, failed[i].Name, item.Digits, want)
			}
		}
	}
}

func TestFreshness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := over(sourceFunc(free))
		day := question(hours(0, 24), 30*time.Minute, "mary@contoso.com")
		both := question(hours(0, 24), 30*time.Minute, "mary@contoso.com", "joe@contoso.com")
		for _, step := range []struct {
			wait        time.Duration
			target      string
			age, status string
		}{
			{0, day, "0", "fbgate; fwd=miss"},
			{90 * time.Second, day, "90", "fbgate; hit; ttl=810"},
			{time.Second, both, "91", `fbgate; fwd=partial; detail="1 of 2 attendees remembered"`},
			{9 * time.Second, both, "100", "fbgate; hit; ttl=800"},
			{800 * time.Second, day, "0", "fbgate; fwd=miss"},
		} {
			time.Sleep(step.wait)
			r := s.get(t, step.target)
			if got := r.Header; got.Get("Age") != step.age || got.Get("Cache-Status") != step.status || got.Get("Cache-Control") != "private" {
				t.Errorf("Age %q, Cache-Status %q, want %q, %q", got.Get("Age"), got.Get("Cache-Status"), step.age, step.status)
			}
		}
	})
}

// One organization never answers: at the deadline the others' digits are there, and
// what came late is there for the next client.
func TestAnswersAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack()
		s.add(sourceFunc(free), "contoso.com")
		s.add(sourceFunc(func(ctx context.Context, q availability.Query) []availability.Answer {
			time.Sleep(20 * time.Second)
			return free(ctx, q)
		}), "slow.com")
		begun := time.Now()
		items := s.ask(t, hours(0, 4), time.Hour, "mary@contoso.com", "joe@slow.com")
		if took := time.Since(begun); took != 10*time.Second || items[1].Digits != "0000" || items[2].Digits != "4444" {
			t.Errorf("after %v: %+v", took, items)
		}
		if !strings.Contains(s.log.String(), "reason=timeout") {
			t.Errorf("the log does not say why:\n%s", s.log)
		}
		time.Sleep(15 * time.Second)
		if items := s.ask(t, hours(0, 4), time.Hour, "joe@slow.com"); items[1].Digits != "0000" {
			t.Errorf("later: %+v", items)
		}
	})
}

func TestRequestIDGoesAlong(t *testing.T) {
	s := newStack()
	x := s.organization(t, exchangetest.Exchange2019, "fabrikam.com")
	x.SetMailbox("mary@fabrikam.com")
	target := question(hours(0, 24), time.Hour, "mary@fabrikam.com")
	for given, kept := range map[string]bool{"": false, "web-42.a_b": true, "line\nbreak": false, strings.Repeat("x", 65): false} {
		s.caches.Flush()
		request := httptest.NewRequest(http.MethodGet, target, nil)
		request.Header.Set("X-Request-Id", given)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, request)
		id := w.Header().Get("X-Request-Id")
		if (id == given) != kept || id == "" {
			t.Errorf("%q becomes %q", given, id)
		}
		if requests := x.Requests(); requests[len(requests)-1].ClientRequestID != id {
			t.Errorf("%q goes upstream as %q", id, requests[len(requests)-1].ClientRequestID)
		}
		if !strings.Contains(s.log.String(), "request_id="+id) {
			t.Errorf("%q is not in the log", id)
		}
	}
}

func TestHEAD(t *testing.T) {
	server := httptest.NewServer(over(sourceFunc(free)))
	defer server.Close()
	target := server.URL + question(hours(0, 24), 30*time.Minute, "mary@contoso.com")
	get, err := http.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer get.Body.Close()
	head, err := http.Head(target)
	if err != nil {
		t.Fatal(err)
	}
	defer head.Body.Close()
	if head.ContentLength != get.ContentLength || head.ContentLength <= 0 || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") || len(body(t, head)) != 0 {
		t.Errorf("GET has %v, HEAD %v", get.Header, head.Header)
	}
}

// Whatever comes, nobody is redirected and nobody gets HTML, and what is wrong is
// said in words.
func TestBadInput(t *testing.T) {
	s := over(sourceFunc(free))
	day := "start=2009-10-28T00:00:00Z&end=2009-10-29T00:00:00Z"
	tests := []struct {
		method, target string
		status         int
		says           string
	}{
		{"GET", "/public/?Cmd=freebusy", 400, "<a:parameter>start</a:parameter><a:received></a:received><a:expected>a time such as 2009-10-28T08:00:00Z"},
		{"GET", "/public/?Cmd=freebusy&start=now&u=a@b", 400, "<a:received>now</a:received>"},
		{"GET", "/public/?Cmd=freebusy&start=%3Cscript%3E&u=a@b", 400, "<a:received>&lt;script&gt;</a:received>"},
		{"GET", "/public/?Cmd=freebusy&" + day + "&interval=0&u=a@b", 400, "<a:expected>whole minutes from 1 to 1440</a:expected>"},
		{"GET", "/public/?Cmd=freebusy&" + day, 400, "<a:parameter>u</a:parameter>"},
		{"GET", "/public/?Cmd=freebusy&" + day + strings.Repeat("&u=a@b", 501), 400, "more than 500 attendees"},
		{"GET", "/public/?Cmd=freebusy&start=2009-10-28T00:00:00Z&end=2011-10-28T00:00:00Z&u=a@b", 400, "at most 400 days after start"},
		{"GET", "/public/?Cmd=freebusy&start=2009-10-28T00:00:00Z&end=2010-11-28T00:00:00Z&interval=1" + strings.Repeat("&u=a@b", 20), 400, "an answer has at most 5000000 digits"},
		{"GET", "/public/?Cmd=freebusy&" + day + "&u=" + strings.Repeat("a", 70_000), 414, "too long"},
		{"POST", "/public/?Cmd=freebusy&" + day + "&u=a@b", 405, "GET or HEAD"},
		{"PROPFIND", "/public/?Cmd=freebusy&" + day + "&u=a@b", 405, "GET or HEAD"},
		{"GET", "/public/", 404, "Cmd=freebusy"},
		{"GET", "/public/?Cmd=galfind&AN=mary", 404, "Cmd=freebusy"},
		{"GET", "/exchange/mary/?Cmd=freebusy&" + day + "&u=a@b", 404, "Cmd=freebusy"},
		{"GET", "/", 404, "Cmd=freebusy"},
		{"GET", "//", 404, "Cmd=freebusy"},
		{"GET", "/a/../public", 404, "Cmd=freebusy"},
	}
	for _, test := range tests {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(test.method, test.target, nil))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.says) || strings.Contains(w.Body.String(), "fbdata") ||
			strings.Contains(w.Header().Get("Content-Type"), "html") || w.Header().Get("Location") != "" {
			t.Errorf("%s %.80s: %d %v\n%s\nwant %d and %q", test.method, test.target, w.Code, w.Header(), w.Body, test.status, test.says)
		}
		if w.Code == http.StatusMethodNotAllowed && w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: Allow %q", test.method, test.target, w.Header().Get("Allow"))
		}
		if w.Body.Len() > 1000 {
			t.Errorf("%s %.80s: an error of %d bytes", test.method, test.target, w.Body.Len())
		}
	}
}

// A fault of our own is told to the client and the log; the connection stays.
func TestSurvivesAPanic(t *testing.T) {
	s := newStack()
	s.router.Add(sourceFunc(func(context.Context, availability.Query) []availability.Answer { panic("out of cheese") }), "*")
	r := s.get(t, question(hours(0, 24), time.Hour, "mary@contoso.com"))
	if b := body(t, r); r.StatusCode != http.StatusInternalServerError || !strings.Contains(b, "its log says why") || strings.Contains(b, "cheese") {
		t.Errorf("%s: %s", r.Status, b)
	}
	if !strings.Contains(s.log.String(), "out of cheese") || !strings.Contains(s.log.String(), "request_id="+r.Header.Get("X-Request-Id")) {
		t.Errorf("the log says %s", s.log)
	}
}

// In the middle of a long answer there is no way to say so but to break it off.
func TestSurvivesAPanicHalfway(t *testing.T) {
	s := newStack()
	s.router.Add(sourceFunc(func(ctx context.Context, q availability.Query) []availability.Answer { return free(ctx, q)[1:] }), "*")
	server := httptest.NewServer(s)
	response, err := http.Get(server.URL + question(hours(0, 300*24), time.Minute, "mary@contoso.com", "joe@contoso.com"))
	if err == nil {
		defer response.Body.Close()
		_, err = io.ReadAll(response.Body)
	}
	server.Close() // and the log is complete
	if err == nil || !strings.Contains(s.log.String(), "panic") {
		t.Errorf("the client sees %v, the log says %s", err, s.log)
	}
}

// A client that closes its half of the connection after the request waits for the
// answer.
func TestHalfClosedConnection(t *testing.T) {
	s := over(sourceFunc(func(ctx context.Context, q availability.Query) []availability.Answer {
		time.Sleep(50 * time.Millisecond)
		return free(ctx, q)
	}))
	server := httptest.NewServer(s)
	defer server.Close()
	target := question(hours(0, 4), time.Hour, "mary@contoso.com")
	for range 2 { // asked, and remembered
		connection, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(connection, "GET %s HTTP/1.0\r\n\r\n", target)
		if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		reply, err := io.ReadAll(connection)
		if err != nil || !strings.Contains(string(reply), "</a:recipients></a:response>") {
			t.Errorf("%v: %s", err, reply)
		}
		connection.Close()
	}
}

func TestClientThatLeavesIsNoTimeout(t *testing.T) {
	s := over(sourceFunc(free))
	ctx, leave := context.WithCancel(t.Context())
	leave()
	request := httptest.NewRequest(http.MethodGet, question(hours(0, 24), time.Hour, "mary@contoso.com"), nil)
	s.ServeHTTP(httptest.NewRecorder(), request.WithContext(ctx))
	if log := s.log.String(); !strings.Contains(log, "client left") || strings.Contains(log, "WARN") {
		t.Errorf("the log says %s", log)
	}
}

func TestNobodyAskedIsNoCacheMiss(t *testing.T) {
	s := newStack()
	s.add(sourceFunc(free), "contoso.com")
	stranger := question(hours(0, 24), time.Hour, "ann@northwind.com")
	if r := s.get(t, stranger); r.Header.Get("Cache-Status") != "" || r.Header.Get("Age") != "" {
		t.Errorf("%v", r.Header)
	}
	both := stranger + "&u=mary@contoso.com"
	s.get(t, both)
	if got := s.get(t, both).Header.Get("Cache-Status"); !strings.HasPrefix(got, "fbgate; hit; ttl=") {
		t.Errorf("%q", got)
	}
}

// However many invented addresses a request has, it is few lines in the log, and
// none that is long.
func TestLogIsBounded(t *testing.T) {
	s := newStack()
	attendees := make([]string, 500)
	for i := range attendees {
		attendees[i] = fmt.Sprintf("%s%d@invented-%d.example", strings.Repeat("a", 50), i, i)
	}
	s.ask(t, hours(0, 24), time.Hour, attendees...)
	if log := s.log.String(); strings.Count(log, "\n") != 2 || len(log) > 4000 || !strings.Contains(log, "and 480 more") {
		t.Errorf("%d bytes: %.5000s", len(log), log)
	}
}

// The longest answer is as right as a short one, and as announced.
func TestLongAnswer(t *testing.T) {
	s := over(sourceFunc(free))
	w := hours(0, 300*24)
	r := s.get(t, question(w, time.Minute, "mary@contoso.com", "x@contoso.com"))
	b := body(t, r)
	slots := 300 * 24 * 60
	if r.Header.Get("Content-Length") != fmt.Sprint(len(b)) || strings.Count(b, strings.Repeat("4", slots)) != 2 || strings.Count(b, strings.Repeat("0", slots)) != 1 {
		t.Errorf("%d bytes, %v", len(b), r.Header)
	}
}

func TestDeadOrganizationIsOneLineInTheLog(t *testing.T) {
	s := over(sourceFunc(func(_ context.Context, q availability.Query) []availability.Answer {
		return availability.Fail(q, availability.Because(availability.Unreachable, "connection refused"))
	}))
	attendees := make([]string, 100)
	for i := range attendees {
		attendees[i] = fmt.Sprintf("user%d@fabrikam.com", i)
	}
	s.ask(t, hours(0, 24), time.Hour, attendees...)
	if n := strings.Count(s.log.String(), "no information"); n != 1 {
		t.Errorf("%d lines:\n%s", n, s.log)
	}
}
