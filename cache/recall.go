package cache

import (
	"time"

	"fbgate/availability"
)

// find says what there is of a mailbox and time.
type find int

const (
	nothing find = iota
	current      // an answer, and nobody is to be asked
	aged         // a stale answer, to be served if asking anew fails or takes long
	failing      // a stale answer, to be served at once: the last attempt has failed
	finds
)

// recall sets a to what is stored of k, if it speaks about all of w. Why is the
// failure for which it is stale, if there was one.
//
// Of several answers the last counts, but a failure that says nothing about the
// mailbox does not hide what was known before it: neither what is fresh, nor, where
// it leaves something of w unknown, what is stale.
func (c *Cache) recall(k Key, w availability.Window, now time.Time, a *availability.Answer) (f find, why *availability.Reason) {
	stored, _ := c.store.Get(k)
	fresh, stale := c.choose(stored, w, now)
	if fresh != nil && (stale == nil || !failed(fresh) || fresh.Schedule.Covers(w)) {
		*a = *fresh
		a.Cached = true
		return current, nil
	}
	if stale == nil {
		return nothing, nil
	}
	*a = *stale
	a.Cached, a.Stale = true, true
	switch last := &stored[0]; {
	case fresh != nil:
		return current, fresh.Reason
	case failed(last):
		return failing, last.Reason
	default:
		return aged, nil
	}
}

// choose returns the answers that may be served about w, nil if there is none.
func (c *Cache) choose(stored []availability.Answer, w availability.Window, now time.Time) (fresh, stale *availability.Answer) {
	for i := range stored {
		a := &stored[i]
		if !a.Window.Contains(w) {
			continue
		}
		switch left := a.TTL(now); {
		case left > 0 && !failed(a):
			return a, stale
		case left > 0 && fresh == nil:
			fresh = a
		case left <= 0 && stale == nil && good(a) && left+c.policy.Stale > 0:
			stale = a
		}
	}
	return fresh, stale
}
