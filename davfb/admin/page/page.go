// Package page is what operators see in a browser. It works without scripts; with them
// it keeps itself up to date.
package page

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"fbgate/davfb/admin"
	"fbgate/davfb/admin/session"
)

// mostForm is how long a form may be, in bytes.
const mostForm = 64 << 10

// mostAsking is how many questions operators may have under way at the same time.
const mostAsking = 8

// Visitors are who has signed in, and what they are doing. They may be at home in
// several handlers, one after the other. Make them by NewVisitors.
type Visitors struct {
	sessions session.Sessions
	attempts session.Attempts
	open     *session.Session // everybody's, where nobody has to sign in
	asking   chan struct{}    // has one element for each question under way
}

// NewVisitors returns Visitors of whom nobody has come yet.
func NewVisitors() *Visitors {
	return &Visitors{open: session.New(), asking: make(chan struct{}, mostAsking)}
}

// New returns the handler of the operators' listener: the pages below /ui/, and for
// everything else that of [admin.New].
func New(c admin.Config, visitors *Visitors) http.Handler {
	c.Log = cmp.Or(c.Log, slog.Default())
	c.Changes = cmp.Or(c.Changes, new(admin.Changes))
	c.Attempts = cmp.Or(c.Attempts, &visitors.attempts)
	p := &pages{Config: c, Visitors: visitors, rest: admin.New(c), sites: http.NewCrossOriginProtection()}
	p.Organizations = c.Shown()
	p.routes = p.table()
	return p
}

type pages struct {
	admin.Config
	*Visitors
	rest   http.Handler
	routes map[string]route
	sites  *http.CrossOriginProtection
}

// visit is one request of somebody who may make it.
type visit struct {
	http.ResponseWriter
	*http.Request
	session *session.Session
}

type handler func(*visit) error

// route is what is done at one path; what is nil is not done there.
type route struct {
	get, post handler
	public    bool // no sign-in is needed
}

func (p *pages) table() map[string]route {
	return map[string]route{
		"/ui/":                     {get: p.overview},
		"/ui/availability":         {get: p.availability},
		"/ui/cache":                {get: p.cache},
		"/ui/cache/entry":          {get: p.entry},
		"/ui/cache/flush":          {post: p.flush},
		"/ui/cache/refresh":        {post: p.refresh},
		"/ui/lookups":              {get: p.lookups},
		"/ui/doctor":               {get: p.doctorForm, post: p.doctor},
		"/ui/configuration":        {get: p.configuration},
		"/ui/configuration/reload": {post: p.reload},
		"/ui/sign-in":              {get: p.signInForm, post: p.signIn, public: true},
		"/ui/sign-out":             {post: p.signOut},
	}
}

// ServeHTTP shows the pages and hands on the rest.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/ui" || strings.HasPrefix(r.URL.Path, "/ui/"):
	case r.URL.Path == "/" && r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html"):
	default:
		p.rest.ServeHTTP(w, r)
		return
	}
	admin.Harden(w.Header(), policy)
	v := &visit{w, r, p.open}
	if err := p.serve(v); err != nil {
		p.fail(v, err)
	}
}

// policy is the Content-Security-Policy of every page: it loads nothing from elsewhere, runs
// no script and has no style but its own, and is shown in no frame.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func (p *pages) serve(v *visit) error {
	if p.Open() && !admin.IsLoopback(v.Host) {
		return problem{http.StatusForbidden, "Not by this name",
			fmt.Sprintf("The host %.100q is not a loopback address. Set admin.token_file or admin.operators to reach these pages by name.", v.Host)}
	}
	if err := p.sites.Check(v.Request); err != nil {
		return problem{http.StatusForbidden, "Not from here", "A page of another site asked for this change. Make it on the page itself."}
	}
	path := v.URL.Path
	if !strings.HasPrefix(path, "/ui/") {
		return v.see("/ui/")
	}
	if name, ok := strings.CutPrefix(path, "/ui/static/"); ok {
		return static(v, name)
	}
	found, ok := p.routes[path]
	if number, lookup := strings.CutPrefix(path, "/ui/lookups/"); lookup {
		found, ok = route{get: func(v *visit) error { return p.explain(v, number) }}, true
	}
	if !ok {
		found.get = func(*visit) error {
			return problem{http.StatusNotFound, "No such page", "There is nothing at this address. The pages there are stand above."}
		}
	}
	return p.enter(v, found)
}

// enter lets somebody through who has signed in, and posts nothing but its own forms.
func (p *pages) enter(v *visit, r route) error {
	if !p.Open() && !r.public {
		found, err := p.find(v)
		if err != nil {
			return err
		}
		if found == nil {
			return v.see("/ui/sign-in?to=" + url.QueryEscape(target(v)))
		}
		v.session = found
	}
	switch {
	case (v.Method == http.MethodGet || v.Method == http.MethodHead) && r.get != nil:
		return r.get(v)
	case v.Method == http.MethodPost && r.post != nil:
		v.Body = http.MaxBytesReader(v.ResponseWriter, v.Body, mostForm)
		if err := v.ParseForm(); err != nil {
			return problem{http.StatusBadRequest, "The form cannot be read", "It is malformed or longer than 64 KiB: " + err.Error()}
		}
		if !v.session.Posted(v.PostForm.Get("form")) {
			return problem{http.StatusForbidden, "The form is out of date", "It was opened before you signed in, or before fbgate was started. Go back, load the page again and repeat what you did."}
		}
		return r.post(v)
	}
	if r.get == nil {
		v.ResponseWriter.Header().Set("Allow", "POST")
	} else {
		v.ResponseWriter.Header().Set("Allow", "GET, HEAD")
	}
	return problem{http.StatusMethodNotAllowed, "Not this way", "This address does not take " + v.Method + "."}
}

// target is where to go after signing in.
func target(v *visit) string {
	if v.Method != http.MethodGet {
		return "/ui/"
	}
	return v.URL.RequestURI()
}

// see sends the browser to another page.
func (v *visit) see(path string) error {
	v.ResponseWriter.Header().Set("Location", path)
	v.ResponseWriter.WriteHeader(http.StatusSeeOther)
	return nil
}

// field returns what was posted, or what the address says. [http.Request.FormValue] would
// read bodies of any length where none belongs.
func (v *visit) field(name string) string {
	if v.Method == http.MethodPost {
		return v.PostForm.Get(name)
	}
	return v.URL.Query().Get(name)
}

// who is behind a visit, for the log.
func (p *pages) who(v *visit) string {
	var more []string
	if v.session.Who != "" {
		more = append(more, v.session.Who)
	}
	if v.session != p.open {
		more = append(more, "session "+v.session.Name)
	}
	return admin.Who(v.Request, more...)
}

// client returns the address a request came from, which may be invalid.
func client(r *http.Request) netip.Addr {
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	return from.Addr()
}

// elsewhere reports whether a page of another site led here: what costs something is
// then asked for only after another click.
func (v *visit) elsewhere() bool {
	site := v.Request.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none"
}

// ask takes one of the places there are for questions, until done is called.
func (p *pages) ask(ctx context.Context, longest time.Duration) (_ context.Context, done func(), err error) {
	select {
	case p.asking <- struct{}{}:
	default:
		return nil, nil, problem{http.StatusServiceUnavailable, "Too many questions", fmt.Sprintf("%d questions of operators are under way. Try again when they have been answered.", mostAsking)}
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	return ctx, func() { cancel(); <-p.asking }, nil
}

// problem is an error page.
type problem struct {
	status int
	title  string
	text   string
}

func (p problem) Error() string { return p.title + ": " + p.text }

func (p *pages) fail(v *visit, err error) {
	found := problem{http.StatusInternalServerError, "That did not work", "fbgate itself is at fault; its log says more."}
	if !errors.As(err, &found) {
		p.Log.Error("operators' page failed", "path", v.URL.Path, "error", err)
	}
	_ = p.show(v, found.status, "problem", struct {
		frame
		Status int
		Text   string
	}{p.frame(v, found.title, ""), found.status, found.text})
}
