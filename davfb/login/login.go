// Package login finds out who sends a request, and keeps out who may not ask.
package login

import (
	"context"
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

// Accounts are those of one place: a file, a directory. Both methods return soon after
// ctx is done.
type Accounts interface {
	// Check returns whose name and password these are; ok is false if there is no
	// such account or its password is another. The error says why that cannot be
	// found out now.
	Check(ctx context.Context, name, password string) (who availability.Requester, ok bool, err error)
	// Find returns whose name this is, for somebody who has proven it before or in another
	// way; ok is false if there is no such account, or it is disabled. A name of a Windows
	// domain, EVIL\joe, is that of nobody unless the domain is known as their own.
	Find(ctx context.Context, name string) (who availability.Requester, ok bool, err error)
}

// Disabling are Accounts that may be disabled and still be there.
type Disabling interface {
	// FindDisabled is Find, for disabled accounts, too. It is for those who have proven
	// their name elsewhere, where that account matters and not this one: of whoever has a
	// linked mailbox, Exchange's forest has a disabled account with their groups and
	// address. As nobody known they would be in no group, and pass by rules that deny.
	FindDisabled(ctx context.Context, name string) (who availability.Requester, ok bool, err error)
}

// Canonical are Accounts that tell which account a name is before its password is
// checked, so that failures of one are counted together by whatever name it is tried.
type Canonical interface {
	// Canonical returns a key of the account that Check would take for that of name, the
	// same for all its names; ok is false if there is none. The error says why that
	// cannot be found out now.
	Canonical(ctx context.Context, name string) (key string, ok bool, err error)
}
