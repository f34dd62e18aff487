package session

// MostClients is how many clients' tries are counted.
const MostClients = mostClients

// Clients returns of how many clients tries are counted.
func (a *Attempts) Clients() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.tried)
}
