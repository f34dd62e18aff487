// Package credential proves to an organization who asks. Each kind is an
// [http.RoundTripper] around another, since some have to see a whole connection.
//
// A credential is bound to one host: a request to any other passes without it,
// so that no redirect and no mistake carries a password away.
package credential

import (
	"net/http"
	"net/url"

	"fbgate/availability"
)

// Secret returns a password. It is called for each request, so that a changed one
// is used without a restart.
type Secret func() (string, error)

// Basic adds RFC 7617 Basic authentication to requests for the scheme and host of
// endpoint, and sends all others as they are. Name and password go out as UTF-8.
func Basic(next http.RoundTripper, endpoint *url.URL, username string, password Secret) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Scheme != endpoint.Scheme || r.URL.Host != endpoint.Host {
			return next.RoundTrip(r)
		}
		secret, err := password()
		if err != nil {
			if r.Body != nil {
				r.Body.Close()
			}
			return nil, availability.Because(availability.CredentialFailed, "password of %s: %v", username, err)
		}
		r = r.Clone(r.Context())
		r.SetBasicAuth(username, secret)
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
