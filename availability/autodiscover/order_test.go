package autodiscover_test

import (
	"net"
	"net/http"
	"slices"
	"testing"

	"fbgate/availability"
	"fbgate/availability/autodiscover"
	adt "fbgate/availability/exchangetest/autodiscovertest"
)

const (
	mary = "mary@fabrikam.com"
	ews  = "https://mail.fabrikam.com/EWS/Exchange.asmx"
)

// exchange returns a service that knows mary and demands the account of basic.
func exchange(d adt.Dialect) *adt.Service {
	s := adt.New(d)
	s.Username, s.Password = "fbgate", "s3same"
	s.SetMailbox(mary, adt.Mailbox{ExternalEWS: ews, InternalEWS: "https://cas.corp.example/EWS/Exchange.asmx"})
	return s
}

// Every place an organization may have its Autodiscover at is found, after all that
// come before it in the order and none after.
func TestOrder(t *testing.T) {
	var (
		user     = "fabrikam.com/autodiscover/autodiscover.svc GetUserSettings"
		domain   = "fabrikam.com/autodiscover/autodiscover.svc GetDomainSettings"
		pox      = "fabrikam.com/autodiscover/autodiscover.xml POX"
		redirect = "http://autodiscover.fabrikam.com/autodiscover/autodiscover.xml HTTP redirect"
		srv      = "_autodiscover._tcp.fabrikam.com DNS SRV"
		on       = func(host string, steps ...string) (all []string) {
			for _, s := range steps {
				all = append(all, host+s)
			}
			return all
		}
		web      = http.NotFoundHandler() // the organization's web site
		nobody   = adt.New(adt.Exchange2010)
		onDomain = adt.New(adt.Exchange2010)
	)
	onDomain.SetDomain("fabrikam.com", adt.Domain{ExternalEWS: ews})
	https := exchange(adt.Exchange2013)
	https.HTTPSNamespace = true
	tests := []struct {
		name     string
		services map[string]http.Handler
		records  []*net.SRV
		epr      string
		trusted  []string
		steps    []string
	}{
		{"domain, SOAP", map[string]http.Handler{"https://fabrikam.com": exchange(adt.Exchange2013)}, nil, "", nil, []string{user}},
		{"domain, namespaces with https", map[string]http.Handler{"https://fabrikam.com": https}, nil, "", nil, []string{user}},
		{"domain, mailbox unknown", map[string]http.Handler{"https://fabrikam.com": onDomain}, nil, "", nil, []string{user, domain}},
		{"domain, Exchange 2007", map[string]http.Handler{"https://fabrikam.com": exchange(adt.Exchange2007)}, nil, "", nil, []string{user, pox}},
		{"host, domain has no server", map[string]http.Handler{"https://autodiscover.fabrikam.com": exchange(adt.Exchange2013)}, nil, "", nil,
			[]string{user, "autodiscover." + user}},
		{"host, domain has a web site", map[string]http.Handler{"https://fabrikam.com": web, "https://autodiscover.fabrikam.com": exchange(adt.Exchange2013)}, nil, "", nil,
			[]string{user, pox, "autodiscover." + user}},
		{"host, Exchange 2007", map[string]http.Handler{"https://autodiscover.fabrikam.com": exchange(adt.Exchange2007)}, nil, "", nil,
			[]string{user, "autodiscover." + user, "autodiscover." + pox}},
		{"host, mailbox unknown to both", map[string]http.Handler{"https://fabrikam.com": nobody, "https://autodiscover.fabrikam.com": onDomain}, nil, "", nil,
			[]string{user, domain, "autodiscover." + user, "autodiscover." + domain}},
		{"redirect without TLS", map[string]http.Handler{
			"https://fabrikam.com": web, "https://autodiscover.fabrikam.com": web,
			"http://autodiscover.fabrikam.com": http.RedirectHandler("https://mail.fabrikam.com/autodiscover/autodiscover.xml", http.StatusFound),
			"https://mail.fabrikam.com":        exchange(adt.Exchange2013),
		}, nil, "", nil, slices.Concat([]string{user, pox}, on("autodiscover.", user, pox), []string{redirect, "mail." + user})},
		{"redirect to Exchange 2007", map[string]http.Handler{
			"http://autodiscover.fabrikam.com": http.RedirectHandler("https://mail.fabrikam.com/Autodiscover/Autodiscover.xml", http.StatusFound),
			"https://mail.fabrikam.com":        exchange(adt.Exchange2007),
		}, nil, "", nil, []string{user, "autodiscover." + user, redirect, "mail.fabrikam.com/Autodiscover/autodiscover.svc GetUserSettings", "mail.fabrikam.com/Autodiscover/autodiscover.xml POX"}},
		{"DNS", map[string]http.Handler{"https://mail.fabrikam.com": exchange(adt.Exchange2010)},
			[]*net.SRV{{Target: "other.fabrikam.com.", Port: 8443}, {Target: "Mail.fabrikam.com.", Port: 443}}, "", nil,
			[]string{user, "autodiscover." + user, redirect, srv, "mail." + user}},
		{"DNS, a listed host", map[string]http.Handler{"https://ex.hoster.example": exchange(adt.Exchange2010)},
			[]*net.SRV{{Target: "ex.hoster.example.", Port: 443}}, "", []string{"ex.hoster.example"},
			[]string{user, "autodiscover." + user, redirect, srv, "ex.hoster.example/autodiscover/autodiscover.svc GetUserSettings"}},

		{"pinned SOAP", map[string]http.Handler{"https://fabrikam.com": exchange(adt.Exchange2013), "https://ex.partner.example": exchange(adt.Exchange2013)}, nil,
			"https://ex.partner.example/autodiscover/autodiscover.svc", nil, []string{"ex.partner.example/autodiscover/autodiscover.svc GetUserSettings"}},
		{"pinned as Exchange has it", map[string]http.Handler{"https://ex.partner.example": exchange(adt.Exchange2013)}, nil,
			"https://ex.partner.example/autodiscover/autodiscover.svc/WSSecurity", nil, []string{"ex.partner.example/autodiscover/autodiscover.svc GetUserSettings"}},
		{"pinned SOAP that is not there", map[string]http.Handler{"https://ex.partner.example": exchange(adt.Exchange2007)}, nil,
			"https://ex.partner.example/autodiscover/autodiscover.svc", nil,
			[]string{"ex.partner.example/autodiscover/autodiscover.svc GetUserSettings", "ex.partner.example/autodiscover/autodiscover.xml POX"}},
		{"pinned POX", map[string]http.Handler{"https://ex.partner.example": exchange(adt.Exchange2013)}, nil,
			"https://ex.partner.example/autodiscover/autodiscover.xml", nil, []string{"ex.partner.example/autodiscover/autodiscover.xml POX"}},
		{"pinned POX that knows less than its twin", map[string]http.Handler{"https://ex.partner.example": onDomain}, nil,
			"https://ex.partner.example/autodiscover/autodiscover.xml", nil,
			[]string{"ex.partner.example/autodiscover/autodiscover.xml POX", "ex.partner.example/autodiscover/autodiscover.svc GetUserSettings", "ex.partner.example/autodiscover/autodiscover.svc GetDomainSettings"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := newInternet()
			n.services, n.records["fabrikam.com"] = test.services, test.records
			c := n.config(n.transport(t), test.trusted...)
			c.EPR = test.epr
			found, steps, err := autodiscover.New(c).Search(t.Context(), availability.Query{}, mary)
			if err != nil || found.EWS != ews {
				t.Errorf("found %+v, %v", found, err)
			}
			if got := did(steps); !slices.Equal(got, test.steps) {
				t.Errorf("\n got %q\nwant %q", got, test.steps)
			}
			if _, shown := n.visited(); slices.Contains(shown, "http://autodiscover.fabrikam.com") {
				t.Error("the account was shown without TLS")
			}
		})
	}
}

func TestNothingAnywhere(t *testing.T) {
	for _, test := range []struct {
		name, epr string
		steps     int
	}{
		{"usual places", "", 4},
		{"pinned", "https://fabrikam.com/autodiscover/autodiscover.xml", 2},
		{"pinned to EWS", ews, 1},
		{"pinned to nothing", ":", 1},
	} {
		n := newInternet()
		n.services["https://fabrikam.com"] = http.NotFoundHandler()
		c := n.config(n)
		if c.EPR = test.epr; c.EPR == "" {
			delete(n.services, "https://fabrikam.com")
		}
		_, steps, err := autodiscover.New(c).Search(t.Context(), availability.Query{}, mary)
		reason := availability.ReasonFor(err)
		if reason.Code != availability.NotDiscovered || reason.Scope != availability.OfServer || len(steps) != test.steps {
			t.Errorf("%s: %v, %d steps", test.name, err, len(steps))
		}
	}
}

// The organization's account is not shown to whoever a stranger's certificate is of.
func TestStrangersCertificate(t *testing.T) {
	n := newInternet()
	n.services["https://fabrikam.com"] = exchange(adt.Exchange2013)
	n.stranger = "fabrikam.com"
	_, _, err := autodiscover.New(n.config(n.transport(t))).Search(t.Context(), availability.Query{}, mary)
	checkReason(t, err, availability.NotDiscovered, "https://fabrikam.com/autodiscover/autodiscover.svc GetUserSettings: tls: failed to verify certificate")
	if asked, _ := n.visited(); len(asked) != 0 {
		t.Errorf("asked %q", asked)
	}
}

func TestHeaders(t *testing.T) {
	n := newInternet()
	s := exchange(adt.Exchange2013)
	n.services["https://fabrikam.com"] = s
	c := n.config(n)
	c.UserAgent = "fbgate/1.0"
	q := availability.Query{RequestID: "4711", Via: "a1"}
	found, _, err := autodiscover.New(c).Search(t.Context(), q, mary)
	want := autodiscover.Found{EWS: ews, From: "https://fabrikam.com/autodiscover/autodiscover.svc", ServerVersion: "15.0.1497.2", Schemas: found.Schemas}
	if err != nil || found != want || found.Schemas == "" {
		t.Errorf("%+v, %v", found, err)
	}
	header := s.Requests()[0].Header
	for name, want := range map[string]string{"User-Agent": "fbgate/1.0", "client-request-id": "4711"} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
