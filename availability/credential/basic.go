package credential

import (
	"net/http"

	"fbgate/availability"
)

// Basic is RFC 7617 Basic authentication. Name and password go out as UTF-8.
type Basic struct {
	Username string
	Password Secret
}

var _ Kind = Basic{}

func (b Basic) account() string         { return b.Username }
func (b Basic) secret() (string, error) { return b.Password() }

func (b Basic) prove(connect Connect) http.RoundTripper {
	base := connect(0)
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		password, err := b.Password()
		if err != nil {
			closeBody(r)
			return nil, unreadable(b, err)
		}
		r = r.Clone(r.Context())
		r.SetBasicAuth(b.Username, password)
		return base.RoundTrip(r)
	})
}

func unreadable(k Kind, err error) *availability.Reason {
	reason := availability.Because(availability.CredentialFailed, "secret of %s: %v", k.account(), err)
	reason.Scope = availability.OfServer
	return reason
}
