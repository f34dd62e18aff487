// Package meter counts what goes on with an organization, for metrics and for people who
// look: since the start, and minute by minute for the last hour.
package meter

import (
	"maps"
	"sync"
	"time"

	"fbgate/availability"
)

// Organization counts what goes on with one organization. The zero value is ready. All
// methods may be called from several goroutines at once.
type Organization struct {
	mu     sync.Mutex
	totals Totals
	hour   hour
}

// Totals are the counts since the start.
type Totals struct {
	// Calls is how many calls to the organization's servers have ended.
	Calls uint64
	// Took is how long they took.
	Took Histogram
	// Failed counts those that failed as a whole, by why.
	Failed map[availability.Code]uint64
	// Looked counts mailboxes that were asked about, by where the answer came from.
	Looked Looked
	// Untold counts mailboxes of which nothing, or not all, could be told, by why.
	Untold map[availability.Code]uint64
	// LastGood is when a call succeeded last, LastBad when one failed last and Why is
	// the reason. They are zero if that never happened.
	LastGood, LastBad time.Time
	Why               *availability.Reason
}

// Looked counts mailboxes that were asked about, by where the answer came from.
type Looked struct {
	Remembered uint64 // and fresh
	Asked      uint64 // of the organization, for this question
	Shared     uint64 // of the organization, for another question under way
	Stale      uint64 // remembered, as there was nothing fresh
	Overloaded uint64 // nowhere, as too many others waited
}

// Sum counts all of them.
func (l Looked) Sum() uint64 { return l.Remembered + l.Asked + l.Shared + l.Stale + l.Overloaded }

func (l *Looked) add(more Looked) {
	l.Remembered += more.Remembered
	l.Asked += more.Asked
	l.Shared += more.Shared
	l.Stale += more.Stale
	l.Overloaded += more.Overloaded
}

// Called counts a call that took so long and failed for this reason, nil if it served.
func (o *Organization) Called(took time.Duration, reason *availability.Reason) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.totals.Calls++
	o.totals.Took.add(took)
	minute := o.hour.at(now)
	minute.Calls++
	minute.Took += took
	if reason == nil {
		o.totals.LastGood = now
		return
	}
	minute.Failed++
	o.totals.LastBad, o.totals.Why = now, reason
	count(&o.totals.Failed, reason.Code)
}

// Told counts the mailboxes of a question and what was told of them.
func (o *Organization) Told(looked Looked, answers []availability.Answer) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.totals.Looked.add(looked)
	minute := o.hour.at(now)
	minute.Looked += looked.Sum()
	minute.Remembered += looked.Remembered
	for i := range answers {
		if reason := answers[i].Reason; reason != nil {
			count(&o.totals.Untold, reason.Code)
		}
	}
}

func count(counts *map[availability.Code]uint64, code availability.Code) {
	if *counts == nil {
		*counts = make(map[availability.Code]uint64)
	}
	(*counts)[code]++
}

// Totals returns the counts so far.
func (o *Organization) Totals() Totals {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.totals
	t.Failed, t.Untold = maps.Clone(t.Failed), maps.Clone(t.Untold)
	return t
}

// Hour returns the last 60 minutes, the oldest first; the last one is under way.
func (o *Organization) Hour() []Minute {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.hour.read(time.Now())
}
