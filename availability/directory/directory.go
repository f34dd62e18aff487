// Package directory says who is who: it turns the names people are known by, such
// as a legacyExchangeDN, a secondary address, or the address of a contact or a
// distribution list, into the mailboxes that have free/busy.
//
// [Source] stands in front of the router. What it knows comes from a [Directory]:
// a [File] exported from Exchange, or an [LDAP] server such as Active Directory.
package directory

import (
	"context"

	"fbgate/availability"
)

// defaultMaxListMembers is how many members of a distribution list are asked about
// unless somebody decides otherwise.
const defaultMaxListMembers = 100

// Entry is what a directory knows of one recipient. It is shared and must not be
// changed.
type Entry struct {
	// Mailbox is whom to ask about: the target address if there is one, else
	// Primary. It is empty if the recipient has neither.
	Mailbox availability.Mailbox
	// Primary is the primary SMTP address, empty if there is none.
	Primary availability.Mailbox
	// LegacyDN is the legacyExchangeDN in lower case; it may be empty.
	LegacyDN availability.Mailbox
	// Name is the display name; it may be empty.
	Name string
	// Members is not nil for a distribution list: an address of each member, SMTP
	// or legacyExchangeDN. A list in the list is a member like others. Members
	// without an address are left out: they get no mail, and have no calendar.
	Members []availability.Mailbox
	// Missing are the distinguished names of members of which the directory has no
	// entry, so that nobody can say where their calendars are.
	Missing []string
	// TooMany is not 0 for a distribution list with more members than the
	// Directory reads: how many it has, or more. Members is then empty, not nil.
	TooMany int
}

// list reports whether e is a distribution list.
func (e *Entry) list() bool { return e.Members != nil }

// Directory finds recipients by any of their addresses.
type Directory interface {
	// Find returns the entry of each of mailboxes that is known, which may be SMTP
	// addresses and legacyExchangeDNs, and among which the same may come twice.
	//
	// If err is nil, those absent are not known. Otherwise nothing could be found
	// out about those absent; err is then an *availability.Reason whose code is
	// DirectoryFailed. Find returns soon after ctx is done. It may be called from
	// several goroutines at once.
	Find(ctx context.Context, mailboxes []availability.Mailbox) (found map[availability.Mailbox]*Entry, err error)
}
