package access

import "sync/atomic"

// Statistics count since the start what was kept from somebody. They may be read at any
// time.
type Statistics struct {
	// Denied counts mailboxes that were kept from whoever asked about them by a rule,
	// each time they were.
	Denied atomic.Uint64
	// Limited counts questions that were not answered because there were too many.
	Limited atomic.Uint64
	// Slowed counts questions that were not answered because of many unknown addresses
	// before.
	Slowed atomic.Uint64
	// Reports counts the warnings about somebody who asks about many unknown addresses.
	Reports atomic.Uint64
}
