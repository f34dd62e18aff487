package credential

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"fbgate/availability"
)

// Account proves who asks to the servers of one organization. What becomes of it at
// one of them is no matter of the others, except that refusals are counted together,
// as directories do. Build it with [New].
type Account struct {
	kind    Kind
	trusted func(*url.URL) bool

	mu       sync.Mutex
	secret   [sha256.Size]byte    // the one all below is about
	servers  map[string]*standing // by scheme and host: few, those that are trusted
	refusals []time.Time          // the latest, of all servers
	last     string               // of them, for messages
}

// New returns an account that shows its proof to the servers for which trusted is
// true, and sends nothing to any other.
func New(kind Kind, trusted func(*url.URL) bool) *Account {
	return &Account{kind: kind, trusted: trusted}
}

// Name returns who asks, for messages.
func (a *Account) Name() string { return a.kind.account() }

// Secrets returns what proves who asks, in the forms in which a server may repeat it.
func (a *Account) Secrets() []string {
	secret, err := a.kind.secret()
	if err != nil {
		return nil
	}
	return []string{secret, base64.StdEncoding.EncodeToString([]byte(a.Name() + ":" + secret))} // Basic's
}

// Transport returns a RoundTripper that sends requests with the proof. Its errors
// about the account are *availability.Reason: Unauthorized while it rests, without a
// RetryAfter, as it may be used again as soon as its secret has been corrected.
//
// Until a server has accepted the account once, requests to it go one after the other,
// so that a wrong password costs one refusal and not as many as there are requests.
func (a *Account) Transport(connect Connect) http.RoundTripper {
	proof := a.kind.prove(connect)
	return roundTripper(func(r *http.Request) (response *http.Response, err error) {
		if !a.trusted(r.URL) {
			closeBody(r)
			return nil, failed(availability.CredentialFailed, "%s is not an account of %s://%s", a.Name(), r.URL.Scheme, r.URL.Host)
		}
		attempt, err := a.begin(r.Context(), origin(r.URL))
		if err != nil {
			closeBody(r)
			return nil, err
		}
		err = errPanicked
		defer func() { attempt.end(response, err) }()
		response, err = proof.RoundTrip(r)
		return response, err
	})
}

// Rested returns until when the account is not tried at the server of a URL, or at any it
// is tried at if the URL is empty, unless its secret changes. It is zero or past if the
// account is tried.
func (a *Account) Rested(server string) (until time.Time) {
	secret, err := a.kind.secret()
	if err != nil {
		return time.Time{} // it is read again with the next question
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if sha256.Sum256([]byte(secret)) != a.secret {
		return time.Time{}
	}
	var over time.Time // of too many refusals
	if full, trying := a.exhausted(time.Now()); full && trying == nil {
		over = a.refusals[0].Add(refusalWindow)
	}
	u, err := url.Parse(server)
	for at, s := range a.servers {
		if server != "" && (err != nil || at != origin(u)) {
			continue
		}
		until = later(until, s.rested)
		if !s.proven {
			until = later(until, over)
		}
	}
	return until
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// errPanicked is the outcome of an attempt until there is another.
var errPanicked = errors.New("the attempt has panicked")

// attempt is one request with the account's proof.
type attempt struct {
	account *Account
	origin  string
	secret  [sha256.Size]byte
	alone   chan struct{} // not nil if others wait for this one; closed at its end
}

// begin waits until the account may be used with a server.
func (a *Account) begin(ctx context.Context, origin string) (*attempt, error) {
	secret, err := a.kind.secret()
	if err != nil {
		return nil, unreadable(a.kind, err)
	}
	this := &attempt{account: a, origin: origin, secret: sha256.Sum256([]byte(secret))}
	for {
		wait, err := a.admit(this)
		if wait == nil {
			return this, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// admit lets an attempt go ahead, refuses it, or returns what to wait for.
func (a *Account) admit(this *attempt) (wait <-chan struct{}, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.servers == nil || this.secret != a.secret {
		a.secret, a.servers, a.refusals = this.secret, make(map[string]*standing), nil
	}
	s := a.servers[this.origin]
	if s == nil {
		s = new(standing)
		a.servers[this.origin] = s
	}
	now := time.Now()
	switch {
	case now.Before(s.rested):
		return nil, a.resting(s.last, s.rested)
	case s.proven:
		return nil, nil
	case s.trying != nil:
		return s.trying, nil
	}
	if full, other := a.exhausted(now); full {
		if other != nil {
			return other, nil // it may prove the secret right
		}
		return nil, a.resting(fmt.Sprintf("%s, the last of %d refusals", a.last, len(a.refusals)), a.refusals[0].Add(refusalWindow))
	}
	s.trying = make(chan struct{})
	this.alone = s.trying
	return nil, nil
}

// exhausted reports whether another refusal would be one too many, and an attempt that
// is under way, if there is one.
func (a *Account) exhausted(now time.Time) (full bool, trying <-chan struct{}) {
	for len(a.refusals) > 0 && now.Sub(a.refusals[0]) >= refusalWindow {
		a.refusals = a.refusals[1:]
	}
	at := len(a.refusals)
	for _, s := range a.servers {
		if s.trying != nil {
			trying = s.trying
			at++
		}
	}
	return at >= mostRefusals, trying
}

func (a *Account) resting(why string, until time.Time) *availability.Reason {
	reason := failed(availability.Unauthorized, "%s; so as not to lock the account it is not tried again before %s unless its secret changes",
		why, until.UTC().Format(time.RFC3339))
	reason.Unasked = true
	return reason
}

// end counts how the attempt went. A failure that says nothing about the account
// leaves it as it was.
func (t *attempt) end(response *http.Response, err error) {
	a := t.account
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.alone != nil {
		close(t.alone)
	}
	s := a.servers[t.origin]
	if t.secret != a.secret || s == nil {
		return
	}
	if t.alone != nil {
		s.trying = nil
	}
	why, outcome := judge(response, err)
	switch outcome {
	case accepted:
		s.proven, s.refusals = true, 0
		a.refusals = nil // directories forget them too
	case refused:
		if why == "" {
			_, host, _ := strings.Cut(t.origin, "://")
			why = a.Name() + " was refused by " + host
		}
		if s.refuse(why) {
			a.refusals, a.last = append(a.refusals, time.Now()), why
		}
	}
}
