package directory

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// readEntry reads the attributes of an entry. What is malformed is as if it were not
// there: nobody can be found by it.
func readEntry(e *ldap.Entry) *candidate {
	c := &candidate{dn: e.DN}
	for _, a := range e.Attributes {
		name, option, _ := strings.Cut(strings.ToLower(a.Name), ";")
		for _, value := range a.Values {
			_ = c.r.add(name, value)
		}
		if part, ok := strings.CutPrefix(option, "range="); ok && name == attrMember {
			c.next = after(part)
		}
	}
	return c
}

// after returns the number of the first member after a range of them, 0 if there is
// none. Active Directory returns at most 1,500 values of an attribute, under the name
// member;range=0-1499, and the next ones when asked for range=1500-*; the last range
// ends with "*" ([MS-ADTS], range retrieval of attribute values).
func after(part string) int {
	_, last, _ := strings.Cut(part, "-")
	if n, err := strconv.Atoi(last); err == nil && n >= 0 {
		return n + 1
	}
	return 0
}

// entry returns c with the addresses of its members, if it is a list.
func (d *LDAP) entry(ctx context.Context, c *candidate) (*Entry, error) {
	e := c.r.entry()
	if !e.list() {
		return e, nil
	}
	for c.next > 0 && len(c.r.members) <= d.config.MaxListMembers {
		if err := d.moreMembers(ctx, c); err != nil {
			return nil, err
		}
	}
	if count := len(c.r.members); count > d.config.MaxListMembers {
		e.TooMany = count
		return e, nil
	}
	return e, d.members(ctx, e, c.r.members)
}

// moreMembers asks for the next part of a list's members.
func (d *LDAP) moreMembers(ctx context.Context, c *candidate) error {
	from, before := c.next, len(c.r.members)
	request := baseOf(c.dn)
	request.Attributes = []string{fmt.Sprintf("member;range=%d-*", from)}
	results, err := d.link.search(ctx, request)
	if err != nil {
		return err
	}
	if len(results) != 1 {
		return errors.New("a list is there no more")
	}
	more := readEntry(results[0])
	c.r.members = append(c.r.members, more.r.members...)
	c.next = more.next
	if c.next > 0 && c.next <= from {
		return fmt.Errorf("the server does not get on with the members of a list after the first %d", before)
	}
	return nil
}

// members finds out the addresses of a list's members, each by its name. Whose they
// are is for another search to say: an address somebody has typed in as his own may be
// somebody else's. So what only Exchange gives, a legacyExchangeDN, comes first then.
func (d *LDAP) members(ctx context.Context, e *Entry, dns []string) error {
	results := make([][]*ldap.Entry, len(dns))
	err := parallel(len(dns), func(i int) (err error) {
		results[i], err = d.link.search(ctx, baseOf(dns[i]))
		if ldap.IsErrorAnyOf(err, notHere...) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	for i, dn := range dns {
		if len(results[i]) != 1 {
			e.Missing = append(e.Missing, dn)
			continue
		}
		r := readEntry(results[i][0]).r
		member := r.entry()
		address := member.address()
		if r.onlyMail(address) && member.LegacyDN != "" {
			address = member.LegacyDN
		}
		if address != "" {
			e.Members = append(e.Members, address)
		}
	}
	return nil
}

// notHere are the results of a search for an entry that says the server has none, or
// shows none.
var notHere = []uint16{
	ldap.LDAPResultNoSuchObject, ldap.LDAPResultReferral, ldap.LDAPResultInvalidDNSyntax,
	ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultAliasProblem,
}

// baseOf returns the search for one entry by its name.
func baseOf(dn string) *ldap.SearchRequest {
	return &ldap.SearchRequest{
		BaseDN: dn, Scope: ldap.ScopeBaseObject, DerefAliases: ldap.NeverDerefAliases,
		SizeLimit: 1, Filter: "(objectClass=*)", Attributes: attributes,
	}
}
