package published

import (
	"context"
	"errors"

	"fbgate/availability"
)

// Named keeps what is published of a mailbox under all of its names, so that it is
// found by each: connectors publish under a legacyExchangeDN, and clients ask about an
// SMTP address.
type Named struct {
	*Store
	// Names returns the other names of a mailbox. It may be nil, and if it fails the
	// one name will do.
	Names func(ctx context.Context, m availability.Mailbox) []availability.Mailbox
}

// Publish keeps p under every name of its mailbox.
func (n Named) Publish(ctx context.Context, p availability.Publication) error {
	var failed error
	for _, name := range n.names(ctx, p.Mailbox) {
		p.Mailbox = name
		failed = errors.Join(failed, n.Store.Publish(ctx, p))
	}
	return failed
}

// Withdraw forgets what was published of a mailbox under any of its names.
func (n Named) Withdraw(ctx context.Context, m availability.Mailbox) (bool, error) {
	var withdrawn bool
	var failed error
	for _, name := range n.names(ctx, m) {
		had, err := n.Store.Withdraw(ctx, name)
		withdrawn, failed = withdrawn || had, errors.Join(failed, err)
	}
	return withdrawn, failed
}

func (n Named) names(ctx context.Context, m availability.Mailbox) []availability.Mailbox {
	names := []availability.Mailbox{m}
	if n.Names == nil {
		return names
	}
	for _, other := range n.Names(ctx, m) {
		if other != "" && other != m {
			names = append(names, other)
		}
	}
	return names
}
