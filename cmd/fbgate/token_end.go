package main

import (
	"sync/atomic"
	"time"
)

// tokenEnd is until when the token of an account is good, as far as it is known.
type tokenEnd struct{ at atomic.Pointer[time.Time] }

func (e *tokenEnd) set(at time.Time) { e.at.Store(&at) }

// get returns zero if there is none.
func (e *tokenEnd) get() time.Time {
	if at := e.at.Load(); at != nil {
		return *at
	}
	return time.Time{}
}
