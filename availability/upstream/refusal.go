package upstream

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"
)

// StatusLoginTimeout is what Exchange's forms-based authentication answers to those
// who have no cookie.
const StatusLoginTimeout = 440

// Refusal returns why a reply holds no answer, judged by its status; nil for 200.
// What a status means that a service gives a meaning of its own, such as 500 with a
// SOAP fault, is for the caller to judge first.
func (r *Reply) Refusal() *availability.Reason {
	if r.Status == http.StatusOK {
		return nil
	}
	code, again := meaning(r.Status, r.Header)
	detail := fmt.Sprintf("HTTP %d from %s", r.Status, r.URL.Redacted())
	location := shown(r.Header.Get("Location"))
	switch {
	case r.IsRedirect() && IsLogin(location):
		code = availability.Unauthorized
		detail += fmt.Sprintf(", a redirect to %.200q: forms-based authentication stands in front of it", location)
	case code == availability.Unauthorized:
		detail += offered(r.Header)
	case r.IsRedirect():
		detail += fmt.Sprintf(", a redirect to %.200q", location)
	case r.Status == http.StatusProxyAuthRequired:
		detail += ": a proxy wants a log-in of its own"
	}
	return &availability.Reason{
		Code: code, Detail: detail,
		RetryAfter: RetryAfter(r.Header), Scope: availability.OfServer, Again: again,
	}
}

// shown is an address that a server named, without a password in it.
func shown(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.User == nil {
		return location
	}
	return u.Redacted()
}

// IsLogin reports whether a page, or a redirect's Location, is that of a log-in: of
// Exchange 2003, of ISA Server 2004, or of later Outlook on the web.
func IsLogin(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc([]string{
		"owalogon.asp", "owaauth.dll", "cookieauth.dll", "/auth/logon", `type="password"`, `type='password'`, "type=password",
	}, func(mark string) bool { return strings.Contains(text, mark) })
}

// IsRedirect reports whether the reply sends the client elsewhere.
func (r *Reply) IsRedirect() bool {
	return r.Status > 300 && r.Status < 400 && r.Status != http.StatusNotModified
}

// meaning returns what a status that is not 200 stands for, and whether asking once
// more at once may help.
func meaning(status int, header http.Header) (code availability.Code, again bool) {
	switch status {
	case http.StatusUnauthorized, StatusLoginTimeout:
		return availability.Unauthorized, false
	case http.StatusForbidden:
		return availability.Forbidden, false
	case http.StatusProxyAuthRequired:
		return availability.Unreachable, false
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone,
		http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return availability.WrongEndpoint, false
	case http.StatusTooManyRequests:
		return availability.Throttled, false
	case http.StatusServiceUnavailable:
		if header.Get("Retry-After") != "" {
			return availability.Throttled, false
		}
		return availability.UpstreamFailure, true // IIS whose queue is full
	case http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong:
		return availability.RequestRejected, false
	case http.StatusGatewayTimeout:
		return availability.Timeout, false
	case http.StatusLoopDetected: // another fbgate has seen the question before
		return availability.Loop, false
	case http.StatusInternalServerError, http.StatusBadGateway:
		return availability.UpstreamFailure, true
	}
	switch {
	case status >= 300 && status < 400:
		return availability.WrongEndpoint, false
	case status > 500:
		return availability.UpstreamFailure, false
	}
	return availability.BadResponse, false
}

// offered says which kinds of log-in a server takes, as far as it tells: with an
// account that is right, the credential's kind may be missing among them.
func offered(header http.Header) string {
	var schemes []string
	for _, challenge := range header.Values("WWW-Authenticate") {
		scheme, _, _ := strings.Cut(challenge, " ")
		if !strings.ContainsFunc(scheme, isNoToken) {
			schemes = append(schemes, fmt.Sprintf("%.20s", scheme))
		}
	}
	if len(schemes) == 0 {
		return ""
	}
	return "; the server takes " + strings.Join(schemes[:min(len(schemes), 5)], ", ")
}

// isNoToken reports whether a character is none of a log-in scheme's name.
func isNoToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

// longestWait bounds what a server may ask for.
const longestWait = 24 * time.Hour

// RetryAfter reads the header of that name, seconds or a date, as at most a day.
func RetryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = time.Until(at)
	}
	return min(max(wait, 0), longestWait)
}
