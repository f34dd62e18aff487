package route

import (
	"context"
	"fmt"
	"time"

	"fbgate/availability"
)

// Chain is a Source of an organization some of whose mailboxes have moved to
// another: what First does not know is asked of Then, as in a hybrid of servers on
// premises and in the cloud.
type Chain struct {
	First, Then availability.Source
	// Wait is how long both may take together.
	Wait time.Duration
}

var _ availability.Source = Chain{}

// Lookup asks First about all mailboxes, and Then about those unknown there. Of an
// Exchange 2003 server that is all it tells nothing of: it draws who does not exist as
// it draws who never published. Whoever must not see Then learns what First said.
func (c Chain) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	begun := time.Now()
	answers := c.First.Lookup(ctx, q)
	var moved []int
	for i, a := range answers {
		if mayHaveMoved(a) {
			moved = append(moved, i)
		}
	}
	if len(moved) == 0 {
		return answers
	}
	ctx, cancel := context.WithDeadline(ctx, begun.Add(c.Wait))
	defer cancel()
	for i, a := range c.Then.Lookup(ctx, q.Select(moved)) {
		first := &answers[moved[i]]
		switch {
		case isUnknown(a) && !isUnknown(*first): // First knew more: that there is nothing to know
			first.Waited += a.Waited
		case isDenied(a):
			first.Reason = with(first.Reason, a.Reason)
		default:
			a.Waited += first.Waited
			*first = a
		}
	}
	return answers
}

// with returns the reason of First with that of Then for operators.
func with(first, then *availability.Reason) *availability.Reason {
	both := *first // it may be remembered
	both.Detail = fmt.Sprintf("%s; %s was not asked: %s", first.Detail, then.Organization, then.Detail)
	return &both
}

func isDenied(a availability.Answer) bool {
	return a.Reason != nil && a.Reason.Code == availability.NotAllowed
}

func isUnknown(a availability.Answer) bool {
	return a.Reason != nil && a.Reason.Code == availability.UnknownMailbox
}

func mayHaveMoved(a availability.Answer) bool {
	return isUnknown(a) || a.Reason != nil && a.Reason.Code == availability.NoInformation && a.Schedule.Known.Empty()
}
