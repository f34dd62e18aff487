package plan

import (
	"sync"
	"time"

	"fbgate/availability"
)

// mostLearnt bounds the mailboxes whose crowded calendars are remembered.
const mostLearnt = 10_000

// learntFor is how long what servers taught is believed: they may be set up otherwise
// since, and calendars be tidied.
const learntFor = 24 * time.Hour

// limits are the longest windows that may be asked about: what is configured, and
// what servers have taught since.
type limits struct {
	configured time.Duration

	mu    sync.Mutex
	all   time.Duration
	of    map[availability.Mailbox]time.Duration // those with more appointments than are listed
	since time.Time                              // when the first lesson was learnt
}

// share groups mailboxes, by index, by the longest window to ask about them.
func (l *limits) share(mailboxes []availability.Mailbox) map[time.Duration][]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == 0 || !l.since.IsZero() && time.Since(l.since) >= learntFor {
		l.all, l.of, l.since = l.configured, nil, time.Time{}
	}
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

func (l *limits) learns() {
	if l.since.IsZero() {
		l.since = time.Now()
	}
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
	l.learns()
	l.all = shorter
	return true
}

// tooFull learns that a mailbox has too many appointments in so long a window.
func (l *limits) tooFull(m availability.Mailbox, window availability.Window) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.learns()
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
