package forms

import (
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/translate/davxml"
)

// loginTimeout is a status of IIS: a session has ended, or there was none.
const loginTimeout = 440

// Identify implements login.Method. It renews the cookie of a session that goes on.
// Cookies that are damaged, somebody else's or too old are as good as none; those of a
// session that were sent where others can listen are refused.
func (h *Handler) Identify(w http.ResponseWriter, r *http.Request) (who availability.Requester, ok bool, err error) {
	id, cadata := cookies(r)
	if id == "" || cadata == "" {
		return availability.Requester{}, false, nil
	}
	s, ok, err := h.vault.open(id, cadata)
	if err != nil {
		return availability.Requester{}, false, h.fault(r, err)
	}
	now := time.Now()
	if !ok || h.over(s, now) {
		return availability.Requester{}, false, nil
	}
	if err := h.insecure(r); err != nil {
		return availability.Requester{}, false, err
	}
	who, ok, err = h.accounts.of(r.Context(), s)
	if err != nil {
		return availability.Requester{}, false, h.fault(r, err)
	}
	if ok && h.ages(s, now) {
		h.renew(w, r, s, now)
	}
	return who, ok, nil
}

// renew lets a session go on. If that fails it ends as if nobody had asked.
func (h *Handler) renew(w http.ResponseWriter, r *http.Request, s session, now time.Time) {
	s.Issued = now.Unix()
	sealed, err := h.vault.seal(s)
	if err != nil {
		h.Log.ErrorContext(r.Context(), "a session could not be renewed", "error", err)
		return
	}
	setCadata(w.Header(), sealed, isSecure(h.Proxies.BaseURL(r)))
}

// fault logs what only operators can mend, and tells the client to come again.
func (h *Handler) fault(r *http.Request, err error) *face.Refusal {
	h.Log.ErrorContext(r.Context(), "log-ins cannot be checked", "error", err)
	return &face.Refusal{Status: http.StatusServiceUnavailable, RetryAfter: time.Minute,
		Text: "Log-ins cannot be checked at the moment; the log of fbgate says why."}
}

// Challenge implements login.Method. Like Exchange it shows people the form, and ends
// the sessions of programs with a status of its own, 440. Those that had no session are
// left to other methods if there are any.
func (h *Handler) Challenge(header http.Header, r *http.Request) (status int) {
	_, cadata := cookies(r)
	expired := cadata != ""
	switch {
	case h.wantsPage(r):
		reason := reasonNone
		if expired {
			clearCookies(header)
			reason = reasonTimeout
		}
		base := h.Proxies.BaseURL(r)
		header.Set("Location", formURL(base, base+r.URL.RequestURI(), reason))
		return http.StatusFound
	case expired || h.Only:
		clearCookies(header)
		header.Set("Connection", "close")
		return loginTimeout
	}
	return 0
}

// wantsPage reports whether to send the form: to somebody before a browser and, if there
// is no other way to log in, to whatever looks for a mailbox, as DavMail and Evolution
// read the form there. Questions about free/busy are never redirected, as few clients
// follow and some take any page for an answer; nor is who tries another way to log in.
func (h *Handler) wantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if strings.EqualFold(r.Header.Get("Translate"), "f") || r.Header.Get("Authorization") != "" {
		return false
	}
	switch strings.ToLower(davxml.Command(r.URL.RawQuery)) {
	case "freebusy", "galfind", "gallookup":
		return false
	}
	switch folder(normal(r.URL.Path)) {
	case "exchange":
		return h.Only || isBrowser(r)
	case "", "public", "owa":
		return isBrowser(r)
	}
	return false
}

// isBrowser tells browsers by what they accept and, as Internet Explorer 8 and older did
// not say so, by their name.
func isBrowser(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") || strings.Contains(r.UserAgent(), "MSIE ")
}
