package availability

import "net/netip"

// Requester is who asks. The zero Requester is somebody of whom nothing is known.
type Requester struct {
	// Name is what they logged in as, for logs; empty if they did not.
	Name string
	// Mailbox is their address, empty if not known.
	Mailbox Mailbox
	// Groups are those they are in, in lower case: names, distinguished names, or
	// security identifiers such as "s-1-5-21-…".
	Groups []string
	// Address is where the request came from. It is invalid if that is not known.
	Address netip.Addr
}
