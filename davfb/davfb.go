// Package davfb is the face old clients see: Exchange 2003's /public/ as far as it
// gave out free/busy.
package davfb

import (
	"cmp"
	"io"
	"log/slog"
	"net/http"
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
	// MaxURL is the longest request target, in bytes.
	MaxURL int
	Digits merged.Digits
	Log    *slog.Logger // default slog.Default()
}

// New returns the handler of the clients' listener. It never redirects and never
// answers in HTML: half of the old clients take either for an answer.
func New(c Config) http.Handler {
	c.Log = cmp.Or(c.Log, slog.Default())
	// Without SkipClean mux would redirect "/public//", which DavMail asks for.
	router := mux.NewRouter().SkipClean(true)
	router.MatcherFunc(isFreeBusy).Handler(&freeBusy{c})
	router.NotFoundHandler = http.HandlerFunc(notFound)
	if c.MaxURL <= 0 {
		return router
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) > c.MaxURL {
			plain(w, http.StatusRequestURITooLong, "The URL is too long. Ask about fewer attendees in one request.\n")
			return
		}
		router.ServeHTTP(w, r)
	})
}

// isFreeBusy matches /public?Cmd=freebusy in all its spellings: IIS had no case
// and did not mind how many slashes.
func isFreeBusy(r *http.Request, _ *mux.RouteMatch) bool {
	return strings.EqualFold(strings.Trim(r.URL.Path, "/"), "public") && strings.EqualFold(davxml.Command(r.URL.RawQuery), "freebusy")
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusNotFound, "There is only free/busy here: GET /public/?Cmd=freebusy&start=2009-10-28T00:00:00Z&end=2009-10-29T00:00:00Z&interval=30&u=SMTP:mary@contoso.com\n")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
