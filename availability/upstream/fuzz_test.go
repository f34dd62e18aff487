package upstream_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
)

// Whatever a server refuses with, there is a Reason that can be acted on and logged, and
// nobody waits for longer than a day.
func FuzzRefusal(f *testing.F) {
	f.Add(503, "120", "", "")
	f.Add(429, "Fri, 31 Dec 9999 23:59:59 GMT", "", "")
	f.Add(503, "99999999999999999999", "", "")
	f.Add(302, "-1", "https://svc:secret@mail.contoso.com/exchweb/bin/auth/owalogon.asp?url=x", "Basic realm=\"x\"")
	f.Add(401, "1e3", "", "Negotiate")
	f.Add(440, "0x10", "//[::1", "\x00")
	f.Add(508, "Sun Nov  6 08:49:37 1994", "%zz", "")
	f.Fuzz(func(t *testing.T, status int, again, location, challenge string) {
		const address = "https://mail.contoso.com/EWS/Exchange.asmx"
		u, err := url.Parse(strings.Replace(address, "//", "//svc:secret@", 1))
		if err != nil {
			t.Fatal(err)
		}
		reply := &upstream.Reply{URL: u, Status: status, Header: http.Header{"Retry-After": {again}, "Location": {location}, "Www-Authenticate": {challenge, challenge}}}
		reason := reply.Refusal()
		if (reason == nil) != (status == http.StatusOK) {
			t.Fatalf("%d: %v", status, reason)
		}
		if wait := upstream.RetryAfter(reply.Header); wait < 0 || wait > 24*time.Hour {
			t.Errorf("%q is %v", again, wait)
		}
		if reason == nil {
			return
		}
		if reason.Code == "" || reason.Remedy() == "" || reason.RetryAfter < 0 || reason.RetryAfter > 24*time.Hour || reason.Scope != availability.OfServer {
			t.Errorf("%d: %+v", status, reason)
		}
		if len(reason.Detail) > 3000 || !strings.HasPrefix(reason.Detail, "HTTP ") || strings.ContainsAny(reason.Detail, "\r\n\x00") {
			t.Errorf("%d: %q", status, reason.Detail)
		}
		if to, err := url.Parse(location); err == nil && to.User != nil {
			if password, _ := to.User.Password(); len(password) > 3 && strings.Count(location, password) == 1 && strings.Contains(reason.Detail, ":"+password+"@") {
				t.Errorf("%q shows a password", reason.Detail)
			}
		}
	})
}
