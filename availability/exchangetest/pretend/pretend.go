// Package pretend holds what all pretend servers are made of: how they listen, what
// they remember of their requests, and how they break a connection.
package pretend

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Listen serves handler on a free port of 127.0.0.1 and returns its URL, without a
// path, and what stops it: end, which has to end calls that hang, and then all else.
func Listen(handler http.Handler, end func()) (url string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("start a pretend server: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // it ends with ErrServerClosed only
	}()
	stop = func() {
		end()
		_ = server.Close()
		<-served
	}
	return "http://" + listener.Addr().String(), stop, nil
}

// maxRequests is how many requests are remembered.
const maxRequests = 1000

// Record counts calls and remembers what is made of their requests. The zero value is
// ready.
type Record[Request any] struct {
	mu          sync.Mutex
	calls       int
	inFlight    int
	maxInFlight int
	requests    []Request
}

// Begin counts a call and returns its number, from 1.
func (r *Record[Request]) Begin() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	r.inFlight++
	r.maxInFlight = max(r.maxInFlight, r.inFlight)
	return r.calls
}

// End remembers a call that began.
func (r *Record[Request]) End(request Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight--
	if len(r.requests) == maxRequests {
		r.requests = slices.Delete(r.requests, 0, 1)
	}
	r.requests = append(r.requests, request)
}

// Requests returns the last requests, at most 1000, the oldest first.
func (r *Record[Request]) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Calls returns how many HTTP requests came.
func (r *Record[Request]) Calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// MaxInFlight returns how many requests were under way at the same time at most.
func (r *Record[Request]) MaxInFlight() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.maxInFlight
}
