// Package admin is the operators' face: it shows and flushes what is remembered,
// and tells whether the gateway is well. It belongs on a listener of its own.
package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/doctor"
	"fbgate/availability/journal"
	"fbgate/availability/publisher"
	"fbgate/cache"
	"fbgate/davfb/admin/session"
	"fbgate/davfb/face"

	"github.com/gorilla/mux"
)

// Config says what is shown to whom.
type Config struct {
	Caches cache.Caches
	// Publisher is the one whose progress is shown. It may be nil.
	Publisher *publisher.Publisher
	// Source answers as clients are answered. It may be nil.
	Source availability.Source
	// Organizations returns those there are and how they fare. It may be nil.
	Organizations func() []Organization
	// Meters are what GET /metrics tells besides.
	Meters Meters
	// Journal has the last questions of clients. It may be nil.
	Journal *journal.Journal
	// Followers counts those who follow it. It may be shared with other handlers, which
	// then have as many places together as one. It may be nil.
	Followers *Followers
	// Replaced is closed when another handler takes the place of this one: whoever follows
	// has to ask that. It may be nil.
	Replaced <-chan struct{}
	// Redactor is that of the Journal, so that somebody can be searched for there. It
	// hides who is named elsewhere, too; nil hides nobody.
	Redactor *face.Redactor
	// Doctor takes the question about a mailbox hop by hop; organization and as may be
	// empty. The error says what is wrong with them, or is ErrBusy. He is at work until
	// ctx is done, so it has to be some time. It may be nil.
	Doctor func(ctx context.Context, m availability.Mailbox, organization string, as availability.Mailbox) (iter.Seq[doctor.Hop], error)
	// Configuration returns what is in force, and Reload reads the file anew. They may
	// be nil.
	Configuration func() Configuration
	Reload        func() error
	// Attempts counts wrong tokens, by client. It may be nil.
	Attempts *session.Attempts
	// Changes are kept there. It may be nil.
	Changes *Changes
	// Version is the program's, Started when it began.
	Version string
	Started time.Time
	// Token returns what operators send as "Authorization: Bearer TOKEN"; nil if there
	// is none.
	Token func() (string, error)
	// SignIn returns which operator a name and a password are of that came with r, by
	// "Authorization: Basic" or a form; nil if none of them has any. The error is a
	// *face.Refusal, or wraps one: 401 if they are wrong, 403 if they are not those of
	// an operator or others on the way may have read them, 429 if too many were wrong
	// before, 503 if it cannot be found out now. It has been logged if it is worth it.
	//
	// Without Token and SignIn nobody has to sign in, and only requests to a loopback
	// name are answered, so that no page in an operator's browser can reach in.
	SignIn func(r *http.Request, name, password string) (who string, err error)
	// IsOperator reports whether who SignIn returned would still be let in. It returns
	// within seconds, whether or not ctx is done before; nil is always.
	IsOperator func(ctx context.Context, who string) bool
	// Confidential reports whether nobody on the way can read a password that comes as r
	// did. Only then it is asked for; nil is always.
	Confidential func(r *http.Request) bool
	// HTTPS reports whether the sender of r uses https, even if what comes from the
	// front end does not; nil looks no further than r.
	HTTPS func(r *http.Request) bool
	// Ready reports whether new requests are wanted: false before the listeners
	// are open and while shutting down. Default: always.
	Ready func() bool
	Log   *slog.Logger // default slog.Default()
}

// New returns the handler of the operators' listener.
func New(c Config) http.Handler {
	c.Log = cmp.Or(c.Log, slog.Default())
	if c.Ready == nil {
		c.Ready = func() bool { return true }
	}
	c.Followers = cmp.Or(c.Followers, new(Followers))
	c.Organizations = c.Shown()
	a := &admin{c}
	// Without SkipClean mux would redirect "//cache", before anybody is asked for a token.
	router := mux.NewRouter().SkipClean(true)
	router.Path("/healthz").Methods(http.MethodGet, http.MethodHead).HandlerFunc(a.health)
	router.Path("/readyz").Methods(http.MethodGet, http.MethodHead).HandlerFunc(a.ready)
	for _, one := range a.routes() {
		a.add(router, one)
	}
	router.NotFoundHandler = a.guarded(func(http.ResponseWriter, *http.Request) error {
		return fault{http.StatusNotFound, "nothing here: there are /cache, /cache/refresh, /configuration, /doctor, /lookups, /metrics, /organizations, /publish, /reload, /healthz and /readyz"}
	})
	router.MethodNotAllowedHandler = a.guarded(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", "GET, HEAD")
		return fault{http.StatusMethodNotAllowed, "this takes GET, HEAD"}
	})
	return hardened(router)
}

type admin struct{ Config }

// fault is an error and the status that tells it.
type fault struct {
	status int
	text   string
}

func (f fault) Error() string { return f.text }

// guarded lets operators pass and writes the error a handler returns.
func (a *admin) guarded(handle func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, err := a.authorize(w, r)
		if err == nil {
			err = handle(w, r)
		}
		if err == nil {
			return
		}
		f := fault{http.StatusInternalServerError, err.Error()}
		errors.As(err, &f)
		writeJSON(w, f.status, map[string]string{"error": f.text})
	})
}

// IsLoopback reports whether a Host header names this machine to itself.
func IsLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.IsLoopback()
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
}
