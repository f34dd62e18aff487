package doctor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/doctor"
)

// source answers about one mailbox.
type source func(availability.Query) availability.Answer

func (s source) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	return []availability.Answer{s(q)}
}

func query(now time.Time) availability.Query {
	w := availability.Window{Start: now, End: now.Add(24 * time.Hour)}
	return availability.Query{Mailboxes: []availability.Mailbox{"mary@contoso.com"}, Window: w, Interval: 30 * time.Minute}
}

// diagnose returns the hops of a member, the last as name!code if it failed, and the
// last of them.
func diagnose(t *testing.T, m doctor.Member) (string, doctor.Hop) {
	t.Helper()
	m.Name, m.Trace = "server", new(doctor.Trace)
	d := &doctor.Doctor{
		Organizations: map[string]*doctor.Organization{"contoso": {Name: "contoso", Members: []doctor.Member{m}}},
		Render:        func(availability.Answer, availability.Query) string { return "0" },
	}
	var names []string
	var last doctor.Hop
	for last = range d.Diagnose(t.Context(), query(time.Now()), "contoso") {
		name := last.Name
		if last.Reason != nil {
			name += "!" + string(last.Reason.Code)
		}
		names = append(names, name)
		if last.Where != "contoso, server" || (last.Reason == nil) != (last.Remedy == "") || last.Reason != nil && last.Found != "" {
			t.Errorf("%+v", last)
		}
	}
	return strings.Join(names, " "), last
}

func failing(reason *availability.Reason) func(string) availability.Source {
	return func(string) availability.Source {
		return source(func(availability.Query) availability.Answer { return availability.Answer{Reason: reason} })
	}
}

func proxied(target string) func(*http.Request) (*url.URL, error) {
	return func(*http.Request) (*url.URL, error) { return url.Parse(target) }
}

// What lies behind a proxy shows by the call alone.
func TestProxy(t *testing.T) {
	proxy := httptest.NewServer(http.NotFoundHandler())
	defer proxy.Close()
	m := doctor.Member{URL: "https://mail.contoso.invalid/EWS/Exchange.asmx", Proxy: proxied(proxy.URL)}
	for code, want := range map[availability.Code]string{
		availability.TLS:         "tcp tls!tls",
		availability.Unreachable: "tcp authentication call!unreachable",
	} {
		m.Source = failing(&availability.Reason{Code: code, Detail: "remote error: tls: protocol version not supported", Scope: availability.OfServer})
		if got, _ := diagnose(t, m); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
	proxy.Close()
	if got, last := diagnose(t, m); got != "tcp!unreachable" || !strings.HasPrefix(last.Remedy, "Start the server of the proxy, ") {
		t.Errorf("%s: %s", got, last.Remedy)
	}
}

// IIS asks for a client's certificate when it knows the path, which is too late.
func TestLateClientCertificate(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	m := doctor.Member{
		URL: server.URL, Credential: "certificate", TLS: &tls.Config{RootCAs: trusted},
		Source: failing(&availability.Reason{Code: availability.TLS, Detail: "local error: tls: no renegotiation", Scope: availability.OfServer}),
	}
	if got, last := diagnose(t, m); got != "tcp tls authentication!tls" || !strings.Contains(last.Remedy, "clientcertnegotiation=enable") {
		t.Errorf("%s: %s", got, last.Remedy)
	}
}

func TestTargetWithoutHost(t *testing.T) {
	for _, target := range []string{"https:///EWS/Exchange.asmx", "://", "mail.contoso.com/EWS"} {
		if got, _ := diagnose(t, doctor.Member{URL: target}); got != "dns!wrong-endpoint" {
			t.Errorf("%s: %s", target, got)
		}
	}
}

// Servers are asked about whole hours, which days of some zones do not begin with, and
// the day is drawn.
func TestAsksInWholeHours(t *testing.T) {
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.FixedZone("IST", 5*3600+1800))
	var asked, drawn availability.Window
	d := &doctor.Doctor{
		Organizations: map[string]*doctor.Organization{"contoso": {Members: []doctor.Member{{
			URL: serve(t), Trace: new(doctor.Trace),
			Source: func(string) availability.Source {
				return source(func(q availability.Query) availability.Answer {
					asked = q.Window
					return availability.Answer{}
				})
			},
		}}}},
		Render: func(_ availability.Answer, q availability.Query) string {
			drawn = q.Window
			return "0"
		},
	}
	for range d.Diagnose(t.Context(), query(start), "contoso") {
	}
	utc := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	if !asked.Start.Equal(utc) || asked.Duration() != 25*time.Hour || !drawn.Start.Equal(start) || drawn.Duration() != 24*time.Hour {
		t.Errorf("asked about %v, drawn %v", asked, drawn)
	}
}

// serve returns the URL of a server that is there and no more.
func serve(t *testing.T) string {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server.URL
}

// Who is unknown to Autodiscover may have moved, too; who cannot be searched has not.
func TestUnknownToAutodiscover(t *testing.T) {
	for code, moved := range map[availability.Code]bool{availability.UnknownMailbox: true, availability.NotDiscovered: false} {
		closed := availability.Because(availability.Withheld, "nothing of it is given out")
		d := &doctor.Doctor{Organizations: map[string]*doctor.Organization{
			"here": {Name: "here", Then: "there", Members: []doctor.Member{{
				Discover: func(context.Context, availability.Query, availability.Mailbox) (string, []doctor.Step, error) {
					return "", nil, availability.Because(code, "no EWS")
				},
			}}},
			"there": {Name: "there", Closed: closed},
		}}
		var hops []doctor.Hop
		for hop := range d.Diagnose(t.Context(), query(time.Now()), "here") {
			hops = append(hops, hop)
		}
		if hops[0].Name != doctor.Autodiscover || hops[0].Moved != moved || (len(hops) == 2) != moved || moved && hops[1].Reason != closed {
			t.Errorf("%s: %+v", code, hops)
		}
	}
}
