// Package davfb is the face old clients see: Exchange 2003's /public/ as far as it
// gave out free/busy.
package davfb

import (
	"cmp"
	"log/slog"
	"net/http"
	"strings"

	"fbgate/availability"
	"fbgate/davfb/face"
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
	// Guard keeps those out who may not ask; nil lets everybody in. Parts have their
	// own.
	Guard func(http.Handler) http.Handler
	// Parts answer what is not ?Cmd=freebusy, the first that matches.
	Parts []Part
	// Requests counts what becomes of requests, by face; nil does not.
	Requests *face.Requests
	// Lookups keeps what clients have asked; nil keeps nothing.
	Lookups *face.Lookups
	Log     *slog.Logger // default slog.Default()
}

// Part answers some of the requests.
type Part struct {
	Name    string // of the face, for Requests
	Matches func(r *http.Request) bool
	http.Handler
}

// New returns the handler of the clients' listener. It never redirects and never
// answers in HTML: half of the old clients take either for an answer.
func New(c Config) http.Handler {
	c.Log = cmp.Or(c.Log, slog.Default())
	if c.Guard == nil {
		c.Guard = func(next http.Handler) http.Handler { return next }
	}
	f := &gate{c, face.NewTurns()}
	router := mux.NewRouter()
	router.MatcherFunc(isFreeBusy).Handler(c.Requests.Count("freebusy", c.Guard(face.Serve(c.Log, f.freeBusy))))
	for _, part := range c.Parts {
		router.MatcherFunc(func(r *http.Request, _ *mux.RouteMatch) bool { return part.Matches(r) }).Handler(c.Requests.Count(part.Name, part.Handler))
	}
	router.NotFoundHandler = c.Requests.Count("other", c.Guard(face.Serve(c.Log, notFound)))
	tooLong := c.Requests.Count("other", face.Serve(c.Log, urlTooLong))
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

// gate is what all handlers share.
type gate struct {
	Config
	turns face.Turns
}

// isFreeBusy matches /public?Cmd=freebusy in all its spellings: IIS had no case
// and did not mind how many slashes.
func isFreeBusy(r *http.Request, _ *mux.RouteMatch) bool {
	return strings.EqualFold(strings.Trim(r.URL.Path, "/"), "public") && strings.EqualFold(davxml.Command(r.URL.RawQuery), "freebusy")
}

func notFound(http.ResponseWriter, *http.Request, string) error {
	return &face.Refusal{Status: http.StatusNotFound, Text: "There is only free/busy here. Ask for example: GET /public/?Cmd=freebusy&start=2009-10-28T00:00:00Z&end=2009-10-29T00:00:00Z&interval=30&u=SMTP:mary@contoso.com"}
}

func urlTooLong(http.ResponseWriter, *http.Request, string) error {
	return &face.Refusal{Status: http.StatusRequestURITooLong, Text: "The URL is too long. Ask about fewer attendees in one request."}
}
