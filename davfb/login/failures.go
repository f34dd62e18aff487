package login

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// mostCounted bounds the accounts or clients whose failures are kept.
	mostCounted = 10_000
	// mostWaiting bounds the attempts that wait for others of the same account or
	// client.
	mostWaiting = 64
	// sampled is how many entries of a full map are looked at for one to give up.
	sampled = 16
)

// failures counts attempts to log in that failed, by account or by client, and lets
// only so many fail within a time. Attempts under way count as failed until they end,
// so that many at once are no more than many in turn.
type failures struct {
	most   int
	within time.Duration

	mu      sync.Mutex
	entries map[string]*tally
}

// tally is the count of one account or client.
type tally struct {
	failed           []time.Time // oldest first
	pending, waiting int
	ended            chan struct{} // closed when an attempt ends; nil if nobody waits
}

// exhausted is the error of an attempt that is not made, because too many have failed.
type exhausted struct{ again time.Duration }

func (e *exhausted) Error() string {
	return fmt.Sprintf("too many failed log-ins; again in %s", e.again.Round(time.Second))
}

// errBusy is the error of an attempt that is not made because too many wait.
var errBusy = errors.New("too many attempts to log in at once")

func newFailures(most int, within time.Duration) *failures {
	return &failures{most: most, within: within, entries: make(map[string]*tally)}
}

// begin waits until an attempt may be made, and announces it. The error is an
// *exhausted, errBusy, or that of ctx.
func (f *failures) begin(ctx context.Context, key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		t := f.entry(key)
		switch {
		case len(t.failed) >= f.most:
			return &exhausted{again: time.Until(t.failed[0].Add(f.within))}
		case len(t.failed)+t.pending < f.most:
			t.pending++
			return nil
		case t.waiting >= mostWaiting:
			return errBusy
		}
		if err := f.wait(ctx, t); err != nil {
			return err
		}
	}
}

// wait returns when an attempt has ended. It unlocks f meanwhile.
func (f *failures) wait(ctx context.Context, t *tally) error {
	if t.ended == nil {
		t.ended = make(chan struct{})
	}
	ended := t.ended
	t.waiting++
	f.mu.Unlock()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	f.mu.Lock()
	t.waiting--
	return err
}

// pass announces an attempt that is made in any case.
func (f *failures) pass(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.entry(key).pending++
}

// end says what became of an attempt that was announced. It reports whether that was
// the last one that might fail.
func (f *failures) end(key string, failed bool) (last bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.entry(key)
	t.pending--
	if t.ended != nil {
		close(t.ended)
		t.ended = nil
	}
	if failed && len(t.failed) < f.most {
		t.failed = append(t.failed, time.Now())
		last = len(t.failed) == f.most
	}
	if len(t.failed)+t.pending+t.waiting == 0 {
		delete(f.entries, key)
	}
	return last
}

// add counts a failure nobody announced.
func (f *failures) add(key string) {
	f.pass(key)
	f.end(key, true)
}

// reached reports whether as many have failed as may.
func (f *failures) reached(key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.entries[key]
	if t == nil {
		return false
	}
	f.expire(t)
	return len(t.failed) >= f.most
}

// entry returns the count of key. A new one takes the place of another if there are
// too many.
func (f *failures) entry(key string) *tally {
	t := f.entries[key]
	if t == nil {
		f.makeRoom()
		t = &tally{}
		f.entries[key] = t
	}
	f.expire(t)
	return t
}

// expire forgets failures of long ago.
func (f *failures) expire(t *tally) {
	old := 0
	for old < len(t.failed) && time.Since(t.failed[old]) >= f.within {
		old++
	}
	t.failed = t.failed[old:]
}

// makeRoom gives up the entry with the fewest failures among some, so that whoever
// floods the map loses his own single ones first. Those of attempts under way stay;
// there are no more of them than requests.
func (f *failures) makeRoom() {
	if len(f.entries) < mostCounted {
		return
	}
	var least *tally
	var victim string
	n := 0
	for key, t := range f.entries { // in random order
		f.expire(t)
		if t.pending+t.waiting == 0 && (least == nil || len(t.failed) < len(least.failed)) {
			least, victim = t, key
		}
		if n++; n == sampled {
			break
		}
	}
	if least != nil {
		delete(f.entries, victim)
	}
}
