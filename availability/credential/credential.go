// Package credential proves to an organization's servers who asks: by Basic, NTLM,
// Kerberos, OAuth 2 or a TLS client certificate.
//
// An [Account] is one such proof together with what must never happen to it: that
// it is shown to another organization's host, or tried again and again until the
// account is locked.
package credential

import "net/http"

// Secret returns a password, or the content of a key file. It is called for each
// request, so that a changed one is used without a restart.
type Secret func() (string, error)

// Kind is one way to prove who asks: [Basic], [NTLM], [Kerberos] or [OAuth2]. Only
// an [Account] makes use of it.
type Kind interface {
	// account names who asks, for messages.
	account() string
	// secret returns what proves it. When that changes, an account that was
	// refused is tried again.
	secret() (string, error)
	// prove returns a RoundTripper that sends requests with the proof. A 401 it
	// returns is final: the server has seen the whole proof and refused it.
	prove(connect Connect) http.RoundTripper
}

// Connect returns a RoundTripper with connections of its own. With most, which is
// not 0, it has at most so many for each host, and none of them is HTTP/2.
type Connect func(most int) http.RoundTripper

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// closeBody ends a request that is not sent, as RoundTrip has to.
func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}
