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
		if e := found[m]; e != nil {
			m = e.Mailbox
		} else if err != nil && m.IsLegacyDN() {
			all[i].Reason = availability.ReasonFor(err)
		}
		if source, reason := o.router.Find(m); reason == nil {
			all[i].Organization = o.names[source]
		}
	}
	return all
}
