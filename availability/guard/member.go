package guard

import (
	"context"
	"errors"
	"log/slog"
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

	mu    sync.Mutex
	last  *availability.Reason // why it failed last
	until time.Time            // when it is tried again, if it rests
}

func newMember(m Member, rest time.Duration, organization string, log *slog.Logger) *member {
	this := &member{Member: m, rest: rest}
	this.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     rest,
		MaxRequests: 1, // one call probes whether the member is back
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripping },
		IsExcluded:  func(err error) bool { return errors.Is(err, errNotCounted) },
		OnStateChange: func(_ string, _, now gobreaker.State) {
			switch now {
			case gobreaker.StateOpen:
				log.Warn("server rests", "organization", organization, "member", m.Name, "for", rest)
			case gobreaker.StateClosed:
				log.Info("server is back", "organization", organization, "member", m.Name)
			}
		},
	})
	return this
}

// errNotCounted is the outcome of a call that says nothing about the server.
var errNotCounted = errors.New("not counted")

// lookup makes one call and returns why it failed as a whole, if it did, or why the
// member rests and was not asked.
func (m *member) lookup(ctx context.Context, q availability.Query) (answers []availability.Answer, failure, resting *availability.Reason) {
	done, resting := m.begin()
	if resting != nil {
		return nil, nil, resting
	}
	defer func() { m.end(failure, done) }()
	answers = m.Source.Lookup(ctx, q)
	return answers, failureOf(ctx, answers), nil
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

// backingOff reports whether the server has asked to be left alone.
func (m *member) backingOff() bool {
	return m.last != nil && m.last.RetryAfter > 0 && time.Now().Before(m.until)
}

func (m *member) end(failure *availability.Reason, done func(error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case failure == nil, failure.Scope == availability.OfCall:
		done(nil) // it answered, if not as hoped
		return
	case failure.Code == availability.Unauthorized, failure.Code == availability.CredentialFailed:
		// The account knows itself when it may be tried again: at once when its
		// password has been corrected.
		done(errNotCounted)
		return
	}
	wait := m.rest
	if failure.RetryAfter > 0 {
		wait = min(failure.RetryAfter, longestBackOff)
	}
	m.last, m.until = failure, time.Now().Add(wait)
	done(failure)
}

// resting says why the member is not asked: its last failure, and until when.
func (m *member) resting() *availability.Reason {
	reason := *m.last
	reason.Detail += "; not asked again before " + m.until.UTC().Format(time.RFC3339)
	reason.RetryAfter = max(time.Until(m.until), time.Second)
	reason.Scope, reason.Again = availability.OfServer, false
	return &reason
}

// sooner returns the reason that is over first.
func sooner(a, b *availability.Reason) *availability.Reason {
	if a == nil || b.RetryAfter < a.RetryAfter {
		return b
	}
	return a
}
