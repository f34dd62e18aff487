package access

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fbgate/availability"
)

// Rules decide who may see whose free/busy: the first one that fits does, and if none
// fits nothing is shown. If there are none everything is, and so it is by the zero Rules.
//
// To whoever is denied a mailbox it looks as if nobody had such an address. An answer
// that denies has the reason NotAllowed and no Organization, as if nobody had been asked,
// and indeed nobody is; the Reason has the organization, and the rule by its number.
type Rules struct {
	rules      []rule
	statistics *Statistics
}

// New returns the Rules of a configuration. They count in statistics, which may be nil.
// The error says all that is wrong with them.
func New(rules []Rule, statistics *Statistics) (*Rules, error) {
	if statistics == nil {
		statistics = new(Statistics)
	}
	r := &Rules{statistics: statistics}
	var faults []error
	for i := range rules {
		ready, err := rules[i].ready()
		if err != nil {
			faults = append(faults, fmt.Errorf("rule %d: %w", i+1, err))
		}
		r.rules = append(r.rules, ready)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return r, nil
}

// Decide returns how much somebody may see of an organization, by its name, and the
// number of the rule that says so, counted from 1; 0 if none does. The organization of a
// mailbox nobody would be asked about is "".
func (r *Rules) Decide(who availability.Requester, organization string) (Level, int) {
	if len(r.rules) == 0 {
		return AvailabilityOnly, 0
	}
	q := question{who.Mailbox.Domain(), plain(who.Address), who.Groups, strings.ToLower(organization)}
	for i := range r.rules {
		if r.rules[i].fits(q) {
			return r.rules[i].level, i + 1
		}
	}
	return None, 0
}

// denial returns why somebody must not see an organization, nil if they may.
func (r *Rules) denial(ctx context.Context, who availability.Requester, organization string) *availability.Reason {
	level, number := r.Decide(who, organization)
	if level != None || unrestricted(ctx) {
		return nil
	}
	says := "no rule of access_rules shows it to"
	if number > 0 {
		says = fmt.Sprintf("rule %d of access_rules keeps it from", number)
	}
	reason := availability.Because(availability.NotAllowed, "%s %s", says, describe(who))
	reason.Organization = organization
	return reason
}

// describe says who asks, for operators.
func describe(who availability.Requester) string {
	name := "somebody"
	if who.Name != "" {
		name = fmt.Sprintf("%.100q", who.Name)
	}
	if who.Mailbox != "" {
		name += fmt.Sprintf(" (%.100s)", who.Mailbox)
	}
	if who.Address.IsValid() {
		name += " at " + who.Address.String()
	}
	return name
}

// Guard returns the Source of an organization, by its name, that asks next what whoever
// asks may see, and denies the rest before anybody is asked. It belongs outside the
// cache of the organization, and inside the router. Without rules it is next itself.
func (r *Rules) Guard(organization string, next availability.Source) availability.Source {
	if len(r.rules) == 0 {
		return next
	}
	return &guarded{r, organization, next}
}

type guarded struct {
	rules        *Rules
	organization string
	next         availability.Source
}

// Lookup asks next, or nobody: all mailboxes are of one organization.
func (g *guarded) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	if reason := g.rules.denial(ctx, q.Requester, g.organization); reason != nil {
		g.rules.statistics.Denied.Add(uint64(len(q.Mailboxes)))
		return availability.Fail(q, reason)
	}
	return g.next.Lookup(ctx, q)
}
