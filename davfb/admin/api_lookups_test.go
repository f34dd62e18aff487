package admin_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/journal"
	"fbgate/davfb/admin"
	"fbgate/davfb/face"
)

var redactor = face.NewRedactor()

func journaled(n int) (*operators, *journal.Journal) {
	kept := journal.New(100)
	for range n {
		kept.Add(someLookup())
	}
	return newOperators(func(c *admin.Config) {
		c.Journal = kept
		c.Redactor = redactor
	}), kept
}

func TestLookupsAreFiltered(t *testing.T) {
	o, kept := journaled(3)
	other := someLookup()
	other.Told = []journal.Told{{Mailbox: availability.Mailbox(redactor.Name("hidden@contoso.com"))}, {Mailbox: "mary@contoso.com", Reason: availability.Because(availability.TLS, "")}}
	kept.Add(other)
	for query, want := range map[string]string{
		"":                               "[1 2 3 4]",
		"?limit=2":                       "[3 4]",
		"?since=3":                       "[4]",
		"?reason=timeout":                "[1 2 3]",
		"?reason=tls":                    "[4]",
		"?mailbox=SMTP:Mary@contoso.com": "[1 2 3 4]",
		"?mailbox=joe@fabrikam.com":      "[1 2 3]",
		"?mailbox=mary@contoso.com&reason=timeout":            "[]", // that was joe's
		"?mailbox=hidden@contoso.com":                         "[4]",
		"?mailbox=hidden":                                     "[]", // of what is hidden no part is known
		"?mailbox=%20FABRI":                                   "[1 2 3]",
		"?mailbox=" + redactor.Name("hidden@contoso.com")[:6]: "[4]",
		"?mailbox=nobody@contoso.com":                         "[]",
	} {
		var page struct{ Lookups []struct{ Number int } }
		w := o.do("GET", "/lookups"+query)
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err, w.Body)
		}
		got := []int{}
		for _, l := range page.Lookups {
			got = append(got, l.Number)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
}

// Who follows gets what comes, after the last event it has seen, over a server whose
// times are for short answers, and the stream ends when that closes.
func TestFollowing(t *testing.T) {
	o, kept := journaled(3)
	server := httptest.NewUnstartedServer(o)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	server.Start()
	defer server.Close()
	r, err := http.NewRequest("GET", server.URL+"/lookups", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Last-Event-ID", "2")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	expect := func(id string) {
		t.Helper()
		for lines.Scan() {
			if got, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				if got != id {
					t.Errorf("event %s, want %s", got, id)
				}
				return
			}
		}
		t.Fatalf("the stream has ended before event %s: %v", id, lines.Err())
	}
	expect("3")
	time.Sleep(300 * time.Millisecond) // longer than the server's times, which are of a real connection
	kept.Add(someLookup())
	expect("4")
	server.CloseClientConnections()
	for lines.Scan() {
	}
	if lines.Err() == nil {
		t.Error("the stream has not been cut")
	}
}

// Whoever follows has to leave when another handler takes the place of this one, and finds
// no more places there than here.
func TestFollowersLeaveWhenReplaced(t *testing.T) {
	var followers admin.Followers
	kept := journal.New(10)
	handler := func(replaced <-chan struct{}) *httptest.Server {
		server := httptest.NewServer(newOperators(func(c *admin.Config) { c.Journal, c.Followers, c.Replaced = kept, &followers, replaced }))
		t.Cleanup(server.Close)
		return server
	}
	follow := func(server *httptest.Server) *http.Response {
		response, err := http.Get(server.URL + "/lookups?follow=1")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		return response
	}
	replaced := make(chan struct{})
	old, next := handler(replaced), handler(nil)
	first := follow(old)
	for range 15 {
		if r := follow(old); r.StatusCode != http.StatusOK {
			t.Fatal(r.Status)
		}
	}
	if r := follow(next); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a 17th follower: %s", r.Status)
	}
	close(replaced)
	if _, err := io.Copy(io.Discard, first.Body); err != nil {
		t.Errorf("the stream has not ended in order: %v", err)
	}
	r := follow(next) // in the place of the first
	if r.StatusCode != http.StatusOK {
		t.Error(r.Status)
	}
	next.CloseClientConnections()
}

// Only so many may follow.
func TestFollowersAreBounded(t *testing.T) {
	o, _ := journaled(1)
	server := httptest.NewServer(o)
	defer server.Close()
	statuses := make(map[int]int)
	for range 20 {
		response, err := http.Get(server.URL + "/lookups?follow=1")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		statuses[response.StatusCode]++
	}
	if statuses[200] != 16 || statuses[503] != 4 {
		t.Error(statuses)
	}
	server.CloseClientConnections()
}
