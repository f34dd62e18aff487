package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/cache"
)

// entry is one remembered answer as operators see it.
type entry struct {
	Mailbox      availability.Mailbox `json:"mailbox"`
	Organization string               `json:"organization"`
	Source       string               `json:"source"`
	Start        time.Time            `json:"start"`
	End          time.Time            `json:"end"`
	Age          int                  `json:"age"` // seconds
	Expires      time.Time            `json:"expires"`
	Stale        bool                 `json:"stale"`         // it has expired, and may still be served while nothing fresh can be had
	For          string               `json:"for,omitempty"` // the mail domain of those it is remembered for, if not for all
	Spans        int                  `json:"spans"`         // appointments and gaps
	Reason       *reason              `json:"reason"`        // null if all is known
}

type reason struct {
	Code   availability.Code `json:"code"`
	Detail string            `json:"detail"`
	Remedy string            `json:"remedy"`
}

// The size of a page of GET /cache.
const usualPage, largestPage = 1000, 10_000

// entries is a page of GET /cache.
type entries struct {
	Mailboxes int     `json:"mailboxes"` // in the whole cache
	Matching  int     `json:"matching"`  // on all pages
	Entries   []entry `json:"entries"`
	Next      string  `json:"next,omitempty"` // where the next page begins, if there is one
}

// listCache answers GET /cache, a page of it, and ?mailbox=ADDRESS.
func (a *admin) listCache(w http.ResponseWriter, r *http.Request) error {
	query, err := parameters(r, "mailbox", "matching", "organization", "order", "after", "next", "limit")
	if err != nil {
		return err
	}
	limit, err := number(query, "limit", usualPage, 1, largestPage)
	if err != nil {
		return err
	}
	if query.Has("mailbox") {
		page, err := a.entriesOf(query)
		if err == nil {
			writeJSON(w, http.StatusOK, page)
		}
		return err
	}
	listing, err := a.listing(query)
	if err != nil {
		return err
	}
	listing.Most, listing.Whole = int(limit), true
	done, ok := a.Caches.Turn(r.Context())
	if !ok {
		w.Header().Set("Retry-After", RetryListing)
		return fault{http.StatusServiceUnavailable, "others are listing what is remembered: come again when they are done"}
	}
	defer done()
	writeJSON(untilWritten{w, done}, http.StatusOK, a.entriesPage(listing))
	return nil
}

// RetryListing is the Retry-After, in seconds, of who could not list for others who do.
const RetryListing = "5"

// untilWritten ends a turn when the answer is drawn: it is not for its reader to keep others
// waiting.
type untilWritten struct {
	http.ResponseWriter
	done func()
}

func (u untilWritten) Write(p []byte) (int, error) {
	u.done()
	return u.ResponseWriter.Write(p)
}

// entriesOf is what there is of one mailbox.
func (a *admin) entriesOf(query url.Values) (entries, error) {
	mailbox := availability.ParseMailbox(query.Get("mailbox"))
	if mailbox == "" {
		return entries{}, fault{http.StatusBadRequest, "mailbox takes an address; without it everything is listed"}
	}
	for _, name := range []string{"matching", "organization", "order", "after", "next"} {
		if query.Get(name) != "" {
			return entries{}, fault{http.StatusBadRequest, "mailbox lists that one alone: leave out " + name}
		}
	}
	rows, now := a.Caches.Of(mailbox), time.Now()
	page := entries{Mailboxes: a.Caches.Len(), Matching: len(rows), Entries: []entry{}}
	for i := range rows {
		page.add(&rows[i], now)
	}
	return page, nil
}

// entriesPage is a page of about as many entries as rows are asked for.
func (a *admin) entriesPage(listing cache.Listing) entries {
	found, now := a.Caches.Page(listing), time.Now()
	page := entries{Mailboxes: found.Total, Matching: found.Matching, Entries: []entry{}}
	for i := range found.Rows {
		row := &found.Rows[i]
		// Who goes on after a mailbox has to have had all of it.
		if len(page.Entries) >= listing.Most && (listing.ByExpiry || row.Mailbox != found.Rows[i-1].Mailbox) {
			page.Next = Place(&found.Rows[i-1])
			return page
		}
		page.add(row, now)
	}
	if found.More {
		page.Next = Place(&found.Rows[len(found.Rows)-1])
	}
	return page
}

// listing is what GET /cache is to list.
func (a *admin) listing(query url.Values) (cache.Listing, error) {
	l, err := Listing(query)
	after := availability.ParseMailbox(query.Get("after"))
	switch {
	case err != nil:
		return l, fault{http.StatusBadRequest, err.Error()}
	case l.Organization != "" && a.Caches[l.Organization] == nil:
		return l, a.noOrganization(l.Organization)
	case after == "":
		return l, nil
	case l.After != nil:
		return l, fault{http.StatusBadRequest, "give after or next, not both"}
	case l.ByExpiry:
		return l, fault{http.StatusBadRequest, "after goes on in the order of addresses; in that of expiry, next does"}
	case !l.Descending:
		after += "\x00" // nothing comes between the two, so whatever is of that mailbox comes before
	}
	l.After = &cache.Row{Mailbox: after}
	return l, nil
}

// add appends the answers of a row, by the time they are about.
func (e *entries) add(row *cache.Row, now time.Time) {
	slices.SortStableFunc(row.Answers, func(a, b availability.Answer) int { return a.Window.Start.Compare(b.Window.Start) })
	for _, answer := range row.Answers {
		e.Entries = append(e.Entries, newEntry(answer, now))
	}
}

func newEntry(a availability.Answer, now time.Time) entry {
	return entry{
		Mailbox:      a.Mailbox,
		Organization: a.Organization,
		Source:       a.Source,
		Start:        a.Window.Start.UTC(),
		End:          a.Window.End.UTC(),
		Age:          int(a.Age(now) / time.Second),
		Stale:        a.TTL(now) <= 0,
		For:          a.For,
		Expires:      a.Expires.UTC().Truncate(time.Second),
		Spans:        len(a.Schedule.Spans),
		Reason:       newReason(a.Reason),
	}
}

func newReason(r *availability.Reason) *reason {
	if r == nil {
		return nil
	}
	return &reason{r.Code, r.Detail, r.Remedy()}
}

// Flush forgets what is remembered of a mailbox, of an organization there is, or with
// neither everything, and returns how many mailboxes that were.
func (c *Config) Flush(m availability.Mailbox, organization string) int {
	switch {
	case m != "":
		return c.Caches.FlushMailbox(m)
	case organization != "":
		return c.Caches[organization].Flush()
	}
	return c.Caches.Flush()
}

// flushCache answers DELETE /cache, ?mailbox=ADDRESS or ?organization=NAME.
func (a *admin) flushCache(w http.ResponseWriter, r *http.Request) error {
	mailbox, organization, err := a.scope(r, "flushed")
	if err != nil {
		return err
	}
	flushed := a.Flush(mailbox, organization)
	a.Changes.Note(a.Log, Change{Who: Who(r), What: CacheFlushed, Of: cmp.Or(string(a.Hide(mailbox)), organization, "everything"), Count: flushed},
		"mailbox", string(mailbox), "organization", organization, "flushed", flushed)
	writeJSON(w, http.StatusOK, map[string]int{"flushed": flushed})
	return nil
}

// parameters returns the query if it holds nothing but the named parameters, each
// once: a misspelt one must not flush everything.
func parameters(r *http.Request, names ...string) (url.Values, error) {
	// A "+" is itself, as in an address, not a space as in an HTML form.
	query, err := url.ParseQuery(strings.ReplaceAll(r.URL.RawQuery, "+", "%2B"))
	if err != nil {
		return nil, fault{http.StatusBadRequest, "query: " + err.Error()}
	}
	for name, values := range query {
		if !slices.Contains(names, name) {
			return nil, fault{http.StatusBadRequest, fmt.Sprintf("parameter %.40q is not known here: expected %s", name, strings.Join(names, ", "))}
		}
		if len(values) > 1 {
			return nil, fault{http.StatusBadRequest, fmt.Sprintf("parameter %s is given more than once", name)}
		}
	}
	return query, nil
}
