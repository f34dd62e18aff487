package route

import (
	"context"
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
// it draws who never published.
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
		if isUnknown(a) && !isUnknown(answers[moved[i]]) {
			continue // First knew more: that there is nothing to know
		}
		answers[moved[i]] = a
	}
	return answers
}

func isUnknown(a availability.Answer) bool {
	return a.Reason != nil && a.Reason.Code == availability.UnknownMailbox
}

func mayHaveMoved(a availability.Answer) bool {
	return isUnknown(a) || a.Reason != nil && a.Reason.Code == availability.NoInformation && a.Schedule.Known.Empty()
}
