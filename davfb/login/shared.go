package login

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"fbgate/availability"
)

// mostOfCheck is how long a check may take, with all it waits for.
const mostOfCheck = 30 * time.Second

// shared lets those who bring the same proof at once wait for one check. A client that
// leaves does not end it for the others.
type shared struct {
	mu    sync.Mutex
	going map[proof]*running
}

// running is a check under way, and, once done is closed, what became of it.
type running struct {
	done chan struct{}
	who  availability.Requester
	err  error
}

// do returns the result of check, or of one for the same proof that is under way.
func (s *shared) do(ctx context.Context, p proof, check func(context.Context) (availability.Requester, error)) (availability.Requester, error) {
	s.mu.Lock()
	one := s.going[p]
	if one == nil {
		one = &running{done: make(chan struct{})}
		s.going[p] = one
		go s.run(context.WithoutCancel(ctx), p, one, check)
	}
	s.mu.Unlock()
	select {
	case <-one.done:
		return one.who, one.err
	case <-ctx.Done():
		return availability.Requester{}, context.Cause(ctx)
	}
}

func (s *shared) run(ctx context.Context, p proof, one *running, check func(context.Context) (availability.Requester, error)) {
	ctx, cancel := context.WithTimeout(ctx, mostOfCheck)
	defer cancel()
	defer func() {
		if p := recover(); p != nil { // nobody else would, here
			one.err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		s.mu.Lock()
		delete(s.going, p)
		s.mu.Unlock()
		close(one.done)
	}()
	one.who, one.err = check(ctx)
}
