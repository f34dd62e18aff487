// Package route decides which organization answers for a mailbox, splits a query
// among them, and puts their answers together.
package route

import (
	"context"
	"slices"
	"strings"
	"sync"

	"fbgate/availability"
)

// Router is a Source in front of the organizations' Sources. Build it with New.
type Router struct {
	exact    map[string]*organization // by mail domain
	suffixes []suffix                 // the longest first
}

type suffix struct {
	dotted       string // ".fabrikam.com", or "" for every domain
	organization *organization
}

// organization is one of those New was given.
type organization struct{ source availability.Source }

var _ availability.Source = (*Router)(nil)

// New returns a Router that knows no organization.
func New() *Router { return &Router{exact: make(map[string]*organization)} }

// Add sends the mailboxes of domains to source: "fabrikam.com" is that domain
// alone, "*.fabrikam.com" every domain below it, "*" every domain nobody else
// takes. The most specific entry wins. Add must not be called once Lookup has been.
func (r *Router) Add(source availability.Source, domains ...string) {
	o := &organization{source}
	for _, domain := range domains {
		domain = strings.ToLower(domain)
		if dotted, wild := strings.CutPrefix(domain, "*"); wild {
			r.suffixes = append(r.suffixes, suffix{dotted, o})
		} else {
			r.exact[domain] = o
		}
	}
	slices.SortStableFunc(r.suffixes, func(a, b suffix) int { return len(b.dotted) - len(a.dotted) })
}

// Lookup asks every organization concerned at the same time.
func (r *Router) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	if o := r.only(q.Mailboxes); o != nil {
		return o.source.Lookup(ctx, q)
	}
	answers := make([]availability.Answer, len(q.Mailboxes))
	shares := make(map[*organization][]int)
	for i, m := range q.Mailboxes {
		o, reason := r.organization(m)
		if reason != nil {
			answers[i] = availability.Fail(q.About([]availability.Mailbox{m}), reason)[0]
			continue
		}
		shares[o] = append(shares[o], i)
	}
	var lookups sync.WaitGroup
	for o, share := range shares {
		lookups.Go(func() {
			for i, answer := range o.source.Lookup(ctx, q.Select(share)) {
				answers[share[i]] = answer
			}
		})
	}
	lookups.Wait()
	return answers
}

// Find returns the Source that answers for m, or why there is none.
func (r *Router) Find(m availability.Mailbox) (availability.Source, *availability.Reason) {
	o, reason := r.organization(m)
	if reason != nil {
		return nil, reason
	}
	return o.source, nil
}

// only returns the organization of all the mailboxes, nil if there is no such one.
// Most questions are about one organization, and then there is nothing to split.
func (r *Router) only(mailboxes []availability.Mailbox) *organization {
	var only *organization
	for i, m := range mailboxes {
		o, _ := r.organization(m)
		if o == nil || i > 0 && o != only {
			return nil
		}
		only = o
	}
	return only
}

// organization returns who answers for m, or why nobody does.
func (r *Router) organization(m availability.Mailbox) (*organization, *availability.Reason) {
	if m.IsLegacyDN() {
		return nil, availability.Because(availability.NoRoute, "%.200q is a legacyExchangeDN, and no directory says whose", m)
	}
	domain := m.Domain()
	if domain == "" {
		return nil, availability.Because(availability.InvalidAddress, "%.200q is not an SMTP address", m)
	}
	if o, ok := r.exact[domain]; ok {
		return o, nil
	}
	for _, s := range r.suffixes {
		if strings.HasSuffix(domain, s.dotted) {
			return s.organization, nil
		}
	}
	return nil, availability.Because(availability.NoRoute, "no organization has the domain %s", domain)
}
