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
	// Serving members are asked in turn.
	Serving State = "serving"
	// Resting ones failed too often, or their account was refused, and are tried again
	// at times.
	Resting State = "resting"
	// BackingOff ones asked to be left alone.
	BackingOff State = "backing off"
)

// MemberStatus is how a member fares.
type MemberStatus struct {
	Name  string
	State State
	// Until is when a member that is not Serving is asked again. It is past for one that
	// the next question, or one under way, tries.
	Until time.Time
	// Reason is why it is not Serving, nil if it is.
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
	m.mu.Lock()
	defer m.mu.Unlock()
	s := MemberStatus{Name: m.Name, State: Serving, LastGood: m.served}
	switch {
	case m.backingOff():
		s.State, s.Until, s.Reason = BackingOff, m.backOff, m.asked
	case m.breaker.State() != gobreaker.StateClosed:
		s.State, s.Until, s.Reason = Resting, m.until, m.last
	case m.barred != nil: // the account keeps itself from being asked
		s.State, s.Until, s.Reason = Resting, m.entry, m.barred
	}
	return s
}
