package autodiscover_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/availability/autodiscover"
	adt "fbgate/availability/exchangetest/autodiscovertest"
)

// redirecting returns a service whose mailbox mary is elsewhere.
func redirecting(d adt.Dialect, m adt.Mailbox) *adt.Service {
	s := adt.New(d)
	s.SetMailbox(mary, m)
	return s
}

// knowing returns a service that knows one mailbox.
func knowing(address string) *adt.Service {
	s := adt.New(adt.Exchange2013)
	s.SetMailbox(address, adt.Mailbox{ExternalEWS: ews})
	return s
}

func TestRedirectsFollowed(t *testing.T) {
	type services = map[string]http.Handler
	const elsewhere = "https://mail.fabrikam.com/autodiscover/autodiscover.svc"
	tests := map[string]services{
		"RedirectUrl":         {"https://fabrikam.com": redirecting(adt.Exchange2010, adt.Mailbox{RedirectURL: elsewhere}), "https://mail.fabrikam.com": exchange(adt.Exchange2013)},
		"redirectUrl of POX":  {"https://fabrikam.com": redirecting(adt.Exchange2007, adt.Mailbox{RedirectURL: "https://mail.fabrikam.com/autodiscover/autodiscover.xml"}), "https://mail.fabrikam.com": exchange(adt.Exchange2007)},
		"RedirectAddress":     {"https://fabrikam.com": redirecting(adt.Exchange2010, adt.Mailbox{RedirectAddress: "mary@eu.fabrikam.com"}), "https://autodiscover.eu.fabrikam.com": knowing("mary@eu.fabrikam.com")},
		"redirectAddr of POX": {"https://fabrikam.com": redirecting(adt.Exchange2007, adt.Mailbox{RedirectAddress: "Mary@Listed.example"}), "https://autodiscover.listed.example": knowing("mary@listed.example")},
		"alias": {"https://fabrikam.com": func() http.Handler {
			s := exchange(adt.Exchange2013)
			s.SetMailbox(mary, adt.Mailbox{RedirectAddress: "m@fabrikam.com"})
			s.SetMailbox("m@fabrikam.com", adt.Mailbox{ExternalEWS: ews})
			return s
		}()},
		"listed host": {"https://fabrikam.com": redirecting(adt.Exchange2010, adt.Mailbox{RedirectURL: "https://autodiscover.listed.example/autodiscover/autodiscover.svc"}), "https://autodiscover.listed.example": exchange(adt.Exchange2013)},
		"relative": {"https://fabrikam.com": func() http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/autodiscover/", http.RedirectHandler("/ex/autodiscover/Autodiscover.xml", http.StatusFound))
			mux.Handle("/ex/", http.StripPrefix("/ex", exchange(adt.Exchange2007)))
			return mux
		}()},
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		tests[fmt.Sprintf("HTTP %d", status)] = services{"https://fabrikam.com": http.RedirectHandler(elsewhere, status), "https://mail.fabrikam.com": exchange(adt.Exchange2013)}
	}
	for name, services := range tests {
		t.Run(name, func(t *testing.T) {
			n := newInternet()
			n.services = services
			found, steps, err := autodiscover.New(n.config(n.transport(t), "autodiscover.listed.example")).Search(t.Context(), availability.Query{}, mary)
			if err != nil || found.EWS != ews {
				t.Errorf("found %+v, %v; %q", found, err, steps)
			}
		})
	}
}

// Wherever a server points: without leave no other host sees the account, and the
// operator is told which one it was.
func TestRedirectsNotFollowed(t *testing.T) {
	const svc = "/autodiscover/autodiscover.svc"
	by := func(m adt.Mailbox) http.Handler { return redirecting(adt.Exchange2013, m) }
	tests := []struct {
		name     string
		services map[string]http.Handler
		says     string
	}{
		{"HTTP, another host", map[string]http.Handler{"https://fabrikam.com": http.RedirectHandler("https://evil.example"+svc, http.StatusFound)},
			`HTTP 302 to "https://evil.example/autodiscover/autodiscover.svc", not followed: host "evil.example" is neither fabrikam.com nor below it: if it may see the organization's account, list it in trusted_hosts`},
		{"HTTP, a host whose name only ends so", map[string]http.Handler{"https://fabrikam.com": http.RedirectHandler("https://evilfabrikam.com"+svc, http.StatusTemporaryRedirect)}, `host "evilfabrikam.com"`},
		{"HTTP, a host named by two slashes", map[string]http.Handler{"https://fabrikam.com": http.RedirectHandler("//evil.example"+svc, http.StatusTemporaryRedirect)}, `host "evil.example"`},
		{"HTTP, a path that looks like a host", map[string]http.Handler{"https://fabrikam.com": http.RedirectHandler("https://fabrikam.com//evil.example"+svc, http.StatusTemporaryRedirect)}, "https://fabrikam.com//evil.example/autodiscover/autodiscover.svc GetUserSettings: HTTP 307"},
		{"HTTP, not https", map[string]http.Handler{"https://fabrikam.com": http.RedirectHandler("http://mail.fabrikam.com"+svc, http.StatusFound)}, "not followed: it is not https"},
		{"HTTP, user name", map[string]http.Handler{"https://fabrikam.com": http.RedirectHandler("https://joe@mail.fabrikam.com"+svc, http.StatusFound)}, "user name"},
		{"HTTP, no URL", map[string]http.Handler{"https://fabrikam.com": location("https://%zz/")}, "failed to parse Location header"}, // by net/http
		{"RedirectUrl, no URL", map[string]http.Handler{"https://fabrikam.com": by(adt.Mailbox{RedirectURL: "https://%zz/"})}, "which is no URL"},
		{"HTTP, none", map[string]http.Handler{"https://fabrikam.com": location("")}, "asked before"},
		{"HTTP, too long", map[string]http.Handler{"https://fabrikam.com": location("https://fabrikam.com/" + strings.Repeat("a", 2000) + svc)}, "longer than"},
		{"HTTP, a web page", map[string]http.Handler{"https://fabrikam.com": http.RedirectHandler("https://www.fabrikam.com/", http.StatusMovedPermanently)}, `"https://www.fabrikam.com/", which is no Autodiscover service;`},
		{"HTTP, a log-in page", map[string]http.Handler{"https://fabrikam.com": http.RedirectHandler("/owa/auth/logon.aspx?replaceCurrent=1", http.StatusFound)}, "(pre-authentication)"},
		{"HTTP, a loop", map[string]http.Handler{"https://fabrikam.com": http.RedirectHandler("https://FABRIKAM.com/Autodiscover/../autodiscover/autodiscover.xml", http.StatusFound)}, "asked before: a loop"},
		{"RedirectUrl, to a long path", map[string]http.Handler{"https://fabrikam.com": by(adt.Mailbox{RedirectURL: "https://fabrikam.com/" + strings.Repeat("a", 900) + svc})}, strings.Repeat("a", 179) + "… GetUserSettings: HTTP 404"},
		{"RedirectUrl, another host", map[string]http.Handler{"https://fabrikam.com": by(adt.Mailbox{RedirectURL: "https://evil.example" + svc})}, `RedirectUrl to "https://evil.example/autodiscover/autodiscover.svc", not followed: host "evil.example"`},
		{"RedirectUrl, a loop", map[string]http.Handler{"https://fabrikam.com": by(adt.Mailbox{RedirectURL: "https://mail.fabrikam.com" + svc}), "https://mail.fabrikam.com": by(adt.Mailbox{RedirectURL: "https://fabrikam.com" + svc})}, "asked before: a loop"},
		{"RedirectAddress, another domain", map[string]http.Handler{"https://fabrikam.com": by(adt.Mailbox{RedirectAddress: "mary@evil.example"})}, `https://autodiscover.evil.example/autodiscover/autodiscover.svc GetUserSettings: not asked: host "autodiscover.evil.example"`},
		{"RedirectAddress, no domain", map[string]http.Handler{"https://fabrikam.com": by(adt.Mailbox{RedirectAddress: "mary@evil.example/.fabrikam.com"})}, "no domain to search"},
		{"RedirectAddress, a loop", map[string]http.Handler{"https://fabrikam.com": func() http.Handler {
			s := redirecting(adt.Exchange2013, adt.Mailbox{RedirectAddress: "m@fabrikam.com"})
			s.SetMailbox("m@fabrikam.com", adt.Mailbox{RedirectAddress: mary})
			return s
		}()}, "asked about before: a loop"},
		{"without TLS, another host", map[string]http.Handler{"http://autodiscover.fabrikam.com": http.RedirectHandler("https://evil.example"+svc, http.StatusFound)}, `HTTP redirect: HTTP 302 to "https://evil.example/autodiscover/autodiscover.svc", not followed: host`},
		{"without TLS, to itself", map[string]http.Handler{"http://autodiscover.fabrikam.com": http.RedirectHandler("/autodiscover/autodiscover.xml", http.StatusFound)}, "it is not https"},
		{"without TLS, no redirect", map[string]http.Handler{"http://autodiscover.fabrikam.com": knowing(mary)}, "HTTP redirect: HTTP 200, no redirect"},
		{"DNS, what is no host", nil, "_autodiscover._tcp.fabrikam.com DNS SRV: evil.example; https://evil.example/"},
		{"DNS, another host", nil, `https://evil.example/autodiscover/autodiscover.svc GetUserSettings: not asked: host "evil.example"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := newInternet()
			if test.services != nil {
				n.services = test.services
			}
			for _, host := range []string{"evil.example", "autodiscover.evil.example", "evilfabrikam.com"} {
				n.services["https://"+host], n.services["http://"+host] = knowing(mary), knowing(mary)
			}
			n.records["fabrikam.com"] = []*net.SRV{{Target: "evil.example.", Port: 443}, {Target: "evil.example/.fabrikam.com", Port: 443}}
			_, _, err := autodiscover.New(n.config(n)).Search(t.Context(), availability.Query{}, mary)
			checkReason(t, err, availability.NotDiscovered, test.says)
			asked, shown := n.visited()
			if i := slices.IndexFunc(asked, func(place string) bool { return strings.Contains(place, "evil") }); i >= 0 {
				t.Errorf("%s was asked", asked[i])
			}
			if i := slices.IndexFunc(shown, func(place string) bool { return !strings.HasPrefix(place, "https://") }); i >= 0 {
				t.Errorf("%s saw the account", shown[i])
			}
		})
	}
}

// location redirects to what http.RedirectHandler would not.
func location(to string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Location"] = []string{to}
		w.WriteHeader(http.StatusFound)
	})
}

// However servers send the search about, it comes to an end.
func TestRedirectsWithoutEnd(t *testing.T) {
	count := 0
	further := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count++
		http.Redirect(w, r, fmt.Sprintf("https://fabrikam.com/%d/autodiscover.svc", count), http.StatusFound)
	})
	n := newInternet()
	n.services["https://fabrikam.com"], n.services["https://autodiscover.fabrikam.com"] = further, further
	_, steps, err := autodiscover.New(n.config(n)).Search(t.Context(), availability.Query{}, mary)
	checkReason(t, err, availability.NotDiscovered, "not followed after 10 others")
	if count != 11 || len(steps) != 11 {
		t.Errorf("%d requests, %d steps", count, len(steps))
	}
}

// A mailbox that is somewhere else every time does not keep a search going either,
// though each address is worth several steps.
func TestAddressesWithoutEnd(t *testing.T) {
	n := newInternet()
	s := adt.New(adt.Exchange2013)
	n.services["https://autodiscover.fabrikam.com"] = s
	for i := range 20 {
		from := fmt.Sprintf("mary@%d.fabrikam.com", i)
		if i == 0 {
			from = mary
		}
		s.SetMailbox(from, adt.Mailbox{RedirectAddress: fmt.Sprintf("mary@%d.fabrikam.com", i+1)})
		n.services[fmt.Sprintf("https://autodiscover.%d.fabrikam.com", i)] = s
	}
	_, steps, err := autodiscover.New(n.config(n)).Search(t.Context(), availability.Query{}, mary)
	checkReason(t, err, availability.NotDiscovered, `"mary@11.fabrikam.com", not followed after 10 others`)
	if len(s.Requests()) != 11 || len(steps) != 22 {
		t.Errorf("%d requests, %d steps", len(s.Requests()), len(steps))
	}
}

func TestEWSURL(t *testing.T) {
	loopback := func(u *url.URL) bool { return u.Hostname() == "127.0.0.1" }
	tests := []struct {
		name    string
		mailbox adt.Mailbox
		want    string // or what the reason says
	}{
		{"as it is", adt.Mailbox{ExternalEWS: "https://Mail.Fabrikam.com:8443/EWS/Exchange.asmx?x=y"}, "https://Mail.Fabrikam.com:8443/EWS/Exchange.asmx?x=y"},
		{"of the domain itself", adt.Mailbox{ExternalEWS: "https://fabrikam.com/ews/"}, "https://fabrikam.com/ews/"},
		{"listed", adt.Mailbox{ExternalEWS: "https://listed.example/EWS/Exchange.asmx"}, "https://listed.example/EWS/Exchange.asmx"},
		{"inside only", adt.Mailbox{InternalEWS: "https://cas.fabrikam.com/EWS/Exchange.asmx"}, "https://cas.fabrikam.com/EWS/Exchange.asmx"},
		{"inside does not stand in for outside", adt.Mailbox{ExternalEWS: "https://evil.example/EWS", InternalEWS: ews}, `said to be at "https://evil.example/EWS", which is not used: host "evil.example" is neither`},
		{"not https", adt.Mailbox{ExternalEWS: "http://mail.fabrikam.com/EWS/Exchange.asmx"}, "it is not https"},
		{"http in a lab", adt.Mailbox{ExternalEWS: "http://127.0.0.1:8080/EWS/Exchange.asmx"}, "http://127.0.0.1:8080/EWS/Exchange.asmx"},
		{"http in a lab, not listed", adt.Mailbox{ExternalEWS: "ftp://127.0.0.1/"}, "it is not https"},
		{"a path", adt.Mailbox{ExternalEWS: "/EWS/Exchange.asmx"}, "no host"},
		{"a word", adt.Mailbox{ExternalEWS: "mail.fabrikam.com"}, "no host"},
		{"no URL", adt.Mailbox{ExternalEWS: "https://mail.fabrikam.com:port/"}, "invalid port"},
		{"none", adt.Mailbox{}, "ExternalEwsUrl: SettingIsNotAvailable"},
	}
	for _, test := range tests {
		n := newInternet()
		n.services["https://fabrikam.com"] = redirecting(adt.Exchange2013, test.mailbox)
		c := n.config(n, "listed.example", "127.0.0.1")
		c.AllowHTTP = loopback
		found, _, err := autodiscover.New(c).Search(t.Context(), availability.Query{}, mary)
		if err == nil && found.EWS != test.want {
			t.Errorf("%s: %q", test.name, found.EWS)
		} else if err != nil {
			checkReason(t, err, availability.NotDiscovered, test.want)
		}
	}
}

func TestNamesThatAreNoHosts(t *testing.T) {
	n := newInternet()
	for _, m := range []availability.Mailbox{
		"", "mary", "/o=fabrikam/cn=mary", "mary@fabrikam.com/", "mary@fabrikam.com:444", "mary@joe@[127.0.0.1]", "mary@.fabrikam.com",
		"mary@fabrikam..com", "mary@fabrikam.com?", "mary@fabrikam.com#", "mary@fabrikam%2ecom", "mary@söhne.example", `mary@a\b`,
	} {
		l := autodiscover.New(n.config(n))
		_, steps, err := l.Search(t.Context(), availability.Query{}, m)
		checkReason(t, err, availability.InvalidAddress, "no domain")
		_, err = l.URL(t.Context(), availability.Query{}, m)
		checkReason(t, err, availability.InvalidAddress, "no domain")
		if len(steps) > 0 {
			t.Errorf("%q: %v", m, steps)
		}
	}
}
