package login

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
)

// Account is one of the gateway's own, such as that of a connector.
type Account struct {
	Username string
	// Password returns the password. It is called for each check. Nobody has an empty
	// one.
	Password func() (string, error)
}

// Static are accounts with passwords the gateway can read.
type Static []Account

var (
	_ Accounts  = Static(nil)
	_ Canonical = Static(nil)
)

// Check implements Accounts. All passwords are read and compared, so that the time it
// takes does not tell whether there is such an account.
func (s Static) Check(_ context.Context, name, password string) (who availability.Requester, ok bool, err error) {
	for _, a := range s {
		own, unread := a.Password()
		right := same(password, own) && own != ""
		switch named := a.named(name); {
		case named && unread != nil:
			refusal := &face.Refusal{Status: http.StatusServiceUnavailable, Text: "Nobody can log in as " + a.Username + " at the moment.", RetryAfter: time.Minute}
			err = fmt.Errorf("%w (its password cannot be read: %w)", refusal, unread)
		case named && right:
			who, ok = a.requester(), true
		}
	}
	if ok {
		return who, true, nil
	}
	return who, false, err
}

// Find implements Accounts. The gateway's own accounts are in no Windows domain.
func (s Static) Find(_ context.Context, name string) (who availability.Requester, ok bool, err error) {
	i := slices.IndexFunc(s, func(a Account) bool { return strings.EqualFold(name, a.Username) })
	if i < 0 {
		return who, false, nil
	}
	return s[i].requester(), true, nil
}

// Canonical implements Canonical: an account's key is its name.
func (s Static) Canonical(_ context.Context, name string) (key string, ok bool, err error) {
	i := slices.IndexFunc(s, func(a Account) bool { return a.named(name) })
	if i < 0 {
		return "", false, nil
	}
	return folded(s[i].Username), true, nil
}

func (a Account) named(name string) bool {
	return strings.EqualFold(name, a.Username) || strings.EqualFold(withoutDomain(name), a.Username)
}

func (a Account) requester() availability.Requester {
	return availability.Requester{Name: a.Username, Mailbox: mailboxOf(a.Username, "")}
}

// same compares without telling by the time it takes how much is the same.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
