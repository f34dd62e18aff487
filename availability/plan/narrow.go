package plan

import (
	"cmp"
	"context"
	"time"

	"fbgate/availability"
)

// maxNarrowings bounds the calls that may follow one that told too little because
// there was too much to tell, or that failed as a whole, so that no calendar makes a
// lookup cost more than a fixed multiple of an honest one. To find one mailbox among
// a hundred takes fourteen.
const maxNarrowings = 16

// shortest is the window that is not cut in halves any more.
const shortest = day

// outcome is what one piece of the window yielded for one mailbox.
type outcome struct {
	availability.Answer
	// narrowed is set if less than the piece was asked in the end.
	narrowed bool
}

// add puts what another part of the window yielded to it. The first Reason stays,
// but a passing one comes before a lasting one, so that what may be had in a moment
// is asked for again soon.
func (o *outcome) add(a availability.Answer) {
	if o.At.IsZero() || a.At.Before(o.At) {
		o.At = a.At
	}
	o.Organization, o.Source = cmp.Or(o.Organization, a.Organization), cmp.Or(o.Source, a.Source)
	o.Schedule = o.Schedule.Merge(a.Schedule)
	if o.Reason == nil || a.Reason != nil && o.Reason.Lasting() && !a.Reason.Lasting() {
		o.Reason = a.Reason
	}
}

// question is a window still to be asked about, and whom, by index.
type question struct {
	window    availability.Window
	mailboxes []int
	// because is what a wider question was answered, by index.
	because map[int]availability.Answer
}

// ask asks about mailboxes in one piece of the window and returns an outcome for
// each. Where the server has too much to tell, it asks again for less: first only
// what the client wants to know, then halves of it. Where a call fails as a whole,
// it asks about half of the mailboxes and about the other half. All mailboxes get
// the next narrower questions before any gets those after, so that one hopeless
// calendar does not use up what others need.
func (p *Planner) ask(ctx context.Context, q availability.Query, piece availability.Window) []outcome {
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
				outcomes[i].add(next.because[i])
			}
			continue
		}
		questions = append(questions, p.askOnce(ctx, q, next, outcomes)...)
	}
	return outcomes
}

// askOnce makes one call, adds to outcomes, and returns what to ask instead about
// mailboxes that were not answered for.
func (p *Planner) askOnce(ctx context.Context, q availability.Query, this question, outcomes []outcome) []question {
	narrower := p.narrow(this.window, q.Window)
	asked := q.Select(this.mailboxes)
	asked.Window = this.window
	answers := p.next.Lookup(ctx, asked)
	p.learn(answers, this.window)
	var crowded, together []int
	because := make(map[int]availability.Answer)
	for i, a := range answers {
		at := this.mailboxes[i]
		because[at] = a
		switch {
		case tooMuch(a.Reason) && len(narrower) > 0:
			outcomes[at].narrowed = true
			crowded = append(crowded, at)
		case !tooMuch(a.Reason) && len(answers) > 1 && a.Reason != nil && a.Reason.Scope == availability.OfCall:
			together = append(together, at)
		default:
			outcomes[at].add(a)
		}
	}
	var questions []question
	if len(crowded) > 0 {
		for _, window := range narrower {
			questions = append(questions, question{window, crowded, because})
		}
	}
	if len(together) == 1 { // it was asked about by itself already, when the call was tried again for it
		outcomes[together[0]].add(because[together[0]])
	} else if half := len(together) / 2; half > 0 {
		questions = append(questions, question{this.window, together[:half], because}, question{this.window, together[half:], because})
	}
	return questions
}

func tooMuch(r *availability.Reason) bool {
	return r != nil && (r.Code == availability.TooManyEntries || r.Code == availability.WindowTooLong)
}

// learn remembers for later lookups of whom there was too much to tell: of everybody,
// if the server refused the call as a whole for its length.
func (p *Planner) learn(answers []availability.Answer, window availability.Window) {
	for _, a := range answers {
		switch {
		case !tooMuch(a.Reason):
		case a.Reason.Code == availability.TooManyEntries, a.Reason.Scope == availability.OfMailbox:
			p.limit.tooFull(a.Mailbox, window)
		case p.limit.tooLong(window):
			p.Log.Warn("the server takes only shorter windows; set max_window to what it allows",
				"organization", p.Organization, "too_long", window.Duration(), "detail", a.Reason.Detail)
		}
	}
}

// narrow returns the windows to ask about instead of one that was too long, none
// if it is short enough to give up.
func (p *Planner) narrow(window, asked availability.Window) []availability.Window {
	unit := max(p.Interval, time.Hour)
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
