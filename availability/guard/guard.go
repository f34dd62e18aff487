// Package guard is a Source around the Sources of one organization's servers and
// accounts: it keeps to what they can bear, goes from one that fails to the next,
// leaves those alone that are down or asked for it, and asks again where that may
// help, but never so much that it makes things worse.
package guard

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"fbgate/availability"
)

// Config describes one organization. Zero fields take the default named.
type Config struct {
	Organization string // its name in answers and logs
	// Members are its servers and accounts, used in turn; at least one.
	Members     []Member
	Concurrency int           // calls at once, default 5
	Rest        time.Duration // of a member that is down until it is tried again, default 30 seconds
	// Called is told of each call when it has ended: how long it took and why it failed
	// as a whole, nil if it served. It may be nil, and several may run at once.
	Called func(took time.Duration, failure *availability.Reason)
	Log    *slog.Logger // default slog.Default()
}

// Member is one server asked with one account.
type Member struct {
	Name   string // for people, such as "https://mail.fabrikam.com/EWS/Exchange.asmx as FABRIKAM\svc"
	Source availability.Source
	// Rested is until when the account is not tried there, as it was refused: zero or past
	// if it is tried. It may be nil.
	Rested func() time.Time
}

// Guard is a Source. Build it with New.
type Guard struct {
	organization string
	members      []*member
	slots        chan struct{} // one for each call under way
	waiting      atomic.Int32  // calls that have none
	turn         atomic.Uint32
	budget       budget
}

var _ availability.Source = (*Guard)(nil)

// New returns a Guard of the organization c describes.
func New(c Config) *Guard {
	c.Log, c.Rest = cmp.Or(c.Log, slog.Default()), cmp.Or(c.Rest, 30*time.Second)
	if c.Called == nil {
		c.Called = func(time.Duration, *availability.Reason) {}
	}
	g := &Guard{
		organization: c.Organization,
		slots:        make(chan struct{}, cmp.Or(c.Concurrency, 5)),
		budget:       fullBudget(),
	}
	for _, m := range c.Members {
		g.members = append(g.members, newMember(m, c))
	}
	return g
}

// Lookup makes one call, and few more if it fails: to other members, and once again
// for mailboxes whose failure may be over at once.
func (g *Guard) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	if len(q.Mailboxes) == 0 {
		return nil
	}
	if reason := g.enter(ctx); reason != nil {
		return g.fail(q, reason)
	}
	defer func() { <-g.slots }()
	g.budget.deposit()
	answers := g.ask(ctx, q)
	again := retryable(answers)
	if len(again) == 0 || !g.budget.withdraw() || !pause(ctx) {
		return answers
	}
	for i, a := range g.ask(ctx, q.Select(again)) {
		if a.Reason == nil || !a.Reason.Unasked { // otherwise the first failure made all rest
			answers[again[i]] = a
		}
	}
	return answers
}

// waitingPerSlot bounds the calls that wait for each one under way. At a tenth of a
// second a call, the last begins when clients have given up.
const waitingPerSlot = 100

// enter takes a slot, or returns why there is none. Nobody waits for one only to
// learn that all members rest: what has the slots then may be probes of those that
// hang.
func (g *Guard) enter(ctx context.Context) *availability.Reason {
	if resting := g.resting(); resting != nil {
		return resting
	}
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	defer g.waiting.Add(-1)
	if others := int(g.waiting.Add(1)) - 1; others >= waitingPerSlot*cap(g.slots) {
		return availability.Because(availability.Overloaded, "%d calls wait for one of %d under way to end", others, cap(g.slots))
	}
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return availability.Because(availability.Timeout, "no call could begin: %d were under way", cap(g.slots))
	}
}

// resting returns why no member would be asked, nil if one would.
func (g *Guard) resting() (soonest *availability.Reason) {
	for _, m := range g.members {
		resting := m.rests()
		if resting == nil {
			return nil
		}
		soonest = sooner(soonest, resting)
	}
	return soonest
}

// ask asks one member after the other until one serves.
func (g *Guard) ask(ctx context.Context, q availability.Query) []availability.Answer {
	first := int(g.turn.Add(1) - 1)
	var answers []availability.Answer
	var resting *availability.Reason
	for i := range g.members {
		if answers != nil && ctx.Err() != nil {
			break // no time is left for another
		}
		served, failure, rests := g.members[(first+i)%len(g.members)].lookup(ctx, q)
		if rests != nil {
			resting = sooner(resting, rests)
			continue
		}
		answers = served
		if failure == nil || failure.Scope != availability.OfServer {
			return answers
		}
	}
	if answers == nil {
		return g.fail(q, resting)
	}
	return answers
}

func (g *Guard) fail(q availability.Query, reason *availability.Reason) []availability.Answer {
	answers := availability.Fail(q, reason)
	for i := range answers {
		answers[i].Organization = g.organization
	}
	return answers
}

// retryable returns the answers, by index, whose failure may be over at once. Calls
// that failed for several mailboxes are left to those who can ask about fewer.
func retryable(answers []availability.Answer) (again []int) {
	for i, a := range answers {
		if a.Reason == nil || !a.Reason.Again || a.Reason.Scope == availability.OfCall && len(answers) > 1 {
			continue
		}
		again = append(again, i)
	}
	return again
}

// pause waits a moment before a retry, so that those who failed together do not
// come back together. It reports whether time is left.
func pause(ctx context.Context) bool {
	timer := time.NewTimer(50*time.Millisecond + rand.N(200*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
