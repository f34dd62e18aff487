package access

import (
	"context"

	"fbgate/availability"
)

// Owner is whose a mailbox is.
type Owner struct {
	// Organization is the name of the one that would be asked about it, empty if none
	// would be.
	Organization string
	// Reason is why that cannot be said, nil if it can.
	Reason *availability.Reason
}

// Owners returns whose mailboxes are, one Owner each, in their order. They may be other
// names of mailboxes than those an organization is asked by, such as a legacyExchangeDN.
type Owners func(ctx context.Context, mailboxes []availability.Mailbox) []Owner

// Denied returns what says about each mailbox of a question why whoever asks must not see
// it, or nil: for what is answered before any organization is asked. Whose a mailbox is
// has to be known for that, so that the reason may be that of its Owner. Without rules
// there is nothing to say, and Denied returns nil.
func (r *Rules) Denied(owners Owners) func(ctx context.Context, q availability.Query) []*availability.Reason {
	if len(r.rules) == 0 {
		return nil
	}
	return func(ctx context.Context, q availability.Query) []*availability.Reason {
		reasons := make([]*availability.Reason, len(q.Mailboxes))
		if unrestricted(ctx) {
			return reasons
		}
		denials := make(map[string]*availability.Reason)
		for i, owner := range owners(ctx, q.Mailboxes) {
			if owner.Reason != nil {
				reasons[i] = owner.Reason
				continue
			}
			reason, decided := denials[owner.Organization]
			if !decided {
				reason = r.denial(ctx, q.Requester, owner.Organization)
				denials[owner.Organization] = reason
			}
			if reasons[i] = reason; reason != nil {
				r.statistics.Denied.Add(1)
			}
		}
		return reasons
	}
}

// Veil returns the Source that asks next, and hides what next says of a mailbox without
// asking an organization from those who are denied its owner: the directory knows lists
// that are empty or too large, and that there is such a list is more than those denied
// its owner learn of a mailbox. It belongs around the directory's Source. Without rules
// it is next itself.
func (r *Rules) Veil(owners Owners, next availability.Source) availability.Source {
	if len(r.rules) == 0 {
		return next
	}
	return &veil{r.Denied(owners), next}
}

type veil struct {
	denied func(ctx context.Context, q availability.Query) []*availability.Reason
	next   availability.Source
}

// Lookup asks next about all.
func (v *veil) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	answers := v.next.Lookup(ctx, q)
	var telling []int
	for i := range answers {
		if tells(&answers[i]) {
			telling = append(telling, i)
		}
	}
	if len(telling) == 0 {
		return answers
	}
	asked := q.Select(telling)
	for i, reason := range v.denied(ctx, asked) {
		if reason != nil {
			answers[telling[i]] = availability.Fail(asked.About(asked.Mailboxes[i:i+1]), reason)[0]
		}
	}
	return answers
}

// tells reports whether a was not said by an organization, knows nothing, and shows all
// the same that there is such an address.
func tells(a *availability.Answer) bool {
	return a.Organization == "" && a.Reason != nil && a.Schedule.Known.Empty() &&
		(a.Reason.Code == availability.ListTooLarge || a.Reason.Code == availability.NoInformation)
}
