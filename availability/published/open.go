package published

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"fbgate/availability"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// bucketName is that of the one bucket of the file, by which it is known for ours.
var bucketName = []byte("fbgate publications")

// maxMailbox is the longest name of a mailbox, in bytes. A legacyExchangeDN may be longer
// than an SMTP address.
const maxMailbox = 1000

// Open opens the store in the file of that name, which it makes if there is none; the
// folder has to be there. It reads all of it: damaged records are removed, with a warning
// each. The error names the file and says what to do: if another process has it open, if
// it is no store of publications, or damaged as a whole. A damaged file may stay locked
// until this process ends.
func Open(path string, options Options) (*Store, error) {
	options.Log = cmp.Or(options.Log, slog.Default())
	options.MaxMailboxes = cmp.Or(options.MaxMailboxes, 100_000)
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open the store of publications %s: it is no file", path)
	}
	var db *bbolt.DB
	err := guarded(func() (err error) {
		// Anything shorter than bbolt's own pause makes it try the lock once.
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Millisecond, FreelistType: bbolt.FreelistMapType})
		return err
	})
	if err != nil {
		return nil, openError(path, err)
	}
	s := &Store{db: db, options: options}
	if err := s.prepare(path); err != nil {
		_ = db.Close()
		return nil, err
	}
	return s, nil
}

// openError says what to do about a file that bbolt does not open.
func openError(path string, err error) error {
	var system *os.PathError
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return fmt.Errorf("open the store of publications %s: another process has it open, most likely another fbgate; stop that one, or give this one a file of its own", path)
	case errors.As(err, &system):
		return fmt.Errorf("open the store of publications: %w", err)
	default:
		return damaged(path, err)
	}
}

func damaged(path string, err error) error {
	return fmt.Errorf("open the store of publications %s: the file is damaged, or no store of publications (%w); move it away, or name another one: "+
		"publications come anew as clients publish", path, err)
}

// prepare makes or checks the bucket, and counts what is in it.
func (s *Store) prepare(path string) error {
	if err := s.whole(path); err != nil {
		return damaged(path, err)
	}
	err := s.write(s.db.Update, func(tx *bbolt.Tx) error {
		if tx.Bucket(bucketName) != nil {
			return nil
		}
		if name, _ := tx.Cursor().First(); name != nil {
			return fmt.Errorf("it belongs to another program, as it holds %.60q", name)
		}
		_, err := tx.CreateBucket(bucketName)
		return err
	})
	if err != nil {
		return damaged(path, err)
	}
	if err := s.purge(func(m availability.Mailbox, _ availability.Publication, err error) bool {
		if err != nil {
			s.warn(m, err)
		}
		return err != nil
	}); err != nil {
		return damaged(path, err)
	}
	return s.recount(path)
}

// whole checks that the file is as long as it says, since reading beyond its end would
// end the process.
func (s *Store) whole(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return s.read(func(tx *bbolt.Tx) error {
		if info.Size() < tx.Size() {
			return fmt.Errorf("it has %d bytes of %d", info.Size(), tx.Size())
		}
		return nil
	})
}

func (s *Store) recount(path string) error {
	var n int64
	err := s.write(s.db.Update, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketName)
		n = 0
		if err := b.ForEach(func(_, _ []byte) error { n++; return nil }); err != nil {
			return err
		}
		if b.Sequence() == uint64(n) {
			return nil
		}
		return b.SetSequence(uint64(n))
	})
	if err != nil {
		return damaged(path, err)
	}
	s.kept.Store(n)
	return nil
}

// shorten cuts who published to what is kept of it.
func shorten(by string) string {
	by = strings.ToValidUTF8(by, "?")
	if len(by) > maxBy {
		by = strings.ToValidUTF8(by[:maxBy], "")
	}
	return by
}
