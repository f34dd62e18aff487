package directory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"fbgate/availability"

	"github.com/go-ldap/ldap/v3"
)

const (
	// longestLogin is the longest name that is looked for, in bytes.
	longestLogin = 320
	// mostNamesakes is how many entries are read to see which has a name best.
	mostNamesakes = 20
	// mostMemberships is how many groups of an account are heeded.
	mostMemberships = 1000
)

var accountAttributes = []string{"objectClass", "sAMAccountName", "userPrincipalName", "uid", "mail", "proxyAddresses", "memberOf"}

// loginName is a name as somebody types it to log in.
type loginName struct{ user, domain string }

// key is the name without what does not count.
func (n loginName) key() string { return strings.ToLower(n.address()) }

func (n loginName) address() string {
	if n.domain == "" {
		return n.user
	}
	return n.user + "@" + n.domain
}

// parseLoginName reads DOMAIN\user, user@domain or user. It is false for what cannot be
// a name.
func parseLoginName(name string) (loginName, bool) {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if len(name) > longestLogin || !utf8.ValidString(name) || strings.ContainsFunc(name, odd) {
		return loginName{}, false
	}
	if _, user, ok := strings.Cut(name, `\`); ok {
		return loginName{user: user}, user != "" && !strings.Contains(user, `\`)
	}
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		n := loginName{name[:at], name[at+1:]}
		return n, n.user != "" && n.domain != ""
	}
	return loginName{user: name}, strings.TrimSpace(name) != ""
}

// request returns the search for a name. Of a user principal name, Active Directory
// keeps only one that was written down; the other is made of sAMAccountName and domain,
// and so is a Kerberos principal.
func (n loginName) request(base string) *ldap.SearchRequest {
	user, address := ldap.EscapeFilter(n.user), ldap.EscapeFilter(n.address())
	filter := fmt.Sprintf("(|(sAMAccountName=%[1]s)(uid=%[1]s))", user)
	if n.domain != "" {
		filter = fmt.Sprintf("(|(userPrincipalName=%[1]s)(sAMAccountName=%[2]s)(uid=%[2]s)(mail=%[1]s)(proxyAddresses=smtp:%[1]s))", address, user)
	}
	return &ldap.SearchRequest{
		BaseDN: base, Scope: ldap.ScopeWholeSubtree, DerefAliases: ldap.NeverDerefAliases,
		SizeLimit: mostNamesakes, Filter: filter, Attributes: accountAttributes,
	}
}

// How well an entry has a name.
const (
	notAtAll = iota
	byMail   // which anybody may have typed
	byAddress
	byName
)

// errNamesakes names nobody, as it gets into texts that are not only for the log.
var errNamesakes = errors.New("the name is that of several accounts, so that it is nobody's; the log says of which")

// best returns the entries that have the name best: more than one if they are rivals.
func (n loginName) best(entries []*ldap.Entry) (best []*account) {
	most := byMail
	for _, e := range entries {
		a := readAccount(e)
		switch fit := a.fit(n); {
		case fit < most || a.dn == "": // who binds as nobody is let in with any password
		case fit > most:
			best, most = []*account{a}, fit
		case !slices.ContainsFunc(best, func(other *account) bool { return other.dn == a.dn }):
			best = append(best, a)
		}
	}
	return best
}

// account is an entry of somebody who may log in.
type account struct {
	dn         string
	names      []string // sAMAccountName and uid
	principals []string // userPrincipalName
	addresses  recipient
	groups     []string // lower case; see groupsOf
	left       int      // groups that are not among them
	noUser     bool     // a group or a contact, which has names, too
}

// readAccount reads the attributes of an entry.
func readAccount(e *ldap.Entry) *account {
	a := &account{dn: e.DN}
	for _, attribute := range e.Attributes {
		// Active Directory tells many groups in ranges: memberOf;range=0-1499.
		name, _, _ := strings.Cut(strings.ToLower(attribute.Name), ";")
		switch name {
		case "memberof":
			heeded := attribute.Values[:min(len(attribute.Values), mostMemberships)]
			a.groups, a.left = append(a.groups, groupsOf(heeded)...), a.left+len(attribute.Values)-len(heeded)
		case "samaccountname", "uid":
			a.names = append(a.names, attribute.Values...)
		case "userprincipalname":
			a.principals = append(a.principals, attribute.Values...)
		case attrObjectClass:
			for _, class := range attribute.Values {
				switch strings.ToLower(class) {
				case "group", "groupofnames", "contact":
					a.noUser = true
				}
			}
		case attrMail, attrProxy:
			for _, value := range attribute.Values {
				_ = a.addresses.add(name, value) // malformed: as if it were not there
			}
		}
	}
	return a
}

// groupsOf returns the distinguished names and the common names of groups, in lower
// case.
func groupsOf(dns []string) (groups []string) {
	for _, dn := range dns {
		groups = append(groups, strings.ToLower(dn))
		parsed, err := ldap.ParseDN(dn)
		if err != nil || len(parsed.RDNs) == 0 {
			continue
		}
		for _, part := range parsed.RDNs[0].Attributes {
			if strings.EqualFold(part.Type, "cn") {
				groups = append(groups, strings.ToLower(part.Value))
			}
		}
	}
	return groups
}

// fit returns how well an account has a name.
func (a *account) fit(n loginName) int {
	user := func(s string) bool { return strings.EqualFold(s, n.user) }
	whole := func(s string) bool { return strings.EqualFold(s, n.address()) }
	address := availability.ParseMailbox(n.address())
	switch {
	case a.noUser:
		return notAtAll
	case slices.ContainsFunc(a.names, user) && (n.domain == "" || a.inDomain(n.domain)):
		return byName
	case n.domain == "":
		return notAtAll
	case slices.ContainsFunc(a.principals, whole):
		return byName
	case !slices.Contains(a.addresses.addresses, address):
		return notAtAll
	case a.addresses.onlyMail(address):
		return byMail
	}
	return byAddress
}

// inDomain reports whether an entry is in a DNS domain, as its name tells in Active
// Directory: CN=Joe,OU=Sales,DC=contoso,DC=com.
func (a *account) inDomain(domain string) bool {
	parsed, err := ldap.ParseDN(a.dn)
	if err != nil {
		return false
	}
	var labels []string
	for _, rdn := range parsed.RDNs {
		if len(rdn.Attributes) == 1 && strings.EqualFold(rdn.Attributes[0].Type, "dc") {
			labels = append(labels, rdn.Attributes[0].Value)
		}
	}
	return strings.EqualFold(strings.Join(labels, "."), domain)
}

// requester returns who logged in as name.
func (a *account) requester(name string) availability.Requester {
	return availability.Requester{Name: name, Mailbox: a.addresses.primaryAddress(), Groups: slices.Clone(a.groups)}
}
