//go:build unix

package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/davfb/login/forms"
)

// formsFrontEnd is a front-end server of Exchange 2003 whose forms-based authentication
// is fbgate's.
type formsFrontEnd struct {
	*forms.Handler
	exchange frontEnd2003

	mu     sync.Mutex
	key    byte
	counts map[string]int // of log-ins that were tried, and of requests without a session
}

func newFormsFrontEnd(t *testing.T, freeBusy http.Handler) *formsFrontEnd {
	t.Helper()
	x := &formsFrontEnd{exchange: frontEnd2003{freeBusy: freeBusy}}
	x.endSessions()
	var err error
	x.Handler, err = forms.New(forms.Config{
		Check: x.check, Key: x.currentKey, Only: true,
		Confidential: func(*http.Request) bool { return true }, // 127.0.0.1
		Log:          slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *formsFrontEnd) currentKey() ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return bytes.Repeat([]byte{x.key}, 32), nil
}

// endSessions ends all there are and returns what has been counted so far.
func (x *formsFrontEnd) endSessions() map[string]int {
	x.mu.Lock()
	defer x.mu.Unlock()
	counts := x.counts
	x.key, x.counts = x.key+1, make(map[string]int)
	return counts
}

func (x *formsFrontEnd) count(event string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.counts[event]++
}

func (x *formsFrontEnd) check(_ *http.Request, name, password string) (availability.Requester, error) {
	x.count("log-in of " + name)
	if name == "reader" && password == davMailPassword {
		return availability.Requester{Name: name}, nil
	}
	return availability.Requester{}, &face.Refusal{Status: http.StatusUnauthorized, Text: "No."}
}

func (x *formsFrontEnd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if x.Matches(r) {
		x.Handler.ServeHTTP(w, r)
		return
	}
	who, ok, err := x.Identify(w, r)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case !ok:
		status := x.Challenge(w.Header(), r)
		x.count(fmt.Sprintf("%d to %s", status, r.Method))
		w.WriteHeader(status)
	case strings.HasPrefix(r.URL.Path, "/public"):
		x.exchange.freeBusy.ServeHTTP(w, r)
	default:
		x.exchange.mailbox(w, r, who.Name)
	}
}

// DavMail logs in by the form and in no other way: it is sent there, fills it in, and
// asks with the cookies; and again when its session has ended.
func TestDavMailLogsInByForm(t *testing.T) {
	s := newStack(t, "organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %q}]", startExchange(t, davMailCalendar()))
	x := newFormsFrontEnd(t, s.clients)
	front := httptest.NewServer(x)
	t.Cleanup(front.Close)
	caldav := startDavMail(t, "WebDav", front.URL+"/exchange/")
	for _, test := range []struct {
		user string
		want int
		// DavMail looks twice whether there is a form.
		counts map[string]int
	}{
		{"reader", 200, map[string]int{"302 to GET": 2, "log-in of reader": 1}},
		{"reader", 200, map[string]int{"440 to PROPFIND": 1, "302 to GET": 2, "log-in of reader": 1}},
		// It is asked for the right password, and not told that a server is broken.
		{"stranger", 401, map[string]int{"302 to GET": 2, "log-in of stranger": 1}},
	} {
		status, reply := postToDavMail(t, caldav, test.user, schedulingRequest(morning, []string{"mary@contoso.com"}))
		if status != test.want || status == 200 && !strings.Contains(string(reply), "FREEBUSY;FBTYPE=BUSY:20261123T090000Z/20261123T103000Z") {
			t.Errorf("DavMail answers %s %d: %s", test.user, status, reply)
		}
		if counts := x.endSessions(); !maps.Equal(counts, test.counts) {
			t.Errorf("%s: %v, want %v", test.user, counts, test.counts)
		}
	}
}
