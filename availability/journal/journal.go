// Package journal keeps the last questions clients have asked and what was told them, for
// operators who want to know why a bar is empty.
package journal

import (
	"sync"
	"time"

	"fbgate/availability"
)

// Lookup is one question and what was told.
type Lookup struct {
	// Number counts all questions since the start, from 1. [Journal.Add] sets it.
	Number uint64 `json:"number"`
	// ID is the name of the request in the log.
	ID string `json:"request_id"`
	// At is when it came.
	At time.Time `json:"at"`
	// Face is how it came: "free/busy", "folder", "internet free/busy".
	Face string `json:"face"`
	// Client is the address it came from, Requester who that was, empty if nobody
	// logged in.
	Client    string `json:"client"`
	Requester string `json:"requester"`
	// Window and Interval are what was asked.
	Window   availability.Window `json:"window"`
	Interval time.Duration       `json:"interval"`
	// Parse, Answer and Render are how long the parts took: reading the question,
	// finding the answers, writing them.
	Parse  time.Duration `json:"parse"`
	Answer time.Duration `json:"answer"`
	Render time.Duration `json:"render"`
	// Upstream is how much of Answer was spent waiting for organizations. The rest is the
	// directory's and the memory's.
	Upstream time.Duration `json:"upstream"`
	// Told is what was told of each mailbox, in the order asked, [MostTold] at most.
	Told []Told `json:"told"`
	// Mailboxes is how many were asked about.
	Mailboxes int `json:"mailboxes"`
	// Left is set if the client was gone before it was answered.
	Left bool `json:"left"`
}

// Told is what was told of one mailbox.
type Told struct {
	Mailbox      availability.Mailbox `json:"mailbox"`
	Organization string               `json:"organization"`
	Source       string               `json:"source"`
	// Cached is set if that was remembered, Stale if it was remembered for too long
	// and nothing fresh could be had.
	Cached bool `json:"cached"`
	Stale  bool `json:"stale"`
	// Age is how old it was.
	Age time.Duration `json:"age"`
	// Reason is why not all of it is known, nil if it is.
	Reason *availability.Reason `json:"reason"`
}

// MostTold is of how many mailboxes a Lookup keeps what was told. The rest are counted.
const MostTold = 50

// Journal keeps the last questions. Build it with New. A nil Journal keeps nothing.
type Journal struct {
	mu      sync.Mutex
	entries []Lookup // a ring
	added   uint64
	changed chan struct{} // closed when something is added
}

// New returns a Journal of that many questions.
func New(size int) *Journal {
	return &Journal{entries: make([]Lookup, 0, size), changed: make(chan struct{})}
}

// Add keeps a question in place of the oldest.
func (j *Journal) Add(l Lookup) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.added++
	l.Number = j.added
	if len(j.entries) < cap(j.entries) {
		j.entries = append(j.entries, l)
	} else if len(j.entries) > 0 {
		j.entries[(j.added-1)%uint64(len(j.entries))] = l
	}
	close(j.changed)
	j.changed = make(chan struct{})
}

// Since returns the questions after that number, the oldest first, that fit, at most that
// many of the newest, and a channel that is closed when there is another one. A number
// there has not been is of another Journal, of before a restart: then all are after it.
func (j *Journal) Since(number uint64, fits func(*Lookup) bool, most int) (found []Lookup, more <-chan struct{}) {
	if j == nil {
		return nil, nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if number > j.added {
		number = 0
	}
	n := uint64(len(j.entries))
	for at := j.added; at > number && at > j.added-n && len(found) < most; at-- {
		if l := &j.entries[(at-1)%n]; fits == nil || fits(l) {
			found = append(found, *l)
		}
	}
	for a, b := 0, len(found)-1; a < b; a, b = a+1, b-1 {
		found[a], found[b] = found[b], found[a]
	}
	return found, j.changed
}
