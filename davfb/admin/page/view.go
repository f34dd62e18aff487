package page

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"fbgate/davfb/admin"
)

//go:embed templates static
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"age": age, "took": took, "number": number[int], "count": number[uint64], "bytes": size, "percent": percent, "moment": moment, "clock": clock, "date": date,
}).ParseFS(files, "templates/*.html"))

// frame is what all pages have round them.
type frame struct {
	Title    string
	Nav      []link
	Form     string // goes into each form
	Signed   bool   // there is somebody to sign out
	Operator string // who that is; empty if it was by the token
	Version  string
	Uptime   string
	Said     *said // what the visitor has just done
}

type link struct {
	Path, Name string
	Here       bool
}

func (p *pages) frame(v *visit, title, here string) frame {
	f := frame{Title: title, Form: v.session.Form, Signed: v.session != p.open, Operator: v.session.Who, Version: cmp.Or(p.Version, "unknown version")}
	if !p.Started.IsZero() {
		f.Uptime = age(time.Since(p.Started))
	}
	for _, l := range []struct {
		link
		there bool
	}{
		{link{Path: "/ui/", Name: "Overview"}, true},
		{link{Path: "/ui/availability", Name: "Availability"}, p.Source != nil},
		{link{Path: "/ui/lookups", Name: "Lookups"}, p.Journal != nil},
		{link{Path: "/ui/cache", Name: "Cache"}, true},
		{link{Path: "/ui/doctor", Name: "Doctor"}, p.Doctor != nil},
		{link{Path: "/ui/configuration", Name: "Configuration"}, p.Configuration != nil},
	} {
		if l.there {
			l.Here = l.Path == here
			f.Nav = append(f.Nav, l.link)
		}
	}
	// Who is told of a change is who has just made it.
	if n, err := strconv.Atoi(v.URL.Query().Get("change")); err == nil {
		for _, change := range p.Changes.Last() {
			if change.Number == n && change.Who == p.who(v) && time.Since(change.At) < time.Minute {
				f.Said = newSaid(change)
			}
		}
	}
	return f
}

// said is how a visitor is told of a change.
type said struct {
	admin.Change
	Class string // of the notice
}

// newSaid makes it plain when there was nothing to change.
func newSaid(change admin.Change) *said {
	s := &said{change, "good"}
	switch {
	case change.Failed:
		s.Class = "bad"
		s.Why, _, _ = strings.Cut(s.Why, "\n") // the rest shows where, in lines
	case !change.Counted() || change.Count > 0:
	case change.What == admin.CacheFlushed:
		s.Class, s.Why = "warn", "Nothing was remembered of it."
	default:
		s.Class, s.Why = "warn", "Nothing is remembered of it, it is being refreshed already, or the organization answers by who asks."
	}
	return s
}

// show writes a page, or nothing of it.
func (p *pages) show(v *visit, status int, name string, data any) error {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, data); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	h := v.ResponseWriter.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	v.ResponseWriter.WriteHeader(status)
	_, _ = page.WriteTo(v.ResponseWriter)
	return nil
}

// missing is the page about what this gateway does not have.
func missing(what string) error {
	return problem{http.StatusNotFound, "Not here", "This gateway " + what + "."}
}

// static writes one of the files pages need.
func static(v *visit, name string) error {
	content, err := files.ReadFile("static/" + path.Base(name))
	if err != nil || path.Base(name) != name {
		return problem{http.StatusNotFound, "No such file", "There is nothing at this address."}
	}
	h := v.ResponseWriter.Header()
	h.Set("Content-Type", map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}[path.Ext(name)])
	h.Set("Content-Length", strconv.Itoa(len(content)))
	h.Set("Cache-Control", "private, max-age=60")
	_, _ = v.ResponseWriter.Write(content)
	return nil
}
