package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/journal"
	"fbgate/davfb/admin"
	"fbgate/davfb/admin/session"
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

// gate is what lets somebody in, which changes while they are there.
type gate struct {
	mu       sync.Mutex
	token    string
	unread   error
	operator bool
}

func (g *gate) set(change func(*gate)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(g)
}

func (g *gate) Token() (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.token, g.unread
}

func (g *gate) IsOperator(context.Context, string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.operator
}

// streamed is an answer that can be read while it is written.
type streamed struct {
	mu sync.Mutex
	httptest.ResponseRecorder
}

func (s *streamed) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ResponseRecorder.Write(p)
}

func (s *streamed) lookups() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.Body.String(), `"number":`)
}

// Whoever would not be let in any more does not go on following: by the old token, as
// somebody who is no operator now, or while nobody can know.
func TestFollowersLeaveWhenTheyMayNot(t *testing.T) {
	const token, name = "Bearer " + operatorsToken, "Basic bWFyeTpzZWNyZXQ="
	another := func(g *gate) { g.token = "another token of today" }
	unread := func(g *gate) { g.unread = errors.New("permission denied") }
	removed := func(g *gate) { g.operator = false }
	for title, test := range map[string]struct {
		authorization string
		change        func(*gate)
		ends          bool
	}{
		"another token":            {token, another, true},
		"a token out of reach":     {token, unread, true},
		"the token as ever":        {token, removed, false},
		"no operator":              {name, removed, true},
		"an operator as ever":      {name, another, false},
		"an operator, unread file": {name, unread, false},
	} {
		t.Run(title, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &gate{token: operatorsToken, operator: true}
				kept, attempts := journal.New(10), new(session.Attempts)
				o := newOperators(func(c *admin.Config) {
					withPeople(c)
					c.Journal, c.Attempts, c.Token, c.IsOperator = kept, attempts, g.Token, g.IsOperator
				})
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				r := httptest.NewRequestWithContext(ctx, "GET", "http://localhost:8081/lookups?follow=1", nil)
				r.RemoteAddr = "127.0.0.1:5555"
				r.Header.Set("Authorization", test.authorization)
				w, ended := &streamed{ResponseRecorder: *httptest.NewRecorder()}, make(chan struct{})
				go func() { o.ServeHTTP(w, r); close(ended) }()
				time.Sleep(time.Minute)
				kept.Add(someLookup())
				synctest.Wait()
				if n := w.lookups(); n != 1 {
					t.Fatalf("%d lookups came before", n)
				}
				g.set(test.change)
				time.Sleep(15*time.Second + 1)
				kept.Add(someLookup())
				synctest.Wait()
				if n := w.lookups(); n > 1 == test.ends {
					t.Errorf("%d lookups came", n)
				}
				select {
				case <-ended:
					if !test.ends || !strings.Contains(o.log.String(), `msg="no longer followed: no operator any more" client=`) {
						t.Error("has ended", o.log)
					}
				default:
					if test.ends {
						t.Error("goes on")
					}
				}
				for range session.Tries - 1 {
					attempts.Allow(netip.MustParseAddr("127.0.0.1"))
				}
				if !attempts.Allow(netip.MustParseAddr("127.0.0.1")) {
					t.Error("a look was counted as a try")
				}
			})
		})
	}
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
