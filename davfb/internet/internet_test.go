package internet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/davfb/internet"
)

// source is a Source of what it knows; everybody else is unknown to it.
type source struct {
	mu    sync.Mutex
	known map[availability.Mailbox]availability.Answer
	asked []availability.Query
}

func (s *source) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, q)
	answers := availability.Fail(q, availability.Because(availability.UnknownMailbox, "nobody"))
	for i, m := range q.Mailboxes {
		if a, ok := s.known[m]; ok {
			a.Mailbox, a.Window, a.Organization = m, q.Window, "contoso"
			if a.Reason == nil && !a.Schedule.Covers(q.Window) {
				a.Reason = availability.Because(availability.NoInformation, "not all")
			}
			answers[i] = a
		}
	}
	return answers
}

// busy is known from 2000 on, and busy from 8 to 9 each day of November 2009.
func busy() availability.Answer {
	known := availability.Window{Start: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	var spans []availability.Span
	for day := 1; day <= 30; day++ {
		start := time.Date(2009, 11, day, 8, 0, 0, 0, time.UTC)
		spans = append(spans, availability.Span{Window: availability.Window{Start: start, End: start.Add(time.Hour)}, Status: availability.Busy})
	}
	return availability.Answer{At: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), Schedule: availability.NewSchedule(known, 0, spans)}
}

func because(code availability.Code) availability.Answer {
	return availability.Answer{Reason: availability.Because(code, "a secret host is down")}
}

// desk is a Handler, and what it asks and keeps.
type desk struct {
	*internet.Handler
	*source
	*shelf
	log *bytes.Buffer
}

func newDesk(t testing.TB, c internet.Config) *desk {
	t.Helper()
	d := &desk{log: new(bytes.Buffer), shelf: &shelf{}, source: &source{known: map[availability.Mailbox]availability.Answer{"mary@contoso.com": busy()}}}
	c.Source = d.source
	c.Log = slog.New(slog.NewTextHandler(d.log, nil))
	if c.Authenticate != nil {
		c.Publisher = d.shelf
	}
	var err error
	if d.Handler, err = internet.New(c); err != nil {
		t.Fatal(err)
	}
	return d
}

// do sends a request; headers are "Name: value".
func (d *desk) do(method, target, body string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result()
}

func text(r *http.Response) string {
	data, _ := io.ReadAll(r.Body)
	return string(data)
}

func property(t *testing.T, calendar, name string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + `[^:]*:(.*)\r$`).FindStringSubmatch(strings.ReplaceAll(calendar, "\r\n ", ""))
	if found == nil {
		t.Fatalf("no %s in %q", name, calendar)
	}
	return found[1]
}

// at runs f in a bubble in which it is that time.
func at(t *testing.T, moment string, f func(t *testing.T)) {
	t.Helper()
	now, err := time.Parse(time.RFC3339, moment)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now))
		f(t)
	})
}

const november = "2009-11-15T12:00:00Z"

func TestURLs(t *testing.T) {
	at(t, november, func(t *testing.T) {
		d := newDesk(t, internet.Config{DefaultDomain: "contoso.com", Patterns: []string{
			"/calendar/%NAME%.vfb", "/vcal_server.php/type=vfb&email=%NAME%@%SERVER%", "/old/%server%/fb/%name%/free busy.txt",
			"/vcal_server.php?type=vfb&email=%NAME%@%SERVER%", "/pub/%NAME%%40%SERVER%",
		}})
		for _, test := range []struct {
			target string
			want   int
		}{
			{"/freebusy/mary@contoso.com.vfb", 200},
			{"/freebusy/mary@contoso.com.ifb", 200},
			{"/freebusy/mary@contoso.com.ics", 200},
			{"/freebusy/mary@contoso.com", 200},
			{"/freebusy/mary%40contoso.com.vfb", 200},
			{"/FreeBusy/MARY@Contoso.COM.VFB", 200},
			{"/freebusy/mary@contoso.com.vfb?x=y", 200},
			{"/freebusy/contoso.com/mary.vfb", 200},
			{"/freebusy/contoso.com/mary", 200},
			{"/freebusy/mary.ifb", 200},
			{"/freebusy/mary", 200},
			{"/freebusy/?mary@contoso.com", 200},
			{"/freebusy/?mary%40contoso.com", 200},
			{"/freebusy/?mary@contoso.com&start=2009-11-01T00:00:00Z", 200},
			{"/calendar/mary.vfb", 200},
			{"/calendar/MARY.IFB", 200},
			{"/calendar/mary", 200},
			{"/vcal_server.php/type=vfb&email=mary@contoso.com", 200},
			{"/vcal_server.php/type=vfb&email=mary%40contoso.com", 200},
			{"/vcal_server.php?type=vfb&email=mary@contoso.com", 200},
			{"/vcal_server.php?type=vfb&email=mary%40contoso.com&source=outlook&key=secret", 200},
			{"/old/contoso.com/fb/mary/free%20busy.txt", 200},
			{"/pub/mary@contoso.com.vfb", 200},
			{"/freebusy/john@contoso.com.vfb", 404},
			{"/freebusy/", 404},
			{"/freebusy", 404},
			{"/freebusy/a/b/c.vfb", 404},
			{"/freebusy/mary@contoso.com@x.vfb", 404},
			{"/freebusy/?start=1&x=mary@contoso.com", 404},
			{"/freebusy/%2Fo=contoso%2Fcn=mary.vfb", 404},
			{"/freebusy/a%20b@contoso.com.vfb", 400},
			{"/freebusy/a%00@contoso.com.vfb", 400},
			{"/freebusy/a%FF@contoso.com.vfb", 400},
			{"/old/contoso.com/fb/mary/free%20busy.txt.vfb", 404},
			{"/freebusy/" + strings.Repeat("x", 65) + "@contoso.com", 404},
			{"/freebusy/" + strings.Repeat("x", 3000), 414},
			{"/elsewhere", 404},
		} {
			r := d.do("GET", test.target, "")
			body := text(r)
			if r.StatusCode != test.want {
				t.Errorf("%.100s: %s: %s", test.target, r.Status, body)
			}
			if test.want == 200 {
				if property(t, body, "ORGANIZER") != "mailto:mary@contoso.com" || property(t, body, "URL") != "http://example.com/freebusy/mary@contoso.com.vfb" {
					t.Errorf("%s: %s", test.target, body)
				}
			} else if r.Header.Get("Content-Type") != "text/plain; charset=utf-8" || strings.Count(body, "\n") != 1 || len(body) > 400 {
				t.Errorf("%.100s: %v %q", test.target, r.Header, body)
			}
			request := httptest.NewRequest("GET", test.target, nil)
			if ours := !strings.HasPrefix(test.target, "/elsewhere") && !strings.HasSuffix(test.target, ".txt.vfb"); d.Matches(request) != ours {
				t.Errorf("%.100s: ours is %v", test.target, !ours)
			}
		}
	})
}

func TestNewRefuses(t *testing.T) {
	good := &source{}
	for want, c := range map[string]internet.Config{
		"no Source":                      {},
		`has to begin with "/"`:          {Source: good, Patterns: []string{"http://x/%NAME%@%SERVER%.vfb"}},
		"there is no %USER%":             {Source: good, Patterns: []string{"/%USER%.vfb"}},
		"there is no %NAME% in it":       {Source: good, Patterns: []string{"/%SERVER%.vfb"}},
		"no default domain":              {Source: good, Patterns: []string{"/%NAME%.vfb"}},
		"%NAME% comes twice":             {Source: good, Patterns: []string{"/%NAME%/%NAME%@%SERVER%"}},
		"something has to stand between": {Source: good, Patterns: []string{"/%NAME%%SERVER%"}},
		"invalid URL escape":             {Source: good, Patterns: []string{"/100%/%NAME%@%SERVER%"}},
		`"a@b" is no mail domain`:        {Source: good, DefaultDomain: "a@b"},
		"not 0 to 12 together":           {Source: good, MonthsBefore: 6, MonthsAfter: 7},
		"-1 months":                      {Source: good, MonthsBefore: -1},
		"cannot be kept":                 {Source: good, Keep: -1},
		"nobody to say":                  {Source: good, Publisher: &shelf{}},
		// all at once
		"no Source\ninternet free/busy: -2": {MonthsBefore: -2},
	} {
		if h, err := internet.New(c); h != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestAnswer(t *testing.T) {
	at(t, november, func(t *testing.T) {
		d := newDesk(t, internet.Config{})
		r := d.do("GET", "/freebusy/mary@contoso.com.vfb", "")
		body := text(r)
		h := r.Header
		if h.Get("Content-Type") != "text/calendar; charset=utf-8" || h.Get("Content-Length") != fmt.Sprint(len(body)) ||
			h.Get("Cache-Control") != "private, no-cache" || h.Get("Cache-Status") != "fbgate; fwd=miss" || h.Get("Age") != "0" ||
			h.Get("Last-Modified") != "Sun, 01 Nov 2009 00:00:00 GMT" || !regexp.MustCompile(`^"[0-9a-f]{32}"$`).MatchString(h.Get("Etag")) {
			t.Errorf("%v", h)
		}
		if property(t, body, "DTSTART") != "20091001T000000Z" || property(t, body, "DTEND") != "20100201T000000Z" || property(t, body, "DTSTAMP") != "20000101T000000Z" {
			t.Error(body)
		}
		if n := strings.Count(body, "\r\nFREEBUSY;FBTYPE=BUSY:"); n != 30 {
			t.Errorf("%d periods", n)
		}
		head := d.do("HEAD", "/freebusy/mary@contoso.com.vfb", "")
		if head.StatusCode != 200 || text(head) != "" || head.Header.Get("Content-Length") != h.Get("Content-Length") || head.Header.Get("Etag") != h.Get("Etag") {
			t.Errorf("HEAD: %v", head.Header)
		}
		if q := d.asked[0]; len(q.Mailboxes) != 1 || q.RequestID == "" || q.Interval <= 0 {
			t.Errorf("%+v", q)
		}
	})
}

// The window is of whole months in UTC: over the ends of years, and of summer time, where
// the hour that clocks show twice is no hour too many.
func TestWindows(t *testing.T) {
	for _, test := range []struct {
		now, query    string
		before, after int
		start, end    string
	}{
		{"2009-11-15T12:00:00Z", "", 0, 0, "20091001T000000Z", "20100201T000000Z"},
		{"2010-01-31T23:59:59Z", "", 0, 0, "20091201T000000Z", "20100401T000000Z"},
		{"2010-02-01T00:00:00Z", "", 0, 0, "20100101T000000Z", "20100501T000000Z"},
		{"2010-02-01T00:30:00+01:00", "", 0, 0, "20091201T000000Z", "20100401T000000Z"},
		{"2012-02-29T12:00:00Z", "", 0, 12, "20120201T000000Z", "20130301T000000Z"},
		{"2009-12-31T12:00:00Z", "", 12, 0, "20081201T000000Z", "20100101T000000Z"},
		{"2009-10-25T00:30:00Z", "", 0, 1, "20091001T000000Z", "20091201T000000Z"},
		{november, "start=2009-10-25T02:00:00%2B02:00&end=2009-10-25T03:00:00+01:00", 0, 0, "20091025T000000Z", "20091025T020000Z"},
		{november, "START=2009-10-25T2:00Z&endt=2009-10-25T24:00:00Z", 0, 0, "20091025T020000Z", "20091026T000000Z"},
		{november, "start=2009-10-25T00:00:00Z", 0, 0, "20091025T000000Z", "20091026T000000Z"},
		{november, "start=2009-01-01T00:00:00Z&end=2010-02-05T00:00:00Z", 0, 0, "20090101T000000Z", "20100205T000000Z"},
	} {
		at(t, test.now, func(t *testing.T) {
			d := newDesk(t, internet.Config{MonthsBefore: test.before, MonthsAfter: test.after})
			body := text(d.do("GET", "/freebusy/mary@contoso.com.vfb?"+test.query, ""))
			if start, end := property(t, body, "DTSTART"), property(t, body, "DTEND"); start != test.start || end != test.end {
				t.Errorf("%s %s: %s to %s", test.now, test.query, start, end)
			}
		})
	}
	d := newDesk(t, internet.Config{})
	for query, want := range map[string]string{
		"start=tomorrow":           `parameter start is "tomorrow"`,
		"end=2009-10-25T00:00:00Z": "parameter start is missing",
		"start=2009-10-25T00:00:00Z&end=2009-10-24T00:00:00Z": "a time after start",
		"start=2009-01-01T00:00:00Z&end=2010-02-06T00:00:00Z": "at most 400 days after start",
	} {
		r := d.do("GET", "/freebusy/mary@contoso.com.vfb?"+query, "")
		if body := text(r); r.StatusCode != 400 || !strings.Contains(body, want) {
			t.Errorf("%s: %s: %s", query, r.Status, body)
		}
	}
	if len(d.asked) > 0 {
		t.Error("somebody was asked")
	}
}

// Whatever goes wrong is no calendar.
func TestFailures(t *testing.T) {
	at(t, november, func(t *testing.T) {
		d := newDesk(t, internet.Config{})
		statuses := map[availability.Code]int{
			availability.UnknownMailbox: 404, availability.NoRoute: 404, availability.InvalidAddress: 404, availability.NoInformation: 404, availability.NotAllowed: 404,
			availability.NoPermission: 403, availability.Withheld: 403,
		}
		for _, code := range availability.Codes() {
			d.known["mary@contoso.com"] = because(code)
			r := d.do("GET", "/freebusy/mary@contoso.com.vfb", "")
			body, want := text(r), statuses[code]
			if want == 0 {
				want = 503
			}
			if r.StatusCode != want || (r.Header.Get("Retry-After") != "") != (want == 503) {
				t.Errorf("%s: %s, %v", code, r.Status, r.Header)
			}
			if strings.Contains(body, "VCALENDAR") || strings.Contains(body, "secret") || !strings.Contains(body, "mary@contoso.com") {
				t.Errorf("%s: %s", code, body)
			}
			if !strings.Contains(d.log.String(), "reason="+string(code)) {
				t.Errorf("%s is not in the log", code)
			}
		}
		limited := because(availability.RateLimited)
		limited.Reason.RetryAfter = 1500 * time.Millisecond
		d.known["mary@contoso.com"] = limited
		if r := d.do("GET", "/freebusy/mary@contoso.com.vfb", ""); r.Header.Get("Retry-After") != "2" {
			t.Errorf("%v", r.Header)
		}
		throttled := because(availability.Throttled)
		throttled.Reason.RetryAfter = 5 * time.Minute
		d.known["mary@contoso.com"] = throttled
		if r := d.do("GET", "/freebusy/mary@contoso.com.vfb", ""); r.Header.Get("Retry-After") != "300" {
			t.Errorf("%v", r.Header)
		}
	})
}

// A file says of no time that it is free which is not known to be.
func TestKnownInPart(t *testing.T) {
	at(t, november, func(t *testing.T) {
		d := newDesk(t, internet.Config{})
		day := func(month time.Month, day int) time.Time { return time.Date(2009, month, day, 0, 0, 0, 0, time.UTC) }
		gap := func(from, to time.Time) availability.Span {
			return availability.Span{Window: availability.Window{Start: from, End: to}, Status: availability.NoData}
		}
		a := busy()
		for _, test := range []struct {
			name, query, want string
			spans             []availability.Span
		}{
			{"around now", "", "20091020T000000Z 20091120T000000Z", []availability.Span{gap(day(10, 10), day(10, 20)), gap(day(11, 20), day(11, 21))}},
			{"not now", "", "", []availability.Span{gap(day(11, 15), day(11, 16))}},
			{"the longest, of another time", "?start=2009-10-01T00:00:00Z&end=2009-10-31T00:00:00Z", "20091020T000000Z 20091031T000000Z", []availability.Span{gap(day(10, 10), day(10, 20))}},
			{"none of another time", "?start=2009-10-01T00:00:00Z&end=2009-10-31T00:00:00Z", "", []availability.Span{gap(day(9, 1), day(11, 1))}},
		} {
			a.Reason = availability.Because(availability.Timeout, "a part")
			a.Schedule = availability.NewSchedule(a.Schedule.Known, 0, test.spans)
			d.known["mary@contoso.com"] = a
			r := d.do("GET", "/freebusy/mary@contoso.com.vfb"+test.query, "")
			body := text(r)
			if test.want == "" {
				if r.StatusCode != 503 {
					t.Errorf("%s: %s %s", test.name, r.Status, body)
				}
			} else if got := property(t, body, "DTSTART") + " " + property(t, body, "DTEND"); got != test.want {
				t.Errorf("%s: %s", test.name, got)
			}
		}
	})
}

func TestConditionalGet(t *testing.T) {
	at(t, november, func(t *testing.T) {
		d := newDesk(t, internet.Config{})
		first := d.do("GET", "/freebusy/mary@contoso.com.vfb", "")
		tag := first.Header.Get("Etag")
		get := func(status int, headers ...string) *http.Response {
			t.Helper()
			r := d.do("GET", "/freebusy/mary@contoso.com.vfb", "", headers...)
			if body := text(r); r.StatusCode != status || (body == "") != (status == 304) {
				t.Errorf("%v: %s %.40q", headers, r.Status, body)
			}
			return r
		}
		unchanged := get(304, "If-None-Match: "+tag)
		if unchanged.Header.Get("Etag") != tag || unchanged.Header.Get("Content-Length") != "" || unchanged.Header.Get("Cache-Status") == "" {
			t.Errorf("%v", unchanged.Header)
		}
		get(304, `If-None-Match: "x", W/`+tag)
		get(304, "If-None-Match: *")
		// Of two answers within a second, only the ETag tells which one a client has.
		get(200, "If-Modified-Since: "+first.Header.Get("Last-Modified"))
		get(200, `If-None-Match: "x"`)
		get(200, `If-None-Match: "x"`, "If-Modified-Since: Sun, 15 Nov 2009 00:00:00 GMT")

		// Asked anew, with the same in it: nothing has changed.
		again := busy()
		again.At = time.Now()
		d.known["mary@contoso.com"] = again
		if r := get(304, "If-None-Match: "+tag); r.Header.Get("Last-Modified") != "" {
			t.Errorf("%v", r.Header)
		}
		if r := get(200, "If-Modified-Since: Sun, 01 Nov 2009 00:00:00 GMT"); r.Header.Get("Last-Modified") != "Sun, 15 Nov 2009 12:00:00 GMT" {
			t.Errorf("%v", r.Header)
		}
		again.Schedule = availability.NewSchedule(again.Schedule.Known, 0, again.Schedule.Spans[1:])
		d.known["mary@contoso.com"] = again
		get(200, "If-None-Match: "+tag)
		time.Sleep(20 * 24 * time.Hour) // December has another window
		d.known["mary@contoso.com"] = busy()
		get(200, "If-None-Match: "+tag)
		d.known["mary@contoso.com"] = because(availability.Timeout)
		if r := d.do("GET", "/freebusy/mary@contoso.com.vfb", "", "If-None-Match: *"); r.StatusCode != 503 {
			t.Errorf("a failure is %s", r.Status)
		}
	})
}

func TestFreshness(t *testing.T) {
	at(t, november, func(t *testing.T) {
		d := newDesk(t, internet.Config{})
		remembered := busy()
		remembered.At, remembered.Expires, remembered.Cached = time.Now().Add(-90*time.Second), time.Now().Add(30*time.Second), true
		d.known["mary@contoso.com"] = remembered
		h := d.do("GET", "/freebusy/mary@contoso.com.vfb", "").Header
		if h.Get("Age") != "90" || h.Get("Cache-Status") != "fbgate; hit; ttl=30" || h.Get("Last-Modified") != "Sun, 15 Nov 2009 11:58:30 GMT" {
			t.Errorf("%v", h)
		}
	})
}

func TestMethods(t *testing.T) {
	const readOnly, all = "GET, HEAD, OPTIONS", "GET, HEAD, OPTIONS, PUT, DELETE, PROPFIND"
	anybody := func(*http.Request) (string, error) { return "mary", nil }
	for _, test := range []struct {
		method       string
		authenticate face.Authenticate
		status       int
		allow        string
	}{
		{"OPTIONS", nil, 200, readOnly}, {"OPTIONS", anybody, 200, all},
		{"POST", nil, 405, readOnly}, {"LOCK", anybody, 405, all},
		{"PROPFIND", nil, 405, readOnly}, {"PROPFIND", anybody, 207, ""},
		{"PUT", nil, 403, ""}, {"DELETE", nil, 403, ""}, {"DELETE", anybody, 404, ""},
	} {
		d := newDesk(t, internet.Config{Authenticate: test.authenticate})
		r := d.do(test.method, "/freebusy/mary@contoso.com.vfb", "")
		if r.StatusCode != test.status || r.Header.Get("Allow") != test.allow {
			t.Errorf("%s: %s, %v", test.method, r.Status, r.Header)
		}
		if body := text(r); test.status == 207 && (body != `<?xml version="1.0"?><a:multistatus xmlns:a="DAV:"/>` || r.Header.Get("Content-Type") != "text/xml; charset=utf-8") {
			t.Errorf("%s: %s", test.method, body)
		}
	}
}

// Over a connection, many at once.
func TestOverTheWire(t *testing.T) {
	d := newDesk(t, internet.Config{Authenticate: func(*http.Request) (string, error) { return "mary", nil }, MonthsAfter: 12})
	now := time.Now()
	d.known["mary@contoso.com"] = availability.Answer{At: now, Schedule: availability.NewSchedule(
		availability.Window{Start: now.AddDate(-1, 0, 0), End: now.AddDate(2, 0, 0)}, 0, nil)}
	server := httptest.NewServer(d)
	defer server.Close()
	var clients sync.WaitGroup
	for i := range 20 {
		clients.Go(func() {
			request, _ := http.NewRequest("GET", server.URL+"/freebusy/mary@contoso.com.vfb", nil)
			if i%4 == 0 {
				end := now.Add(48 * time.Hour).UTC()
				request, _ = http.NewRequest("PUT", server.URL+"/freebusy/mary@contoso.com.vfb", strings.NewReader(calendar("mary@contoso.com", now.UTC(), end)))
			}
			r, err := server.Client().Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Body.Close()
			body, err := io.ReadAll(r.Body)
			if r.StatusCode > 204 || err != nil || request.Method == "GET" && !strings.Contains(string(body), server.URL+"/freebusy/mary@contoso.com.vfb") {
				t.Errorf("%s: %s, %v: %s", request.Method, r.Status, err, body)
			}
		})
	}
	clients.Wait()
}

func BenchmarkGet(b *testing.B) {
	a := busy()
	a.Cached = true
	h, err := internet.New(internet.Config{Source: always{a}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/freebusy/mary@contoso.com.vfb?start=2009-10-01T00:00:00Z&end=2010-01-01T00:00:00Z", nil))
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}

type always struct{ answer availability.Answer }

func (a always) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	a.answer.Mailbox, a.answer.Window = q.Mailboxes[0], q.Window
	return []availability.Answer{a.answer}
}

var errDisk = errors.New("no space left on device")

// shelf keeps publications in memory.
type shelf struct {
	mu     sync.Mutex
	kept   map[availability.Mailbox]availability.Publication
	broken bool
}

func (s *shelf) Publish(_ context.Context, p availability.Publication) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errDisk
	}
	if s.kept == nil {
		s.kept = make(map[availability.Mailbox]availability.Publication)
	}
	s.kept[p.Mailbox] = p
	return nil
}

func (s *shelf) Withdraw(_ context.Context, m availability.Mailbox) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, was := s.kept[m]
	delete(s.kept, m)
	return was, nil
}

func (s *shelf) Get(_ context.Context, m availability.Mailbox) (availability.Publication, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.kept[m]
	return p, ok, nil
}
