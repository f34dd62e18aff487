package access

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"fbgate/availability"
)

// Level is how much of somebody's free/busy is shown, in the words of Exchange's
// FreeBusyAccessLevel. Its third, LimitedDetails, is missing: old clients can show no
// more than times.
type Level uint8

// The levels.
const (
	None Level = iota
	AvailabilityOnly
)

// ParseLevel returns the level a configuration names: "none" or "availability_only".
func ParseLevel(word string) (Level, error) {
	switch word {
	case "none":
		return None, nil
	case "availability_only":
		return AvailabilityOnly, nil
	default:
		return None, fmt.Errorf("%.100q is no level of access: expected none or availability_only", word)
	}
}

// Rule says how much some may see of some organizations. An empty list fits everybody;
// of those that are not empty all have to fit.
type Rule struct {
	// Domains are mail domains of whoever asks: "contoso.com" is that domain alone,
	// "*.contoso.com" every one below it, "*" any. Somebody whose address is not known
	// is in none of them.
	Domains []string
	// Networks are those a request may come from.
	Networks []netip.Prefix
	// Groups are those whoever asks is in: names, distinguished names or security
	// identifiers, as their log-in brings them. Case does not matter.
	Groups []string
	// Organizations are whom the question is about, by their names in the
	// configuration. Case does not matter.
	Organizations []string
	// Level is what they see.
	Level Level
}

// rule is a Rule made ready.
type rule struct {
	domains       []domain
	networks      []netip.Prefix
	groups        []string
	organizations []string
	level         Level
}

// domain is a mail domain, or the end of those below one, with its dot. The end of all is
// empty.
type domain struct {
	name  string
	below bool
}

// parseDomain reads a domain in lower case; ok is false if it is none.
func parseDomain(s string) (d domain, ok bool) {
	if s == "*" {
		return domain{below: true}, true
	}
	name, below := strings.CutPrefix(s, "*.")
	ok = availability.Mailbox("x@"+name).Domain() == name && name != "" && strings.Trim(name, ".*") == name
	if below {
		name = "." + name
	}
	return domain{name, below}, ok
}

// ready returns r made ready, or all that is wrong with it.
func (r Rule) ready() (rule, error) {
	ready := rule{groups: lower(r.Groups), organizations: lower(r.Organizations), level: r.Level}
	var faults []error
	for _, name := range lower(r.Domains) {
		d, ok := parseDomain(name)
		if !ok {
			faults = append(faults, fmt.Errorf(`%.100q is no mail domain: expected one such as "contoso.com", "*.contoso.com" for those below it, or "*" for any`, name))
		}
		ready.domains = append(ready.domains, d)
	}
	for _, network := range r.Networks {
		if !network.IsValid() {
			faults = append(faults, errors.New(`a network is not valid: expected one such as "10.0.0.0/8"`))
		}
		ready.networks = append(ready.networks, unmapped(network))
	}
	if slices.Contains(ready.groups, "") || slices.Contains(ready.organizations, "") {
		faults = append(faults, errors.New("a group or organization has no name"))
	}
	if r.Level > AvailabilityOnly {
		faults = append(faults, fmt.Errorf("%d is no level of access", r.Level))
	}
	return ready, errors.Join(faults...)
}

// question is what rules look at.
type question struct {
	domain       string // of whoever asks, empty if it is not known
	address      netip.Addr
	groups       []string
	organization string // in lower case
}

// fits reports whether r is about q.
func (r *rule) fits(q question) bool {
	return fits(r.organizations, func(o string) bool { return o == q.organization }) &&
		fits(r.networks, func(n netip.Prefix) bool { return n.Contains(q.address) }) &&
		fits(r.groups, func(g string) bool { return in(q.groups, g) }) &&
		fits(r.domains, func(d domain) bool { return d.holds(q.domain) })
}

func fits[T any](list []T, one func(T) bool) bool {
	return len(list) == 0 || slices.ContainsFunc(list, one)
}

func (d domain) holds(name string) bool {
	if d.below {
		return name != "" && strings.HasSuffix(name, d.name)
	}
	return name != "" && name == d.name
}

func lower(names []string) []string {
	names = slices.Clone(names)
	for i, name := range names {
		names[i] = strings.ToLower(name)
	}
	return names
}

// plain returns an address as networks hold it: an IPv4 address as such, and without the
// name of an interface, which no network contains.
func plain(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

// unmapped returns the network of IPv4 addresses that one of IPv4-mapped ones stands for.
func unmapped(network netip.Prefix) netip.Prefix {
	const mapped = 96 // bits before the IPv4 address (RFC 4291 2.5.5.2)
	if network.Addr().Is4In6() && network.Bits() >= mapped {
		return netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-mapped)
	}
	return network
}
