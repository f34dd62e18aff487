package cache

import (
	"iter"
	"time"

	"fbgate/availability"
)

// Store keeps what is remembered of each mailbox. It need not be exact: it may
// forget anything at any time, and only costs a lookup when it does. It must not
// return what has been deleted, or what is older than the ttl it was given. All
// methods may be called from several goroutines at once.
type Store interface {
	// Get returns what Set stored last for m. The slice is not to be changed.
	Get(m availability.Mailbox) ([]availability.Answer, bool)
	// Set replaces what is stored for m, for that long. If ttl is not positive,
	// or there is no room, it stores nothing.
	Set(m availability.Mailbox, answers []availability.Answer, ttl time.Duration)
	// Delete forgets m and reports whether there was something to forget.
	Delete(m availability.Mailbox) bool
	// Clear forgets everything and returns how many mailboxes that were.
	Clear() int
	// All yields what is stored, in any order. What is set or deleted meanwhile
	// may be missing or not.
	All() iter.Seq2[availability.Mailbox, []availability.Answer]
	// Len returns about how many mailboxes are stored.
	Len() int
}
