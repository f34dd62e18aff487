package publisher

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"fbgate/availability"
	"fbgate/translate/davupdate"
	"fbgate/translate/folderpath"
	"fbgate/translate/proptag"
)

// change is what is to be done with one item.
type change struct {
	listed
	before entry
	says   digest // what is to be written
	judged
}

// batch looks up some recipients, and writes what has changed.
func (r *round) batch(ctx context.Context, batch []listed) {
	answers := r.lookup(ctx, batch)
	if ctx.Err() != nil {
		return // what came is of no use
	}
	keys := make([]string, len(batch))
	for i, one := range batch {
		keys[i] = one.key
	}
	changes, confirmed := r.compare(ctx, batch, answers, r.state.get(keys))
	if err := r.state.put(confirmed); err != nil {
		r.broken(err)
		return
	}
	if err := r.make(ctx, changes); err != nil {
		r.broken(err)
	}
}

// compare returns what has to be changed, and the new entries of items that are true and
// have not been confirmed for a while.
func (r *round) compare(ctx context.Context, batch []listed, answers []availability.Answer, entries []entry) (changes []change, confirmed map[string]entry) {
	now := time.Now()
	confirmed = make(map[string]entry)
	for i, one := range batch {
		c := change{listed: one, before: entries[i], judged: judge(answers[i], r.window, entries[i], now, r.config.Keep)}
		if c.verdict != write {
			r.failed(ctx, Failure{LegacyDN: one.item.DN(), Mailbox: one.mailbox, Step: StepLookup, Reason: c.reason})
			if c.verdict == remove && c.before.exists() {
				changes = append(changes, c)
			}
			continue
		}
		c.says = digestOf(one.item, c.record)
		if !r.isThere(c, now) {
			changes = append(changes, c)
			continue
		}
		r.status.unchanged(c.partial)
		if now.Sub(c.before.confirmed) >= r.config.Keep/24 { // seldom, to spare the disk
			c.before.confirmed = now
			confirmed[one.key] = c.before
		}
	}
	return changes, confirmed
}

// lookup returns an answer for each of batch.
func (r *round) lookup(ctx context.Context, batch []listed) []availability.Answer {
	q := availability.Query{RequestID: r.id, Via: r.config.Via, Window: r.window, Interval: 15 * time.Minute}
	for _, one := range batch {
		q.Mailboxes = append(q.Mailboxes, one.mailbox)
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	answers := r.config.Source.Lookup(ctx, q)
	if len(answers) != len(batch) {
		return availability.Fail(q, availability.Because(availability.Internal, "%d answers about %d mailboxes", len(answers), len(batch)))
	}
	return answers
}

// isThere reports whether the item says this already, and was written lately.
func (r *round) isThere(c change, now time.Time) bool {
	rewrite := r.config.Rewrite
	rewrite -= rewrite / 4 * time.Duration(c.says[0]) / 255
	return c.before.says == c.says && now.Sub(c.before.written) < rewrite
}

// digestOf returns what stands for all an update says but the time of it. It is never
// zero.
func digestOf(item folderpath.Path, r proptag.Record) digest {
	sum := sha256.Sum256(davupdate.Append(nil, item, r, time.Time{}))
	sum[15] |= 1
	return digest(sum[:])
}

// make makes changes, as many at a time as the gate lets through. The state is told before
// that the items are not sure any more: whatever ends fbgate, an item is never taken for
// what it was before.
func (r *round) make(ctx context.Context, changes []change) error {
	if len(changes) == 0 {
		return nil
	}
	entries := make(map[string]entry, len(changes))
	for _, c := range changes {
		entries[c.key] = unsure(c.before)
	}
	if err := r.state.put(entries); err != nil {
		return err
	}
	var mu sync.Mutex
	var calls sync.WaitGroup
	for _, c := range changes {
		calls.Go(func() {
			after := r.change(ctx, c)
			mu.Lock()
			defer mu.Unlock()
			entries[c.key] = after
		})
	}
	calls.Wait()
	return r.state.put(entries)
}

// unsure returns the entry of an item about which a call is made. That it may be there
// dates from now, if nobody knew of it before.
func unsure(e entry) entry {
	e.says = digest{}
	if !e.exists() {
		e.written, e.confirmed = time.Now(), time.Now()
	}
	return e
}

// change makes one, and returns what is known of the item then.
func (r *round) change(ctx context.Context, c change) entry {
	failed, asked := r.gate.call(ctx, c.item, func() *failure {
		if c.verdict == remove {
			return r.folder.remove(ctx, r.id, c.item)
		}
		return r.folder.write(ctx, r.id, c.item, c.record)
	})
	switch {
	case failed == nil && c.verdict == remove:
		r.status.removed()
		return entry{}
	case failed == nil:
		r.status.written(c.partial)
		now := time.Now()
		return entry{says: c.says, written: now, confirmed: now}
	}
	if asked && ctx.Err() == nil || !asked && r.goesOn(ctx) {
		step := StepWrite
		if c.verdict == remove {
			step = StepRemove
		}
		r.failed(ctx, Failure{LegacyDN: c.item.DN(), Mailbox: c.mailbox, Step: step, Reason: failed.Reason})
	}
	if !asked || failed.untouched {
		return c.before
	}
	return unsure(c.before)
}
