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

// Allow counts a try from a client's address and reports whether it may be made.
func (a *Attempts) Allow(client netip.Addr) bool {
	network := networkOf(client)
	a.mu.Lock()
	defer a.mu.Unlock()
	left := a.left(network)
	if left > 0 {
		a.tried[network]++
	}
	return left > 0
}

// Left returns how many tries a client has left in this minute, and counts none.
func (a *Attempts) Left(client netip.Addr) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.left(networkOf(client))
}

func (a *Attempts) left(network netip.Prefix) int {
	if minute := time.Now().Truncate(time.Minute); !a.minute.Equal(minute) || a.tried == nil {
		a.minute, a.tried = minute, make(map[netip.Prefix]int)
	}
	tried, known := a.tried[network]
	if !known && len(a.tried) >= mostClients {
		return 0
	}
	return Tries - tried
}

// networkOf is what is counted as one client. Who has an IPv6 address mostly has all that
// begin alike.
func networkOf(client netip.Addr) netip.Prefix {
	client = client.Unmap()
	bits := 64
	if client.Is4() {
		bits = 32
	}
	network, _ := client.WithZone("").Prefix(bits) // an invalid address is a client, too
	return network
}
