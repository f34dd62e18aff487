// Package internet is the face of Outlook's Internet Free/Busy: a URL for each mailbox,
// where its free/busy lies as an iCalendar file (KB291621). Kolab, Thunderbird's and other
// programs' free/busy URLs are the same.
package internet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
)

// Config says whom to ask, and who may publish.
type Config struct {
	// Source has to answer in the time a client waits.
	Source availability.Source
	// Patterns are paths of other servers, or paths and queries, at which free/busy is
	// found, too, with %NAME% for what stands before the "@" of an address and %SERVER%
	// for what stands after it, as in Outlook's setting: "/calendar/%NAME%.vfb", or
	// "/vcal_server.php/type=vfb&email=%NAME%@%SERVER%". Case does not matter, nor does an
	// extension .vfb, .ifb or .ics, or none, at the end of a path.
	Patterns []string
	// DefaultDomain is the mail domain where a URL has only a name: in Patterns without
	// %SERVER%, which need it, and in /freebusy/NAME.vfb.
	DefaultDomain string
	// MonthsBefore and MonthsAfter are how many whole months, in UTC, before and after the
	// present one are told of if the URL does not say. Both 0 mean 1 and 2; together they
	// are at most 12.
	MonthsBefore, MonthsAfter int
	// WorkingElsewhere is what times of that status are written as: Tentative, Busy or
	// OOF; anything else as free.
	WorkingElsewhere availability.Status
	// Proxies are those whose word about the host name clients use is taken; the file
	// holds the URL of itself.
	Proxies face.TrustedProxies
	// Publisher keeps what clients publish. If it is nil, nobody may.
	Publisher Publisher
	// Authenticate says who publishes. It is needed if there is a Publisher.
	Authenticate face.Authenticate
	// Keep is how long what was published is served unless it is published anew. Default
	// 15 days. It is never longer than the time it speaks about.
	Keep time.Duration
	// Lookups keeps what clients have asked; nil keeps nothing.
	Lookups *face.Lookups
	Log     *slog.Logger // default slog.Default()
}

// Publisher is a face.Publisher that also says what it keeps, which tells a new file from
// a changed one.
type Publisher interface {
	face.Publisher
	// Get returns what is published of m and has not expired, and whether there is
	// anything.
	Get(ctx context.Context, m availability.Mailbox) (p availability.Publication, ok bool, err error)
}

// Handler answers requests for free/busy URLs. Build it with New.
type Handler struct {
	Config
	patterns []pattern
	serve    http.Handler
	// conditional is held from looking at what is published to changing it by requests
	// that depend on it.
	conditional sync.Mutex
}

var _ http.Handler = (*Handler)(nil)

// New returns the handler of these URLs, in any case:
//
//	/freebusy/NAME@SERVER.vfb    or .ifb, .ics, or no extension
//	/freebusy/SERVER/NAME.vfb
//	/freebusy/?NAME@SERVER
//	/freebusy/NAME.vfb           if there is a DefaultDomain
//
// and of c.Patterns. The error says all that is wrong with c.
//
// The answer to GET and HEAD is text/calendar, or a status: 404 if nobody knows the
// mailbox, 403 if its free/busy may not be given out, 503 with Retry-After if it could not
// be found out. It is never a calendar without what is not known. start and end in the
// query choose another time, of up to 400 days.
func New(c Config) (*Handler, error) {
	c.Log = cmp.Or(c.Log, slog.Default())
	c.Keep = cmp.Or(c.Keep, 15*24*time.Hour)
	if c.MonthsBefore == 0 && c.MonthsAfter == 0 {
		c.MonthsBefore, c.MonthsAfter = 1, 2
	}
	h := &Handler{Config: c}
	var faults []error
	h.patterns, faults = c.compile()
	if c.Source == nil {
		faults = append(faults, errors.New("internet free/busy: there is no Source"))
	}
	if c.MonthsBefore < 0 || c.MonthsAfter < 0 || c.MonthsBefore+c.MonthsAfter > 12 {
		faults = append(faults, fmt.Errorf("internet free/busy: %d months before and %d after the present one are not 0 to 12 together", c.MonthsBefore, c.MonthsAfter))
	}
	if c.Keep < 0 {
		faults = append(faults, fmt.Errorf("internet free/busy: what is published cannot be kept for %v", c.Keep))
	}
	if c.Publisher != nil && c.Authenticate == nil {
		faults = append(faults, errors.New("internet free/busy: there is a Publisher, but nobody to say who publishes"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	h.serve = face.Serve(c.Log, h.handle)
	return h, nil
}

// Matches reports whether the URL of r is one that h answers for, if only to say what is
// wrong with it: all below /freebusy, and what a pattern fits.
func (h *Handler) Matches(r *http.Request) bool {
	if folder, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); strings.EqualFold(folder, "freebusy") {
		return true
	}
	_, ok := h.find(r)
	return ok
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.serve.ServeHTTP(w, r) }

// maxURL is the longest request target, in bytes.
const maxURL = 2048

func (h *Handler) handle(w http.ResponseWriter, r *http.Request, id string) error {
	if len(r.RequestURI) > maxURL {
		return &face.Refusal{Status: http.StatusRequestURITooLong, Text: "The URL is too long for that of a mailbox."}
	}
	found, ok := h.find(r)
	if !ok {
		return &face.Refusal{Status: http.StatusNotFound, Text: "There is only free/busy here, at URLs such as /freebusy/mary@contoso.com.vfb"}
	}
	m := availability.ParseMailbox(found)
	if m.Domain() == "" {
		return &face.Refusal{Status: http.StatusBadRequest, Text: "The name of the file is not an SMTP address."}
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return h.get(w, r, id, m)
	case http.MethodPut:
		return h.put(w, r, id, m)
	case http.MethodDelete:
		return h.delete(w, r, id, m)
	case http.MethodOptions:
		w.Header().Set("Allow", strings.Join(h.allowed(), ", "))
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
		return nil
	case "PROPFIND":
		if h.Publisher != nil {
			face.Write(w, http.StatusMultiStatus, textXML, func(b []byte) []byte { return append(b, emptyMultistatus...) })
			return nil
		}
	}
	return &face.Refusal{Status: http.StatusMethodNotAllowed, Text: "Free/busy is looked up with GET or HEAD, and published with PUT.", Allow: h.allowed()}
}

func (h *Handler) allowed() []string {
	methods := []string{"GET", "HEAD", "OPTIONS"}
	if h.Publisher != nil {
		methods = append(methods, "PUT", "DELETE", "PROPFIND")
	}
	return methods
}

// emptyMultistatus is all that Outlook, which asks for the kind of resource before it
// publishes a calendar, wants to see.
const emptyMultistatus = `<?xml version="1.0"?><a:multistatus xmlns:a="DAV:"/>`

var (
	textXML      = []string{"text/xml; charset=utf-8"}
	textCalendar = []string{"text/calendar; charset=utf-8"}
)
