package directory

import (
	"io"

	"github.com/go-ldap/ldap/v3"
)

// Explain says why a server did not let an account in, and whether that is an answer.
var Explain = explain

// LoginFilter returns the filter of the search for a name.
func LoginFilter(name string) (filter string, ok bool) {
	n, ok := parseLoginName(name)
	return n.request("").Filter, ok
}

// Fit returns how well an entry has a name.
func Fit(e *ldap.Entry, name string) int {
	n, _ := parseLoginName(name)
	return readAccount(e).fit(n)
}

// Parse reads a file for fuzzing and returns how many recipients it holds.
func Parse(path string, r io.Reader) (int, error) {
	t, err := parse(path, r)
	if err != nil {
		return 0, err
	}
	// Everybody is found by every address.
	for _, k := range t.index {
		r := t.find(t.mailbox(k.address))
		if r != &t.recipients[k.row] {
			panic("an address leads to another recipient")
		}
		t.entry(r, 10)
	}
	return len(t.recipients), nil
}
