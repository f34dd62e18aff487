package guard

import (
	"time"

	"github.com/sony/gobreaker/v2"

	"fbgate/availability"
)

// State is whether a member is asked.
type State string

// The states.
const (
	// Unasked members have not been asked anything yet.
	Unasked State = "unasked"
	// Serving ones answered last time.
	Serving State = "serving"
	// Failing ones did not, and are asked again with the next question.
	Failing State = "failing"
	// Resting ones failed too often, or refused the account, and are left alone until
	// they are tried again.
	Resting State = "resting"
	// BackingOff ones asked to be left alone.
	BackingOff State = "backing off"
)

// MemberStatus is how a member fares.
type MemberStatus struct {
	Name  string
	State State
	// Until is when one that is Resting or BackingOff is asked again, otherwise zero. An
	// account whose secret changes is asked at once.
	Until time.Time
	// Reason is why it is Failing, Resting or BackingOff, otherwise nil.
	Reason *availability.Reason
	// LastGood is when it last answered, zero if it never has.
	LastGood time.Time
}

// Members returns how the members fare, in the order they were configured.
func (g *Guard) Members() []MemberStatus {
	all := make([]MemberStatus, len(g.members))
	for i, m := range g.members {
		all[i] = m.status()
	}
	return all
}

func (m *member) status() MemberStatus {
	var rested time.Time
	if m.Rested != nil {
		rested = m.Rested() // which may read a file
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := MemberStatus{Name: m.Name, State: Serving, LastGood: m.served, Reason: m.failing}
	switch {
	case m.backingOff():
		s.State, s.Until, s.Reason = BackingOff, m.backOff, m.asked
	case m.breaker.State() == gobreaker.StateOpen:
		s.State, s.Until, s.Reason = Resting, m.until, m.last
	case m.failing != nil && time.Now().Before(rested):
		s.State, s.Until = Resting, rested
	case m.failing != nil:
		s.State = Failing
	case m.served.IsZero():
		s.State = Unasked
	}
	return s
}
