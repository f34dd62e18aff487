package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"
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

// listCache answers GET /cache?after=MAILBOX&limit=N and ?mailbox=ADDRESS.
func (a *admin) listCache(w http.ResponseWriter, r *http.Request) error {
	query, err := parameters(r, "mailbox", "after", "limit")
	if err != nil {
		return err
	}
	limit := usualPage
	if text := query.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > largestPage {
			return fault{http.StatusBadRequest, fmt.Sprintf("limit is %.40q: expected 1 to %d", text, largestPage)}
		}
	}
	if query.Has("mailbox") && query.Get("mailbox") == "" {
		return fault{http.StatusBadRequest, "mailbox takes an address; without it everything is listed"}
	}
	after, mailbox := availability.ParseMailbox(query.Get("after")), availability.ParseMailbox(query.Get("mailbox"))
	answers, total := a.Caches.Entries(func(m availability.Mailbox) bool {
		return m > after && (mailbox == "" || m == mailbox)
	}, limit)
	page := struct {
		Mailboxes int     `json:"mailboxes"` // in the whole cache
		Entries   []entry `json:"entries"`
	}{total, make([]entry, len(answers))}
	now := time.Now()
	for i, answer := range answers {
		page.Entries[i] = newEntry(answer, now)
	}
	writeJSON(w, http.StatusOK, page)
	return nil
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

// flushCache answers DELETE /cache, ?mailbox=ADDRESS or ?organization=NAME.
func (a *admin) flushCache(w http.ResponseWriter, r *http.Request) error {
	mailbox, organization, err := a.scope(r, "flushed")
	if err != nil {
		return err
	}
	var flushed int
	switch {
	case mailbox != "":
		flushed = a.Caches.FlushMailbox(mailbox)
	case organization != "":
		flushed = a.Caches[organization].Flush()
	default:
		flushed = a.Caches.Flush()
	}
	a.Changes.Note(a.Log, Change{Who: Who(r), What: "cache flushed", Of: cmp.Or(string(a.Hide(mailbox)), organization, "everything"), Count: flushed},
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
