package credential

import (
	"context"
	"crypto/sha256"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"fbgate/availability"
)

const (
	// renewEarly is how long before its end a pass is renewed. It leaves room for
	// clocks that differ, and for whoever hands out passes to be away for a while.
	renewEarly = 5 * time.Minute
	// renewAgain is how long a failed renewal is not repeated while the old pass
	// still holds.
	renewAgain = 30 * time.Second
	// refusalKept is how long a refusal answers those who ask with the same secret.
	// It has to be shorter than firstRest, after which an Account wants to know
	// anew, and longer than requests admitted together can be apart.
	refusalKept = time.Minute
	// longestCall bounds one attempt to get a pass, whoever waits for it.
	longestCall = 30 * time.Second
)

// pass is a proof that a third party, which has seen the secret, hands out for a
// while: an access token or a service ticket.
type pass[T any] struct {
	proof   T
	renew   time.Time // from then on the next one is sought
	expires time.Time
}

func newPass[T any](proof T, lifetime time.Duration) *pass[T] {
	// Without the monotonic clock, which stands still while a machine sleeps.
	now := time.Now().Round(0)
	return &pass[T]{proof, now.Add(lifetime - min(renewEarly, lifetime/2)), now.Add(lifetime)}
}

// passes keeps passes, one for each service, and gets new ones in time. At most one
// call for a pass is under way, and all who need one wait for the same; so a secret
// that has become wrong is shown once, and a third party that hangs holds up one
// goroutine.
type passes[T any] struct {
	what   string // is handed out, for messages
	obtain func(ctx context.Context, secret, service string) (*pass[T], error)

	mu      sync.Mutex
	secret  [sha256.Size]byte // the kept ones are of
	kept    map[string]*pass[T]
	call    *call[T]  // under way, or nil
	retry   time.Time // no renewal before
	refused error     // what the last call ended with, if the secret was refused
	told    time.Time // when refused was first returned to anybody, or zero
}

// call is one attempt to get a pass.
type call[T any] struct {
	secret  [sha256.Size]byte
	service string
	awaited bool
	done    chan struct{}
	pass    *pass[T] // valid when done is closed, as is err
	err     error
}

// get returns a pass for a service. It returns when ctx is done, while the call it
// waited for goes on for others. A pass that is to be renewed is returned as long as
// it holds, and nobody waits for the next one.
func (p *passes[T]) get(ctx context.Context, secret, service string) (*pass[T], error) {
	sum := sha256.Sum256([]byte(secret))
	for {
		kept, call, err := p.look(sum, secret, service)
		if call == nil {
			return kept, err
		}
		select {
		case <-call.done:
			if call.secret == sum && call.service == service {
				return call.pass, call.err
			}
		case <-ctx.Done():
			return nil, failed(availability.Timeout, "no %s came in time: %v", p.what, context.Cause(ctx))
		}
	}
}

// look returns a pass, or why there is none, or the call to wait for.
func (p *passes[T]) look(sum [sha256.Size]byte, secret, service string) (*pass[T], *call[T], error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.secret != sum {
		p.secret, p.kept, p.retry, p.refused = sum, make(map[string]*pass[T]), time.Time{}, nil
	}
	now := time.Now()
	if p.refused != nil {
		if p.told.IsZero() {
			p.told = now
		}
		if now.Sub(p.told) < refusalKept {
			return nil, nil, p.refused
		}
		p.refused = nil
	}
	kept := p.kept[service]
	if kept != nil && now.Before(kept.renew) {
		return kept, nil, nil
	}
	holds := kept != nil && now.Before(kept.expires)
	if p.call == nil && !(holds && now.Before(p.retry)) {
		p.call = &call[T]{secret: sum, service: service, done: make(chan struct{})}
		go p.run(p.call, secret)
	}
	if holds {
		return kept, nil, nil
	}
	p.call.awaited = true
	return nil, p.call, nil
}

func (p *passes[T]) run(c *call[T], secret string) {
	ctx, cancel := context.WithTimeout(context.Background(), longestCall)
	defer cancel()
	pass, err := p.attempt(ctx, secret, c.service)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.call, c.pass, c.err = nil, pass, err
	defer close(c.done)
	if c.secret != p.secret {
		return
	}
	var reason *availability.Reason
	switch {
	case err == nil:
		p.kept[c.service] = pass
	case errors.As(err, &reason) && reason.Code == availability.Unauthorized:
		p.refused, p.told = err, time.Time{}
		if c.awaited {
			p.told = time.Now()
		}
	default:
		p.retry = time.Now().Add(renewAgain)
	}
}

// attempt is obtain, but does not panic: it reads what strangers sent.
func (p *passes[T]) attempt(ctx context.Context, secret, service string) (got *pass[T], err error) {
	defer func() {
		if v := recover(); v != nil {
			got, err = nil, failed(availability.Internal, "panic while getting a %s: %.200v\n%.1000s", p.what, v, debug.Stack())
		}
	}()
	return p.obtain(ctx, secret, service)
}

// drop forgets a pass that was not accepted.
func (p *passes[T]) drop(service string, refused *pass[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept[service] == refused {
		delete(p.kept, service)
	}
}

// failed returns a reason that concerns whatever the account is used for.
func failed(code availability.Code, format string, args ...any) *availability.Reason {
	reason := availability.Because(code, format, args...)
	reason.Scope = availability.OfServer
	return reason
}
