package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
