package publisher

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"fbgate/availability"
	"fbgate/translate/folderpath"
)

const (
	batchSize = 100
	// batchesAtOnce keeps one organization that is slow from holding up the others.
	batchesAtOnce = 2
	// lookupTimeout is how long a lookup may take; Sources have shorter ones.
	lookupTimeout = 3 * time.Minute
)

// round is one pass over all recipients.
type round struct {
	*Publisher
	id     string // in logs, here and upstream
	state  *state
	gate   *gate
	window availability.Window
	roster roster
	now    time.Time
}

// round makes one. It returns why the server stopped it, if it did, and whether any call
// succeeded.
func (p *Publisher) round(ctx context.Context, s *state) (stopped *availability.Reason, succeeded bool) {
	r := &round{Publisher: p, state: s, gate: newGate(p.config.Concurrency), now: time.Now()}
	r.id = "publish-" + hex.EncodeToString(binary.BigEndian.AppendUint32(nil, rand.Uint32()))
	r.window = p.window(r.now)
	p.status.begin(r.now, r.window)
	r.roster = p.roster(ctx)
	p.status.listed(len(r.roster.list)+len(r.roster.unfit), r.roster.reason)
	for _, unfit := range r.roster.unfit {
		r.failed(ctx, Failure{
			LegacyDN: unfit.LegacyDN, Mailbox: unfit.Mailbox, Step: StepLookup,
			Reason: availability.Because(availability.InvalidAddress, "%.200q is not a legacyExchangeDN", unfit.LegacyDN),
		})
	}
	r.publish(ctx)
	if r.goesOn(ctx) {
		r.sweep(ctx)
	}
	stopped, succeeded = r.gate.stop()
	p.status.end(stopped)
	p.logRound(ctx, r.id)
	return stopped, succeeded
}

// goesOn reports whether there is any use in going on.
func (r *round) goesOn(ctx context.Context) bool {
	stopped, _ := r.gate.stop()
	return ctx.Err() == nil && stopped == nil
}

// publish sees to all recipients, in batches.
func (r *round) publish(ctx context.Context) {
	batches := make(chan []listed)
	var workers sync.WaitGroup
	for range batchesAtOnce {
		workers.Go(func() {
			for batch := range batches {
				if r.goesOn(ctx) {
					r.batch(ctx, batch)
					r.logProgress(ctx, r.id)
				}
			}
		})
	}
	for batch := range slices.Chunk(r.roster.list, batchSize) {
		if !r.goesOn(ctx) {
			break
		}
		batches <- batch
	}
	close(batches)
	workers.Wait()
}

// sweep removes the items that this Publisher wrote of mailboxes that have left, and those
// that have not been confirmed for too long: their recipients could not be listed.
func (r *round) sweep(ctx context.Context) {
	for keys := range slices.Chunk(r.state.keys(), batchSize) {
		if !r.goesOn(ctx) {
			return
		}
		entries := r.state.get(keys)
		var changes []change
		for i, key := range keys {
			_, stays := r.roster.keys[key]
			left := !stays && r.roster.reason == nil
			stale := r.now.Sub(entries[i].confirmed) > r.config.Keep
			item, ok := folderpath.OfDN(key)
			if (left || stale) && ok {
				changes = append(changes, change{listed: listed{key: key, item: item}, before: entries[i], judged: judged{verdict: remove}})
			}
		}
		if err := r.make(ctx, changes); err != nil {
			r.broken(err)
			return
		}
	}
}

// broken ends the round because of what is the matter with the state: without it items
// that were written would not be known for ours.
func (r *round) broken(err error) {
	r.gate.close(server(availability.Internal, "the publisher's state: %.300s", fmt.Sprint(err)))
}
