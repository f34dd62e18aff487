package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/journal"
	"fbgate/davfb/admin"
)

// Whoever follows goes on when the gateway has been restarted and counts from 1 again, be
// it that the command asks since a number of before, or a browser.
func TestLookupsAreFollowedAcrossARestart(t *testing.T) {
	before, after := journal.New(100), journal.New(100)
	for range 50 {
		before.Add(journal.Lookup{Face: "before", At: time.Now()})
	}
	var now atomic.Pointer[http.Handler]
	start := func(j *journal.Journal) {
		h := admin.New(admin.Config{Journal: j})
		now.Store(&h)
	}
	start(before)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*now.Load()).ServeHTTP(w, r) }))
	defer server.Close()
	command := lookupsCommand{operator: operator{Admin: server.URL}, Limit: 100}
	var shown strings.Builder
	if err := command.Run(t.Context(), console{out: &shown}); err != nil || strings.Count(shown.String(), "before") != 50 {
		t.Fatalf("%v\n%s", err, shown.String())
	}

	start(after)
	after.Add(journal.Lookup{Face: "after", At: time.Now()})
	ctx, stop := context.WithCancel(t.Context())
	list := lookupList{out: onText("after", stop), last: 50}
	if err := command.follow(ctx, url.Values{}, &list); err != nil || list.last != 1 {
		t.Errorf("%v; the last is %d", err, list.last)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/lookups", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Accept": {"text/event-stream"}, "Last-Event-Id": {"50"}}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); !strings.Contains(lines.Text(), `"face":"after"`); {
		if !lines.Scan() {
			t.Fatalf("it ends without what has come: %v", lines.Err())
		}
	}
}

// onText returns a Writer that calls stop when the text is written.
func onText(text string, stop func()) io.Writer {
	return writer(func(p []byte) {
		if strings.Contains(string(p), text) {
			stop()
		}
	})
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

// Who had logged in is shown from the first one on, and not where nobody has to.
func TestLookupsShowRequesters(t *testing.T) {
	lookups := func(requesters ...string) (all []json.RawMessage) {
		for i, name := range requesters {
			all = append(all, fmt.Appendf(nil, `{"number": %d, "at": "2026-11-23T08:00:00Z", "face": "free/busy", "client": "192.0.2.7:1", "requester": %q}`, i+1, name))
		}
		return all
	}
	const (
		without = "NUMBER  UTC      FACE               CLIENT                MAILBOXES    ANSWER  OUTCOME\n"
		with    = "NUMBER  UTC      FACE               CLIENT                REQUESTER        MAILBOXES    ANSWER  OUTCOME\n"
		nobody  = "1       08:00:00 free/busy          192.0.2.7:1                   0    0.0 ms  ok\n"
		first   = "1       08:00:00 free/busy          192.0.2.7:1                                    0    0.0 ms  ok\n"
		second  = "2       08:00:00 free/busy          192.0.2.7:1           CONTOSO\\mary             0    0.0 ms  ok\n"
	)
	for _, test := range []struct {
		name  string
		added [][]json.RawMessage
		want  string
	}{
		{"nothing", [][]json.RawMessage{nil}, ""},
		{"nobody", [][]json.RawMessage{lookups(""), lookups("")}, without + nobody + nobody},
		{"somebody", [][]json.RawMessage{lookups("", `CONTOSO\mary`), lookups("")}, with + first + second + first},
		{"somebody comes", [][]json.RawMessage{lookups(""), lookups("", `CONTOSO\mary`)}, without + nobody + with + first + second},
	} {
		var out strings.Builder
		list := lookupList{out: &out}
		for _, some := range test.added {
			if err := list.add(some...); err != nil {
				t.Fatal(err)
			}
		}
		if out.String() != test.want {
			t.Errorf("%s:\n%swant\n%s", test.name, out.String(), test.want)
		}
	}
}

// All there is to say of one lookup is said.
func TestLookupIsExplained(t *testing.T) {
	kept := journal.New(10)
	from := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	kept.Add(journal.Lookup{
		ID: "17cb613f5e04edcb", At: from.Add(time.Minute), Face: "free/busy", Client: "192.0.2.7:48196", Requester: "joe\x1b[31m@contoso.com",
		Window: availability.Window{Start: from, End: from.Add(24 * time.Hour)}, Interval: 30 * time.Minute,
		Parse: 20 * time.Microsecond, Answer: 7040 * time.Microsecond, Upstream: 6910 * time.Microsecond, Render: 50 * time.Microsecond, Mailboxes: 60, Left: true,
		Told: []journal.Told{
			{Mailbox: "mary@contoso.com", Organization: "contoso", Source: "https://mail.contoso.com/EWS/Exchange.asmx", Cached: true, Age: 45 * time.Second},
			{Mailbox: "boss@fabrikam.com", Organization: "fabrikam", Source: "https://mail.fabrikam.com/EWS/Exchange.asmx", Cached: true, Stale: true, Age: 30 * time.Minute,
				Reason: availability.Because(availability.NotAllowed, "rule 1 of access_rules")},
			{Mailbox: "x@nowhere.example", Reason: availability.Because(availability.NoRoute, "no organization has nowhere.example")},
		},
	})
	server := httptest.NewServer(admin.New(admin.Config{Journal: kept}))
	defer server.Close()
	var out, errs strings.Builder
	if status := run(t.Context(), []string{"lookups", "1", "--admin", server.URL}, &out, &errs); status != exitOK || errs.Len() > 0 {
		t.Fatal(status, errs.String())
	}
	notAllowed, noRoute := availability.Because(availability.NotAllowed, "").Remedy(), availability.Because(availability.NoRoute, "").Remedy()
	want := `lookup      1
at          2026-11-23 08:01:00 UTC
face        free/busy
client      192.0.2.7:48196
requester   joe [31m@contoso.com
in the log  17cb613f5e04edcb
about       2026-11-23 08:00 to 2026-11-24 08:00 UTC, a digit for 30 min
mailboxes   60
took        0.0 ms to read, 7.0 ms to answer, of that 6.9 ms waiting for organizations, 0.1 ms to write
the client  had left before it was answered

mailbox       mary@contoso.com
organization  contoso
source        https://mail.contoso.com/EWS/Exchange.asmx
remembered    for 45 s
reason        none: all of the time asked about is known

mailbox       boss@fabrikam.com
organization  fabrikam
source        https://mail.fabrikam.com/EWS/Exchange.asmx
remembered    for 30 min, too long: nothing fresh could be had
reason        not-allowed
detail        rule 1 of access_rules
what to do    ` + notAllowed + `

mailbox       x@nowhere.example
organization  none
source        none
remembered    no
reason        no-route
detail        no organization has nowhere.example
what to do    ` + noRoute + `

Of 60 mailboxes what was told of the first 3 is kept.
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	if status := run(t.Context(), []string{"lookups", "2", "--admin", server.URL}, &out, &errs); status != exitFailure || out.Len() > 0 || !strings.Contains(errs.String(), "lookup 2 has not been") {
		t.Error(status, out.String(), errs.String())
	}
}
