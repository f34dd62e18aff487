package publicfolder_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/availability/exchangetest/publicfoldertest"
	"fbgate/availability/publicfolder"
	"fbgate/availability/upstream"
)

func everywhere(*url.URL) bool { return true }

// chain starts as many servers, each of which refers to the next.
func chain(t *testing.T, n int) (servers []*publicfoldertest.Server, urls []string) {
	t.Helper()
	for i := range n {
		server := publicfoldertest.New()
		server.SetCalendar("mary@contoso.com", span(9*hour, 10*hour, availability.Busy))
		url, stop, err := server.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		servers, urls = append(servers, server), append(urls, url)
		if i > 0 {
			servers[i-1].Refer(url)
		}
	}
	return servers, urls
}

func TestReferralIsFollowed(t *testing.T) {
	servers, urls := chain(t, 4) // three referrals
	var asked []string
	s := publicfolder.New(publicfolder.Config{Log: quiet, URL: urls[0], Referrals: func(u *url.URL) bool { asked = append(asked, u.String()); return true }})
	a := lookup(s, window(9*hour, 10*hour), "mary@contoso.com")[0]
	if a.Reason != nil || a.Source != urls[3] || len(a.Schedule.Spans) != 1 {
		t.Errorf("%+v", a)
	}
	if strings.Join(asked, " ") != strings.Join(urls[1:], " ") {
		t.Errorf("trust was asked of %v, want %v", asked, urls[1:])
	}
	if first, last := servers[0].Requests()[0].Query, servers[3].Requests()[0].Query; first != last {
		t.Errorf("asked %s, then %s", first, last)
	}
}

func TestReferralThatIsNotFollowed(t *testing.T) {
	tests := []struct {
		name      string
		servers   int
		referrals func(*url.URL) bool
		change    func([]*publicfoldertest.Server, []string)
		calls     int // of the first server
		want      string
	}{
		{"no host may", 2, nil, nil, 1, "holds the organization's free/busy, too, list it in trusted_hosts"},
		{"another host may", 2, func(u *url.URL) bool { return u.Hostname() == "mail2.contoso.com" }, nil, 1, "list it in trusted_hosts"},
		{"too many", 5, everywhere, nil, 1, "after other referrals"},
		{"in a circle", 2, everywhere, func(s []*publicfoldertest.Server, urls []string) { s[1].Refer(urls[0]) }, 1, "asked already"},
		{"to itself", 1, nil, func(s []*publicfoldertest.Server, urls []string) { s[0].Refer(urls[0]) }, 1, "asked already"},
		{"to another question", 1, everywhere, func(s []*publicfoldertest.Server, _ []string) {
			s[0].FailCalls(1, publicfoldertest.Fault{Location: "/public/?Cmd=contents"})
		}, 1, "not free/busy"},
	}
	for _, test := range tests {
		servers, urls := chain(t, test.servers)
		if test.change != nil {
			test.change(servers, urls)
		}
		s := publicfolder.New(publicfolder.Config{Log: quiet, URL: urls[0], Referrals: test.referrals})
		a := lookup(s, window(9*hour, 10*hour), "mary@contoso.com")[0]
		if a.Reason == nil || a.Reason.Code != availability.WrongEndpoint || !strings.Contains(a.Reason.Detail, test.want) || a.Reason.Scope != availability.OfServer {
			t.Errorf("%s: %+v, want %q", test.name, a.Reason, test.want)
		}
		if servers[0].Calls() != test.calls {
			t.Errorf("%s: %d calls of the first server", test.name, servers[0].Calls())
		}
		if test.servers > 1 && test.referrals == nil && servers[1].Calls() > 0 {
			t.Errorf("%s: the second server was asked", test.name)
		}
	}
}

// A referral to the same host needs no trust, be it relative or not, and what was
// asked stays the same whatever query comes with it.
func TestReferralToTheSameHost(t *testing.T) {
	for _, location := range []string{"/Public/", "//HOST/Public/", "/Public/?cmd=FreeBusy&start=2001-01-01T00:00:00Z&u=joe@contoso.com#top"} {
		servers, urls := chain(t, 1)
		root, err := url.Parse(urls[0])
		if err != nil {
			t.Fatal(err)
		}
		servers[0].FailCalls(1, publicfoldertest.Fault{Location: strings.Replace(location, "HOST", root.Host, 1), Status: 307})
		a := lookup(publicfolder.New(publicfolder.Config{Log: quiet, URL: urls[0]}), window(9*hour, 10*hour), "mary@contoso.com")[0]
		if a.Reason != nil || len(a.Schedule.Spans) != 1 || servers[0].Calls() != 2 || !strings.HasSuffix(a.Source, "/Public/") {
			t.Errorf("%s: %+v, %d calls", location, a, servers[0].Calls())
		}
	}
}

func TestReferralKeepsToHTTPS(t *testing.T) {
	servers, urls := chain(t, 2)
	secure := httptest.NewTLSServer(servers[0])
	defer secure.Close()
	s := publicfolder.New(publicfolder.Config{
		Log: quiet, URL: secure.URL + "/public/", Referrals: everywhere, Client: &upstream.Client{Transport: secure.Client().Transport},
	})
	if a := lookup(s, window(9*hour, 10*hour), "mary@contoso.com")[0]; a.Reason == nil || a.Reason.Code != availability.WrongEndpoint || !strings.Contains(a.Reason.Detail, "not https any more") {
		t.Errorf("%+v", a.Reason)
	}
	if servers[1].Calls() > 0 {
		t.Error("it was asked in the clear")
	}
	// The other way round it may go.
	servers[0].Refer("")
	servers[0].RequireSSL = true
	servers[1].Refer(secure.URL + "/public/")
	s = publicfolder.New(publicfolder.Config{Log: quiet, URL: urls[1], Referrals: everywhere, Client: &upstream.Client{Transport: secure.Client().Transport}})
	if a := lookup(s, window(9*hour, 10*hour), "mary@contoso.com")[0]; a.Reason != nil {
		t.Error(a.Reason)
	}
}
