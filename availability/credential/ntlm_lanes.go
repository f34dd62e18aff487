package credential

import (
	"context"
	"crypto/sha256"
	"net"
	"net/http"
	"slices"
	"sync"
)

// lane is a transport with one connection to each host, used by one request at a
// time. Whoever has taken it may change it.
//
// A transport shared by several requests will not do for NTLM: between two messages
// of a handshake it would give the connection to somebody else.
type lane struct {
	transport http.RoundTripper
	ready     map[string]proof // by host; hosts are few: those the Account trusts
}

// proof is what a lane remembers of a connection that may be used without a
// handshake: the password it was authenticated with, so that a new one is tried.
type proof struct {
	conn   net.Conn
	secret [sha256.Size]byte
}

// lanes are all lanes of an account.
type lanes struct {
	connect Connect
	taken   chan struct{} // holds one for each lane in use
	schemes schemes

	mu   sync.Mutex
	free []*lane // the one used last at the end
}

func newLanes(most int, connect Connect) *lanes {
	return &lanes{connect: connect, taken: make(chan struct{}, most)}
}

// take waits for a lane. It prefers one with a connection that is authenticated for
// the host, then the one used last, so that a light load keeps few connections.
func (p *lanes) take(ctx context.Context, host string) (*lane, error) {
	select {
	case p.taken <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return &lane{transport: p.connect(1), ready: make(map[string]proof)}, nil
	}
	best := len(p.free) - 1
	for i, l := range slices.Backward(p.free) {
		if _, ok := l.ready[host]; ok {
			best = i
			break
		}
	}
	l := p.free[best]
	p.free = slices.Delete(p.free, best, best+1)
	return l, nil
}

// give returns a lane. The giver must not use it any more.
func (p *lanes) give(l *lane) {
	p.mu.Lock()
	p.free = append(p.free, l)
	p.mu.Unlock()
	<-p.taken
}

// schemes remembers the hosts that take NTLM's messages under the name of Negotiate
// only.
type schemes struct {
	mu        sync.Mutex
	negotiate map[string]bool
}

// of returns the names to try with a host, in this order.
func (s *schemes) of(host string) [2]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.negotiate[host] {
		return [...]string{"Negotiate", "NTLM"}
	}
	return [...]string{"NTLM", "Negotiate"}
}

// learn notes that a host sent a challenge by that name.
func (s *schemes) learn(host, scheme string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.negotiate == nil {
		s.negotiate = make(map[string]bool)
	}
	s.negotiate[host] = scheme == "Negotiate"
}
