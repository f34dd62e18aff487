// Package forms is the forms-based authentication of Outlook Web Access 2003, as old
// clients know it: a log-in form, and two cookies, sessionid and cadata, that tell from
// then on who asks.
//
// Nothing is kept here of those who have logged in: the cookies hold it, encrypted, so
// that several gateways and restarts accept them if they have the same key. Therefore
// logging off makes the client forget its cookies; a copy of them holds until it would
// have ended anyway.
package forms

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/davfb/login"
	"fbgate/translate/davxml"
)

// Config says who may log in, and for how long.
type Config struct {
	// Check returns whose name and password these are. An error is shown in the form
	// if it is a *face.Refusal; one with status 401 says that they are wrong. It is
	// needed, and never called with an empty name or password.
	Check func(r *http.Request, name, password string) (availability.Requester, error)
	// Find returns whose name this is now; ok is false if there is no such account any
	// more. It is asked about each account about once a minute, and its word on groups
	// is taken. If it is nil, a session is what Check said when it began, until it
	// ends, and somebody in so many groups that they do not fit into a cookie cannot
	// log in.
	Find func(ctx context.Context, name string) (who availability.Requester, ok bool, err error)
	// Key returns what cookies are encrypted with: at least 32 bytes, and random ones,
	// as whoever knows or guesses them is whoever they like. It is called for each
	// request; once it returns others, all sessions have ended. If it is nil, the key
	// is a random one that ends with the Handler.
	Key func() ([]byte, error)
	// Public and Private are how long sessions last on a computer that others use as
	// well, and on one's own. By default, Public is 15 minutes and at most 12 hours,
	// and Private 24 hours and at most as much; if Idle is longer than that, so is Max.
	Public, Private Lifetime
	// Only is set if there is no other way to log in. Then whoever has no session is
	// answered 440 rather than 401, as on an Exchange with forms-based authentication.
	Only bool
	// Confidential reports whether nobody can listen in on r. Nobody can log in where
	// it is not. If it is nil, what came by https is.
	Confidential func(r *http.Request) bool
	// Proxies are those whose word is taken about the URL clients know.
	Proxies face.TrustedProxies
	Log     *slog.Logger // default slog.Default()
}

// Lifetime is how long a session lasts. A zero of either is its default.
type Lifetime struct {
	// Idle is how long after its last request, though up to a quarter less: not every
	// request renews the cookie.
	Idle time.Duration
	// Max is how long after the log-in, whatever is asked.
	Max time.Duration
}

// Handler tells by their cookies who sends requests, and answers those for its own
// pages: the form, and what logs on and off. Build it with New.
type Handler struct {
	Config
	vault    *vault
	accounts *accounts
	serve    http.Handler
}

var (
	_ login.Method = (*Handler)(nil)
	_ http.Handler = (*Handler)(nil)
)

// New returns the handler of these URLs, in any case:
//
//	/exchweb/bin/auth/owalogon.asp     the form; /owa/auth/logon.aspx as well
//	/exchweb/bin/auth/owaauth.dll      what it is sent to; /owa/auth/owaauth.dll as well
//	/exchweb/bin/auth/owalogoff.asp    logs off; /owa/auth/logoff.aspx as well, and
//	/exchange/?Cmd=logoff              and below, and so in /public and /owa
//
// The error says that there is no usable key.
func New(c Config) (*Handler, error) {
	c.Log = cmp.Or(c.Log, slog.Default())
	c.Public.Idle = cmp.Or(c.Public.Idle, 15*time.Minute)
	c.Public.Max = cmp.Or(c.Public.Max, max(12*time.Hour, c.Public.Idle))
	c.Private.Idle = cmp.Or(c.Private.Idle, 24*time.Hour)
	c.Private.Max = cmp.Or(c.Private.Max, max(24*time.Hour, c.Private.Idle))
	if c.Key == nil {
		key := make([]byte, minKey)
		rand.Read(key)
		c.Key = func() ([]byte, error) { return key, nil }
	}
	if c.Confidential == nil {
		c.Confidential = func(r *http.Request) bool { return isSecure(c.Proxies.BaseURL(r)) }
	}
	h := &Handler{Config: c, vault: &vault{key: c.Key}, accounts: &accounts{find: c.Find}}
	h.serve = face.Serve(c.Log, func(w http.ResponseWriter, r *http.Request, _ string) error {
		return h.pageOf(r)(w, r)
	})
	_, err := h.vault.cipher()
	return h, err
}

// ServeHTTP answers requests that Matches.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	h.serve.ServeHTTP(w, r)
}

// Matches reports whether a request is for one of the pages. They are for everybody,
// logged in or not, and there is nothing else below them.
func (h *Handler) Matches(r *http.Request) bool { return h.pageOf(r) != nil }

type page func(w http.ResponseWriter, r *http.Request) error

const (
	formPath = "/exchweb/bin/auth/owalogon.asp"
	authPath = "/exchweb/bin/auth/owaauth.dll"
)

// pageOf returns nil if there is none.
func (h *Handler) pageOf(r *http.Request) page {
	switch path := normal(r.URL.Path); path {
	case formPath, "/owa/auth/logon.aspx":
		return h.form
	case authPath, "/owa/auth/owaauth.dll":
		return h.logOn
	case "/exchweb/bin/auth/owalogoff.asp", "/owa/auth/logoff.aspx":
		return h.logOff
	default:
		if top := folder(path); top != "exchange" && top != "public" && top != "owa" {
			return nil
		}
		// Read as the handler of free/busy reads it, so that what is open to
		// everybody here cannot be free/busy there.
		if strings.EqualFold(davxml.Command(r.URL.RawQuery), "logoff") {
			return h.logOff
		}
		return nil
	}
}

// normal returns a path as IIS saw it: it had no case and did not mind how many
// slashes.
func normal(path string) string {
	return "/" + strings.Join(strings.FieldsFunc(strings.ToLower(path), func(c rune) bool { return c == '/' }), "/")
}

// folder returns the first folder of a normal path, or "".
func folder(path string) string {
	top, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return top
}

func isSecure(base string) bool { return strings.HasPrefix(base, "https://") }

// insecure refuses what is only for confidential ways. Evolution asks again by https if
// it reads "SSL" in an answer with this status.
func (h *Handler) insecure(r *http.Request) error {
	if h.Confidential(r) {
		return nil
	}
	return &face.Refusal{Status: http.StatusForbidden, Text: "Log-in needs SSL. Ask for the same by https instead of http."}
}
