package autodiscover_test

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/autodiscover"
	"fbgate/availability/credential"
	adt "fbgate/availability/exchangetest/autodiscovertest"
)

// Whatever goes wrong at the one host there is, the reason and the step say what.
func TestFaults(t *testing.T) {
	const (
		svc = "https://autodiscover.fabrikam.com/autodiscover/autodiscover.svc GetUserSettings: "
		pox = "https://autodiscover.fabrikam.com/autodiscover/autodiscover.xml POX: "
	)
	tests := map[string]struct {
		code  availability.Code
		says  string
		calls int // of the host
	}{
		"perimeter-401":        {availability.NotDiscovered, svc + "HTTP 401; the server takes Negotiate, NTLM, Basic; nothing in it is of Exchange: a proxy in front seems to want a log-in of its own (pre-authentication); publish /autodiscover without it", 1},
		"perimeter-440":        {availability.NotDiscovered, svc + "HTTP 440; nothing in it is of Exchange", 1},
		"perimeter-login-page": {availability.NotDiscovered, svc + "a log-in page: a proxy in front", 1},
		"perimeter-redirect":   {availability.NotDiscovered, svc + `HTTP 302 to "/adfs/ls/?wa=wsignin1.0", which is no Autodiscover service: a proxy in front`, 1},
		"web-page":             {availability.NotDiscovered, svc + "a web page, not Autodiscover", 1},
		"busy":                 {availability.NotDiscovered, svc + "HTTP 503", 1},
		"hang":                 {availability.NotDiscovered, svc + "no complete reply within 6s", 1},
		"truncated":            {availability.NotDiscovered, svc + "not an Autodiscover reply", 1},
		"oversized":            {availability.NotDiscovered, svc + "the reply of https://autodiscover.fabrikam.com/autodiscover/autodiscover.svc is longer than 1048576 bytes", 1},
		"soap-fault":           {availability.NotDiscovered, svc + "SOAP fault a:ActionNotSupported", 2},
		"response-busy":        {availability.NotDiscovered, svc + "ServerBusy", 1},
		"response-failed":      {availability.NotDiscovered, svc + "InternalServerError", 1},
		"invalid-user":         {availability.UnknownMailbox, svc + "InvalidUser", 2},
		"invalid-domain":       {availability.NotDiscovered, svc + "InvalidDomain", 2},
		"setting-missing":      {availability.NotDiscovered, svc + "ExternalEwsUrl: SettingIsNotAvailable", 2},
		"status-403":           {availability.NotDiscovered, svc + "HTTP 403", 1},
		"status-404":           {availability.NotDiscovered, pox + "HTTP 404", 2},
		"status-405":           {availability.NotDiscovered, pox + "HTTP 405", 2},
		"status-500":           {availability.NotDiscovered, svc + "HTTP 500", 1},
		"status-502":           {availability.NotDiscovered, svc + "HTTP 502", 1},
	}
	for _, fault := range adt.Faults() {
		t.Run(fault.Name, func(t *testing.T) {
			test, ok := tests[fault.Name]
			if !ok {
				t.Fatal("what is to come of it is not said")
			}
			synctest.Test(t, func(t *testing.T) {
				n, s := newInternet(), exchange(adt.Exchange2013)
				s.Fail(-1, fault)
				n.services["https://autodiscover.fabrikam.com"] = s
				_, _, err := autodiscover.New(n.config(n)).Search(t.Context(), availability.Query{}, mary)
				checkReason(t, err, test.code, test.says)
				if calls := len(s.Requests()); calls != test.calls {
					t.Errorf("%d calls, want %d", calls, test.calls)
				}
				reason := availability.ReasonFor(err)
				if mailbox := reason.Scope == availability.OfMailbox; mailbox != (test.code == availability.UnknownMailbox) {
					t.Errorf("scope %d", reason.Scope)
				}
				if want := map[bool]time.Duration{true: 2 * time.Minute}[fault.Name == "busy"]; reason.RetryAfter != want {
					t.Errorf("retry after %v, want %v", reason.RetryAfter, want)
				}
			})
		})
	}
}

func TestPOXFaults(t *testing.T) {
	for code, want := range map[string]availability.Code{"InvalidUser": availability.UnknownMailbox, "InternalServerError": availability.NotDiscovered} {
		n, s := newInternet(), exchange(adt.Exchange2007)
		s.Fail(-1, adt.Fault{Code: code})
		n.services["https://fabrikam.com"] = s
		_, _, err := autodiscover.New(n.config(n)).Search(t.Context(), availability.Query{}, mary)
		checkReason(t, err, want, "https://fabrikam.com/autodiscover/autodiscover.xml POX: ErrorCode ")
	}
}

// A server that fails does not keep the next one from being asked.
func TestOneHostFailsAnotherAnswers(t *testing.T) {
	final := []string{"perimeter-401", "perimeter-440"}
	for _, fault := range adt.Faults() {
		synctest.Test(t, func(t *testing.T) {
			n, bad := newInternet(), exchange(adt.Exchange2013)
			bad.Fail(-1, fault)
			n.services["https://fabrikam.com"], n.services["https://autodiscover.fabrikam.com"] = bad, exchange(adt.Exchange2013)
			found, _, err := autodiscover.New(n.config(n)).Search(t.Context(), availability.Query{}, mary)
			if want := !slices.Contains(final, fault.Name); want != (err == nil && found.EWS == ews) {
				t.Errorf("%s: %+v, %v", fault.Name, found, err)
			}
		})
	}
}

// All hosts are silent: each has its share of the time, and the search ends when that
// is over.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := newInternet(), exchange(adt.Exchange2013)
		s.Fail(-1, adt.Fault{Hang: true})
		for _, host := range []string{"https://fabrikam.com", "https://autodiscover.fabrikam.com", "https://a.fabrikam.com", "https://b.fabrikam.com", "https://c.fabrikam.com"} {
			n.services[host] = s
		}
		n.services["http://autodiscover.fabrikam.com"] = http.RedirectHandler("https://a.fabrikam.com/autodiscover/autodiscover.svc", http.StatusFound)
		n.records["fabrikam.com"] = []*net.SRV{{Target: "b.fabrikam.com.", Port: 443}, {Target: "c.fabrikam.com.", Port: 443}}
		c := n.config(n)
		c.Timeout = 10 * time.Second
		start := time.Now()
		_, steps, err := autodiscover.New(c).Search(t.Context(), availability.Query{}, mary)
		checkReason(t, err, availability.NotDiscovered, "https://b.fabrikam.com/autodiscover/autodiscover.svc GetUserSettings: the whole search may take 10s, which is over")
		if took := time.Since(start); took != c.Timeout {
			t.Errorf("it took %v", took)
		}
		if len(steps) != 6 || steps[0].Outcome != "no complete reply within 3s" || steps[0].Took != 3*time.Second {
			t.Errorf("%q", steps)
		}
	})
}

// The first refusal of the account ends the search, and it is not shown again before a
// directory would mind.
func TestAccountRefused(t *testing.T) {
	for _, dialect := range []adt.Dialect{adt.Exchange2010, adt.Exchange2013} {
		synctest.Test(t, func(t *testing.T) {
			n, s := newInternet(), exchange(dialect)
			s.Password = "changed"
			n.services["https://fabrikam.com"], n.services["https://autodiscover.fabrikam.com"] = http.NotFoundHandler(), s
			account := credential.New(credential.Basic{Username: "fbgate", Password: func() (string, error) { return "s3same", nil }}, func(*url.URL) bool { return true })
			c := n.config(n)
			c.Transport = account.Transport(func(int) http.RoundTripper { return n })
			l := autodiscover.New(c)
			_, err := l.URL(t.Context(), availability.Query{}, mary)
			checkReason(t, err, availability.Unauthorized, "https://autodiscover.fabrikam.com/autodiscover/autodiscover.svc GetUserSettings: HTTP 401; the server takes Negotiate, NTLM, Basic")
			if asked, _ := n.visited(); len(asked) != 3 {
				t.Errorf("asked %q", asked)
			}
			for range 30 {
				time.Sleep(time.Minute)
				_, err = l.URL(t.Context(), availability.Query{}, mary)
				checkReason(t, err, availability.Unauthorized, "autodiscover.fabrikam.com")
				_, err = l.URL(t.Context(), availability.Query{}, "joe@eu.fabrikam.com")
				checkReason(t, err, availability.Unauthorized, "")
			}
			if refused := len(s.Requests()); refused < 2 || refused > 4 {
				t.Errorf("%d refusals in half an hour", refused)
			}
		})
	}
}

// An account that rests already is shown to nobody.
func TestAccountRests(t *testing.T) {
	n := newInternet()
	rests := availability.Because(availability.Unauthorized, "fbgate was refused by mail.fabrikam.com; it is not tried again before noon")
	rests.RetryAfter = time.Hour
	c := n.config(n)
	c.Transport = failing{rests}
	_, steps, err := autodiscover.New(c).Search(t.Context(), availability.Query{}, mary)
	checkReason(t, err, availability.Unauthorized, "not tried again before noon")
	if len(steps) != 1 || availability.ReasonFor(err).RetryAfter != time.Hour {
		t.Errorf("%q, %v", steps, availability.ReasonFor(err).RetryAfter)
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// A URL that was found is used on while the account is refused.
func TestAccountRefusedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := newInternet(), exchange(adt.Exchange2013)
		n.services["https://fabrikam.com"] = s
		l := autodiscover.New(n.config(n))
		for range 30 {
			found, err := l.URL(t.Context(), availability.Query{}, mary)
			if err != nil || found != ews {
				t.Fatal(found, err)
			}
			s.Password = "changed"
			l.Failed(ews)
			time.Sleep(time.Minute)
		}
		// An Account in front would send the fewest of them.
		if calls := len(s.Requests()); calls > 31 {
			t.Errorf("%d calls in half an hour", calls)
		}
	})
}

// An account that may not go to a host is a matter of the configuration.
func TestAccountOfOtherHosts(t *testing.T) {
	n := newInternet()
	n.services["https://fabrikam.com"] = exchange(adt.Exchange2013)
	account := credential.New(credential.Basic{Username: "fbgate", Password: func() (string, error) { return "s3same", nil }}, func(*url.URL) bool { return false })
	c := n.config(n)
	c.Transport = account.Transport(func(int) http.RoundTripper { return n })
	_, _, err := autodiscover.New(c).Search(t.Context(), availability.Query{}, mary)
	checkReason(t, err, availability.CredentialFailed, "fbgate is not an account of https://fabrikam.com")
}
