package page

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"fbgate/availability"
	"fbgate/cache"
	"fbgate/davfb/admin"
	"fbgate/translate/merged"
)

// rowsShown is how many mailboxes are on one page.
const rowsShown = 50

// remembered is one mailbox as it is listed.
type remembered struct {
	cache.Row
	Age    time.Duration // of the newest answer
	Left   time.Duration // until it expires
	Stale  bool          // it has
	Reason *availability.Reason
}

type cacheView struct {
	frame
	Matching, Organization, Order string
	Organizations                 []string
	Page                          cache.Page
	Rows                          []remembered
	First, Next                   string // paths; empty if this is it
	Orders                        []admin.Order
	Changes                       []admin.Change
	Now                           time.Time
}

func (p *pages) cache(v *visit) error {
	query := v.URL.Query()
	listing, err := admin.Listing(query)
	if err != nil {
		return problem{http.StatusBadRequest, "No such part of the list", "The address of this page is not one of those it links to: " + err.Error() + "."}
	}
	listing.Most = rowsShown
	list, err := p.list(v, listing)
	if err != nil {
		return err
	}
	view := cacheView{
		frame: p.frame(v, "Cache", "/ui/cache"), Matching: listing.Matching, Organization: listing.Organization, Order: query.Get("order"),
		Organizations: slices.Sorted(maps.Keys(p.Caches)), Orders: admin.Orders(), Changes: p.Changes.Last(), Page: list, Now: time.Now(),
	}
	if listing.After != nil {
		view.First = view.at(nil)
	}
	for _, row := range view.Page.Rows {
		one := remembered{Row: row, Age: -1}
		for _, a := range row.Answers {
			if since := view.Now.Sub(a.At); one.Age < 0 || since < one.Age {
				one.Age, one.Left, one.Reason, one.Stale = since, a.Expires.Sub(view.Now), a.Reason, a.Stale
			}
		}
		view.Rows = append(view.Rows, one)
	}
	if view.Page.More {
		view.Next = view.at(&view.Page.Rows[len(view.Page.Rows)-1])
	}
	return p.show(v, http.StatusOK, "cache", view)
}

// list waits for its turn to list what is remembered.
func (p *pages) list(v *visit, listing cache.Listing) (cache.Page, error) {
	done, ok := p.Caches.Turn(v.Context())
	if !ok {
		v.ResponseWriter.Header().Set("Retry-After", admin.RetryListing)
		return cache.Page{}, problem{http.StatusServiceUnavailable, "Others are listing", "What is remembered is being listed by others, one after the other. Load this page again when they are done."}
	}
	defer done()
	return p.Caches.Page(listing), nil
}

// at is the path of the page after that row, or of the first one.
func (v *cacheView) at(after *cache.Row) string {
	query := url.Values{"matching": {v.Matching}, "organization": {v.Organization}, "order": {v.Order}}
	if after != nil {
		query.Set("next", admin.Place(after))
	}
	return "/ui/cache?" + query.Encode()
}

// answerView is one remembered answer.
type answerView struct {
	availability.Answer
	Age   time.Duration
	Left  time.Duration // until it expires
	Hours []hour
	Rows  []row // a day each
	Slots int
	Spans []availability.Span
	More  int // spans that are not listed
}

const (
	spansShown = 200
	daysShown  = 62
)

func (p *pages) entry(v *visit) error {
	mailbox := availability.ParseMailbox(v.URL.Query().Get("mailbox"))
	view := struct {
		frame
		Mailbox availability.Mailbox
		Answers []answerView
		Ask     bool
	}{p.frame(v, "Remembered of "+string(mailbox), "/ui/cache"), mailbox, nil, p.Doctor != nil}
	now := time.Now()
	for _, row := range p.Caches.Of(mailbox) {
		for _, a := range row.Answers {
			view.Answers = append(view.Answers, newAnswer(a, now))
		}
	}
	if len(view.Answers) == 0 {
		return problem{http.StatusNotFound, "Not remembered", fmt.Sprintf("Nothing is remembered of %.320s: it was flushed, has expired, or nobody has asked.", mailbox)}
	}
	return p.show(v, http.StatusOK, "entry", view)
}

func newAnswer(a availability.Answer, now time.Time) answerView {
	shown := answerView{Answer: a, Age: now.Sub(a.At), Left: a.Expires.Sub(now), Spans: a.Schedule.Spans[:min(spansShown, len(a.Schedule.Spans))]}
	shown.More = len(a.Schedule.Spans) - len(shown.Spans)
	const day, interval = 24 * time.Hour, 30 * time.Minute
	w := availability.Window{Start: a.Window.Start.UTC().Truncate(day), End: a.Window.End.UTC().Add(day - 1).Truncate(day)}
	if longest := w.Start.Add(daysShown * day); w.End.After(longest) {
		w.End = longest
	}
	digits := string(merged.Digits{}.Append(nil, a.Schedule, w, interval))
	for _, d := range bars(w, interval, time.UTC, []string{""}, []string{digits}) {
		shown.Hours, shown.Slots = d.Hours, d.Columns
		d.Rows[0].Name = d.Short
		shown.Rows = append(shown.Rows, d.Rows[0])
	}
	return shown
}

// scope is what a change is about.
func (p *pages) scope(v *visit) (m availability.Mailbox, organization, of string, err error) {
	m, organization = availability.ParseMailbox(v.PostForm.Get("mailbox")), v.PostForm.Get("organization")
	_, known := p.Caches[organization]
	switch everything := v.PostForm.Get("everything") != ""; {
	case m != "" && organization == "" && !everything:
		return m, "", string(p.Hide(m)), nil
	case m == "" && known && !everything:
		return "", organization, organization, nil
	case m == "" && organization == "" && everything:
		return "", "", "everything", nil
	}
	return "", "", "", problem{http.StatusBadRequest, "Nothing was changed", "Name one mailbox or one organization there is, or tick the box that says everything is meant."}
}

func (p *pages) flush(v *visit) error {
	mailbox, organization, of, err := p.scope(v)
	if err != nil {
		return err
	}
	flushed := p.Flush(mailbox, organization)
	return p.noted(v, "/ui/cache", admin.Change{What: admin.CacheFlushed, Of: of, Count: flushed}, "mailbox", string(mailbox), "organization", organization, "flushed", flushed)
}

func (p *pages) refresh(v *visit) error {
	mailbox, organization, of, err := p.scope(v)
	if err != nil {
		return err
	}
	id, asked := p.Refresh(mailbox, organization)
	return p.noted(v, "/ui/cache", admin.Change{What: admin.CacheRefreshed, Of: of, Count: asked}, "request_id", id, "mailbox", string(mailbox), "organization", organization, "refreshed", asked)
}

// noted keeps a change and goes where it is told of.
func (p *pages) noted(v *visit, path string, change admin.Change, more ...any) error {
	change.Who = p.who(v)
	return v.see(path + "?change=" + strconv.Itoa(p.Changes.Note(p.Log, change, more...)))
}
