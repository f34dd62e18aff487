package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"fbgate/availability"

	"github.com/go-ldap/ldap/v3"
)

const (
	// perFilter is how many names one search is about. Active Directory takes much
	// longer filters, but other servers have limits.
	perFilter = 50
	// maxFound is how many entries one search may find. More than one for a name is
	// a fault of the directory; OpenLDAP returns 500 unless it is told otherwise.
	maxFound = 500
	// atOnce is how many searches of one Find are under way at the same time.
	atOnce = 16
	// longestDN is the longest legacyExchangeDN looked for, in bytes.
	longestDN = 2048
)

var attributes = []string{"mail", "proxyAddresses", "targetAddress", "legacyExchangeDN", "displayName", "objectClass", "member"}

// searchable reports whether a recipient can have the address m.
func searchable(m availability.Mailbox) bool {
	return m.IsLegacyDN() && len(m) <= longestDN || m.Domain() != ""
}

// ask searches for names. An entry that cannot be read as a whole fails its names, and
// no others.
func (d *LDAP) ask(ctx context.Context, names []availability.Mailbox) (found map[availability.Mailbox]*Entry, failed map[availability.Mailbox]error, err error) {
	chunks := slices.Collect(slices.Chunk(names, perFilter))
	results := make([][]*ldap.Entry, len(chunks))
	err = parallel(len(chunks), func(i int) (err error) {
		results[i], err = d.link.search(ctx, d.request(chunks[i]))
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	choice := d.choose(names, slices.Concat(results...))
	found, failed = make(map[availability.Mailbox]*Entry, len(choice)), make(map[availability.Mailbox]error)
	type read struct {
		entry *Entry
		err   error
	}
	entries := make(map[*candidate]read) // several names may be of one
	for _, name := range names {         // in order
		c := choice[name]
		if c == nil {
			continue
		}
		r, ok := entries[c]
		if !ok {
			r.entry, r.err = d.entry(ctx, c)
			entries[c] = r
		}
		if r.err != nil {
			failed[name] = r.err
		} else {
			found[name] = r.entry
		}
	}
	return found, failed, nil
}

// request returns the search for names.
func (d *LDAP) request(names []availability.Mailbox) *ldap.SearchRequest {
	var filter strings.Builder
	filter.WriteString("(|")
	for _, name := range names {
		value := ldap.EscapeFilter(string(name))
		if name.IsLegacyDN() {
			fmt.Fprintf(&filter, "(legacyExchangeDN=%s)(proxyAddresses=x500:%s)", value, value)
		} else {
			fmt.Fprintf(&filter, "(mail=%s)(proxyAddresses=smtp:%s)", value, value)
		}
	}
	filter.WriteString(")")
	// Not paged: there are few results, and servers keep one page mark for each
	// connection, which searches at the same time would take from each other.
	return &ldap.SearchRequest{
		BaseDN: d.config.BaseDN, Scope: ldap.ScopeWholeSubtree, DerefAliases: ldap.NeverDerefAliases,
		SizeLimit: maxFound,
		Filter:    filter.String(), Attributes: attributes,
	}
}

// candidate is an entry that was found.
type candidate struct {
	dn string
	r  recipient
	// next is the first member the server has not told yet, 0 if it told all.
	next int
}

// choose says which entry each name stands for. A name that only is somebody's mail
// attribute, which anybody may fill in, stands back behind one Exchange has given.
func (d *LDAP) choose(names []availability.Mailbox, entries []*ldap.Entry) map[availability.Mailbox]*candidate {
	wanted := make(map[availability.Mailbox][]*candidate, len(names))
	for _, name := range names {
		wanted[name] = nil
	}
	for _, c := range candidates(entries) {
		for _, m := range c.r.addresses {
			if rivals, ok := wanted[m]; ok {
				wanted[m] = append(rivals, c)
			}
		}
	}
	chosen := make(map[availability.Mailbox]*candidate, len(names))
	for name, rivals := range wanted {
		switch c := best(name, rivals); {
		case c != nil:
			chosen[name] = c
		case len(rivals) > 0:
			d.config.Log.Warn("an address is that of several recipients, so that it is nobody's",
				"address", name, "one", rivals[0].dn, "another", rivals[1].dn)
		}
	}
	return chosen
}

// candidates reads the entries, each once, in the order of their names.
func candidates(entries []*ldap.Entry) []*candidate {
	slices.SortFunc(entries, func(a, b *ldap.Entry) int { return cmp.Compare(a.DN, b.DN) })
	entries = slices.CompactFunc(entries, func(a, b *ldap.Entry) bool { return a.DN == b.DN })
	read := make([]*candidate, len(entries))
	for i, e := range entries {
		read[i] = readEntry(e)
	}
	return read
}

// best returns the one of rivals that has the name, nil if that cannot be said.
func best(name availability.Mailbox, rivals []*candidate) *candidate {
	if len(rivals) > 1 {
		given := slices.DeleteFunc(slices.Clone(rivals), func(c *candidate) bool { return c.r.onlyMail(name) })
		if len(given) > 0 {
			rivals = given
		}
	}
	if len(rivals) == 0 {
		return nil
	}
	first := rivals[0]
	for _, other := range rivals[1:] {
		if first.r.list || other.r.list || first.r.entry().Mailbox != other.r.entry().Mailbox {
			return nil
		}
	}
	return first
}

// parallel calls do for 0 to n-1, some at the same time, and returns an error if any
// of them does.
func parallel(n int, do func(i int) error) error {
	errs := make([]error, n)
	var running sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range n {
		slots <- struct{}{}
		running.Go(func() {
			defer func() {
				if p := recover(); p != nil { // it reads what a server sent
					errs[i] = fmt.Errorf("panic: %.200v", p)
				}
				<-slots
			}()
			errs[i] = do(i)
		})
	}
	running.Wait()
	return cmp.Or(errs...)
}
