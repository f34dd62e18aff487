package cache

import (
	"time"

	"fbgate/availability"
)

// good reports whether a says when the mailbox is busy, in all of its window or in
// as much of it as the server knows.
func good(a *availability.Answer) bool {
	return a.Reason == nil || a.Reason.Code == availability.NoInformation && !a.Schedule.Known.Empty()
}

// failed reports whether a says nothing about the mailbox but that asking failed, so
// that it hides nothing that was known before.
func failed(a *availability.Answer) bool { return a.Reason != nil && !a.Reason.AboutMailbox() }

// mostWindows bounds how many separate windows are remembered of one mailbox, and of
// how many it is remembered that asking failed: these put out each other rather than
// what is known.
const mostWindows = 8

// remember stores a before what is known and not replaced by it. A failure is kept
// even if it is not to be repeated: that the last attempt failed matters to those
// for whom there is a stale answer.
func (c *Cache) remember(k Key, a availability.Answer, now time.Time) {
	stored, _ := c.store.Get(k)
	kept := make([]availability.Answer, 1, len(stored)+1)
	kept[0] = a
	use := c.policy.use(&a, now)
	room := map[bool]int{false: mostWindows, true: mostWindows} // by failed
	room[failed(&a)]--
	for i := range stored {
		old := &stored[i]
		if left := c.policy.use(old, now); left > 0 && room[failed(old)] > 0 && !replaces(&a, old, now) {
			room[failed(old)]--
			kept = append(kept, *old)
			use = max(use, left)
		}
	}
	if use <= 0 {
		c.store.Delete(k)
		return
	}
	c.store.Set(k, kept, use)
}

// replaces reports whether there is no use for old any more now that a has come.
func replaces(a, old *availability.Answer, now time.Time) bool {
	switch {
	case good(a):
		return a.Window.Contains(old.Window)
	case failed(a):
		return failed(old) && a.Window.Contains(old.Window)
	case denies(a.Reason.Code):
		return true
	default:
		return old.TTL(now) <= 0 || !a.Window.Intersect(old.Window).Empty()
	}
}

// denies reports whether a failure is about the mailbox at any time, not only the one
// asked about.
func denies(code availability.Code) bool {
	switch code {
	case availability.UnknownMailbox, availability.NoPermission, availability.Withheld:
		return true
	}
	return false
}
