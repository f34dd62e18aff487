package access

import (
	"slices"
	"strings"

	"fbgate/availability"
)

// People are some of those who log in. The zero value is nobody.
type People struct{ names, domains []string }

// NewPeople returns those that a list names: whoever logs in by one of the names, has one
// of them for an address, or is in a group called so, as [Rule] has them. Case does not
// matter. Users of Windows domains, by their NetBIOS names, go by their names without the
// domain, too.
func NewPeople(names, domains []string) People {
	named := slices.DeleteFunc(lower(names), func(name string) bool { return name == "" })
	return People{named, lower(domains)}
}

// Hold reports whether somebody is one of them.
func (p People) Hold(who availability.Requester) bool {
	name := strings.ToLower(who.Name)
	domain, bare, _ := strings.Cut(name, `\`)
	return name != "" && (slices.Contains(p.names, name) ||
		slices.Contains(p.domains, domain) && bare != "" && slices.Contains(p.names, bare) ||
		who.Mailbox != "" && slices.Contains(p.names, string(who.Mailbox)) ||
		slices.ContainsFunc(p.names, func(group string) bool { return in(who.Groups, group) }))
}

// in reports whether somebody of these groups is in one, which is in lower case.
func in(groups []string, group string) bool { return slices.Contains(groups, group) }
