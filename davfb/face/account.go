package face

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"time"
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
			if !same(username, a.Username) || !given {
				continue
			}
			own, err := a.Password()
			if err != nil {
				slog.ErrorContext(r.Context(), "the password of a publisher cannot be read", "username", a.Username, "error", err)
				return "", &Refusal{Status: http.StatusServiceUnavailable, Text: "Nobody can log in as " + a.Username + " at the moment.", RetryAfter: time.Minute}
			}
			if own != "" && same(password, own) {
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

// same compares without telling by the time it takes how much is the same.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
