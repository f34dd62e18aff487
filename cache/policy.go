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
	// Stale is how long after Known an answer is still served, if asking anew fails
	// for a reason that says nothing about the mailbox, or takes long. Nothing is
	// served later.
	Stale time.Duration
	// Patience is how long somebody waits for whom there is a stale answer. The
	// lookup goes on.
	Patience time.Duration
	// Wait is how long somebody who asks waits for an answer.
	Wait time.Duration
	// Waiting is how many Lookups may wait at the same time; more are Overloaded at
	// once, so that an organization that hangs does not take all the connections
	// clients have to the gateway. 0 does not limit them.
	Waiting int
	// Timeout is how long a lookup may take in all, those who asked for it gone
	// or not.
	Timeout time.Duration
	// ByRequester is set for an organization that answers by who asks: what it says
	// to those of one mail domain is repeated to nobody of another. All of whom no
	// domain is known are taken for one.
	ByRequester bool
}

// ttl returns how long a is to be remembered.
func (p *Policy) ttl(a *availability.Answer) time.Duration {
	switch r := a.Reason; {
	case good(a):
		return p.Known
	case r.Code == availability.Internal:
		return 0
	case r.Lasting():
		return p.Lasting
	default:
		return min(max(p.Passing, r.RetryAfter), max(p.Known, p.Passing))
	}
}

// use returns how long a is of use from now on, fresh or stale; not at all if that is
// not positive.
func (p *Policy) use(a *availability.Answer, now time.Time) time.Duration {
	left := a.TTL(now)
	if good(a) {
		left += p.Stale
	}
	return left
}
