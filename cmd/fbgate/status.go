package main

import (
	"net/url"

	"fbgate/availability/guard"
	"fbgate/davfb/admin"
)

// status is how the organizations fare, in the order of the configuration.
func (b *builder) status() []admin.Organization {
	all := make([]admin.Organization, len(b.inOrder))
	for i, o := range b.inOrder {
		all[i] = admin.Organization{
			Name: o.Name, AccessMethod: o.AccessMethod, Domains: o.Domains, Servers: o.servers(),
			Totals: o.meter.Totals(), Hour: o.meter.Hour(),
			Remembered: b.stores[i].Len(), Bytes: b.stores[i].Bytes(), Evicted: b.stores[i].Evicted(),
		}
	}
	return all
}

// states are those of a guard's members, as operators know them.
var states = map[guard.State]admin.State{
	guard.Unasked: admin.Unasked, guard.Serving: admin.Serving, guard.Failing: admin.Failing, guard.Resting: admin.Resting, guard.BackingOff: admin.BackingOff,
}

// servers are none where nobody is asked.
func (o *organization) servers() []admin.Server {
	if o.guard == nil {
		return nil
	}
	var all []admin.Server
	for i, fares := range o.guard.Members() {
		m := &o.members[i]
		all = append(all, admin.Server{
			Name: m.name, Host: m.host(), State: states[fares.State], Until: fares.Until, Reason: fares.Reason, LastGood: fares.LastGood,
			CertificateEnds: m.certificates.End(), TokenEnds: m.token.get(),
		})
	}
	return all
}

// host is short and tells servers apart, without a name or password in the URL.
func (m *member) host() string {
	if m.url == "" {
		return "autodiscover"
	}
	u, err := url.Parse(m.url)
	if err != nil {
		return "unknown"
	}
	return u.Host
}
