package page

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
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
	Stale  bool          // it has expired
	Reason *availability.Reason
}

type cacheView struct {
	frame
	Matching, Organization, Order string
	Organizations                 []string
	Page                          cache.Page
	Rows                          []remembered
	First, Next                   string // paths; empty if this is it
	Orders                        []order
	Changes                       []admin.Change
	Now                           time.Time
}

// order is one way to sort the list.
type order struct {
	Name, Text           string
	byExpiry, descending bool
}

var orders = []order{
	{"address", "address, a to z", false, false},
	{"address-down", "address, z to a", false, true},
	{"expiry", "forgotten first", true, false},
	{"expiry-down", "forgotten last", true, true},
}

func (p *pages) cache(v *visit) error {
	query := v.URL.Query()
	view := cacheView{
		frame: p.frame(v, "Cache", "/ui/cache"), Matching: strings.ToLower(strings.TrimSpace(query.Get("matching"))), Organization: query.Get("organization"),
		Organizations: slices.Sorted(maps.Keys(p.Caches)), Orders: orders, Changes: p.Changes.Last(), Now: time.Now(),
	}
	sorted := orders[max(0, slices.IndexFunc(orders, func(o order) bool { return o.Name == query.Get("order") }))]
	view.Order = sorted.Name
	listing := cache.Listing{Matching: view.Matching, Organization: view.Organization, ByExpiry: sorted.byExpiry, Descending: sorted.descending, Most: rowsShown}
	if query.Has("after") {
		expires, err := strconv.ParseInt(query.Get("expires"), 10, 64)
		if err != nil {
			return problem{http.StatusBadRequest, "No such part of the list", "The address of this page is not one of those it links to. Begin at the first page of the cache."}
		}
		listing.After = &cache.Row{Mailbox: availability.Mailbox(query.Get("after")), Organization: query.Get("at"), Expires: time.Unix(0, expires)}
		view.First = view.at(nil)
	}
	view.Page = p.Caches.Page(listing)
	for _, row := range view.Page.Rows {
		one := remembered{Row: row, Age: -1}
		for _, a := range row.Answers {
			if since := view.Now.Sub(a.At); one.Age < 0 || since < one.Age {
				one.Age, one.Reason, one.Stale = since, a.Reason, a.Stale
			}
		}
		view.Rows = append(view.Rows, one)
	}
	if view.Page.More {
		view.Next = view.at(&view.Page.Rows[len(view.Page.Rows)-1])
	}
	return p.show(v, http.StatusOK, "cache", view)
}

// at is the path of the page after that row, or of the first one.
func (v *cacheView) at(after *cache.Row) string {
	query := url.Values{"matching": {v.Matching}, "organization": {v.Organization}, "order": {v.Order}}
	if after != nil {
		query.Set("after", string(after.Mailbox))
		query.Set("at", after.Organization)
		query.Set("expires", strconv.FormatInt(after.Expires.UnixNano(), 10))
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
	for _, a := range p.Caches.Of(mailbox) {
		view.Answers = append(view.Answers, newAnswer(a, now))
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
	var flushed int
	switch {
	case mailbox != "":
		flushed = p.Caches.FlushMailbox(mailbox)
	case organization != "":
		flushed = p.Caches[organization].Flush()
	default:
		flushed = p.Caches.Flush()
	}
	return p.noted(v, "/ui/cache", admin.Change{What: "cache flushed", Of: of, Count: flushed}, "mailbox", string(mailbox), "organization", organization, "flushed", flushed)
}

func (p *pages) refresh(v *visit) error {
	mailbox, organization, of, err := p.scope(v)
	if err != nil {
		return err
	}
	id, asked := p.Refresh(mailbox, organization)
	return p.noted(v, "/ui/cache", admin.Change{What: "cache refreshed", Of: of, Count: asked}, "request_id", id, "mailbox", string(mailbox), "organization", organization, "refreshed", asked)
}

// noted keeps a change and goes where it is told of.
func (p *pages) noted(v *visit, path string, change admin.Change, more ...any) error {
	change.Who = p.who(v)
	return v.see(path + "?change=" + strconv.Itoa(p.Changes.Note(p.Log, change, more...)))
}
