package ews_test

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	at "fbgate/availability/availabilitytest"
	"fbgate/availability/ews"
	"fbgate/availability/upstream"
)

type replying func(r *http.Request) *http.Response

func (f replying) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// FuzzCall lets a server say what it wants. Each mailbox gets its answer, nobody is free
// unless a whole reply says so, and the server is asked once.
func FuzzCall(f *testing.F) {
	reply, err := os.ReadFile("../../testdata/ews/reply-2010.xml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(200, "text/xml; charset=utf-8", "", reply)
	f.Add(200, "text/html", "", []byte("<html>Sign in</html>"))
	f.Add(500, "text/xml", "", []byte(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>a:ErrorServerBusy</faultcode><faultstring>busy</faultstring>`+
		`<detail><e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">ErrorServerBusy</e:ResponseCode><t:MessageXml xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><t:Value Name="BackOffMilliseconds">99999999999999</t:Value></t:MessageXml></detail></s:Fault></s:Body></s:Envelope>`))
	f.Add(302, "", "https://evil.example/", []byte{})
	f.Add(503, "", "3600", []byte{})
	for _, capture := range at.Captures(f) {
		f.Add(200, "text/xml", "", capture)
		f.Add(500, "text/xml", "", capture)
	}
	f.Fuzz(func(t *testing.T, status int, kind, field string, body []byte) {
		calls := 0
		s := ews.New(ews.Config{Organization: "fabrikam", Endpoint: ews.Pinned("https://mail.fabrikam.com/EWS/Exchange.asmx"), Log: slog.New(slog.DiscardHandler),
			Client: &upstream.Client{Transport: replying(func(r *http.Request) *http.Response {
				calls++
				header := http.Header{"Content-Type": {kind}, "Retry-After": {field}, "Location": {field}, "Www-Authenticate": {field}}
				return &http.Response{StatusCode: status, Header: header, Request: r, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(string(body)))}
			})}})
		w := window(0, 24*hour)
		for i, a := range lookup(s, w, mailboxes...) {
			at.CheckAnswer(t, a, mailboxes[i], w)
			if len(a.Schedule.Spans) == 0 && a.Schedule.Covers(w) && (status != 200 && status != 500 || !strings.Contains(string(body), "GetUserAvailabilityResponse")) {
				t.Errorf("status %d, %q: %s is free", status, body, a.Mailbox)
			}
			if a.Reason != nil && (len(a.Reason.Detail) > 3000 || a.Reason.RetryAfter < 0 || a.Reason.RetryAfter > 24*time.Hour) {
				t.Errorf("again after %v, %d bytes", a.Reason.RetryAfter, len(a.Reason.Detail))
			}
		}
		if calls != 1 {
			t.Errorf("%d calls", calls)
		}
	})
}
