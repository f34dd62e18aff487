package upstream

import (
	"crypto/tls"
	"sync"
	"time"
)

// Certificates remember until when those are good that servers have shown. The zero value
// is ready. All methods may be called from several goroutines at once.
type Certificates struct {
	mu    sync.Mutex
	hosts map[string]shownEnd
}

// shownEnd is of a certificate that a server has shown.
type shownEnd struct{ at, end time.Time }

// Servers that showed nothing for shownFor are forgotten: Autodiscover may lead to others
// by then. mostShown bounds how many are remembered.
const (
	shownFor  = 7 * 24 * time.Hour
	mostShown = 32
)

// End returns when the first of the certificates ends, or has ended, that were shown
// within the last week; zero if there are none.
func (c *Certificates) End() (end time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for host, s := range c.hosts {
		switch {
		case time.Since(s.at) > shownFor:
			delete(c.hosts, host)
		case end.IsZero() || s.end.Before(end):
			end = s.end
		}
	}
	return end
}

// note remembers what a host has shown, nothing if there was no TLS.
func (c *Certificates) note(host string, state *tls.ConnectionState) {
	if c == nil || state == nil || len(state.PeerCertificates) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hosts == nil {
		c.hosts = make(map[string]shownEnd)
	}
	if _, known := c.hosts[host]; known || len(c.hosts) < mostShown {
		c.hosts[host] = shownEnd{time.Now(), state.PeerCertificates[0].NotAfter}
	}
}
