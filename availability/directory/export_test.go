package directory

import (
	"fmt"
	"io"

	"fbgate/availability"

	"github.com/go-ldap/ldap/v3"
)

// Explain says why a server did not let an account in, and whether that is an answer.
var Explain = explain

// LoginFilter returns the filter of the search for a name.
func LoginFilter(name string) (filter string, ok bool) {
	n, ok := parseLoginName(name)
	return n.request("").Filter, ok
}

const MostAccounts = mostAccounts

// RememberNobody remembers that a name is nobody's.
func (a *Accounts) RememberNobody(name string) { a.rememberNobody(loginName{user: name}) }

// Nobody returns how many such names are remembered.
func (a *Accounts) Nobody() int { return len(a.nobody) }

// Fit returns how well an entry has a name.
func Fit(e *ldap.Entry, name string) int {
	n, _ := parseLoginName(name)
	return readAccount(e).fit(n)
}

// Parse reads a file for fuzzing and returns how many recipients it holds.
func Parse(path string, r io.Reader) (int, error) {
	t, err := parse(path, r)
	if err != nil {
		if len(err.Error()) > 64<<10 {
			panic("an endless error")
		}
		return 0, err
	}
	// Everybody is found by every address.
	for _, k := range t.index {
		r := t.find(t.mailbox(k.address))
		if r != &t.recipients[k.row] {
			panic("an address leads to another recipient")
		}
		e := t.entry(r, 10)
		if len(e.Members)+len(e.Missing) > 10 || e.TooMany > 0 && len(e.Members) > 0 {
			panic("a list of more than there may be")
		}
		for _, m := range append([]availability.Mailbox{t.mailbox(k.address), e.Primary, e.LegacyDN, e.Mailbox}, e.Members...) {
			if m != "" && m.Domain() == "" && !m.IsLegacyDN() {
				panic(fmt.Sprintf("%q is no address", m))
			}
		}
	}
	return len(t.recipients), nil
}

// IsDisabled reports whether the entry of a name is that of a disabled account.
func IsDisabled(entries []*ldap.Entry, dn string) bool { return isDisabled(entries, dn) }
