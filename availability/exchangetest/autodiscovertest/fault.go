package autodiscovertest

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
)

// Fault is something that goes wrong. The zero Fault is none. [Faults] lists the
// usual ones.
type Fault struct {
	// Name tells it from others in a test table.
	Name string

	// Code is an ErrorCode, at the given Level; in POX, whatever the level, it is
	// that of its Error.
	Code  string
	Level Level
	// SOAPFault is a faultcode, answered by the service with status 500. It leaves
	// POX alone.
	SOAPFault string

	// Status is answered with an HTML page by something in front of Exchange, with
	// none of Exchange's headers.
	Status int
	// Header is sent with it.
	Header http.Header
	// Location is where it redirects to. With it Status is 302 by default.
	Location string
	// LoginPage answers status 200 with a page that asks for a password, as a proxy
	// does that wants a log-in of its own.
	LoginPage bool

	// Hang never answers.
	Hang bool
	// Truncated ends the answer in its middle.
	Truncated bool
	// Padding is how many bytes of white space stand before the answer's last tag.
	Padding int
}

// Level is where in a SOAP answer an ErrorCode stands.
type Level uint8

// The levels.
const (
	OfSubject  Level = iota // the UserResponse or DomainResponse
	OfResponse              // the Response as a whole
	OfSetting               // each setting
)

// Faults returns the usual faults, each with a Name. With every one there is no EWS
// URL to be had.
func Faults() []Fault {
	challenge := http.Header{"Www-Authenticate": {"Negotiate", "NTLM", `Basic realm="perimeter"`}}
	faults := []Fault{
		{Name: "perimeter-401", Status: http.StatusUnauthorized, Header: challenge},
		{Name: "perimeter-login-page", LoginPage: true},
		{Name: "perimeter-redirect", Location: "/adfs/ls/?wa=wsignin1.0"},
		{Name: "perimeter-440", Status: 440},
		{Name: "web-page", Status: http.StatusOK},
		{Name: "busy", Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"120"}}},
		{Name: "hang", Hang: true},
		{Name: "truncated", Truncated: true},
		{Name: "oversized", Padding: 4 << 20},
		{Name: "soap-fault", SOAPFault: "a:ActionNotSupported"},
		{Name: "response-busy", Code: "ServerBusy", Level: OfResponse},
		{Name: "response-failed", Code: "InternalServerError", Level: OfResponse},
		{Name: "invalid-user", Code: "InvalidUser"},
		{Name: "invalid-domain", Code: "InvalidDomain"},
		{Name: "setting-missing", Code: "SettingIsNotAvailable", Level: OfSetting},
	}
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusInternalServerError, http.StatusBadGateway} {
		faults = append(faults, Fault{Name: fmt.Sprintf("status-%d", status), Status: status})
	}
	return faults
}

// inFront reports whether the request does not get as far as Exchange.
func (f Fault) inFront() bool { return f.Status != 0 || f.Location != "" || f.LoginPage || f.Hang }

// serve answers in Exchange's stead.
func (f Fault) serve(w http.ResponseWriter, r *http.Request) {
	if f.Hang {
		_, _ = io.Copy(io.Discard, r.Body) // only then a server sees the client leave
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	for name, values := range f.Header {
		w.Header()[name] = values
	}
	switch {
	case f.LoginPage:
		page(w, http.StatusOK, "Sign in", `<form><input name="user"><input type="password" name="password"></form>`)
	case f.Location != "":
		w.Header().Set("Location", f.Location)
		page(w, cmp.Or(f.Status, http.StatusFound), "Object moved", "")
	default:
		page(w, f.Status, cmp.Or(http.StatusText(f.Status), "Login Timeout"), "")
	}
}

// spoil changes an answer on its way.
func (f Fault) spoil(answer []byte) []byte {
	if f.Truncated {
		return answer[:len(answer)/2]
	}
	if f.Padding > 0 {
		at := bytes.LastIndexByte(answer, '<')
		return append(append(append([]byte(nil), answer[:at]...), bytes.Repeat([]byte(" "), f.Padding)...), answer[at:]...)
	}
	return answer
}

// page answers like a web server, with HTML.
func page(w http.ResponseWriter, status int, title, content string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1>%s</body></html>", title, title, content)
}
