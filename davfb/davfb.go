// Package davfb is the face old clients see: Exchange 2003's /public/ as far as it
// gave out free/busy.
package davfb

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"fbgate/availability"
	"fbgate/translate/davxml"
	"fbgate/translate/merged"

	"github.com/gorilla/mux"
)

// Config says whom to ask and how much to bear. Zero limits do not limit.
type Config struct {
	// Source has to answer in the time a client waits.
	Source availability.Source
	Limits davxml.Limits
	// Name tells this gateway from others, so that a question that comes round to it
	// is noticed; letters and digits that nobody else has.
	Name string
	// MaxURL is the longest request target, in bytes.
	MaxURL int
	Digits merged.Digits
	Log    *slog.Logger // default slog.Default()
}

// New returns the handler of the clients' listener. It never redirects and never
// answers in HTML: half of the old clients take either for an answer.
func New(c Config) http.Handler {
	c.Log = cmp.Or(c.Log, slog.Default())
	f := &face{c}
	router := mux.NewRouter()
	router.MatcherFunc(isFreeBusy).Handler(f.serve(f.freeBusy))
	router.NotFoundHandler = f.serve(notFound)
	tooLong := f.serve(urlTooLong)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.MaxURL > 0 && len(r.RequestURI) > c.MaxURL {
			tooLong.ServeHTTP(w, r)
			return
		}
		// Matched here rather than served by the router, which would redirect
		// "/public//", which DavMail asks for, and copy every request to put
		// variables into it that no route here has.
		var match mux.RouteMatch
		router.Match(r, &match)
		match.Handler.ServeHTTP(w, r)
	})
}

// face is what all handlers share.
type face struct{ Config }

// serve names a request, hands it to a handler, and writes and logs the error that
// one returns, or the fault it has: a connection closed without a byte crashes some
// clients. A handler that returns an error has written nothing.
func (f *face) serve(handle func(w http.ResponseWriter, r *http.Request, id string) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := requestID(r)
		w.Header()["X-Request-Id"] = []string{id}
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			f.Log.ErrorContext(r.Context(), "panic", "request_id", id, "panic", p, "stack", string(debug.Stack()))
			if _, begun := w.Header()["Content-Length"]; begun {
				panic(http.ErrAbortHandler) // better cut short than ended with something else
			}
			refuse(w, fmt.Errorf("panic: %v", p))
		}()
		if err := handle(w, r, id); err != nil {
			refuse(w, err)
			f.logRefusal(r, id, err)
		}
	})
}

// isFreeBusy matches /public?Cmd=freebusy in all its spellings: IIS had no case
// and did not mind how many slashes.
func isFreeBusy(r *http.Request, _ *mux.RouteMatch) bool {
	return strings.EqualFold(strings.Trim(r.URL.Path, "/"), "public") && strings.EqualFold(davxml.Command(r.URL.RawQuery), "freebusy")
}

func notFound(http.ResponseWriter, *http.Request, string) error {
	return &refusal{http.StatusNotFound, "There is only free/busy here: GET /public/?Cmd=freebusy&start=2009-10-28T00:00:00Z&end=2009-10-29T00:00:00Z&interval=30&u=SMTP:mary@contoso.com"}
}

func urlTooLong(http.ResponseWriter, *http.Request, string) error {
	return &refusal{http.StatusRequestURITooLong, "The URL is too long. Ask about fewer attendees in one request."}
}
