package ews

import (
	"context"
	"time"

	"fbgate/availability"
	"fbgate/translate/ews"
)

// maxNarrowings bounds the calls that may follow one that told too little because
// there was too much to tell, so that no calendar makes a lookup cost more than a
// fixed multiple of an honest one.
const maxNarrowings = 16

// shortest is the window that is not cut in halves any more.
const shortest = day

// outcome is what one piece of the window yielded for one mailbox.
type outcome struct {
	ews.Result
	// narrowed is set if less than the piece was asked in the end.
	narrowed bool
}

// add puts what another part of the window yielded to it. The first Reason stays,
// but a passing one comes before a lasting one, so that what may be had in a moment
// is asked for again soon.
func (o *outcome) add(r ews.Result) {
	o.Schedule = o.Schedule.Merge(r.Schedule)
	if o.Reason == nil || r.Reason != nil && o.Reason.Lasting() && !r.Reason.Lasting() {
		o.Reason = r.Reason
	}
}

// question is a window still to be asked about, and whom, by index.
type question struct {
	window    availability.Window
	mailboxes []int
	// reason is why a wider question failed.
	reason *availability.Reason
}

// ask asks about mailboxes in one piece of the window and returns an outcome for
// each. Where the server has too much to tell, it asks again for less: first only
// what the client wants to know, then halves of it. All mailboxes get the next
// narrower questions before any gets those after, so that one hopeless calendar
// does not use up what others need.
func (s *Source) ask(ctx context.Context, q availability.Query, piece availability.Window) []outcome {
	outcomes := make([]outcome, len(q.Mailboxes))
	all := make([]int, len(q.Mailboxes))
	for i := range all {
		all[i] = i
	}
	questions := []question{{window: piece, mailboxes: all}}
	for calls := 0; len(questions) > 0; calls++ {
		next := questions[0]
		questions = questions[1:]
		if calls > maxNarrowings {
			for _, i := range next.mailboxes {
				outcomes[i].add(ews.Result{Reason: next.reason})
			}
			continue
		}
		questions = append(questions, s.askOnce(ctx, q, next, outcomes)...)
	}
	return outcomes
}

// askOnce makes one call, adds to outcomes, and returns what to ask instead about
// mailboxes of which there was too much to tell.
func (s *Source) askOnce(ctx context.Context, q availability.Query, this question, outcomes []outcome) []question {
	mailboxes := make([]availability.Mailbox, len(this.mailboxes))
	for i, at := range this.mailboxes {
		mailboxes[i] = q.Mailboxes[at]
	}
	narrower := s.narrow(this.window, q.Window)
	var again question
	for i, result := range s.call(ctx, q.RequestID, mailboxes, this.window) {
		at := this.mailboxes[i]
		if len(narrower) > 0 && tooMuch(result.Reason) {
			outcomes[at].narrowed = true
			again.mailboxes, again.reason = append(again.mailboxes, at), result.Reason
			continue
		}
		outcomes[at].add(result)
	}
	if len(again.mailboxes) == 0 {
		return nil
	}
	questions := make([]question, len(narrower))
	for i, window := range narrower {
		questions[i] = question{window, again.mailboxes, again.reason}
	}
	return questions
}

func tooMuch(r *availability.Reason) bool {
	return r != nil && (r.Code == availability.TooManyEntries || r.Code == availability.WindowTooLong)
}

// narrow returns the windows to ask about instead of one that was too long, none
// if it is short enough to give up.
func (s *Source) narrow(window, asked availability.Window) []availability.Window {
	unit := max(s.Interval, time.Hour)
	wanted := align(asked, unit).Intersect(window)
	switch {
	case wanted.Duration() < window.Duration():
		return []availability.Window{wanted}
	case window.Duration() <= shortest:
		return nil
	}
	middle := window.Start.Add(window.Duration() / 2).Truncate(unit)
	if !middle.After(window.Start) {
		return nil // a slot is half as long already
	}
	return []availability.Window{{Start: window.Start, End: middle}, {Start: middle, End: window.End}}
}
