package cache

import (
	"iter"
	"time"

	"fbgate/availability"
)

// Store keeps what is remembered by each key. It need not be exact: it may forget
// anything at any time, and only costs a lookup when it does. It must not return what
// has been deleted, or what is older than the ttl it was given. All methods may be
// called from several goroutines at once.
type Store interface {
	// Get returns what Set stored last for k. The slice is not to be changed.
	Get(k Key) ([]availability.Answer, bool)
	// Set replaces what is stored for k, for that long. If ttl is not positive,
	// or there is no room, it stores nothing.
	Set(k Key, answers []availability.Answer, ttl time.Duration)
	// Delete forgets k and reports whether there was something to forget.
	Delete(k Key) bool
	// Clear forgets everything and returns how many keys that were.
	Clear() int
	// All yields what is stored, in any order. What is set or deleted meanwhile
	// may be missing or not.
	All() iter.Seq2[Key, []availability.Answer]
	// Len returns about how many keys are stored.
	Len() int
}
