package main

import (
	"context"
	"net/netip"

	"fbgate/availability"
	"fbgate/availability/access"
	"fbgate/availability/directory"
	"fbgate/availability/route"
	"fbgate/cmd/fbgate/config"
)

// newRules returns the rules about who may see whom.
func newRules(configured []config.AccessRule, statistics *access.Statistics) (*access.Rules, error) {
	var rules []access.Rule
	for _, r := range configured {
		level, err := access.ParseLevel(r.FreeBusyAccessLevel)
		if err != nil {
			return nil, err
		}
		rules = append(rules, access.Rule{
			Domains: r.Domains, Networks: networks(r.Networks), Groups: r.Groups, Organizations: r.Organizations, Level: level,
		})
	}
	return access.New(rules, statistics)
}

// networks are those of the configuration, which has checked them.
func networks(texts []string) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		prefixes[i] = netip.MustParsePrefix(text)
	}
	return prefixes
}

// owners says which organization a mailbox belongs to, for rules about who may see it.
type owners struct {
	directory directory.Directory // nil if there is none
	router    *route.Router
	names     map[availability.Source]string // of the organizations the router knows
}

// of implements access.Owners.
func (o *owners) of(ctx context.Context, mailboxes []availability.Mailbox) []access.Owner {
	var found map[availability.Mailbox]*directory.Entry
	var err error
	if o.directory != nil {
		found, err = o.directory.Find(ctx, mailboxes)
	}
	all := make([]access.Owner, len(mailboxes))
	for i, m := range mailboxes {
		e := found[m]
		switch {
		case e != nil:
			m = e.Mailbox
		case err != nil: // the directory might say that it is another's, whatever its domain
			all[i].Reason = availability.ReasonFor(err)
			continue
		}
		all[i].Organization = o.organization(m)
	}
	return all
}

// organization returns the name of the one that is asked about a mailbox by that name,
// empty if none is.
func (o *owners) organization(m availability.Mailbox) string {
	source, reason := o.router.Find(m)
	if reason != nil {
		return ""
	}
	return o.names[source]
}

// listed returns what says whether somebody may see an entry of the directory, nil if
// there are no rules. It asks nobody.
func (o *owners) listed(rules *access.Rules, configured int) func(availability.Requester, *directory.Entry) bool {
	if configured == 0 {
		return nil
	}
	return func(who availability.Requester, e *directory.Entry) bool {
		level, _ := rules.Decide(who, o.organization(e.Mailbox))
		return level != access.None
	}
}
