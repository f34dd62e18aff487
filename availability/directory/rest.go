package directory

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"
)

const (
	// An account that was refused is not tried again for firstRefusalRest, then twice
	// as long each time, at most longestRefusalRest, unless its password changes.
	// Directories lock accounts after as few as five refusals within half an hour.
	firstRefusalRest   = 5 * time.Minute
	longestRefusalRest = time.Hour
	// A server that cannot be reached rests ten times as long as that took to find
	// out, a minute at most: so that a dead one costs a lookup its Timeout only now
	// and then, and one that restarts is there again at once.
	outageFactor = 10
	longestRest  = time.Minute
)

// restingError says why no connection is tried.
type restingError struct {
	last    error
	until   time.Time
	account bool // it is the account that rests
}

func (e *restingError) Error() string {
	text := fmt.Sprintf("%v; not tried again before %s", e.last, e.until.UTC().Format(time.RFC3339))
	if e.account {
		text += " unless the password changes"
	}
	return text
}

func (e *restingError) Unwrap() error { return e.last }

// mayDial returns why a connection must not be tried now.
func (l *link) mayDial(secret [sha256.Size]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rests == nil || !time.Now().Before(l.rests.until) || l.rests.account && secret != l.refused {
		return nil
	}
	return l.rests
}

// rest notes that a connection failed with err, and for how long not to try again.
func (l *link) rest(err error, took time.Duration, secret [sha256.Size]byte) error {
	var refused *refusedError
	r := &restingError{last: err, account: errors.As(err, &refused)}
	r.until = time.Now().Add(min(outageFactor*took, longestRest))
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.account {
		if secret != l.refused {
			l.refusals = 0
		}
		r.until = time.Now().Add(min(firstRefusalRest<<min(l.refusals, 10), longestRefusalRest))
		l.refusals++
		l.refused = secret
	}
	l.rests = r
	return err
}
