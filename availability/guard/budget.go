package guard

import "sync"

// budget bounds retries to a tenth of the calls and a few more, so that a server in
// trouble gets hardly more to do than it had.
type budget struct {
	mu     sync.Mutex
	tenths int
}

const mostTenths = 100 // ten retries

func fullBudget() budget { return budget{tenths: mostTenths} }

// deposit counts a call.
func (b *budget) deposit() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tenths = min(b.tenths+1, mostTenths)
}

// withdraw reports whether a retry may be made, and counts it.
func (b *budget) withdraw() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tenths < 10 {
		return false
	}
	b.tenths -= 10
	return true
}
