package forms

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"fbgate/availability"
	"fbgate/davfb/face"
)

// logOn takes the form, and begins a session if name and password are right.
func (h *Handler) logOn(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return h.form(w, r) // typed, or asked for again after a wrong password
	}
	if r.Method != http.MethodPost {
		return notAllowed(http.MethodGet, http.MethodHead, http.MethodPost)
	}
	if err := h.insecure(r); err != nil {
		return err
	}
	if err := h.sentFromHere(r); err != nil {
		return h.refuse(r, submission{}, err)
	}
	s, err := readSubmission(w, r)
	if err != nil {
		return h.refuse(r, s, err)
	}
	who, err := h.Check(r, s.username, s.password)
	if err != nil {
		return h.refuse(r, s, err)
	}
	if err := h.start(w, r, who, s.private); err != nil {
		return h.refuse(r, s, err)
	}
	redirect(w, h.destination(h.Proxies.BaseURL(r), s.destination))
	return nil
}

// sentFromHere refuses a form on a page of another site, which could log somebody in
// under a name that is not theirs. Old clients and browsers do not say where a form was;
// theirs is taken.
func (h *Handler) sentFromHere(r *http.Request) error {
	asked := r.WithContext(r.Context())
	_, asked.Host, _ = strings.Cut(h.Proxies.BaseURL(r), "://")
	if new(http.CrossOriginProtection).Check(asked) != nil {
		return &face.Refusal{Status: http.StatusForbidden, Text: "The form was sent by a page of another site. If you want to log on here, type your user name and password again."}
	}
	return nil
}

// start gives the client the cookies of a new session.
func (h *Handler) start(w http.ResponseWriter, r *http.Request, who availability.Requester, private bool) error {
	s := h.begin(who, private)
	sealed, err := h.vault.seal(s)
	if err != nil {
		return h.fault(r, err)
	}
	if len(sealed) > maxSealed {
		h.Log.ErrorContext(r.Context(), "somebody is in too many groups to log in by the form",
			"name", who.Name, "groups", len(s.Groups), "cookie_bytes", len(sealed), "most", maxSealed)
		return &face.Refusal{Status: http.StatusForbidden, Text: fmt.Sprintf(
			"You are in %d groups, and so many cannot be kept in a cookie. Tell your administrator.", len(s.Groups))}
	}
	h.accounts.forget(who.Name)
	setSessionID(w.Header(), s.id)
	setCadata(w.Header(), sealed, isSecure(h.Proxies.BaseURL(r)))
	h.Log.InfoContext(r.Context(), "logged in", "name", who.Name, "client", r.RemoteAddr, "private", private)
	return nil
}

// refuse returns the form with what is wrong about s. The password has to be typed anew.
func (h *Handler) refuse(r *http.Request, s submission, err error) error {
	var refusal *face.Refusal
	if !errors.As(err, &refusal) {
		refusal = h.fault(r, err)
	}
	f := &refusedForm{h: h, r: r, status: refusal.Status, retryAfter: refusal.RetryAfter, content: content{
		Destination: s.destination, Username: s.username, Private: s.private, Error: refusal.Text}}
	if f.status == http.StatusUnauthorized {
		f.status, f.content.Error = http.StatusForbidden, wrongPassword
		if s.shown && !strings.Contains(r.Header.Get("Accept"), "text/html") {
			f.status = http.StatusFound
		}
	}
	return f
}

// logOff makes a client forget its session.
func (h *Handler) logOff(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return notAllowed(http.MethodGet, http.MethodHead)
	}
	clearCookies(w.Header())
	redirect(w, formURL(h.Proxies.BaseURL(r), "", reasonLogOff))
	return nil
}

func notAllowed(methods ...string) error {
	return &face.Refusal{Status: http.StatusMethodNotAllowed, Allow: methods, Text: "This page takes other methods only."}
}
