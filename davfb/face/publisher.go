package face

import (
	"context"
	"net/http"

	"fbgate/availability"
)

// Publisher keeps free/busy that clients bring.
type Publisher interface {
	// Publish keeps p, in place of what was published of its mailbox before. It is
	// safe on disk when that returns.
	Publish(ctx context.Context, p availability.Publication) error
	// Withdraw forgets what was published of a mailbox and reports whether there was
	// anything.
	Withdraw(ctx context.Context, m availability.Mailbox) (bool, error)
}

// Authenticate returns who sent a request, or why they may not publish, as a *Refusal
// with status 401 or 403.
type Authenticate func(r *http.Request) (who string, err error)
