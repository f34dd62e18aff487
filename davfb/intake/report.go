package intake

import (
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// reportEvery is how often what is refused is logged at most: whoever is refused comes
// again, and must not fill the log.
const reportEvery = time.Minute

// report logs what is refused: the first at once, and what follows together.
type report struct {
	log   *slog.Logger
	total atomic.Uint64

	mu     sync.Mutex
	counts map[*refusal]int // since the last line
	last   net.Addr         // of these
	timer  *time.Timer      // nil if nothing was refused lately
	ended  bool
}

func (r *report) add(why *refusal, client net.Addr) {
	r.total.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = make(map[*refusal]int)
	}
	r.counts[why]++
	r.last = client
	if r.timer == nil && !r.ended {
		r.flush()
	}
}

// flush logs what was refused, and sees to it that what follows is, too.
func (r *report) flush() {
	r.timer = nil
	if len(r.counts) == 0 {
		return
	}
	for why, n := range r.counts {
		r.log.Warn("connections refused", "reason", why.reason, "refused", n, "last", r.last.String())
	}
	clear(r.counts)
	if !r.ended {
		r.timer = time.AfterFunc(reportEvery, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			if !r.ended {
				r.flush()
			}
		})
	}
}

// end logs what is left.
func (r *report) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	if r.timer != nil {
		r.timer.Stop()
	}
	r.flush()
}
