package cache

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"fbgate/availability"
)

// Listing says which mailboxes [Caches.Page] returns. Its zero value is the first of all
// by address.
type Listing struct {
	Matching     string // part of the address, in lower case; empty: all of them
	Organization string // whose they are; empty: anybody's
	ByExpiry     bool   // in the order they are forgotten, not by address
	Descending   bool
	After        *Row // the last one of the page before, nil for the first page
	Most         int  // how many; default 50
	// Whole lets a page by address have more rows than Most, up to where its last mailbox
	// ends: one may be remembered of several organizations and for several domains.
	Whole bool
}

// Row is one mailbox of a page, remembered by one organization and for one domain.
type Row struct {
	Mailbox      availability.Mailbox
	Organization string
	// For is the mail domain of those it is remembered for, if not for all.
	For     string
	Expires time.Time             // when the last of Answers is forgotten, by the wall clock
	Answers []availability.Answer // not filled in of After
}

// Page is a part of what is remembered.
type Page struct {
	Rows     []Row
	More     bool // there are others after these
	Matching int  // how many there are, on all pages
	Total    int  // how many are remembered
}

// index is a Store that lists what is in it without copying it. Times are those of the
// wall clock alone: who goes on after a row knows no other, and once the clock has been
// set the monotonic one has another order.
type index interface {
	Index() iter.Seq2[Key, time.Time]
}

var _ index = (*Memory)(nil)

// Index yields the keys stored and when they expire by the wall clock, in any order, without
// copying all of them. What is stored all the while comes once, even if it is replaced; what is set or
// deleted meanwhile may come or not, and twice if it is deleted and set again. The store
// can be used as if nobody looped over it.
func (s *Memory) Index() iter.Seq2[Key, time.Time] {
	return func(yield func(Key, time.Time) bool) {
		now := s.now()
		wall := now.Round(0)
		var some [block]*entry
		// Block by block, hither and thither: who looks for the last of something would have
		// the worst of it if each was later than the one before.
		n := s.blocks()
		for i, at, step := 0, 0, stride(n); i < n; i, at = i+1, (at+step)%n {
			for _, e := range some[:s.copyBlock(&some, at)] {
				if e == nil || !now.Before(e.expires) {
					continue
				}
				// Nothing is left of what has expired by either clock, as in entry.expired.
				if expires := e.expires.Round(0); wall.Before(expires) && !yield(e.key, expires) {
					return
				}
			}
		}
	}
}

// block is how many entries that lie side by side are listed one after the other. Nothing
// can be stored while they are copied, which takes about a microsecond.
const block = 512

// blocks returns how many there are. What is stored from now on may be in none of them.
func (s *Memory) blocks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return (len(s.places.entries) + block - 1) / block
}

// copyBlock copies what there is at one of the blocks and returns how many places it has:
// none if everything was forgotten meanwhile.
func (s *Memory) copyBlock(to *[block]*entry, at int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := s.places.entries
	return copy(to[:], entries[min(len(entries), at*block):])
}

// stride returns a step by which all of n places are reached, each once: one without a
// common divisor with n, near the golden section.
func stride(n int) int {
	step := max(1, int(0.618*float64(n)))
	for gcd(step, n) > 1 {
		step++
	}
	return step
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// entries yields what there is in store. One that has no index is copied.
func entries(store Store) iter.Seq2[Key, time.Time] {
	if s, ok := store.(index); ok {
		return s.Index()
	}
	return func(yield func(Key, time.Time) bool) {
		for k, answers := range store.All() {
			if !yield(k, lastExpiry(answers).Round(0)) {
				return
			}
		}
	}
}

func lastExpiry(answers []availability.Answer) (last time.Time) {
	for _, a := range answers {
		if a.Expires.After(last) {
			last = a.Expires
		}
	}
	return last
}

// Page returns a part of what is remembered. It walks over all of it but keeps no more
// than the part: a million mailboxes take some tens of milliseconds and a few kilobytes.
// Take a [Caches.Turn] before.
//
// By address, what is remembered all the while is on one of the pages, and once.
func (c Caches) Page(l Listing) Page {
	l.Most = cmp.Or(max(0, l.Most), 50)
	var page Page
	best := selection{listing: &l, most: l.Most + 1}
	for row := range c.picked(&l, &page) {
		if l.After == nil || l.compare(row, l.After) > 0 {
			best.offer(row)
		}
	}
	page.Rows = best.sorted()
	if len(page.Rows) > l.Most {
		page.Rows, page.More = c.cut(&l, page.Rows)
	}
	for i := range page.Rows {
		if row := &page.Rows[i]; row.Answers == nil {
			row.Answers = c[row.Organization].told(Key{row.Mailbox, row.For})
		}
	}
	return page
}

// picked yields what is on any of the pages, without Answers, and counts it. Each row is
// there until the next one comes.
func (c Caches) picked(l *Listing, counts *Page) iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		var row Row
		for name, one := range c {
			for k, expires := range entries(one.store) {
				counts.Total++
				if l.Organization != "" && name != l.Organization || !strings.Contains(string(k.Mailbox), l.Matching) {
					continue
				}
				counts.Matching++
				row.Mailbox, row.Organization, row.For, row.Expires = k.Mailbox, name, k.Domain, expires
				if !yield(&row) {
					return
				}
			}
		}
	}
}

// cut returns the rows there is room for, to the end of the last mailbox if l is Whole, and
// whether there are others after these.
func (c Caches) cut(l *Listing, rows []Row) (_ []Row, more bool) {
	rows, next := rows[:l.Most:l.Most], rows[l.Most]
	last := rows[l.Most-1]
	if !l.Whole || l.ByExpiry || next.Mailbox != last.Mailbox {
		return rows, true
	}
	others := slices.DeleteFunc(c.Of(last.Mailbox), func(r Row) bool {
		return l.Organization != "" && r.Organization != l.Organization || l.compare(&r, &last) <= 0
	})
	slices.SortFunc(others, func(a, b Row) int { return l.compare(&a, &b) })
	rows = append(rows, others...)
	return rows, c.beyond(l, &rows[len(rows)-1])
}

// beyond reports whether anything is to be listed after that row.
func (c Caches) beyond(l *Listing, last *Row) bool {
	for row := range c.picked(l, new(Page)) {
		if l.compare(row, last) > 0 {
			return true
		}
	}
	return false
}

// Of returns what is remembered of one mailbox, by organization and domain.
func (c Caches) Of(m availability.Mailbox) (rows []Row) {
	for _, organization := range slices.Sorted(maps.Keys(c)) {
		one := c[organization]
		for _, k := range one.keys(m) {
			if answers := one.told(k); len(answers) > 0 {
				rows = append(rows, Row{m, organization, k.Domain, lastExpiry(answers).Round(0), answers})
			}
		}
	}
	return rows
}

// told returns what would be served of what is stored by k. What has expired is Stale.
func (c *Cache) told(k Key) (answers []availability.Answer) {
	stored, _ := c.store.Get(k)
	now := c.now()
	for _, a := range stored {
		if c.policy.use(&a, now) > 0 {
			a.Stale = a.TTL(now) <= 0
			answers = append(answers, a)
		}
	}
	return answers
}

// compare puts two mailboxes in the order of the listing. No two are equal.
func (l *Listing) compare(a, b *Row) int {
	order := 0
	if l.ByExpiry {
		order = a.Expires.Compare(b.Expires)
	}
	if order == 0 {
		order = strings.Compare(string(a.Mailbox), string(b.Mailbox))
	}
	if order == 0 {
		order = strings.Compare(a.Organization, b.Organization)
	}
	if order == 0 {
		order = strings.Compare(a.For, b.For)
	}
	if l.Descending {
		return -order
	}
	return order
}

// selection keeps the first few of the rows it is offered.
type selection struct {
	listing *Listing
	most    int
	rows    []Row
	full    bool
	worst   Row // of the first few when it was last sorted, if there were enough
}

func (s *selection) offer(row *Row) {
	if s.full && s.listing.compare(row, &s.worst) > 0 {
		return
	}
	if s.rows = append(s.rows, *row); len(s.rows) >= 2*s.most {
		s.sorted()
	}
}

// sorted returns the first few and forgets the others, and what was offered twice.
func (s *selection) sorted() []Row {
	order := func(a, b Row) int { return s.listing.compare(&a, &b) }
	slices.SortFunc(s.rows, order)
	s.rows = slices.CompactFunc(s.rows, func(a, b Row) bool { return order(a, b) == 0 })
	if len(s.rows) >= s.most {
		s.rows = s.rows[:s.most]
		s.worst, s.full = s.rows[s.most-1], true
	}
	return s.rows
}
