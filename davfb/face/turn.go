package face

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"time"
)

// Turns bound how many long answers are drawn at once. One of several megabytes takes as
// long as thousands of usual ones, and anybody may ask for it; with half of the processors
// drawing those, there is always one for the others. Build it with [NewTurns].
type Turns chan struct{}

// NewTurns returns Turns of half of the processors, one at least.
func NewTurns() Turns { return make(Turns, max(1, runtime.GOMAXPROCS(0)/2)) }

// Turn is one of them, or none: the zero Turn does not hold anybody up.
type Turn struct {
	turns Turns
	has   bool
}

// Take waits for a turn, which has to be given back. The error, a *Refusal, is that ctx
// was done before.
func (t Turns) Take(ctx context.Context) (Turn, error) {
	turn := Turn{turns: t}
	return turn, turn.take(ctx)
}

func (t *Turn) take(ctx context.Context) error {
	select {
	case t.turns <- struct{}{}:
		t.has = true
		return nil
	case <-ctx.Done():
		return &Refusal{Status: http.StatusServiceUnavailable, Text: "Too many others want long answers at the moment.", RetryAfter: time.Minute}
	}
}

// Give gives the turn back, if there still is one.
func (t *Turn) Give() {
	if t.has {
		t.has = false
		<-t.turns
	}
}

// Write writes p to w. Others have the turn meanwhile, so that a client that reads slowly
// keeps nobody waiting. The error is that of w, or, as a *Refusal, that ctx was done before
// it was this one's turn again.
func (t *Turn) Write(ctx context.Context, w io.Writer, p []byte) (int, error) {
	had := t.has
	t.Give()
	n, err := w.Write(p)
	if err == nil && had {
		err = t.take(ctx)
	}
	return n, err
}
