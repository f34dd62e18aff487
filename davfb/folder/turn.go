package folder

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"fbgate/davfb/face"
)

// turns bound how many lists are drawn at once. A list of a large folder takes as long as
// thousands of other answers, and anybody may ask for it; with at most half of the
// processors drawing lists, there is always one for the others.
type turns chan struct{}

func newTurns() turns { return make(turns, max(1, runtime.GOMAXPROCS(0)/2)) }

// listTime is how long a list may take, waiting for turns included.
const listTime = time.Minute

// take waits for a turn.
func (v *visit) take(ctx context.Context) error {
	select {
	case v.turns <- struct{}{}:
		v.turn = true
		return nil
	case <-ctx.Done():
		return &face.Refusal{Status: http.StatusServiceUnavailable, Text: "Too many others want lists at the moment.", RetryAfter: again}
	}
}

// give lets another list be drawn, if this one has the turn.
func (v *visit) give() {
	if v.turn {
		v.turn = false
		<-v.turns
	}
}
