// Package folder is the face of clients that look into Exchange's public folder
// SCHEDULE+ FREE BUSY over WebDAV: connectors and calendars that read the free/busy
// messages there, or write them. Each mailbox has one message, made up when it is asked
// for.
package folder

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/translate/folderpath"
	"fbgate/translate/proptag"
)

// Config says whom to ask, who may write and how much to bear.
type Config struct {
	// Source is asked about mailboxes by their legacyExchangeDN. It has to answer in the
	// time a client waits.
	Source availability.Source
	// Name tells this gateway from others, see availability.Query.Via.
	Name string
	// Recipients are whom folders list. Without it they are empty, but every message in
	// them can be read.
	Recipients Recipients
	// Publisher keeps what clients write and MayPublish says who may. Without both
	// nobody may.
	Publisher  face.Publisher
	MayPublish face.Authenticate
	// Keep is how long what was written is served; 0 is until the published time ends,
	// which bounds it in any case.
	Keep time.Duration
	// MonthsBefore and MonthsAfter are how many months before and after this one, in
	// UTC, a message holds: 0 stands for 1 and 2, a negative number for none. Together
	// with this one they are 36 at most.
	MonthsBefore, MonthsAfter int
	// WorkingElsewhere is the status to write for it: Free, Tentative, Busy or OOF.
	// NoData stands for Free.
	WorkingElsewhere availability.Status
	// Origin returns the scheme and host of the URLs in answers, "https://mail.contoso.com".
	// The default is what the request names: wrong behind a proxy that ends TLS or
	// changes the Host.
	Origin func(*http.Request) string
	// MaxURL is the longest request target, in bytes; default 8192.
	MaxURL int
	// MaxBody is the longest body of a request that writes, in bytes; default 1 MiB. That
	// of one that asks, which everybody may, is 128 KiB at most.
	MaxBody int64
	// MaxAsked is of how many mailboxes one request may want the free/busy; default 100.
	MaxAsked int
	// Lookups keeps what clients have asked; nil keeps nothing.
	Lookups *face.Lookups
	Log     *slog.Logger // default slog.Default()
}

// Recipients lists the mailboxes that have a legacyExchangeDN.
type Recipients interface {
	// Recipients returns up to most recipients that who may see, in the order of their
	// Mailbox, from the first one after that on, and whether there are more.
	Recipients(ctx context.Context, who availability.Requester, after availability.Mailbox, most int) (page []Recipient, more bool, err error)
}

// Recipient is one that is listed.
type Recipient struct {
	// LegacyDN is the legacyExchangeDN as the directory spells it.
	LegacyDN string
}

// Mailbox returns the recipient's place in the order of a listing.
func (r Recipient) Mailbox() availability.Mailbox { return availability.ParseMailbox(r.LegacyDN) }

// maxMonths is how many months can be published.
const maxMonths = 36

// New returns the handler of what is below /public/NON_IPM_SUBTREE/, see [Holds].
func New(c Config) http.Handler {
	c.Log = cmp.Or(c.Log, slog.Default())
	c.MonthsBefore = min(max(cmp.Or(c.MonthsBefore, 1), 0), maxMonths-1)
	c.MonthsAfter = min(max(cmp.Or(c.MonthsAfter, 2), 0), maxMonths-1-c.MonthsBefore)
	c.MaxURL = cmp.Or(c.MaxURL, 8<<10)
	c.MaxBody = cmp.Or(c.MaxBody, 1<<20)
	c.MaxAsked = cmp.Or(c.MaxAsked, 100)
	if c.Origin == nil {
		c.Origin = origin
	}
	return face.Serve(c.Log, (&folder{c, proptag.Encoder{WorkingElsewhere: c.WorkingElsewhere}, face.NewTurns()}).serve)
}

// Holds reports whether a request is for the handler of New, whatever the case of its
// path and the number of slashes.
func Holds(r *http.Request) bool { return folderpath.Below(r.URL.EscapedPath()) }

type folder struct {
	Config
	encoder proptag.Encoder
	turns   face.Turns
}

// visit is one request.
type visit struct {
	*folder
	w    http.ResponseWriter
	r    *http.Request
	id   string
	path folderpath.Path
	turn face.Turn // while a folder is listed
}

func (f *folder) serve(w http.ResponseWriter, r *http.Request, id string) error {
	if len(r.RequestURI) > f.MaxURL {
		return &face.Refusal{Status: http.StatusRequestURITooLong, Text: "The URL is too long."}
	}
	path, err := folderpath.Parse(r.URL.EscapedPath())
	if err != nil {
		return &face.Refusal{Status: http.StatusNotFound, Text: "There is only free/busy here: /public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=Contoso_xF8FF_ou=Sales/USER-_xF8FF_cn=Recipients_xF8FF_cn=mary.EML"}
	}
	v := &visit{folder: f, w: w, r: r, id: id, path: path}
	isMessage := path.User != ""
	switch method := r.Method; {
	case method == http.MethodOptions:
		return v.options()
	case method == "PROPFIND":
		return v.propfind()
	case method == "SEARCH" && !isMessage:
		return v.search()
	case method == "BPROPFIND" && !isMessage:
		return v.batch()
	case method == http.MethodGet || method == http.MethodHead:
		return v.get()
	case (method == "PROPPATCH" || method == http.MethodPost) && isMessage:
		return v.patch()
	case method == http.MethodDelete && isMessage:
		return v.delete()
	default:
		return &face.Refusal{Status: http.StatusMethodNotAllowed, Text: "Free/busy is read with PROPFIND, SEARCH or GET.", Allow: v.allowed()}
	}
}

// allowed are the methods that make sense on the path.
func (v *visit) allowed() []string {
	methods := []string{"OPTIONS", "GET", "HEAD", "PROPFIND"}
	switch {
	case v.path.User == "":
		methods = append(methods, "BPROPFIND", "SEARCH")
	case v.writable():
		methods = append(methods, "PROPPATCH", "POST", "DELETE")
	}
	return methods
}

func origin(r *http.Request) string {
	if r.Host == "" { // HTTP/1.0
		return ""
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// href returns the URL of a path.
func (v *visit) href(p folderpath.Path) string { return v.Origin(v.r) + p.Escaped() }
