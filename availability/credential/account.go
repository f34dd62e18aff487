package credential

import (
	"context"
	"crypto/sha256"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
)

// An account that was refused rests: first firstRest, then twice as long each time,
// at most longestRest. Directories lock an account after as few as five refusals
// within half an hour; this makes three of it. One that had been accepted before
// rests shortRest first, as a server that lost its directory refuses everybody.
const (
	shortRest   = 30 * time.Second
	firstRest   = 5 * time.Minute
	longestRest = time.Hour
)

// Account proves who asks to the servers of one organization. It may be used for
// several of them; refusals are counted together, as directories do. Build it with
// [New].
type Account struct {
	kind    Kind
	trusted func(*url.URL) bool

	mu       sync.Mutex
	proven   bool          // the current secret has been accepted
	trying   chan struct{} // not nil while a secret that is not proven is tried; closed after
	known    [sha256.Size]byte
	refusals int // in a row
	rested   time.Time
	last     string // the last refusal, for messages
}

// New returns an account that shows its proof to the servers for which trusted is
// true, and sends nothing to any other.
func New(kind Kind, trusted func(*url.URL) bool) *Account {
	return &Account{kind: kind, trusted: trusted}
}

// Name returns who asks, for messages.
func (a *Account) Name() string { return a.kind.account() }

// Transport returns a RoundTripper that sends requests with the proof. Its errors
// about the account are *availability.Reason: Unauthorized while it rests, without a
// RetryAfter, as it may be used again as soon as its secret has been corrected.
//
// Until the account has been accepted once, requests go one after the other, so
// that a wrong password costs one refusal and not as many as there are requests.
func (a *Account) Transport(connect Connect) http.RoundTripper {
	proof := a.kind.prove(connect)
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if !a.trusted(r.URL) {
			closeBody(r)
			reason := availability.Because(availability.CredentialFailed, "%s is not an account of %s://%s", a.Name(), r.URL.Scheme, r.URL.Host)
			reason.Scope = availability.OfServer
			return nil, reason
		}
		attempt, err := a.begin(r.Context())
		if err != nil {
			closeBody(r)
			return nil, err
		}
		response, err := proof.RoundTrip(r)
		attempt.end(response, err)
		return response, err
	})
}

// attempt is one request with the account's proof.
type attempt struct {
	account *Account
	secret  [sha256.Size]byte
	alone   chan struct{} // not nil if others wait for this one
}

// begin waits until the account may be used.
func (a *Account) begin(ctx context.Context) (attempt, error) {
	secret, err := a.kind.secret()
	if err != nil {
		return attempt{}, unreadable(a.kind, err)
	}
	this := attempt{account: a, secret: sha256.Sum256([]byte(secret))}
	for {
		wait, err := a.admit(&this)
		if wait == nil {
			return this, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return attempt{}, context.Cause(ctx)
		}
	}
}

// admit lets an attempt go ahead, refuses it, or returns what to wait for.
func (a *Account) admit(this *attempt) (wait <-chan struct{}, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if this.secret != a.known {
		a.known, a.proven, a.refusals, a.rested = this.secret, false, 0, time.Time{}
	}
	switch {
	case time.Now().Before(a.rested):
		return nil, &availability.Reason{
			Code:   availability.Unauthorized,
			Detail: a.last + "; so as not to lock the account it is not tried again before " + a.rested.UTC().Format(time.RFC3339) + " unless its secret changes",
			Scope:  availability.OfServer,
		}
	case a.proven:
		return nil, nil
	case a.trying != nil:
		return a.trying, nil
	}
	a.trying = make(chan struct{})
	this.alone = a.trying
	return nil, nil
}

// end counts how the attempt went. A failure that says nothing about the account
// leaves it as it was.
func (t attempt) end(response *http.Response, err error) {
	a := t.account
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.alone != nil {
		close(t.alone)
		a.trying = nil
	}
	if t.secret != a.known {
		return
	}
	var reason *availability.Reason
	switch {
	case errors.As(err, &reason) && reason.Code == availability.Unauthorized:
		a.refused(reason.Detail)
	case err != nil:
	case response.StatusCode == http.StatusUnauthorized, response.StatusCode == upstream.StatusLoginTimeout:
		a.refused(a.Name() + " was refused by " + response.Request.URL.Host)
	case accepts(response):
		a.proven, a.refusals = true, 0
	}
}

// accepts reports whether a response comes from the service behind the log-in. A web
// site on the same host, which Autodiscover may meet, answers whoever asks.
func accepts(response *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return (response.StatusCode == http.StatusOK || response.StatusCode == http.StatusInternalServerError) &&
		(strings.HasSuffix(kind, "xml") || strings.HasSuffix(kind, "json"))
}

// refused counts a refusal. Those of requests sent at the same time are one.
func (a *Account) refused(why string) {
	a.last = why
	if time.Now().Before(a.rested) {
		return
	}
	rest := shortRest
	if !a.proven {
		rest = min(firstRest<<min(a.refusals, 10), longestRest)
		a.refusals++
	}
	a.proven, a.rested = false, time.Now().Add(rest)
}
