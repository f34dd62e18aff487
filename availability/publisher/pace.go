package publisher

import (
	"math/rand/v2"
	"time"

	"fbgate/availability"
)

// pace says when the next round begins.
type pace struct {
	every  time.Duration
	inVain int // rounds in a row that the server stopped
}

// Bounds of how long to leave a server alone that stopped a round.
const (
	shortestRest = time.Minute
	// longestLock is for accounts: directories count refusals for 30 minutes or so, and
	// lock an account after a few.
	longestLock = time.Hour
)

// next returns how long to wait after a round that took so long. A round that took longer
// than there is from one to the next is followed by one at once. After one that was stopped
// there is a rest, which doubles as long as nothing succeeds.
func (p *pace) next(took time.Duration, stopped *availability.Reason, succeeded bool) time.Duration {
	if stopped == nil {
		p.inVain = 0
		return max(p.every-took, time.Second)
	}
	if succeeded {
		p.inVain = 0
	}
	p.inVain = min(p.inVain+1, 10)
	rest, longest := min(shortestRest, p.every), p.every
	if stopped.Code == availability.Unauthorized || stopped.Code == availability.CredentialFailed {
		rest, longest = p.every, max(p.every, longestLock)
	}
	rest = min(rest<<(p.inVain-1), longest)
	rest = max(rest, stopped.RetryAfter)
	return rest + rand.N(rest/10+1)
}
