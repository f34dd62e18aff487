package admin

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"fbgate/availability"
	"fbgate/availability/journal"

	"github.com/gorilla/mux"
)

// lookup is one question of a client as operators see it.
type lookup struct {
	Number    uint64    `json:"number"`
	RequestID string    `json:"request_id"`
	At        time.Time `json:"at"`
	Face      string    `json:"face"`
	Client    string    `json:"client"`
	Requester string    `json:"requester"` // empty if nobody logged in
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	Interval  int       `json:"interval"`    // minutes
	Parse     float64   `json:"parse_ms"`    // reading the question
	Answer    float64   `json:"answer_ms"`   // finding the answers
	Upstream  float64   `json:"upstream_ms"` // of that, waiting for organizations
	Render    float64   `json:"render_ms"`   // writing them
	Left      bool      `json:"left"`        // the client was gone before
	Mailboxes int       `json:"mailboxes"`   // asked about; told has 50 of them at most
	Told      []told    `json:"told"`
}

type told struct {
	Mailbox      availability.Mailbox `json:"mailbox"`
	Organization string               `json:"organization"`
	Source       string               `json:"source"`
	Cached       bool                 `json:"cached"`
	Stale        bool                 `json:"stale"`
	Age          int                  `json:"age"`    // seconds
	Reason       *reason              `json:"reason"` // null if all is known
}

func newLookup(l *journal.Lookup) lookup {
	one := lookup{
		Number: l.Number, RequestID: l.ID, At: l.At.UTC(), Face: l.Face, Client: l.Client, Requester: l.Requester,
		Start: l.Window.Start.UTC(), End: l.Window.End.UTC(), Interval: int(l.Interval / time.Minute),
		Parse: milliseconds(l.Parse), Answer: milliseconds(l.Answer), Upstream: milliseconds(l.Upstream), Render: milliseconds(l.Render),
		Left: l.Left, Mailboxes: l.Mailboxes, Told: make([]told, len(l.Told)),
	}
	for i, t := range l.Told {
		one.Told[i] = told{t.Mailbox, t.Organization, t.Source, t.Cached, t.Stale, int(t.Age / time.Second), newReason(t.Reason)}
	}
	return one
}

// How many lookups are listed, and sent at once to those who follow.
const usualLookups, mostLookups = 100, 1000

// listLookups answers GET /lookups?mailbox=&reason=&since=&limit=, and follows with
// ?follow=1 or for a client that wants events.
func (a *admin) listLookups(w http.ResponseWriter, r *http.Request) error {
	if a.Journal == nil {
		return fault{http.StatusNotFound, "no lookups are kept here"}
	}
	query, err := parameters(r, "mailbox", "reason", "since", "limit", "follow")
	if err != nil {
		return err
	}
	fits, err := a.wanted(query.Get("mailbox"), query.Get("reason"))
	if err != nil {
		return err
	}
	limit, err := number(query, "limit", usualLookups, 1, mostLookups)
	if err != nil {
		return err
	}
	since, err := number(query, "since", 0, 0, math.MaxInt64)
	if err != nil {
		return err
	}
	follow := query.Get("follow")
	if follow != "" && follow != "1" {
		return fault{http.StatusBadRequest, fmt.Sprintf("follow is %.40q: expected 1", follow)}
	}
	if s := newStream(w, r); follow == "1" || s.events {
		if !query.Has("since") {
			if since, err = a.newest(r); err != nil {
				return err
			}
		}
		return a.follow(s, since, fits, int(limit))
	}
	found, _ := a.Journal.Since(since, fits, int(limit))
	page := struct {
		Lookups []lookup `json:"lookups"` // the oldest first
	}{make([]lookup, len(found))}
	for i := range found {
		page.Lookups[i] = newLookup(&found[i])
	}
	writeJSON(w, http.StatusOK, page)
	return nil
}

// wanted returns which lookups fit; nil if all do.
func (a *admin) wanted(mailbox, code string) (func(*journal.Lookup) bool, error) {
	if code != "" && !slices.Contains(availability.Codes(), availability.Code(code)) {
		var codes []string
		for _, c := range availability.Codes() {
			codes = append(codes, string(c))
		}
		return nil, fault{http.StatusBadRequest, fmt.Sprintf("reason is %.40q: expected one of %s", code, strings.Join(codes, ", "))}
	}
	if mailbox == "" && code == "" {
		return nil, nil
	}
	about := a.About(mailbox)
	return func(l *journal.Lookup) bool {
		return slices.ContainsFunc(l.Told, func(t journal.Told) bool {
			return about(&t) &&
				(code == "" || t.Reason != nil && string(t.Reason.Code) == code)
		})
	}, nil
}

// newest returns the number after which a client wants lookups that does not say: of the
// last event it has got before its connection broke, or of the last one there is.
func (a *admin) newest(r *http.Request) (uint64, error) {
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		return number(map[string][]string{"Last-Event-ID": {last}}, "Last-Event-ID", 0, 0, math.MaxInt64)
	}
	if found, _ := a.Journal.Since(0, nil, 1); len(found) > 0 {
		return found[0].Number, nil
	}
	return 0, nil
}

// How many may follow at once, for how long, and how often they are told that there is
// nothing new and looked at whether they still may.
const (
	mostFollowers  = 16
	longestFollow  = time.Hour
	followInterval = 15 * time.Second
)

// Followers counts those who follow the lookups. The zero value has none.
type Followers struct{ now atomic.Int32 }

// enter reports whether there is a place; who has it leaves.
func (f *Followers) enter() bool {
	if f.now.Add(1) > mostFollowers {
		f.leave()
		return false
	}
	return true
}

func (f *Followers) leave() { f.now.Add(-1) }

// follow sends lookups as they come until the client leaves, the server ends, another
// handler takes the place of this one, the client would not be let in any more or the time
// is over. Of many at once only the newest are sent.
func (a *admin) follow(s *stream, since uint64, fits func(*journal.Lookup) bool, most int) error {
	if !a.Followers.enter() {
		RetryAfter(s.w.Header(), time.Minute)
		return fault{http.StatusServiceUnavailable, fmt.Sprintf("%d others follow already", mostFollowers)}
	}
	defer a.Followers.leave()
	s.begin()
	if s.r.Method == http.MethodHead {
		return nil
	}
	end := time.NewTimer(longestFollow)
	defer end.Stop()
	alive := time.NewTicker(followInterval)
	defer alive.Stop()
	for {
		found, more := a.Journal.Since(since, fits, most)
		for i := range found {
			since = found[i].Number
			if s.send("lookup", since, newLookup(&found[i])) != nil {
				return nil // it has left
			}
		}
		select {
		case <-more:
		case <-alive.C:
			if !a.stays(s.r) {
				a.Log.Info("no longer followed: no operator any more", "client", Who(s.r))
				return nil
			}
			if s.rest() != nil {
				return nil
			}
		case <-end.C:
			return nil
		case <-a.Replaced:
			return nil
		case <-s.r.Context().Done():
			return nil
		}
	}
}

// showLookup answers GET /lookups/N.
func (a *admin) showLookup(w http.ResponseWriter, r *http.Request) error {
	if a.Journal == nil {
		return fault{http.StatusNotFound, "no lookups are kept here"}
	}
	if _, err := parameters(r); err != nil {
		return err
	}
	n, err := number(map[string][]string{"the number": {mux.Vars(r)["number"]}}, "the number", 0, 1, math.MaxInt64)
	if err != nil {
		return err
	}
	found, _ := a.Journal.Since(n-1, func(l *journal.Lookup) bool { return l.Number == n }, 1)
	if len(found) == 0 {
		return fault{http.StatusNotFound, fmt.Sprintf("lookup %d has not been, or is too long ago", n)}
	}
	writeJSON(w, http.StatusOK, newLookup(&found[0]))
	return nil
}
