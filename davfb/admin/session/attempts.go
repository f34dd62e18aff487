package session

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// Tries is how often somebody may try to sign in within a minute.
	Tries = 10
	// mostClients is how many are told apart. The others may not try in that minute.
	mostClients = 10_000
)

// Attempts counts who has tried to sign in. The zero value is ready.
type Attempts struct {
	mu     sync.Mutex
	minute time.Time
	tried  map[netip.Prefix]int
}

// Allow counts a try from a client's address and reports whether it may be made. One
// who has an IPv6 address mostly has all that begin alike.
func (a *Attempts) Allow(client netip.Addr) bool {
	client = client.Unmap()
	bits := 64
	if client.Is4() {
		bits = 32
	}
	network, _ := client.WithZone("").Prefix(bits) // an invalid address is a client, too
	minute := time.Now().Truncate(time.Minute)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.minute.Equal(minute) || a.tried == nil {
		a.minute, a.tried = minute, make(map[netip.Prefix]int)
	}
	if _, known := a.tried[network]; !known && len(a.tried) >= mostClients {
		return false
	}
	a.tried[network]++
	return a.tried[network] <= Tries
}
