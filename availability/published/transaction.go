package published

import (
	"fmt"
	"runtime/debug"

	"go.etcd.io/bbolt"
)

// read calls f with a transaction that sees one state of the file. What it reads of the
// file is gone when f returns.
func (s *Store) read(f func(tx *bbolt.Tx) error) error {
	return guarded(func() error { return s.db.View(f) })
}

// write calls f with a transaction, by Update or Batch of the file, which may call it
// several times.
func (s *Store) write(by func(func(*bbolt.Tx) error) error, f func(tx *bbolt.Tx) error) error {
	return guarded(func() error {
		return by(func(tx *bbolt.Tx) error {
			defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a batch has a goroutine of its own
			return f(tx)
		})
	})
}

// guarded calls f and returns an error where it panics, as bbolt does on pages that make
// no sense, or reads what is not there: the file is mapped into memory, so a bad sector, or
// a file cut short by others, is a fault that would end the process.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file is damaged: %.200s", fmt.Sprint(p))
		}
	}()
	return f()
}
