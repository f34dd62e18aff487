package cache

import (
	"strings"

	"fbgate/availability"
)

// Key is what answers are remembered by.
type Key struct {
	Mailbox availability.Mailbox
	// Domain is the mail domain of who asked, if the organization answers by who
	// asks and it is known.
	Domain string
}

// String returns a text that no other Key has. It allocates nothing if there is no
// Domain, unless the mailbox is malformed.
func (k Key) String() string {
	if k.Domain == "" && strings.IndexByte(string(k.Mailbox), '\n') < 0 {
		return string(k.Mailbox)
	}
	return string(k.Mailbox) + "\n" + k.Domain // no domain has a line feed
}

// domain returns the Domain of the keys q is about.
func (c *Cache) domain(q *availability.Query) string {
	if !c.policy.ByRequester {
		return ""
	}
	return q.Requester.Mailbox.Domain()
}

// audience is what an Answer remembered by k says of whom it is for.
func (c *Cache) audience(k Key) string {
	switch {
	case !c.policy.ByRequester:
		return ""
	case k.Domain == "":
		return "?"
	default:
		return k.Domain
	}
}
