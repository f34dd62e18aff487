package directory

import (
	"context"
	"maps"

	"fbgate/availability"
)

// Union is several directories as one: what the first does not know is looked for in
// the second.
type Union []Directory

var _ Directory = Union(nil)

// Find asks the directories in turn. It fails where one of them fails that was needed,
// as that one may have known better than those after it.
func (u Union) Find(ctx context.Context, mailboxes []availability.Mailbox) (map[availability.Mailbox]*Entry, error) {
	var all map[availability.Mailbox]*Entry
	for _, d := range u {
		found, err := d.Find(ctx, mailboxes)
		if len(found) > 0 {
			if all == nil {
				all = make(map[availability.Mailbox]*Entry, len(found))
			}
			maps.Copy(all, found)
			mailboxes = without(mailboxes, found)
		}
		if err != nil || len(mailboxes) == 0 {
			return all, err
		}
	}
	return all, nil
}

func without(mailboxes []availability.Mailbox, found map[availability.Mailbox]*Entry) []availability.Mailbox {
	var rest []availability.Mailbox
	for _, m := range mailboxes {
		if found[m] == nil {
			rest = append(rest, m)
		}
	}
	return rest
}
