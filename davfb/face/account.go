package face

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

// Account is one of the gateway's own.
type Account struct {
	Username string
	// Password returns the password. It is called for each request.
	Password func() (string, error)
}

// Basic returns an Authenticate that lets those in who prove by Basic authentication
// (RFC 7617) that they are one of accounts.
func Basic(accounts []Account) Authenticate {
	return func(r *http.Request) (who string, err error) {
		username, password, given := r.BasicAuth()
		for _, a := range accounts {
			if same(username, a.Username) && given && a.has(password) {
				who = a.Username
			}
		}
		if who == "" {
			return "", &Refusal{Status: http.StatusUnauthorized, Challenge: `Basic realm="fbgate"`,
				Text: "Only publishers may write free/busy, and they have to log in."}
		}
		return who, nil
	}
}

// has reports whether the account has that password. Nobody has the empty one, as
// whose password cannot be read.
func (a Account) has(password string) bool {
	own, err := a.Password()
	return err == nil && own != "" && same(password, own)
}

// same compares without telling by the time it takes how much is the same.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
