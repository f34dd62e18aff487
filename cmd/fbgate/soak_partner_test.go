package main

import (
	"crypto/tls"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// place is a partner's server on a real port, which can be restarted there.
type place struct {
	*host
	handler http.Handler
	address string

	mu      sync.Mutex
	server  *http.Server
	closing bool
}

// newPlace serves handler on a free port of 127.0.0.1, by TLS if secure is set.
func newPlace(t *testing.T, secure bool, handler http.Handler) *place {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	p := &place{host: &host{name: address, secure: secure}, handler: handler, address: address}
	p.begin(l)
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.closing = true
		_ = p.server.Close()
	})
	return p
}

func (p *place) begin(l net.Listener) {
	p.server = &http.Server{Handler: p.handler, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 10 * time.Second}
	if p.secure {
		l = tls.NewListener(l, &tls.Config{GetCertificate: p.certificate})
	}
	server := p.server
	go func() { _ = server.Serve(l) }() // it ends with ErrServerClosed only
}

// restart closes the server with all its connections, and after a while opens it on the
// same port. It reports whether the port was to be had again.
func (p *place) restart(after time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return true
	}
	_ = p.server.Close()
	time.Sleep(after)
	for range 100 {
		l, err := net.Listen("tcp", p.address)
		if err == nil {
			p.begin(l)
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

// url is the server's.
func (p *place) url(path string) string {
	if p.secure {
		return "https://" + p.address + path
	}
	return "http://" + p.address + path
}

// chaos does something to the partners.
func (s *soak) chaos(dice *rand.Rand) {
	w := s.universe
	w.mu.Lock()
	w.step++
	clear(w.events)
	w.mu.Unlock()
	switch n := dice.IntN(20); {
	case n < 10:
		w.change()
	case n < 12:
		p := s.places[dice.IntN(len(s.places))]
		w.fault(p.address, "restart")
		if !p.restart(time.Duration(dice.IntN(300)) * time.Millisecond) {
			s.t.Errorf("%s could not be opened again", p.address)
		}
	case n < 14:
		s.lie(dice)
	case n < 15:
		w.issuer.Revoke()
		w.fault("login", "all tokens revoked")
	default:
		w.mu.Lock()
		w.weather = []float64{0, 0, 0, 0.02, 0.05, 0.1, 0.3, 0.7}[dice.IntN(8)]
		w.mu.Unlock()
		w.tell("weather %v", w.howBad())
	}
}

// lie changes what certificates are shown from now on; connections that are open stay.
func (s *soak) lie(dice *rand.Rand) {
	for _, p := range s.places {
		if !p.secure {
			continue
		}
		if dice.IntN(2) == 0 {
			p.lies.Store(nil) // a new one each time: it is rotated
			continue
		}
		l := []lie{expired, unknownCA, otherHost, notYetTrue}[dice.IntN(4)]
		s.fault(p.address, "certificate "+string(l))
		p.lies.Store(&l)
	}
}

// heal makes everything well.
func (s *soak) heal() {
	w := s.universe
	w.mu.Lock()
	w.weather = 0
	w.mu.Unlock()
	w.calendars.Lock()
	for _, x := range w.crowd {
		w.heal(x)
	}
	w.calendars.Unlock()
	for _, p := range s.places {
		p.lies.Store(nil)
	}
}
