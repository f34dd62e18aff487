package directory_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/directory"
	"fbgate/availability/exchangetest/slapdtest"
)

// people are what most tests' servers hold.
const people = `dn: cn=joe,dc=contoso,dc=com
objectClass: user
mail: Joe@contoso.com
proxyAddresses: SMTP:Joe@contoso.com
proxyAddresses: smtp:J.Doe@contoso.com
proxyAddresses: X500:/o=Old Org/ou=Site/cn=Recipients/cn=JDoe
legacyExchangeDN: /o=Contoso/ou=External (FYDIBOHF25SPDLT)/cn=Recipients/cn=Joe
displayName: Joe Doe

dn: cn=ann,dc=contoso,dc=com
objectClass: contact
mail: ann@contoso.com
proxyAddresses: SMTP:ann@contoso.com
targetAddress: SMTP:Ann@fabrikam.com
legacyExchangeDN: /o=Contoso/cn=ann

dn: cn=printer,dc=contoso,dc=com
objectClass: user

dn: cn=all,dc=contoso,dc=com
objectClass: group
proxyAddresses: SMTP:all@contoso.com
member: cn=joe,dc=contoso,dc=com
member: cn=some,dc=contoso,dc=com
member: cn=printer,dc=contoso,dc=com

dn: cn=some,dc=contoso,dc=com
objectClass: group
proxyAddresses: SMTP:some@contoso.com
member: cn=ann,dc=contoso,dc=com
member: cn=all,dc=contoso,dc=com

dn: cn=broken,dc=contoso,dc=com
objectClass: group
mail: broken@contoso.com
member: cn=joe,dc=contoso,dc=com
member: cn=gone,dc=contoso,dc=com

dn: cn=empty,dc=contoso,dc=com
objectClass: group
mail: empty@contoso.com

dn: cn=odd,dc=contoso,dc=com
objectClass: user
mail: a*(b)\c@contoso.com
legacyExchangeDN: /o=contoso/cn=odd (*) \ "x"

dn: cn=twin1,dc=contoso,dc=com
objectClass: user
mail: twin@contoso.com

dn: cn=twin2,dc=contoso,dc=com
objectClass: user
proxyAddresses: SMTP:twin@contoso.com
proxyAddresses: smtp:both@contoso.com

dn: cn=twin3,dc=contoso,dc=com
objectClass: user
proxyAddresses: SMTP:third@contoso.com
proxyAddresses: smtp:both@contoso.com

`

var discard = slog.New(slog.NewTextHandler(io.Discard, nil))

func password(p string) func() (string, error) { return func() (string, error) { return p, nil } }

// connected returns a directory on s.
func connected(t testing.TB, s *slapdtest.Server, change func(*directory.LDAPConfig)) *directory.LDAP {
	t.Helper()
	c := directory.LDAPConfig{URL: s.URL, BaseDN: slapdtest.Suffix, BindDN: s.BindDN, Password: password(s.Password), Log: discard}
	if s.CA != nil {
		c.TLS = &tls.Config{RootCAs: s.CA}
	}
	if change != nil {
		change(&c)
	}
	d, err := directory.NewLDAP(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// reason returns why a search failed.
func reason(t testing.TB, d *directory.LDAP, ask ...availability.Mailbox) *availability.Reason {
	t.Helper()
	found, err := d.Find(context.Background(), ask)
	var reason *availability.Reason
	if !errors.As(err, &reason) || reason.Code != availability.DirectoryFailed {
		t.Fatalf("%v: %v, %v", ask, found, err)
	}
	if reason.Scope != availability.OfServer {
		t.Errorf("%v concerns but a mailbox", reason)
	}
	return reason
}

func TestLDAPFinds(t *testing.T) {
	d := connected(t, slapdtest.Start(t, people, slapdtest.Options{}), nil)
	joe := `joe@contoso.com primary joe@contoso.com legacy ` + external + `joe name "Joe Doe"`
	odd := `a*(b)\c@contoso.com primary a*(b)\c@contoso.com legacy /o=contoso/cn=odd (*) \ "x" name ""`
	for range 2 { // from the server, then remembered
		for ask, want := range map[availability.Mailbox]string{
			"joe@contoso.com":                          joe,
			"j.doe@contoso.com":                        joe,
			external + "joe":                           joe,
			"/o=old org/ou=site/cn=recipients/cn=jdoe": joe,
			"ann@contoso.com":                          `ann@fabrikam.com primary ann@contoso.com legacy /o=contoso/cn=ann name ""`,
			"/o=contoso/cn=ann":                        `ann@fabrikam.com primary ann@contoso.com legacy /o=contoso/cn=ann name ""`,
			"all@contoso.com":                          `all@contoso.com primary all@contoso.com legacy  name "" members [joe@contoso.com some@contoso.com]`,
			"broken@contoso.com":                       `broken@contoso.com primary broken@contoso.com legacy  name "" members [joe@contoso.com] missing ["cn=gone,dc=contoso,dc=com"]`,
			"empty@contoso.com":                        `empty@contoso.com primary empty@contoso.com legacy  name "" members []`,
			"twin@contoso.com":                         `twin@contoso.com primary twin@contoso.com legacy  name ""`,
			"both@contoso.com":                         "unknown", // of two
			"nobody@contoso.com":                       "unknown",
			"/o=contoso/cn=nobody":                     "unknown",
			"ann@fabrikam.com":                         "unknown",
			"not an address":                           "unknown",

			// What means something in a filter, or in a name.
			`a*(b)\c@contoso.com`:             odd,
			`/o=contoso/cn=odd (*) \ "x"`:     odd,
			"*@contoso.com":                   "unknown",
			"/o=contoso/*":                    "unknown",
			"x)(mail=*@contoso.com":           "unknown",
			"/*)(objectclass=*":               "unknown",
			`\2a@contoso.com`:                 "unknown",
			"joe@contoso.com\x00@contoso.com": "unknown",
			"/o=contoso/cn=\x00":              "unknown",
			"jö@contoso.com":                  "unknown",
			"/o=contoso/ou=größe/cn=\xff":     "unknown",
			availability.Mailbox("/o=" + strings.Repeat("x", 5000)): "unknown",
		} {
			if got := find(t, d, ask); got != want {
				t.Errorf("%q:\n%s\nwant\n%s", ask, got, want)
			}
		}
	}
}

func TestLDAPManyAtOnce(t *testing.T) {
	var ldif strings.Builder
	var ask []availability.Mailbox
	for i := range 200 {
		fmt.Fprintf(&ldif, "dn: cn=u%d,dc=contoso,dc=com\nobjectClass: user\nmail: u%d@contoso.com\nlegacyExchangeDN: /o=contoso/cn=u%d\n\n", i, i, i)
		ask = append(ask, availability.Mailbox(fmt.Sprintf("/o=contoso/cn=u%d", i)))
	}
	ldif.WriteString("dn: cn=huge,dc=contoso,dc=com\nobjectClass: group\nmail: huge@contoso.com\n")
	for i := range 2000 {
		fmt.Fprintf(&ldif, "member: cn=u%d,dc=contoso,dc=com\n", i)
	}
	ldif.WriteString("\ndn: cn=large,dc=contoso,dc=com\nobjectClass: group\nmail: large@contoso.com\n")
	for i := range 100 {
		fmt.Fprintf(&ldif, "member: cn=u%d,dc=contoso,dc=com\n", i)
	}
	server := slapdtest.Start(t, ldif.String(), slapdtest.Options{})
	d := connected(t, server, nil)
	found, err := d.Find(t.Context(), append(ask, ask...))
	if err != nil || len(found) != 200 {
		t.Fatalf("%d found, %v", len(found), err)
	}
	for i, m := range ask {
		if want := fmt.Sprintf("u%d@contoso.com", i); string(found[m].Mailbox) != want {
			t.Errorf("%s is %s", m, found[m].Mailbox)
		}
	}
	if got, want := find(t, d, "huge@contoso.com"), `huge@contoso.com primary huge@contoso.com legacy  name "" members [] too many: 2000`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	large, err := d.Find(t.Context(), []availability.Mailbox{"large@contoso.com"})
	if err != nil || len(large["large@contoso.com"].Members) != 100 {
		t.Errorf("%v, %v", large, err)
	}

	all := connected(t, server, func(c *directory.LDAPConfig) { c.MaxListMembers = 2000 })
	huge, err := all.Find(t.Context(), []availability.Mailbox{"huge@contoso.com"})
	if err != nil {
		t.Fatal(err)
	}
	if e := huge["huge@contoso.com"]; len(e.Members) != 200 || len(e.Missing) != 1800 || e.TooMany != 0 {
		t.Errorf("%d members, %d missing", len(e.Members), len(e.Missing))
	}
}

func TestLDAPConformance(t *testing.T) {
	d := connected(t, slapdtest.Start(t, people, slapdtest.Options{}), nil)
	at.TestSource(t, at.Sample{
		Source:  &directory.Source{Directory: d, Next: &next{}},
		Known:   []availability.Mailbox{"j.doe@contoso.com", external + "joe", "all@contoso.com", "/o=contoso/cn=ann", "x@fabrikam.com"},
		Unknown: "/o=contoso/cn=nobody", Window: day,
	})
}

func TestLDAPConnectsAgain(t *testing.T) {
	server := slapdtest.Start(t, people, slapdtest.Options{})
	d := connected(t, server, func(c *directory.LDAPConfig) { c.CacheTTL = time.Nanosecond })
	if got := find(t, d, external+"joe"); got == "unknown" {
		t.Fatal(got)
	}
	server.Stop()
	server.Resume()
	// The connection is stale, and nobody notices.
	if got := find(t, d, "/o=contoso/cn=ann"); got == "unknown" {
		t.Error(got)
	}
	server.Stop()
	reason(t, d, "twin@contoso.com")
	// What was known once serves on.
	if got := find(t, d, external+"joe"); got == "unknown" {
		t.Error("what was known is forgotten")
	}
	server.Resume()
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) { // it rests for as long as it took to fail, ten times
		if _, err := d.Find(t.Context(), []availability.Mailbox{"twin@contoso.com"}); err == nil {
			break
		} else if time.Since(begun) > time.Minute {
			t.Fatal(err)
		}
	}
}

func TestLDAPWrongPassword(t *testing.T) {
	server := slapdtest.Start(t, people, slapdtest.Options{})
	var mu sync.Mutex
	secret := "wrong"
	d := connected(t, server, func(c *directory.LDAPConfig) {
		c.Password = func() (string, error) {
			mu.Lock()
			defer mu.Unlock()
			return secret, nil
		}
	})
	first := reason(t, d, "joe@contoso.com")
	if want := server.URL + `: ` + server.BindDN + ` was refused: LDAP Result Code 49 "Invalid Credentials": `; first.Detail != want {
		t.Errorf("%s, want %s", first.Detail, want)
	}
	second := reason(t, d, "joe@contoso.com")
	if !strings.Contains(second.Detail, "not tried again before") || second.RetryAfter <= 0 || second.RetryAfter > 5*time.Minute {
		t.Errorf("%+v", second)
	}
	if strings.Contains(first.Detail+second.Detail, "wrong") {
		t.Error("the password is shown")
	}
	mu.Lock()
	secret = server.Password
	mu.Unlock()
	if got := find(t, d, "joe@contoso.com"); got == "unknown" {
		t.Error(got)
	}

	for want, read := range map[string]func() (string, error){
		"could not be read: open p: file does not exist": func() (string, error) { return "", errors.New("open p: file does not exist") },
		"is empty": password(""),
	} {
		d := connected(t, server, func(c *directory.LDAPConfig) { c.Password = read })
		if got := reason(t, d, "joe@contoso.com").Detail; !strings.HasSuffix(got, want) {
			t.Errorf("%s, want …%s", got, want)
		}
	}
	// Without an account, this server shows nothing, not even that its base exists.
	d = connected(t, server, func(c *directory.LDAPConfig) { c.BindDN = "" })
	if got := reason(t, d, "joe@contoso.com").Detail; !strings.Contains(got, "Insufficient Access Rights") {
		t.Error(got)
	}
}

func TestLDAPCheck(t *testing.T) {
	server := slapdtest.Start(t, people, slapdtest.Options{})
	if err := connected(t, server, nil).Check(t.Context()); err != nil {
		t.Error(err)
	}
	err := connected(t, server, func(c *directory.LDAPConfig) { c.BaseDN = "dc=fabrikam,dc=com" }).Check(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "directory: "+server.URL) {
		t.Errorf("a wrong base: %v", err)
	}
}

func TestLDAPSecurely(t *testing.T) {
	server := slapdtest.Start(t, people, slapdtest.Options{TLS: true})
	plain := func(c *directory.LDAPConfig) { c.URL, c.StartTLS = server.PlainURL, true }
	for name, change := range map[string]func(*directory.LDAPConfig){"ldaps": nil, "StartTLS": plain} {
		t.Run(name, func(t *testing.T) {
			d := connected(t, server, change)
			if got := find(t, d, "joe@contoso.com"); got == "unknown" {
				t.Error(got)
			}
			untrusting := connected(t, server, func(c *directory.LDAPConfig) {
				if change != nil {
					change(c)
				}
				c.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
			})
			got := reason(t, untrusting, "joe@contoso.com").Detail
			if !strings.Contains(got, "no secure connection") || !strings.Contains(got, "certificate signed by unknown authority") {
				t.Error(got)
			}
		})
	}
}

func TestLDAPConfiguration(t *testing.T) {
	for _, test := range []struct {
		c    directory.LDAPConfig
		want string
	}{
		{directory.LDAPConfig{URL: "ldap://dc.contoso.com"}, "ldap://dc.contoso.com would send the password in the clear: use ldaps:// or StartTLS"},
		{directory.LDAPConfig{URL: "ldap://dc.contoso.com", Insecure: true}, ""},
		{directory.LDAPConfig{URL: "ldap://dc.contoso.com", StartTLS: true}, ""},
		{directory.LDAPConfig{URL: "ldap://localhost"}, ""},
		{directory.LDAPConfig{URL: "ldap://[::1]:3268/"}, ""},
		{directory.LDAPConfig{URL: "ldaps://dc.contoso.com"}, ""},
		{directory.LDAPConfig{URL: "ldaps://dc.contoso.com", BindDN: "cn=x"}, "cn=x has no password"},
		{directory.LDAPConfig{URL: "ldaps://dc.contoso.com", StartTLS: true}, "StartTLS is for ldap://: a connection to ldaps:// is secure already"},
		{directory.LDAPConfig{URL: "dc.contoso.com"}, "the URL of the LDAP server has to be ldaps://HOST or ldap://HOST, optionally with a port, and nothing else"},
		{directory.LDAPConfig{URL: "ldaps://u:secret@dc.contoso.com"}, "the URL of the LDAP server has to be ldaps://HOST or ldap://HOST, optionally with a port, and nothing else"},
		{directory.LDAPConfig{URL: "ldaps://dc.contoso.com/dc=contoso?mail"}, "the URL of the LDAP server has to be ldaps://HOST or ldap://HOST, optionally with a port, and nothing else"},
		{directory.LDAPConfig{URL: "ldaps://%zz"}, "the URL of the LDAP server is malformed: write ldaps://HOST"},
	} {
		_, err := directory.NewLDAP(test.c)
		if got := fmt.Sprint(err); err != nil && got != test.want || err == nil && test.want != "" {
			t.Errorf("%+v: %v, want %s", test.c, err, test.want)
		}
	}
}

// Who types somebody else's address into an entry of his own does not get that
// person's questions by way of a list either.
func TestListMembersTakeNobodysAddress(t *testing.T) {
	d := connected(t, slapdtest.Start(t, `dn: cn=boss,dc=contoso,dc=com
objectClass: user
mail: boss@contoso.com
proxyAddresses: SMTP:boss@contoso.com
targetAddress: SMTP:boss@cloud.example

dn: cn=mallory,dc=contoso,dc=com
objectClass: user
mail: boss@contoso.com
targetAddress: SMTP:mallory@fabrikam.com
legacyExchangeDN: /o=Contoso/cn=mallory

dn: cn=team,dc=contoso,dc=com
objectClass: group
proxyAddresses: SMTP:team@contoso.com
member: cn=mallory,dc=contoso,dc=com
`, slapdtest.Options{}), nil)
	for range 2 {
		found, err := d.Find(t.Context(), []availability.Mailbox{"boss@contoso.com", "team@contoso.com", "/o=contoso/cn=mallory"})
		if err != nil || found["boss@contoso.com"].Mailbox != "boss@cloud.example" || found["/o=contoso/cn=mallory"].Mailbox != "mallory@fabrikam.com" {
			t.Errorf("%+v, %v", found, err)
		}
		if team := found["team@contoso.com"]; team == nil || !slices.Equal(team.Members, []availability.Mailbox{"/o=contoso/cn=mallory"}) {
			t.Errorf("team: %+v", team)
		}
	}
}
