package published

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fbgate/availability"
)

// Named keeps what is published of a mailbox under those of its names by which it is
// asked about: connectors publish under a legacyExchangeDN, and clients ask about an
// SMTP address.
type Named struct {
	*Store
	// Names returns the names to keep a mailbox under, or none if the one it was given
	// is all that is known. It may be nil. While it fails nothing is published and
	// nothing withdrawn: under a name that was left out the old would go on being told.
	Names func(ctx context.Context, m availability.Mailbox) ([]availability.Mailbox, error)
}

// Publish keeps p under the names of its mailbox, and forgets what was kept under the
// given one if that is none of them.
func (n Named) Publish(ctx context.Context, p availability.Publication) error {
	given := p.Mailbox
	names, err := n.names(ctx, given)
	if err != nil {
		return err
	}
	if !slices.Contains(names, given) {
		_, err = n.Store.Withdraw(ctx, given)
	}
	for _, name := range names {
		p.Mailbox = name
		err = errors.Join(err, n.Store.Publish(ctx, p))
	}
	return err
}

// Withdraw forgets what was published of a mailbox under any of its names.
func (n Named) Withdraw(ctx context.Context, m availability.Mailbox) (bool, error) {
	names, err := n.names(ctx, m)
	if err != nil {
		return false, err
	}
	if !slices.Contains(names, m) {
		names = append(names, m)
	}
	var withdrawn bool
	for _, name := range names {
		had, failed := n.Store.Withdraw(ctx, name)
		withdrawn, err = withdrawn || had, errors.Join(err, failed)
	}
	return withdrawn, err
}

// names returns at least one name, and each once.
func (n Named) names(ctx context.Context, m availability.Mailbox) (names []availability.Mailbox, err error) {
	if n.Names != nil {
		if names, err = n.Names(ctx, m); err != nil {
			return nil, fmt.Errorf("find the names of %s: %w", m, err)
		}
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name availability.Mailbox) bool { return name == "" })
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		names = []availability.Mailbox{m}
	}
	return names, nil
}
