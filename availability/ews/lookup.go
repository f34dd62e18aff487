package ews

import (
	"context"
	"slices"
	"sync"
	"time"

	"fbgate/availability"
	"fbgate/translate/ews"
)

// maxNarrowings bounds the additional calls of one lookup, so that no calendar
// makes it cost more than a fixed multiple of an honest one.
const maxNarrowings = 32

// shortest is the piece that is not cut in halves any more.
const shortest = day

// lookup is one Lookup under way.
type lookup struct {
	source *Source
	query  availability.Query

	mu         sync.Mutex
	narrowings int // calls left beyond the planned ones
}

// outcome is what one piece of the window yielded for one mailbox.
type outcome struct {
	ews.Result
	// narrowed is set if less than the piece was asked in the end.
	narrowed bool
}

// addTo puts a piece's outcome into the answer about all pieces. The first Reason
// stays. If something could only be had of a narrower window, the answer speaks
// about no more than was asked.
func (o outcome) addTo(a *availability.Answer, asked availability.Window) {
	a.Schedule = a.Schedule.Merge(o.Schedule)
	if a.Reason == nil {
		a.Reason = o.Reason
	}
	if o.narrowed {
		a.Window = asked
	}
}

// ask asks about mailboxes in one piece of the window and returns an outcome for
// each. Where the server has too much to tell, it asks again for less: first only
// what the client wants to know, then halves of it.
func (l *lookup) ask(ctx context.Context, mailboxes []availability.Mailbox, piece availability.Window) []outcome {
	outcomes := make([]outcome, len(mailboxes))
	var tooMuch []int
	for i, result := range l.source.call(ctx, l.query.RequestID, mailboxes, piece) {
		outcomes[i].Result = result
		if result.Reason != nil && (result.Reason.Code == availability.TooManyEntries || result.Reason.Code == availability.WindowTooLong) {
			tooMuch = append(tooMuch, i)
		}
	}
	narrower := l.narrow(piece)
	if len(tooMuch) == 0 || len(narrower) == 0 || !l.spend(len(narrower)) {
		return outcomes
	}
	again := make([]availability.Mailbox, len(tooMuch))
	for i, at := range tooMuch {
		again[i] = mailboxes[at]
	}
	for _, at := range tooMuch {
		outcomes[at] = outcome{narrowed: true}
	}
	for _, window := range narrower {
		for i, o := range l.ask(ctx, again, window) {
			to := &outcomes[tooMuch[i]]
			to.Schedule = to.Schedule.Merge(o.Schedule)
			if to.Reason == nil {
				to.Reason = o.Reason
			}
		}
	}
	return outcomes
}

// narrow returns the windows to ask instead of a piece that was too long.
func (l *lookup) narrow(piece availability.Window) []availability.Window {
	wanted := align(l.query.Window, max(l.source.Interval, time.Hour)).Intersect(piece)
	switch {
	case wanted.Duration() < piece.Duration():
		return []availability.Window{wanted}
	case piece.Duration() <= shortest:
		return nil
	}
	middle := piece.Start.Add(piece.Duration() / 2).Truncate(max(l.source.Interval, time.Hour))
	return slices.DeleteFunc([]availability.Window{{Start: piece.Start, End: middle}, {Start: middle, End: piece.End}},
		availability.Window.Empty)
}

func (l *lookup) spend(calls int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.narrowings < calls {
		return false
	}
	l.narrowings -= calls
	return true
}
