package main

import "sync/atomic"

// lease counts who uses a gateway: one for being in force, and one for each request.
type lease struct {
	users atomic.Int64
	end   func()
}

// begin is for who puts the gateway into force. End is called when nobody uses it.
func (l *lease) begin(end func()) {
	l.end = end
	l.users.Store(1)
}

// enter reports false if the gateway has ended.
func (l *lease) enter() bool {
	for {
		n := l.users.Load()
		if n <= 0 {
			return false
		}
		if l.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (l *lease) leave() {
	if l.users.Add(-1) == 0 {
		l.end()
	}
}
