package autodiscover_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/autodiscover"
	at "fbgate/availability/availabilitytest"
)

// everyHost answers all requests alike, whatever the host, and notes who asked.
type everyHost struct {
	status         int
	location, body string
	kind           string
	target         string // of SRV records
	asked, shown   []*url.URL
}

func (h *everyHost) RoundTrip(r *http.Request) (*http.Response, error) {
	h.asked = append(h.asked, r.URL)
	if r.Header.Get("Authorization") != "" {
		h.shown = append(h.shown, r.URL)
	}
	status := h.status
	if r.URL.Scheme == "http" || len(h.asked) > 6 && h.location != "" {
		status = http.StatusFound
	}
	return &http.Response{StatusCode: status, Request: r, ContentLength: int64(len(h.body)), Body: io.NopCloser(strings.NewReader(h.body)), Header: http.Header{
		"Content-Type": {h.kind}, "Location": {h.location}, "Retry-After": {h.location}, "Server": {"Microsoft-IIS/8.5"}, "Www-Authenticate": {"Negotiate"},
	}}, nil
}

func (h *everyHost) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", []*net.SRV{{Target: h.target, Port: 443}, {Target: "autodiscover.fabrikam.com.", Port: 443}}, nil
}

// FuzzSearch lets every host on the Internet, and the DNS, say the same. The search comes
// to an end, shows the account to no host but those that may see it, by https, and takes
// no other one for that of EWS.
func FuzzSearch(f *testing.F) {
	const soap = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetUserSettingsResponseMessage xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover"><Response><ErrorCode>NoError</ErrorCode><UserResponses><UserResponse>`
	const end = `</UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>`
	const pox = `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"><Account>`
	f.Add(200, "", soap+`<ErrorCode>NoError</ErrorCode><UserSettings><UserSetting><Name>ExternalEwsUrl</Name><Value>https://mail.fabrikam.com/EWS/Exchange.asmx</Value></UserSetting></UserSettings>`+end, "autodiscover.fabrikam.com.")
	f.Add(200, "https://mail.fabrikam.com/autodiscover/autodiscover.xml", soap+`<ErrorCode>RedirectAddress</ErrorCode><RedirectTarget>mary@evil.example</RedirectTarget>`+end, "evil.example")
	f.Add(200, "", soap+`<ErrorCode>RedirectUrl</ErrorCode><RedirectTarget>https://evil.example/autodiscover/autodiscover.svc</RedirectTarget>`+end, "x")
	f.Add(404, "https://fabrikam.com@evil.example/autodiscover/autodiscover.xml", "", "evil.example.fabrikam.com.evil.example")
	f.Add(302, "//trusted.example/autodiscover/autodiscover.svc", "", "fabrikam.com/x")
	f.Add(200, "", pox+`<Action>redirectUrl</Action><RedirectUrl>http://mail.fabrikam.com/autodiscover/autodiscover.xml</RedirectUrl></Account></Response></Autodiscover>`, "")
	f.Add(200, "", pox+`<Action>settings</Action><Protocol><Type>EXPR</Type><EwsUrl>https://fabrikam.com.evil.example/EWS/Exchange.asmx</EwsUrl></Protocol></Account></Response></Autodiscover>`, "")
	f.Add(401, "3600", "<html>", "")
	for _, capture := range at.Captures(f) {
		f.Add(200, "", string(capture), "")
	}
	f.Fuzz(func(t *testing.T, status int, location, body, target string) {
		h := &everyHost{status: status, location: location, body: body, kind: "text/xml", target: target}
		const trusted = "trusted.example"
		locator := autodiscover.New(autodiscover.Config{
			Organization: "fabrikam", Transport: basic{h}, Plain: h, Resolver: h, Log: slog.New(slog.DiscardHandler),
			Trusted: func(u *url.URL) bool { return u.Hostname() == trusted },
		})
		may := func(u *url.URL) bool {
			host := strings.ToLower(u.Hostname())
			return u.User == nil && (host == "fabrikam.com" || strings.HasSuffix(host, ".fabrikam.com") || host == trusted)
		}
		found, steps, err := locator.Search(t.Context(), availability.Query{}, mary)
		if len(h.asked) > 64 || len(steps) > 70 {
			t.Errorf("%d requests, %d steps", len(h.asked), len(steps))
		}
		for _, u := range h.asked {
			if !may(u) {
				t.Errorf("%v was asked", u)
			}
		}
		for _, u := range h.shown {
			if u.Scheme != "https" {
				t.Errorf("%v saw the account", u)
			}
		}
		if err != nil {
			reason := availability.ReasonFor(err)
			if reason.Code == "" || reason.Code == availability.Internal || len(reason.Detail) > 32<<10 || reason.RetryAfter < 0 || reason.RetryAfter > 24*time.Hour || found != (autodiscover.Found{}) {
				t.Errorf("%v, and %+v", err, found)
			}
			return
		}
		if u, err := url.Parse(found.EWS); err != nil || u.Scheme != "https" || !may(u) {
			t.Errorf("EWS is said to be at %q", found.EWS)
		}
	})
}
