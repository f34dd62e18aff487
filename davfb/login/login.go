// Package login finds out who sends a request, and keeps out who may not ask.
package login

import (
	"context"
	"errors"
	"net/http"

	"fbgate/availability"
)

// Method is one way to log in, such as Basic authentication.
type Method interface {
	// Identify returns who sent r. It returns ok false and no error if r carries
	// nothing of this method. The error, often a *face.Refusal, says why what it
	// carries is not accepted. Header fields of w may be set, but nothing written.
	Identify(w http.ResponseWriter, r *http.Request) (who availability.Requester, ok bool, err error)
	// Challenge adds to header how to log in this way, for a request nobody could be
	// identified of. It returns the status of the answer if it has to be another one
	// than 401, such as 440, and otherwise 0.
	Challenge(header http.Header, r *http.Request) (status int)
}

// Accounts are those of one place: a file, a directory.
type Accounts interface {
	// Check returns whose name and password these are. The error is ErrWrong if there
	// is no such account or its password is another, and otherwise says why that
	// cannot be found out now.
	Check(ctx context.Context, name, password string) (availability.Requester, error)
}

// ErrWrong says that there is no account of that name with that password.
var ErrWrong = errors.New("no such name and password")
