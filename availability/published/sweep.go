package published

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"time"

	"fbgate/availability"

	"go.etcd.io/bbolt"
)

// linger is how long an expired publication is kept. Clocks do not stay wrong for longer
// than that without somebody noticing.
const linger = 24 * time.Hour

// page is how many records one transaction goes through: a long one would keep others
// from writing, or the file from using its pages again.
const page = 100

// Sweep removes publications that expired more than a day ago, and damaged records. It
// returns how many it removed. Call it from time to time, say once an hour.
func (s *Store) Sweep(ctx context.Context) (removed int, err error) {
	if s.kept.Load() == 0 {
		return 0, nil
	}
	before := s.Len()
	now := time.Now()
	err = s.purge(func(m availability.Mailbox, p availability.Publication, err error) bool {
		return ctx.Err() == nil && (err != nil || now.Sub(p.Expires) > linger)
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return max(0, before-s.Len()), fmt.Errorf("sweep the store of publications: %w", err)
	}
	return max(0, before-s.Len()), nil
}

// purge removes the records of which unwanted says so; err is what is wrong with one.
func (s *Store) purge(unwanted func(m availability.Mailbox, p availability.Publication, err error) bool) error {
	var after []byte
	for more := true; more; {
		var doomed [][]byte
		err := s.read(func(tx *bbolt.Tx) error {
			doomed, more = doomed[:0], false
			for key, record := range records(tx, after, &more) {
				p, err := parseRecord(availability.Mailbox(key), record)
				if unwanted(availability.Mailbox(key), p, err) {
					doomed = append(doomed, bytes.Clone(key))
				}
				after = append(after[:0], key...)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := s.remove(doomed, unwanted); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes records unless they have been replaced by now.
func (s *Store) remove(doomed [][]byte, unwanted func(availability.Mailbox, availability.Publication, error) bool) error {
	if len(doomed) == 0 {
		return nil
	}
	return s.write(s.db.Update, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketName)
		for _, key := range doomed {
			record := b.Get(key)
			p, err := parseRecord(availability.Mailbox(key), record)
			if record == nil || !unwanted(availability.Mailbox(key), p, err) {
				continue
			}
			if err := b.Delete(key); err != nil {
				return err
			}
			if err := s.count(tx, -1); err != nil {
				return err
			}
		}
		return nil
	})
}

// records yields up to a page of records whose keys come after a given one, and sets more
// if there are others behind them.
func records(tx *bbolt.Tx, after []byte, more *bool) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		cursor := tx.Bucket(bucketName).Cursor()
		key, record := cursor.Seek(after)
		if key != nil && bytes.Equal(key, after) {
			key, record = cursor.Next()
		}
		for n := 0; key != nil; n++ {
			if n == page {
				*more = true
				return
			}
			if !yield(key, record) {
				return
			}
			key, record = cursor.Next()
		}
	}
}

// All yields what is kept of mailboxes that come after a given one, in the order of their
// bytes: all of them after "". Expired publications that Sweep has not removed yet are
// among them, damaged ones are not. It reads 100 at a time, so that it holds up nobody,
// and sees what is published meanwhile, or not. An error is the last it yields.
func (s *Store) All(after availability.Mailbox) iter.Seq2[availability.Publication, error] {
	return func(yield func(availability.Publication, error) bool) {
		last := []byte(after)
		for more := true; more; {
			var found []availability.Publication
			err := s.read(func(tx *bbolt.Tx) error {
				found, more = found[:0], false
				for key, record := range records(tx, last, &more) {
					if p, err := parseRecord(availability.Mailbox(key), record); err == nil {
						found = append(found, p)
					}
					last = append(last[:0], key...)
				}
				return nil
			})
			if err != nil {
				yield(availability.Publication{}, fmt.Errorf("list publications: %w", err))
				return
			}
			for _, p := range found {
				if !yield(p, nil) {
					return
				}
			}
		}
	}
}
