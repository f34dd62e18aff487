package session

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// Tries is how often somebody may try to sign in within a minute.
	Tries = 10
	// mostClients is how many are told apart. One more takes the place of another.
	mostClients = 10_000
	// sampled is how many clients are looked at for one to give up.
	sampled = 16
)

// Attempts counts who has tried to sign in. The zero value is ready; a nil one judges
// without counting.
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
	if a.left(network) <= 0 {
		return false
	}
	a.count(network)
	return true
}

// Judge lets judge say whether a guess from a client's address is right, and counts it if
// it is not; allowed is false, and nothing is judged, if too many have been wrong. Guesses
// are judged one after the other, so that many at once are no more than many in turn and
// none that is right has to wait for others to fail: judge has to be quick.
func (a *Attempts) Judge(client netip.Addr, judge func() bool) (right, allowed bool) {
	if a == nil {
		return judge(), true
	}
	network := networkOf(client)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left(network) <= 0 {
		return false, false
	}
	if right = judge(); !right {
		a.count(network)
	}
	return right, true
}

// left returns how many tries a client has left in this minute.
func (a *Attempts) left(network netip.Prefix) int {
	if minute := time.Now().Truncate(time.Minute); !a.minute.Equal(minute) || a.tried == nil {
		a.minute, a.tried = minute, make(map[netip.Prefix]int)
	}
	return Tries - a.tried[network]
}

func (a *Attempts) count(network netip.Prefix) {
	if _, known := a.tried[network]; !known && len(a.tried) >= mostClients {
		a.makeRoom()
	}
	a.tried[network]++
}

// makeRoom forgets the client with the fewest tries among some, so that whoever has very
// many addresses loses his own single tries first. To turn away who is not known instead
// would let him keep out everybody else.
func (a *Attempts) makeRoom() {
	var victim netip.Prefix
	least, n := Tries+1, 0
	for network, tried := range a.tried { // in random order
		if tried < least {
			victim, least = network, tried
		}
		if n++; n == sampled {
			break
		}
	}
	delete(a.tried, victim)
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
