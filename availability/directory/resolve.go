package directory

import (
	"context"
	"errors"

	"fbgate/availability"
)

// resolver finds out whom the mailboxes of one query stand for. It asks the
// directory level by level, for all of them together: a list in a list, or the
// target of a target, is known only once the one above it has been found.
type resolver struct {
	directory Directory
	most      int // members of a list
	book      map[availability.Mailbox]page
}

// page is what the directory said of a name: an entry, nothing, or why it failed.
type page struct {
	entry  *Entry
	reason *availability.Reason
}

func newResolver(d Directory, most int) *resolver {
	return &resolver{directory: d, most: most, book: make(map[availability.Mailbox]page)}
}

// learn writes down what Find returned for names.
func (r *resolver) learn(names []availability.Mailbox, found map[availability.Mailbox]*Entry, err error) {
	for _, name := range names {
		p := page{entry: found[name]}
		if p.entry == nil && err != nil {
			p.reason = failure(err)
		}
		r.book[name] = p
	}
}

// failure returns err as a Reason.
func failure(err error) *availability.Reason {
	var reason *availability.Reason
	if errors.As(err, &reason) {
		return reason
	}
	return availability.Because(availability.DirectoryFailed, "%.500s", err)
}

// resolve returns whom each of mailboxes stands for.
func (r *resolver) resolve(ctx context.Context, mailboxes []availability.Mailbox) map[availability.Mailbox]*resolution {
	resolutions := make(map[availability.Mailbox]*resolution, len(mailboxes))
	for _, m := range mailboxes {
		if resolutions[m] == nil {
			resolutions[m] = newResolution(m, r.most)
		}
	}
	for {
		var unknown []availability.Mailbox
		asked := make(map[availability.Mailbox]bool)
		for _, m := range mailboxes { // in order, so that the same question is asked the same way
			for _, name := range resolutions[m].advance(r.book) {
				if !asked[name] {
					asked[name] = true
					unknown = append(unknown, name)
				}
			}
		}
		if len(unknown) == 0 {
			return resolutions
		}
		found, err := r.directory.Find(ctx, unknown)
		r.learn(unknown, found, err)
	}
}
