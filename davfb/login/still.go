package login

import (
	"context"
	"errors"
	"sync"
	"time"

	"fbgate/availability"
)

const (
	// findWithin is how long a place may take to say whether an account is still there.
	findWithin = 5 * time.Second
	// mostPlaced bounds of how many accounts the place is remembered.
	mostPlaced = 10_000
)

// Still reports whether somebody who has shown the right password still has an account that
// fits, by the name Check returned. It gives each place that knows accounts some seconds,
// even if ctx is done before: that somebody goes away must not look like a place that is
// down.
//
// While the place where such an account was found last cannot be asked, it is still there.
// That another place cannot be asked does not matter, nor that an account's own place has
// something against the name: an *availability.Reason of the scope OfMailbox.
func (p *Passwords) Still(ctx context.Context, name string, fits func(availability.Requester) bool) bool {
	all, several := p.Accounts.(Chain)
	if !several {
		all = Chain{p.Accounts}
	}
	last, known := p.places.last(name)
	away := false
	for i, place := range all {
		who, ok, err := findSoon(ctx, place, name)
		switch {
		case err == nil && ok && fits(who):
			p.places.keep(name, i)
			return true
		case err != nil && known && i == last:
			away = passing(err)
		}
	}
	if !away {
		p.places.forget(name)
	}
	return away
}

func findSoon(ctx context.Context, place Accounts, name string) (who availability.Requester, ok bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), findWithin)
	defer cancel()
	return place.Find(ctx, name)
}

// passing reports whether an error is about the place, and not about the name.
func passing(err error) bool {
	var reason *availability.Reason
	return !errors.As(err, &reason) || reason.Scope != availability.OfMailbox
}

// places are where accounts were found last: the numbers in a Chain. The zero value is ready.
type places struct {
	mu sync.Mutex
	of map[string]int
}

func (p *places) last(name string) (place int, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	place, known = p.of[name]
	return place, known
}

// keep forgets all others if there are too many, who then need their place to be asked.
func (p *places) keep(name string, place int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil || len(p.of) >= mostPlaced {
		p.of = make(map[string]int)
	}
	p.of[name] = place
}

func (p *places) forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.of, name)
}
