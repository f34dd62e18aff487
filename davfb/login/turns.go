package login

import (
	"context"
	"net/http"
	"runtime"
	"sync/atomic"

	"fbgate/davfb/face"
)

// mostQueued bounds the checks that wait for their turn.
const mostQueued = 32

// turns bounds how many bcrypt runs there are at once, as each takes a processor for a
// while that everybody else's free/busy needs.
type turns struct {
	slots  chan struct{}
	queued atomic.Int32
}

func newTurns() *turns {
	return &turns{slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
}

// take waits for a turn, which ends with release.
func (t *turns) take(ctx context.Context) (release func(), err error) {
	if t.queued.Add(1) > mostQueued {
		t.queued.Add(-1)
		return nil, &face.Refusal{Status: http.StatusServiceUnavailable, RetryAfter: soon, Text: "Too many log in at once. Try again soon."}
	}
	defer t.queued.Add(-1)
	select {
	case t.slots <- struct{}{}:
		return func() { <-t.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
