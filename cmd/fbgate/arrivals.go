package main

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// arrivals are the connections of which no request has been read yet. net/http closes
// them without a word if they get there while it shuts down.
type arrivals struct {
	mu  sync.Mutex
	new map[net.Conn]bool
}

// state is for http.Server's ConnState.
func (a *arrivals) state(c net.Conn, state http.ConnState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if state != http.StateNew {
		delete(a.new, c)
		return
	}
	if a.new == nil {
		a.new = make(map[net.Conn]bool)
	}
	a.new[c] = true
}

// settle waits until there are none, or for that long: some clients connect and say
// nothing.
func (a *arrivals) settle(most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		a.mu.Lock()
		n := len(a.new)
		a.mu.Unlock()
		if n == 0 {
			return
		}
	}
}
