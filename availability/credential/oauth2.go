package credential

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fbgate/availability"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// OAuth2 is OAuth 2.0 with an access token for the application itself, by the client
// credentials grant (RFC 6749, 4.4).
type OAuth2 struct {
	// TokenURL is the token endpoint: https, or http on a loopback address.
	TokenURL string
	ClientID string
	// Secret is the client's secret. It goes into the form, where Microsoft's
	// endpoints take it. Without it the client signs an assertion.
	Secret Secret
	// Certificate and Key are PEM, RSA, and the proof if there is no Secret
	// (RFC 7523, private_key_jwt).
	Certificate, Key Secret
	// Scope is what the token is for, such as https://outlook.office365.com/.default.
	Scope string
	// Resource is what AD FS takes instead of a scope, such as https://mail.contoso.com/.
	Resource string
	// Transport makes the calls to TokenURL, default http.DefaultTransport.
	Transport http.RoundTripper
	// Obtained is told of each token, when it ends. It may be nil.
	Obtained func(end time.Time)
}

var _ Kind = OAuth2{}

func (o OAuth2) account() string { return o.ClientID }

func (o OAuth2) secret() (string, error) {
	signs := o.Certificate != nil || o.Key != nil
	switch {
	case o.Secret != nil && signs:
		return "", errors.New("there is both a secret and a certificate")
	case o.Secret == nil && !signs:
		return "", errors.New("there is neither a secret nor a certificate")
	case signs:
		return readPair(o.Certificate, o.Key)
	}
	secret, err := o.Secret()
	if err == nil && secret == "" {
		err = errors.New("it is empty")
	}
	return secret, err
}

func (o OAuth2) prove(connect Connect) http.RoundTripper {
	return &bearer[string]{
		kind:    o,
		base:    connect(0),
		passes:  passes[string]{what: "access token for " + o.ClientID, obtain: o.token},
		service: func(*http.Request) string { return "" }, // Scope or Resource, always the same
		show: func(token string, in http.Header) error {
			in.Set("Authorization", "Bearer "+token)
			return nil
		},
	}
}

// lifetimeUnsaid is how long a token is used whose reply does not say how long it holds.
const lifetimeUnsaid = 10 * time.Minute

// token calls the token endpoint.
func (o OAuth2) token(ctx context.Context, secret, _ string) (*pass[string], error) {
	call, err := o.call(secret)
	if err != nil {
		return nil, err
	}
	client := &http.Client{
		Transport: o.Transport,
		// A redirect that keeps the form would hand the secret to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	token, err := call.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
	if err != nil {
		return nil, o.failure(err, call)
	}
	if token.Type() != "Bearer" || !isToken(token.AccessToken) {
		return nil, failed(availability.CredentialFailed, "what %s sent is no bearer token, but of type %.50q", host(o.TokenURL), token.Type())
	}
	lifetime := lifetimeUnsaid
	if !token.Expiry.IsZero() {
		lifetime = time.Until(token.Expiry)
	}
	if o.Obtained != nil {
		o.Obtained(time.Now().Add(lifetime))
	}
	return newPass(token.AccessToken, lifetime), nil
}

// call prepares the call, with the secret or an assertion.
func (o OAuth2) call(secret string) (*clientcredentials.Config, error) {
	if err := secure(o.TokenURL); err != nil {
		return nil, err
	}
	call := &clientcredentials.Config{
		ClientID: o.ClientID, TokenURL: o.TokenURL,
		EndpointParams: url.Values{},
		// To find out by trying would cost a refusal.
		AuthStyle: oauth2.AuthStyleInParams,
	}
	if o.Scope != "" {
		call.Scopes = []string{o.Scope}
	}
	if o.Resource != "" {
		call.EndpointParams.Set("resource", o.Resource)
	}
	if o.Secret != nil {
		call.ClientSecret = secret
		return call, nil
	}
	signed, err := assertion(secret, o.ClientID, o.TokenURL)
	if err != nil {
		return nil, failed(availability.CredentialFailed, "sign an assertion of %s: %.200v", o.ClientID, err)
	}
	call.EndpointParams.Set("client_assertion_type", assertionType)
	call.EndpointParams.Set("client_assertion", signed)
	return call, nil
}

// secure returns a reason not to show a secret to a URL.
func secure(target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return failed(availability.CredentialFailed, "the token URL is not a URL with a host")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip.IsLoopback()) {
		return nil
	}
	return failed(availability.CredentialFailed, "the token URL on %s is not https, and would give the secret away", u.Host)
}

// host returns a URL's host, for messages.
func host(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "the token endpoint"
	}
	return u.Host
}

// isToken reports whether s can stand in a header as RFC 6750, 2.1, has it.
func isToken(s string) bool {
	const longest = 64 << 10
	other := func(r rune) bool {
		return r > '~' || !strings.ContainsRune("-._~+/=", r) && (r < '0' || '9' < r && r < 'A' || 'Z' < r && r < 'a' || r > 'z')
	}
	return s != "" && len(s) <= longest && strings.IndexFunc(s, other) < 0
}
