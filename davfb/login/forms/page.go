package forms

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"fbgate/davfb/face"
)

// Why the form is shown, as the parameter reason of its URL says: the first three are
// Exchange 2003's, the last is that of later versions.
const (
	reasonNone    = "0"
	reasonLogOff  = "1"
	reasonWrong   = "2"
	reasonTimeout = "3"
)

const wrongPassword = "The user name or password is not correct. Type both again."

var reasons = map[string]content{
	reasonLogOff:  {Note: "You have logged off."},
	reasonWrong:   {Error: wrongPassword},
	reasonTimeout: {Note: "Your session has ended. Log on to go on."},
}

// content is what changes in the form.
type content struct {
	Host, Action, Destination string
	Username                  string
	Private                   bool
	Note, Error               string
}

//go:embed form.html
var formHTML string

var formTemplate = template.Must(template.New("form").Parse(formHTML))

// policy lets a browser do no more with the page than show it, in its one style, and
// send the form.
var policy = "default-src 'none'; style-src 'sha256-" + styleHash() + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// styleHash is that of the style as the page has it.
func styleHash() string {
	_, rest, _ := strings.Cut(string(draw(content{})), "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func draw(c content) []byte {
	var b bytes.Buffer
	if err := formTemplate.Execute(&b, c); err != nil {
		panic(err) // the template is at fault
	}
	return b.Bytes()
}

// form shows the form.
func (h *Handler) form(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return notAllowed(http.MethodGet, http.MethodHead)
	}
	if err := h.insecure(r); err != nil {
		return err
	}
	query := r.URL.Query()
	c := reasons[query.Get("reason")]
	c.Destination = query.Get("url")
	h.show(w, r, http.StatusOK, c)
	return nil
}

// show writes the form for a client that knows this host by the URL of r.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, status int, c content) {
	base := h.Proxies.BaseURL(r)
	_, c.Host, _ = strings.Cut(base, "://")
	c.Action, c.Destination = authPath, h.destination(base, c.Destination)
	text := draw(c)
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(text)))
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Frame-Options", "DENY") // Internet Explorer 8
	header.Set("X-Content-Type-Options", "nosniff")
	// With no-referrer, browsers would not say where the form was sent from, either.
	header.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// formURL is that of the form, which leads on to asked unless that is too long.
func formURL(base, asked, reason string) string {
	if len(asked) > maxDestination {
		asked = ""
	}
	return base + formPath + "?url=" + url.QueryEscape(asked) + "&reason=" + reason
}

// refusedForm is a refusal that lets people try again: the form with what is wrong.
//
// Exchange answered a wrong password with a redirect to the form, status 302. Zimbra,
// which fills in a form it has never seen, takes every status below 400 for a log-in that
// succeeded, and so does Evolution. DavMail, which reads the form first, takes every
// status from 400 for a server that is broken, and tells its user so; that the password
// is wrong it knows by reason=2 in the URL it is redirected to. So programs that have read
// the form, as the field shown tells, are sent back to it, and all others get the form at
// once, with a status that says no. Browsers show it as well, with what was typed.
//
// That status is 403 and not 401, which has to name a scheme of HTTP authentication (RFC
// 9110, 15.5.2), for which browsers open a window of their own.
type refusedForm struct {
	h          *Handler
	r          *http.Request
	status     int // 302 sends back to the form
	retryAfter time.Duration
	content
}

var _ face.Responder = (*refusedForm)(nil)

// Error implements face.Responder.
func (f *refusedForm) Error() string { return f.content.Error }

// Respond implements face.Responder.
func (f *refusedForm) Respond(w http.ResponseWriter) {
	if f.status == http.StatusFound {
		base := f.h.Proxies.BaseURL(f.r)
		redirect(w, formURL(base, f.h.destination(base, f.Destination), reasonWrong))
		return
	}
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.retryAfter.Seconds()))))
	}
	f.h.show(w, f.r, f.status, f.content)
}

// redirect is Exchange's answer to a form: 302, which net/http would give a body.
func redirect(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusFound)
}
