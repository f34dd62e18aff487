package directory

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sort"
	"sync"
	"time"

	"fbgate/availability"

	"github.com/go-ldap/ldap/v3"
)

const (
	// rollPage is how many entries are asked for at once; Active Directory tells at most
	// 1000 (its MaxPageSize).
	rollPage = 500
	// maxRoll is how many recipients are kept in memory.
	maxRoll = 500_000
)

var rollAttributes = slices.DeleteFunc(slices.Clone(attributes), func(name string) bool { return name == "member" })

// roll is everybody the server knows who has a legacyExchangeDN. It is read on a
// connection of its own: a server keeps one page mark for each connection, which
// searches at the same time would take from each other.
type roll struct {
	link link

	reading sync.Mutex // held while the server is asked
	entries []*Entry   // in the order of LegacyDN
	at      time.Time  // when it was asked
}

var _ Roll = (*LDAP)(nil)

// All implements Roll. What it yields is at most CacheTTL old; of lists the members are
// left out. If the server fails, so does it: an old roll is not the whole one.
func (d *LDAP) All(ctx context.Context, after availability.Mailbox) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		entries, err := d.everybody(ctx)
		if err != nil {
			yield(nil, d.failure(err))
			return
		}
		first := sort.Search(len(entries), func(i int) bool { return entries[i].LegacyDN > after })
		for _, e := range entries[first:] {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// everybody returns the roll, read anew if it is too old.
func (d *LDAP) everybody(ctx context.Context) (entries []*Entry, err error) {
	d.roll.reading.Lock()
	defer d.roll.reading.Unlock()
	if !d.roll.at.IsZero() && time.Since(d.roll.at) < d.config.CacheTTL {
		return d.roll.entries, nil
	}
	defer func() {
		if p := recover(); p != nil { // it reads what a server sent
			entries, err = nil, fmt.Errorf("panic: %.200v", p)
		}
	}()
	if entries, err = d.callRoll(ctx); err != nil {
		d.config.Log.WarnContext(ctx, "the directory could not be listed", "server", d.config.URL, "error", err)
		return nil, err
	}
	d.roll.entries, d.roll.at = entries, time.Now()
	return entries, nil
}

// callRoll asks for all pages.
func (d *LDAP) callRoll(ctx context.Context) ([]*Entry, error) {
	dialing, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	conn, _, err := d.roll.link.connect(dialing)
	if err != nil {
		return nil, err
	}
	defer d.roll.link.drop(conn)
	paging := ldap.NewControlPaging(rollPage)
	request := &ldap.SearchRequest{
		BaseDN: d.config.BaseDN, Scope: ldap.ScopeWholeSubtree, DerefAliases: ldap.NeverDerefAliases,
		Filter: "(legacyExchangeDN=*)", Attributes: rollAttributes, Controls: []ldap.Control{paging},
	}
	var all []*Entry
	for {
		page, err := searchPage(ctx, conn, request)
		if ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
			return nil, fmt.Errorf("it does not let %s list everybody, which OpenLDAP allows by limits with size.prtotal: %w", d.config.BindDN, err)
		}
		if err != nil {
			return nil, err
		}
		for _, c := range candidates(page.Entries) {
			if e := c.r.entry(); e.LegacyDN != "" {
				all = append(all, e)
			}
		}
		if len(all) > maxRoll {
			return nil, fmt.Errorf("it has more than %d recipients below %q", maxRoll, d.config.BaseDN)
		}
		answer, _ := ldap.FindControl(page.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if answer == nil || len(answer.Cookie) == 0 {
			return d.inOrder(all), nil
		}
		paging.SetCookie(answer.Cookie)
	}
}

// inOrder sorts by LegacyDN. One that several recipients have is nobody's, as with Find.
func (d *LDAP) inOrder(all []*Entry) []*Entry {
	slices.SortStableFunc(all, func(a, b *Entry) int { return cmp.Compare(a.LegacyDN, b.LegacyDN) })
	kept := all[:0]
	for first, next := 0, 0; first < len(all); first = next {
		for next = first + 1; next < len(all) && all[next].LegacyDN == all[first].LegacyDN; next++ {
		}
		if next > first+1 {
			d.config.Log.Warn("an address is that of several recipients, so that it is nobody's", "address", all[first].LegacyDN)
			continue
		}
		kept = append(kept, all[first])
	}
	return kept
}
