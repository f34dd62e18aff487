package published

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"fbgate/availability"

	"go.etcd.io/bbolt"
)

// Options are those of a Store. The zero Options are good ones.
type Options struct {
	// Log is told of damaged records. Default slog.Default().
	Log *slog.Logger
	// MaxMailboxes is of how many mailboxes publications are kept, expired ones that
	// Sweep has not removed yet included. Default 100,000.
	MaxMailboxes int
}

// Store keeps the last publication of each mailbox in a file. It may be used by several
// goroutines at once, and by one process at a time.
type Store struct {
	db      *bbolt.DB
	options Options
	kept    atomic.Int64 // records in the file, as of the last commit
}

// ErrFull is the error of Publish for a mailbox that nothing is kept of yet when there are
// Options.MaxMailboxes of them.
var ErrFull = errors.New("the store of publications is full")

// Publish keeps p, in place of what was published of its mailbox before. It is on disk
// when that returns without error. Several that come at once are written as one, for which
// the first waits 10 ms.
//
// p is refused if its mailbox is empty or longer than 1,000 bytes, if its Schedule knows
// nothing, more than 100 years or 20,000 spans, if it expires before it was published, or
// if a time is not in the years 1601 to 4500. Of By, 200 bytes are kept.
func (s *Store) Publish(ctx context.Context, p availability.Publication) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := checked(p)
	if err != nil {
		return fmt.Errorf("publish free/busy of %.100q: %w", p.Mailbox, err)
	}
	record := appendRecord(nil, p)
	err = s.write(s.db.Batch, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketName)
		if b.Get([]byte(p.Mailbox)) == nil {
			if b.Sequence() >= uint64(s.options.MaxMailboxes) {
				return fmt.Errorf("%w: it has %d mailboxes", ErrFull, s.options.MaxMailboxes)
			}
			if err := s.count(tx, +1); err != nil {
				return err
			}
		}
		return b.Put([]byte(p.Mailbox), record)
	})
	if err != nil {
		return fmt.Errorf("publish free/busy of %.100q: %w", p.Mailbox, err)
	}
	return nil
}

// Withdraw forgets what was published of m and reports whether any of it was still served.
func (s *Store) Withdraw(ctx context.Context, m availability.Mailbox) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	var was bool
	err := s.write(s.db.Batch, func(tx *bbolt.Tx) error {
		was = false // a batch may be tried again
		b := tx.Bucket(bucketName)
		record := b.Get([]byte(m))
		if record == nil {
			return nil
		}
		p, err := parseRecord(m, record)
		was = err == nil && time.Now().Before(p.Expires)
		if err := s.count(tx, -1); err != nil {
			return err
		}
		return b.Delete([]byte(m))
	})
	if err != nil {
		return false, fmt.Errorf("withdraw free/busy of %.100q: %w", m, err)
	}
	return was, nil
}

// Get returns what is published of m and has not expired, and whether there is anything.
// A damaged record is nothing, and is logged.
func (s *Store) Get(ctx context.Context, m availability.Mailbox) (p availability.Publication, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return p, false, err
	}
	if s.kept.Load() == 0 {
		return p, false, nil
	}
	err = s.read(func(tx *bbolt.Tx) error {
		p, ok = s.live(tx, m, time.Now())
		return nil
	})
	return p, ok, err
}

// Len returns of how many mailboxes publications are kept, expired ones that Sweep has not
// removed yet included.
func (s *Store) Len() int { return int(s.kept.Load()) }

// Close ends what is under way and closes the file.
func (s *Store) Close() error { return s.db.Close() }

// live returns what is published of m and not expired at now.
func (s *Store) live(tx *bbolt.Tx, m availability.Mailbox, now time.Time) (p availability.Publication, ok bool) {
	record := tx.Bucket(bucketName).Get([]byte(m))
	if record == nil {
		return p, false
	}
	p, err := parseRecord(m, record)
	if err != nil {
		s.warn(m, err)
		return p, false
	}
	return p, now.Before(p.Expires)
}

func (s *Store) warn(m availability.Mailbox, err error) {
	s.options.Log.Warn("a publication in the store is damaged and not served: it has to be published anew",
		"file", s.db.Path(), "mailbox", fmt.Sprintf("%.100s", m), "error", err)
}

// count notes that delta records are added in tx. How many there are is the sequence of the
// bucket, which is as safe as what it counts.
func (s *Store) count(tx *bbolt.Tx, delta int64) error {
	b := tx.Bucket(bucketName)
	if err := b.SetSequence(uint64(max(0, int64(b.Sequence())+delta))); err != nil {
		return err
	}
	tx.OnCommit(func() { s.kept.Add(delta) })
	return nil
}

// checked returns p as it can be kept, or why it cannot.
func checked(p availability.Publication) (availability.Publication, error) {
	known := p.Schedule.Known
	switch {
	case p.Mailbox == "", len(p.Mailbox) > maxMailbox:
		return p, fmt.Errorf("a mailbox has to have 1 to %d bytes", maxMailbox)
	case known.Empty():
		return p, errors.New("nothing is known of it")
	case known.Duration() > longest:
		return p, fmt.Errorf("it reaches from %s to %s, more than 100 years", known.Start.Format(time.RFC3339), known.End.Format(time.RFC3339))
	case len(p.Schedule.Spans) > maxSpans:
		return p, fmt.Errorf("it has more than %d spans", maxSpans)
	case p.Schedule.Step < 0, p.Schedule.Step > longest:
		return p, fmt.Errorf("its step, %v, is out of range", p.Schedule.Step)
	case !p.Expires.After(p.At):
		return p, errors.New("it expires before it was published")
	}
	for _, t := range []time.Time{p.At, p.Expires, known.Start, known.End} {
		if t.Unix() < firstSecond || t.Unix() >= lastSecond {
			return p, fmt.Errorf("%d is not a year from 1601 to 4500", t.Year())
		}
	}
	p.By = shorten(p.By)
	return p, nil
}
