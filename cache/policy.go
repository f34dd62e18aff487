package cache

import (
	"time"

	"fbgate/availability"
)

// Policy says how long answers are remembered and waited for. Zero times mean not
// at all.
type Policy struct {
	// Known is how long answers without a Reason are remembered.
	Known time.Duration
	// Lasting is for failures that stay until somebody changes something, such
	// as an unknown mailbox.
	Lasting time.Duration
	// Passing is for failures that may be over soon, such as a timeout. If the
	// other side said how long it wants to be left alone, that counts, but no
	// longer than Known.
	Passing time.Duration
	// Wait is how long somebody who asks waits for an answer.
	Wait time.Duration
	// Waiting is how many Lookups may wait at the same time; more are Overloaded at
	// once, so that an organization that hangs does not take all the connections
	// clients have to the gateway. 0 does not limit them.
	Waiting int
	// Timeout is how long a lookup may take in all, those who asked for it gone
	// or not.
	Timeout time.Duration
}

// ttl returns how long a is to be remembered.
func (p Policy) ttl(a availability.Answer) time.Duration {
	switch r := a.Reason; {
	case r == nil, r.Code == availability.NoInformation && !a.Schedule.Known.Empty():
		return p.Known
	case r.Code == availability.Internal:
		return 0
	case r.Lasting():
		return p.Lasting
	default:
		return min(max(p.Passing, r.RetryAfter), max(p.Known, p.Passing))
	}
}
