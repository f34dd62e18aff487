package publisher

import (
	"context"
	"strings"
	"sync"

	"fbgate/availability"
	"fbgate/translate/folderpath"
)

const (
	// mostFailures is how many calls in a row may fail for what may be the server's
	// fault before the round ends.
	mostFailures = 10
	// mostRefusals is how many items of an administrative group's folder may be refused
	// in a round before the rest of them is left out, if none was taken.
	mostRefusals = 20
)

// gate lets the calls of one round through to the server as long as it takes them.
type gate struct {
	turns chan struct{} // one until a call has succeeded, so that a wrong password is shown once

	mu        sync.Mutex
	succeeded bool
	inARow    int
	stopped   *availability.Reason
	folders   map[string]*group
}

// group is the folder of an administrative group.
type group struct {
	taken    bool // something succeeded there
	refusals int
	reason   *availability.Reason // of the last refusal
}

func newGate(concurrency int) *gate {
	g := &gate{turns: make(chan struct{}, concurrency), folders: make(map[string]*group)}
	g.turns <- struct{}{}
	return g
}

// call makes a call about an item when it is its turn. If it is not made at all, the
// failure is that of those before it, and asked is false.
func (g *gate) call(ctx context.Context, item folderpath.Path, do func() *failure) (failed *failure, asked bool) {
	select {
	case <-g.turns:
		defer func() { g.turns <- struct{}{} }()
	case <-ctx.Done():
		return &failure{Reason: interrupted(ctx)}, false
	}
	if reason := g.shut(item); reason != nil {
		return &failure{Reason: reason}, false
	}
	if ctx.Err() != nil {
		return &failure{Reason: interrupted(ctx)}, false
	}
	failed = do()
	if ctx.Err() == nil || failed == nil {
		g.note(item, failed)
	}
	return failed, true
}

func interrupted(ctx context.Context) *availability.Reason {
	return availability.Because(availability.Timeout, "the publisher is ending: %v", context.Cause(ctx))
}

// close lets no more calls through.
func (g *gate) close(reason *availability.Reason) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = reason
}

// stop returns why no more calls are made, nil if they are, and whether one succeeded.
func (g *gate) stop() (stopped *availability.Reason, succeeded bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stopped, g.succeeded
}

func (g *gate) shut(item folderpath.Path) *availability.Reason {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped != nil {
		return g.stopped
	}
	if f := g.group(item); f.refusals >= mostRefusals && !f.taken {
		return f.reason
	}
	return nil
}

func (g *gate) group(item folderpath.Path) *group {
	name := strings.ToLower(item.Group)
	f := g.folders[name]
	if f == nil {
		f = new(group)
		g.folders[name] = f
	}
	return f
}

// note learns from a call.
func (g *gate) note(item folderpath.Path, failed *failure) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if failed == nil {
		g.inARow = 0
		g.group(item).taken = true
		if !g.succeeded {
			g.succeeded = true
			for range cap(g.turns) - 1 {
				g.turns <- struct{}{}
			}
		}
		return
	}
	switch reason := failed.Reason; {
	case reason.Scope == availability.OfMailbox:
		g.inARow = 0
	case stopsAll(reason.Code):
		g.stopped = reason
	case reason.Code == availability.Forbidden, reason.Code == availability.WrongEndpoint:
		g.inARow = 0
		f := g.group(item)
		f.refusals++
		f.reason = reason
	default:
		if g.inARow++; g.inARow >= mostFailures {
			g.stopped = reason
		}
	}
}

// stopsAll reports whether after one such failure no further call should be made: it would
// fail, too, and may do harm.
func stopsAll(code availability.Code) bool {
	switch code {
	case availability.Unauthorized, availability.CredentialFailed, availability.Throttled, availability.TLS, availability.Loop:
		return true
	}
	return false
}
