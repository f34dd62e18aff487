package publicfolder_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	at "fbgate/availability/availabilitytest"
	"fbgate/availability/publicfolder"
	"fbgate/availability/upstream"
)

// FuzzCall lets a server say what it wants, with any status and to wherever it refers. No
// other host is asked than those that may be, nobody is asked for ever, and nobody is free
// unless a reply with status 200 says so.
func FuzzCall(f *testing.F) {
	const reply = `<a:response xmlns:a="WM"><a:recipients><a:item><a:fbdata>0123</a:fbdata></a:item><a:item><a:email type="SMTP">mary@contoso.com</a:email><a:fbdata>0124</a:fbdata></a:item></a:recipients></a:response>`
	f.Add(302, "https://mail2.contoso.com/public/", "", reply)
	f.Add(301, "//evil.example/public/?Cmd=freebusy", "", "")
	f.Add(307, "https://mail.contoso.com@evil.example/public/", "", "")
	f.Add(302, "/exchweb/bin/auth/owalogon.asp", "", "<html>")
	f.Add(400, "", "", `<a:error xmlns:a="WM"><a:parameter>end</a:parameter><a:received>x</a:received><a:expected>y</a:expected></a:error>`)
	f.Add(403, "", "", "<html>SSL</html>")
	f.Add(503, "", "3600", "")
	f.Add(200, "", "", reply)
	for _, capture := range at.Captures(f) {
		f.Add(200, "", "", string(capture))
	}
	f.Fuzz(func(t *testing.T, status int, location, again, body string) {
		var asked []*url.URL
		server := roundTripper(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL)
			header := http.Header{"Content-Type": {"text/xml"}, "Retry-After": {again}}
			code := status
			if location != "" {
				header["Location"] = []string{location}
			}
			if len(asked) == 3 { // the end of a chain of referrals
				code = http.StatusOK
			}
			return &http.Response{StatusCode: code, Header: header, Request: r, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}, nil
		})
		s := publicfolder.New(publicfolder.Config{
			Organization: "contoso", URL: "https://mail.contoso.com/public/", Interval: 30 * time.Minute, Log: quiet,
			Client:    &upstream.Client{Transport: server},
			Referrals: func(u *url.URL) bool { return u.Scheme == "https" && u.Host == "mail2.contoso.com" },
		})
		w := window(0, 2*hour)
		answers := lookup(s, w, mailboxes...)
		for i, a := range answers {
			at.CheckAnswer(t, a, mailboxes[i], w)
			if len(a.Schedule.Spans) == 0 && a.Schedule.Covers(w) && (status != http.StatusOK && len(asked) < 3 || !strings.Contains(body, "0")) {
				t.Errorf("status %d, %q: %s is free", status, body, a.Mailbox)
			}
			if a.Reason != nil && (len(a.Reason.Detail) > 3000 || a.Reason.RetryAfter < 0 || a.Reason.RetryAfter > 24*time.Hour) {
				t.Errorf("again after %v, %d bytes", a.Reason.RetryAfter, len(a.Reason.Detail))
			}
		}
		if len(asked) > 4 {
			t.Errorf("%d calls", len(asked))
		}
		for _, u := range asked {
			if u.Scheme != "https" || u.Host != "mail.contoso.com" && u.Host != "mail2.contoso.com" || u.User != nil || u.RawQuery != asked[0].RawQuery {
				t.Errorf("%q leads to %v", location, u)
			}
		}
	})
}
