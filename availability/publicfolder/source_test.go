package publicfolder_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/exchangetest/publicfoldertest"
	"fbgate/availability/publicfolder"
	"fbgate/availability/upstream"
	"fbgate/translate/merged"

	"pgregory.net/rapid"
)

const hour = time.Hour

var quiet = slog.New(slog.DiscardHandler)

func span(from, to time.Duration, status availability.Status) availability.Span {
	return availability.Span{Window: availability.Window{Start: at.Epoch.Add(from), End: at.Epoch.Add(to)}, Status: status}
}

func window(from, to time.Duration) availability.Window { return span(from, to, 0).Window }

var mailboxes = []availability.Mailbox{"mary@contoso.com", "joe@contoso.com", "ann@contoso.com"}

// exchange starts a pretend Exchange 2003 with three mailboxes and returns a Source
// that asks it.
func exchange(t testing.TB, change func(*publicfolder.Config)) (*publicfoldertest.Server, *publicfolder.Source) {
	t.Helper()
	server := publicfoldertest.New()
	server.SetCalendar("Mary@Contoso.com", span(9*hour, 10*hour, availability.Busy), span(30*hour, 32*hour, availability.Tentative))
	server.SetCalendar("joe@contoso.com", span(-48*hour, 8*hour, availability.OOF), span(9*hour+20*time.Minute, 9*hour+50*time.Minute, availability.Busy))
	server.SetCalendar("ann@contoso.com")
	url, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	c := publicfolder.Config{Organization: "contoso", URL: url, Log: quiet}
	if change != nil {
		change(&c)
	}
	return server, publicfolder.New(c)
}

func lookup(s availability.Source, w availability.Window, mailboxes ...availability.Mailbox) []availability.Answer {
	return s.Lookup(context.Background(), availability.Query{RequestID: "r1", Mailboxes: mailboxes, Window: w, Interval: 30 * time.Minute})
}

func TestConformance(t *testing.T) {
	for _, omit := range []bool{false, true} {
		server, s := exchange(t, nil)
		server.OmitUnknown = omit
		at.TestSource(t, at.Sample{Source: s, Known: mailboxes, Unknown: "nobody@contoso.com", Window: window(0, 24*hour)})
	}
}

func TestDigitsBecomeSchedules(t *testing.T) {
	server, s := exchange(t, nil)
	dn := availability.Mailbox("/o=contoso/ou=first administrative group/cn=recipients/cn=r&d+1")
	server.SetCalendar(string(dn), span(12*hour, 24*hour, availability.OOF))
	asked := append(mailboxes[:3:3], dn)
	for i, want := range []string{
		".........b....................tt................",
		"oooooooo.b......................................",
		"................................................",
		"............oooooooooooo........................",
	} {
		a := lookup(s, window(0, 48*hour), asked...)[i]
		if got := at.Sketch(a.Schedule, window(0, 48*hour), hour); got != want || a.Reason != nil || a.Organization != "contoso" {
			t.Errorf("%s is\n%s, want\n%s (%v)", a.Mailbox, got, want, a.Reason)
		}
	}
}

func TestOneCallForAll(t *testing.T) {
	server, s := exchange(t, nil)
	lookup(s, window(9*hour+7*time.Minute, 10*hour+time.Second), "mary@contoso.com", "joe@contoso.com", "mary@contoso.com")
	if server.Calls() != 1 {
		t.Fatalf("%d calls", server.Calls())
	}
	r := server.Requests()[0]
	if r.Query != "Cmd=freebusy&start=2026-10-19T09:00:00Z&end=2026-10-19T10:15:00Z&interval=15&u=SMTP:mary@contoso.com&u=SMTP:joe@contoso.com" {
		t.Errorf("asked %s", r.Query)
	}
	if r.UserAgent != publicfolder.DefaultUserAgent || r.Accept != "text/xml" || r.Translate != "" || r.ClientRequestID != "r1" {
		t.Errorf("%+v", r)
	}
	if lookup(s, window(0, hour)); server.Calls() != 1 {
		t.Error("a question about nobody makes a call")
	}
}

func TestPartlyPublishedMailbox(t *testing.T) {
	server, s := exchange(t, nil)
	for _, test := range []struct {
		published availability.Window
		want      string
	}{
		{window(-240*hour, 12*hour), ".........b..????????????"},
		{window(6*hour, 12*hour), "??????...b..????????????"},
		{window(24*hour, 48*hour), "????????????????????????"},
		{availability.Window{}, "????????????????????????"},
	} {
		server.SetPublished("mary@contoso.com", test.published)
		a := lookup(s, window(0, 24*hour), "mary@contoso.com")[0]
		at.CheckAnswer(t, a, "mary@contoso.com", window(0, 24*hour))
		if got := at.Sketch(a.Schedule, window(0, 24*hour), hour); got != test.want {
			t.Errorf("drawn as %s, want %s", got, test.want)
		}
		if a.Reason == nil || a.Reason.Code != availability.NoInformation || a.Reason.Scope != availability.OfMailbox {
			t.Errorf("reason %+v", a.Reason)
		}
	}
}

// Whatever is in a calendar, the answer redrawn is what the server drew, and a
// reason is there if and only if something is unknown.
func TestDigitsGoRound(t *testing.T) {
	server, _ := exchange(t, nil)
	url, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	rapid.Check(t, func(t *rapid.T) {
		events, asked := at.Spans().Draw(t, "events"), at.Window().Draw(t, "window")
		interval := time.Duration(rapid.SampledFrom([]int{1, 5, 7, 15, 30, 60, 1440}).Draw(t, "interval")) * time.Minute
		server.SetCalendar("mary@contoso.com", events...)
		s := publicfolder.New(publicfolder.Config{URL: url, Interval: interval, Log: quiet})
		a := lookup(s, asked, "mary@contoso.com")[0]

		var want []byte
		for slot := a.Window; !slot.Empty(); slot.Start = slot.Start.Add(interval) {
			one := availability.Window{Start: slot.Start, End: slot.Start.Add(interval)}
			digit := byte('0')
			for _, e := range events {
				if !e.Intersect(one).Empty() {
					digit = max(digit, "400123"[e.Status])
				}
			}
			want = append(want, digit)
		}
		got := merged.Digits{}.Append(nil, a.Schedule, a.Window, interval)
		if !bytes.Equal(got, want) || !a.Window.Contains(asked) {
			t.Fatalf("got %s\nwant %s", got, want)
		}
		at.CheckCanonical(t, a.Schedule)
		if unknown := bytes.ContainsRune(want, '4'); unknown != (a.Reason != nil) {
			t.Fatalf("%s: %v", want, a.Reason)
		}
	})
}

// Who keeps to Room sends no longer query than MaxQuery, and who does not is refused
// without a call, so that fewer may be asked about instead.
func TestRoom(t *testing.T) {
	server, s := exchange(t, func(c *publicfolder.Config) { c.MaxQuery = 300 })
	rapid.Check(t, func(t *rapid.T) {
		var asked []availability.Mailbox
		weight := 0
		for _, address := range rapid.SliceOfNDistinct(rapid.String(), 1, 8, rapid.ID).Draw(t, "addresses") {
			m := availability.ParseMailbox(rapid.SampledFrom([]string{"", "/o="}).Draw(t, "kind") + address)
			if weight += publicfolder.Weight(m); weight > s.Room() {
				break
			}
			asked = append(asked, m)
		}
		if len(asked) == 0 {
			return
		}
		before := server.Calls()
		lookup(s, window(0, 24*hour), asked...)
		if server.Calls() != before+1 {
			t.Fatalf("%q were not asked about", asked)
		}
		if requests := server.Requests(); len(requests[len(requests)-1].Query) > 300 {
			t.Fatalf("a query of %d bytes", len(requests[len(requests)-1].Query))
		}
	})
	before := server.Calls()
	many := make([]availability.Mailbox, 0, 20)
	for i := range 20 {
		many = append(many, availability.Mailbox(strings.Repeat("x", i+1)+"@contoso.com"))
	}
	for _, a := range lookup(s, window(0, 24*hour), many...) {
		if a.Reason == nil || a.Reason.Code != availability.RequestRejected || a.Reason.Scope != availability.OfCall {
			t.Fatalf("%+v", a.Reason)
		}
	}
	if server.Calls() != before {
		t.Error("a query that is too long was sent")
	}
}

// With the defaults no query is longer than URLScan takes.
func TestDefaultsPassURLScan(t *testing.T) {
	_, s := exchange(t, nil)
	var crowd []availability.Mailbox
	for room := s.Room(); ; {
		m := availability.Mailbox(strings.Repeat("x", len(crowd)) + "@contoso.com")
		if room -= publicfolder.Weight(m); room < 0 {
			break
		}
		crowd = append(crowd, m)
	}
	for _, a := range lookup(s, window(0, 24*hour), crowd...) {
		if a.Reason == nil || a.Reason.Code != availability.NoInformation { // they are unknown
			t.Fatalf("%+v", a.Reason)
		}
	}
}

func TestProofIsTheTransports(t *testing.T) {
	server, s := exchange(t, func(c *publicfolder.Config) {
		c.Client = &upstream.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.SetBasicAuth(`CONTOSO\svc`, "secret")
			return http.DefaultTransport.RoundTrip(r)
		})}
	})
	server.Username, server.Password = `CONTOSO\svc`, "secret"
	if a := lookup(s, window(0, 24*hour), "mary@contoso.com")[0]; a.Reason != nil {
		t.Error(a.Reason)
	}
	server.Password = "changed"
	if a := lookup(s, window(0, 24*hour), "mary@contoso.com")[0]; a.Reason == nil || a.Reason.Code != availability.Unauthorized || !strings.Contains(a.Reason.Detail, "the server takes Basic") {
		t.Error(a.Reason)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOneLogLine(t *testing.T) {
	var lines bytes.Buffer
	server, s := exchange(t, func(c *publicfolder.Config) { c.Log = slog.New(slog.NewJSONHandler(&lines, nil)) })
	lookup(s, window(0, 24*hour), mailboxes...)
	server.FailCalls(1, publicfoldertest.Fault{Status: http.StatusNotFound})
	lookup(s, window(0, 24*hour), mailboxes...)
	for _, want := range []string{"INFO <nil>", "WARN wrong-endpoint"} {
		line, _ := lines.ReadBytes('\n')
		var got map[string]any
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		level, _ := got["level"].(string)
		code, ok := got["reason"].(string)
		if !ok {
			code = "<nil>"
		}
		if level+" "+code != want || got["msg"] != "public folder free/busy" || got["request_id"] != "r1" || got["organization"] != "contoso" || got["mailboxes"] != 3.0 {
			t.Errorf("%s\nwant %s", line, want)
		}
		if strings.Contains(string(line), "contoso.com") {
			t.Errorf("it names who was asked about: %s", line)
		}
	}
	if lines.Len() > 0 {
		t.Errorf("and %s", lines.Bytes())
	}
}
