package plan

import (
	"sync"
	"time"

	"fbgate/availability"
)

// mostLearnt bounds the mailboxes whose crowded calendars are remembered.
const mostLearnt = 10_000

// limits are the longest windows that may be asked about: what is configured, and
// what servers have taught since.
type limits struct {
	mu  sync.Mutex
	all time.Duration
	of  map[availability.Mailbox]time.Duration // those with more appointments than are listed
}

// share groups mailboxes, by index, by the longest window to ask about them.
func (l *limits) share(mailboxes []availability.Mailbox) map[time.Duration][]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	shares := make(map[time.Duration][]int, 1)
	for i, m := range mailboxes {
		longest := l.all
		if of, ok := l.of[m]; ok {
			longest = min(longest, of)
		}
		shares[longest] = append(shares[longest], i)
	}
	return shares
}

// tooLong learns that a window was too long for the server. It reports whether that
// is news.
func (l *limits) tooLong(window availability.Window) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	shorter := half(window)
	if shorter >= l.all {
		return false
	}
	l.all = shorter
	return true
}

// tooFull learns that a mailbox has too many appointments in so long a window.
func (l *limits) tooFull(m availability.Mailbox, window availability.Window) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil || len(l.of) >= mostLearnt {
		l.of = make(map[availability.Mailbox]time.Duration) // they teach it anew
	}
	if before, ok := l.of[m]; !ok || half(window) < before {
		l.of[m] = half(window)
	}
}

// half is what to try instead of a window that was too long, in whole hours.
func half(w availability.Window) time.Duration {
	return max(shortest, (w.Duration() / 2).Truncate(time.Hour))
}
