package guard

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"fbgate/availability"
)

// tripping is how many calls in a row have to fail before a member rests.
const tripping = 5

// longestBackOff bounds how long a server's wish to be left alone is obeyed.
const longestBackOff = time.Hour

// member is a Member and how it fares.
type member struct {
	Member
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	rest    time.Duration
	called  func(time.Duration, *availability.Reason)

	mu      sync.Mutex
	served  time.Time            // when it last answered
	failing *availability.Reason // why it has not served since, nil if it has
	last    *availability.Reason // why it failed last, by its own fault
	until   time.Time            // when it is tried again, if it rests for that
	backOff time.Time            // until when the server asked to be left alone
	asked   *availability.Reason // in these words
}

func newMember(m Member, c Config) *member {
	this := &member{Member: m, rest: c.Rest, called: c.Called}
	this.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     c.Rest,
		MaxRequests: 1, // one call probes whether the member is back
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= tripping },
		IsExcluded:  func(err error) bool { return errors.Is(err, errNotCounted) },
		OnStateChange: func(_ string, _, now gobreaker.State) {
			switch now {
			case gobreaker.StateOpen:
				c.Log.Warn("server rests", "organization", c.Organization, "member", m.Name, "for", c.Rest)
			case gobreaker.StateClosed:
				c.Log.Info("server is back", "organization", c.Organization, "member", m.Name)
			}
		},
	})
	return this
}

// errNotCounted is the outcome of a call that says nothing about the server.
var errNotCounted = errors.New("not counted")

// silence is how long a server has to have served nobody for it to be its fault that
// the time of a lookup ran out during a call: a question of many calls may be too much
// for a server that answers each.
const silence = 10 * time.Second

// lookup makes one call and returns why it failed as a whole, if it did, or why the
// member rests and was not asked.
func (m *member) lookup(ctx context.Context, q availability.Query) (answers []availability.Answer, failure, resting *availability.Reason) {
	done, resting := m.begin()
	if resting != nil {
		return nil, nil, resting
	}
	failure = availability.Because(availability.Internal, "the call has panicked")
	begun, unserved := time.Now(), (*availability.Reason)(nil)
	defer func() {
		m.end(failure, unserved, done)
		m.called(time.Since(begun), cmp.Or(failure, unserved))
	}()
	answers = m.Source.Lookup(ctx, q)
	failure = failureOf(answers)
	if failure == nil && ctx.Err() != nil {
		failure, unserved = m.lateness(answers), cutShort(answers)
	}
	if reason := answers[0].Reason; reason != nil && reason.Code == availability.Internal {
		unserved = reason // not the server's fault, but it has not served either
	}
	return answers, failure, nil
}

// failureOf returns why a call failed for all its mailboxes, nil if it served.
func failureOf(answers []availability.Answer) *availability.Reason {
	if reason := answers[0].Reason; reason != nil && reason.Scope != availability.OfMailbox {
		return reason
	}
	return nil
}

// lateness returns the reason of a call that the end of its lookup cut short, if the
// server is to blame.
func (m *member) lateness(answers []availability.Answer) *availability.Reason {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.served) < silence {
		return nil
	}
	return cutShort(answers)
}

// cutShort returns why a call was, whoever is to blame; nil if it served.
func cutShort(answers []availability.Answer) *availability.Reason {
	if reason := answers[0].Reason; reason != nil && reason.Code == availability.Timeout {
		return reason
	}
	return nil
}

func (m *member) begin() (done func(error), resting *availability.Reason) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.backingOff() {
		return nil, m.resting()
	}
	done, err := m.breaker.Allow()
	if err != nil {
		return nil, m.resting()
	}
	return done, nil
}

// rests returns why the member would not be asked, nil if it would.
func (m *member) rests() *availability.Reason {
	m.mu.Lock()
	defer m.mu.Unlock()
	state := m.breaker.State()
	if m.backingOff() || state == gobreaker.StateOpen || state == gobreaker.StateHalfOpen && m.probes() > 0 {
		return m.resting()
	}
	return nil
}

// probes counts the calls under way that are to show whether the member is back.
func (m *member) probes() uint32 {
	c := m.breaker.Counts()
	return c.Requests - c.TotalExclusions
}

// backingOff reports whether the server has asked to be left alone.
func (m *member) backingOff() bool { return time.Now().Before(m.backOff) }

// end counts a call: why it failed, or why it has not served though it is not known to be
// the server's fault.
func (m *member) end(failure, unserved *availability.Reason, done func(error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case unserved != nil && failure == nil:
		done(errNotCounted)
		return
	case failure == nil, failure.Scope == availability.OfCall:
		m.served, m.failing = time.Now(), nil
		done(nil) // it answered, if not as hoped
		return
	}
	m.failing = failure
	switch failure.Code {
	case availability.Unauthorized, availability.CredentialFailed, availability.Internal:
		// The account knows itself when it may be tried again: at once when its
		// password has been corrected. Our own faults are not the server's.
		done(errNotCounted)
		return
	}
	now := time.Now()
	m.last, m.until = failure, now.Add(m.rest)
	if wait := now.Add(min(failure.RetryAfter, longestBackOff)); failure.RetryAfter > 0 && wait.After(m.backOff) {
		m.asked, m.backOff = failure, wait
	}
	done(failure)
}

// resting says why the member is not asked: its last failure, and until when.
func (m *member) resting() *availability.Reason {
	why, until := m.last, m.until
	if m.backingOff() {
		why, until = m.asked, m.backOff
	}
	reason := *why
	reason.Detail += "; not asked again before " + until.UTC().Format(time.RFC3339)
	reason.RetryAfter = max(time.Until(until), time.Second)
	reason.Scope, reason.Unasked, reason.Again = availability.OfServer, true, false
	return &reason
}

// sooner returns the reason that is over first.
func sooner(a, b *availability.Reason) *availability.Reason {
	if a == nil || b.RetryAfter < a.RetryAfter {
		return b
	}
	return a
}
