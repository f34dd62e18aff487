package directory_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"fbgate/availability"
	"fbgate/availability/directory"
	"fbgate/availability/exchangetest/slapdtest"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// users are those of most tests.
const users = `dn: cn=Joe Doe,dc=contoso,dc=com
objectClass: user
sAMAccountName: JDoe
userPrincipalName: joe.doe@corp.contoso.com
mail: joe@contoso.com
proxyAddresses: SMTP:Joe@contoso.com
proxyAddresses: smtp:j.doe@contoso.com
userPassword: joe's secret
memberOf: cn=Sales\, East,ou=groups,dc=contoso,dc=com
memberOf: CN=Managers,ou=groups,dc=contoso,dc=com

dn: cn=ann,dc=contoso,dc=com
objectClass: user
uid: ann
mail: ann@contoso.com
userPassword: ann's secret

dn: cn=mallory,dc=contoso,dc=com
objectClass: user
sAMAccountName: mallory
mail: j.doe@contoso.com
userPassword: mallory's secret

dn: cn=twin1,dc=contoso,dc=com
objectClass: user
sAMAccountName: twin
mail: twins@contoso.com
userPassword: twin's secret

dn: cn=twin2,dc=contoso,dc=com
objectClass: user
sAMAccountName: twin
mail: twins@contoso.com
userPassword: twin's secret

dn: cn=team,dc=contoso,dc=com
objectClass: group
sAMAccountName: team
mail: team@contoso.com

dn: cn=keyless,dc=contoso,dc=com
objectClass: user
sAMAccountName: keyless

dn: cn=odd,dc=contoso,dc=com
objectClass: user
sAMAccountName: o*(d)d
userPassword: odd's secret

`

const ofJoe = ` joe@contoso.com cn=sales\, east,ou=groups,dc=contoso,dc=com|sales, east|cn=managers,ou=groups,dc=contoso,dc=com|managers`

func describe(who availability.Requester) string {
	return who.Name + " " + string(who.Mailbox) + " " + strings.Join(who.Groups, "|")
}

func TestCheck(t *testing.T) {
	var log bytes.Buffer
	accounts := connected(t, slapdtest.Start(t, users, slapdtest.Options{}), func(c *directory.LDAPConfig) {
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	}).Accounts()
	accounts.Domains = []string{"FABRIKAM", "Contoso"}
	for _, test := range []struct{ name, password, want string }{
		{"jdoe", "joe's secret", "jdoe" + ofJoe},
		{`CONTOSO\JDoe`, "joe's secret", `CONTOSO\JDoe` + ofJoe},
		{`EVIL\JDoe`, "joe's secret", "JDoe" + ofJoe}, // the password does not prove the domain
		{"joe.doe@corp.contoso.com", "joe's secret", "joe.doe@corp.contoso.com" + ofJoe},
		{"JOE@contoso.com", "joe's secret", "JOE@contoso.com" + ofJoe},
		{"jdoe@CONTOSO.COM", "joe's secret", "jdoe@CONTOSO.COM" + ofJoe},
		{"j.doe@contoso.com", "joe's secret", "j.doe@contoso.com" + ofJoe}, // mallory has only typed it
		{"ann", "ann's secret", "ann ann@contoso.com "},
		{"ann@contoso.com", "ann's secret", "ann@contoso.com ann@contoso.com "},
		{"o*(d)d", "odd's secret", "o*(d)d  "},

		{"jdoe", "Joe's secret", ""},
		{"jdoe", "joe's secret ", ""},
		{"jdoe", "", ""},
		{"jdoe", strings.Repeat("x", 2000), ""},
		{"j.doe@contoso.com", "mallory's secret", ""},
		{"jdoe@fabrikam.com", "joe's secret", ""},
		{"jdoe@contoso", "joe's secret", ""},
		{"nobody", "secret", ""},
		{"nobody@contoso.com", "secret", ""},
		{"team", "secret", ""},
		{"team@contoso.com", "secret", ""},
		{"keyless", "secret", ""},
		{"keyless", "", ""},
		{"", "joe's secret", ""},
		{" ", "joe's secret", ""},
		{`CONTOSO\`, "joe's secret", ""},
		{`A\B\jdoe`, "joe's secret", ""},
		{"@contoso.com", "joe's secret", ""},
		{"jdoe@", "joe's secret", ""},
		{"jdoe ", "joe's secret", ""},
		{"jdoe\n", "joe's secret", ""},
		{"jd\xffoe", "joe's secret", ""},
		{strings.Repeat("x", 321), "joe's secret", ""},
		{"cn=Joe Doe,dc=contoso,dc=com", "joe's secret", ""},

		{"*", "joe's secret", ""},
		{"j*", "joe's secret", ""},
		{"*)(uid=*", "ann's secret", ""},
		{"jdoe)(|(uid=*", "joe's secret", ""},
		{"*)(objectClass=*))(|(cn=*", "joe's secret", ""},
		{"*@contoso.com", "ann's secret", ""},
		{"x)(mail=*@contoso.com", "ann's secret", ""},
		{`jdoe\00`, "joe's secret", ""},
		{"jdoe\x00", "joe's secret", ""},
	} {
		for range 2 { // the second time from memory
			who, ok, err := accounts.Check(t.Context(), test.name, test.password)
			if err != nil || ok != (test.want != "") || ok && describe(who) != test.want || !ok && describe(who) != "  " {
				t.Errorf("%q, %q: %q, %t, %v, want %q", test.name, test.password, describe(who), ok, err, test.want)
			}
		}
	}
	for _, name := range []string{"twin", `CONTOSO\twin`, "twins@contoso.com", "twin@contoso.com"} {
		who, ok, err := accounts.Check(t.Context(), name, "twin's secret")
		if reason := availability.ReasonFor(err); ok || describe(who) != "  " || reason.Code != availability.DirectoryFailed || reason.Scope != availability.OfMailbox || !strings.Contains(reason.Detail, "is that of several accounts, so that it is nobody's") {
			t.Errorf("%s: %q, %t, %v", name, describe(who), ok, err)
		}
	}
	if !strings.Contains(log.String(), `msg="the directory refused a log-in"`) || !strings.Contains(log.String(), "name=jdoe reason=\"the password is wrong\"") {
		t.Errorf("%s", &log)
	}
	if strings.Contains(log.String(), "secret") {
		t.Errorf("a password is in the log: %s", &log)
	}
}

func TestFindAccount(t *testing.T) {
	d := connected(t, slapdtest.Start(t, users, slapdtest.Options{}), nil)
	accounts := d.Accounts()
	for name, want := range map[string]string{
		"jdoe": "jdoe" + ofJoe, "JDOE@CONTOSO.COM": "JDOE@CONTOSO.COM" + ofJoe, "joe@contoso.com": "joe@contoso.com" + ofJoe,
		"ann@CONTOSO.COM": "ann@CONTOSO.COM ann@contoso.com ", "keyless": "keyless  ",
		"jdoe@FABRIKAM.COM": "", "nobody": "", "": "", "*": "", "team": "",
	} {
		who, ok, err := accounts.Find(t.Context(), name)
		if err != nil || ok != (want != "") || ok && describe(who) != want {
			t.Errorf("%q: %q, %t, %v, want %q", name, describe(who), ok, err, want)
		}
	}
	// Of another Windows domain he is somebody else, whatever he is called.
	for _, name := range []string{`EVIL\jdoe`, `EVIL\joe@contoso.com`, `\jdoe`, `CONTOSO\EVIL\jdoe`, `EVIL\CONTOSO\jdoe`, `CONTOSO\jdoe`} {
		accounts := d.Accounts()
		if name != `CONTOSO\jdoe` {
			accounts.Domains = []string{"CONTOSO"}
		}
		if who, ok, err := accounts.Find(t.Context(), name); ok || err != nil {
			t.Errorf("%s: %q, %v", name, describe(who), err)
		}
	}
	own := d.Accounts()
	own.Domains = []string{"CONTOSO"}
	if who, ok, err := own.Find(t.Context(), `contoso\jdoe`); !ok || err != nil || describe(who) != `contoso\jdoe`+ofJoe {
		t.Errorf("%q, %t, %v", describe(who), ok, err)
	}
	// What is remembered is nobody's to change.
	who, _, _ := accounts.Find(t.Context(), "jdoe")
	who.Groups[0] = "admins"
	if who, _, _ := accounts.Find(t.Context(), "JDoe"); describe(who) != "JDoe"+ofJoe {
		t.Errorf("%q", describe(who))
	}
	// The account that searches stays itself while others log in: they may read nothing.
	for range 3 {
		if _, ok, err := accounts.Check(t.Context(), "jdoe", "joe's secret"); !ok || err != nil {
			t.Error(err)
		}
		if found, err := d.Find(t.Context(), []availability.Mailbox{"ann@contoso.com"}); err != nil || len(found) != 1 {
			t.Errorf("%v, %v", found, err)
		}
	}
	if _, ok, err := d.Accounts().Find(t.Context(), "twin"); ok || err == nil {
		t.Error("twins are one")
	}
}

func TestCheckSecurely(t *testing.T) {
	server := slapdtest.Start(t, users, slapdtest.Options{TLS: true})
	for name, change := range map[string]func(*directory.LDAPConfig){
		"ldaps":    nil,
		"StartTLS": func(c *directory.LDAPConfig) { c.URL, c.StartTLS = server.PlainURL, true },
	} {
		t.Run(name, func(t *testing.T) {
			accounts := connected(t, server, change).Accounts()
			if _, ok, err := accounts.Check(t.Context(), "jdoe", "joe's secret"); !ok || err != nil {
				t.Errorf("%t, %v", ok, err)
			}
			if _, ok, err := accounts.Check(t.Context(), "jdoe", "wrong"); ok || err != nil {
				t.Errorf("%t, %v", ok, err)
			}
			_, ok, err := connected(t, server, func(c *directory.LDAPConfig) {
				if change != nil {
					change(c)
				}
				c.TLS = &tls.Config{}
			}).Accounts().Check(t.Context(), "jdoe", "joe's secret")
			if ok || err == nil || !strings.Contains(err.Error(), "no secure connection") {
				t.Errorf("%t, %v", ok, err)
			}
		})
	}
}

// A server that goes away is a failure, not a wrong password.
func TestServerDiesBetween(t *testing.T) {
	server := slapdtest.Start(t, users, slapdtest.Options{})
	accounts := connected(t, server, nil).Accounts()
	check := func() (bool, error) {
		_, ok, err := accounts.Check(t.Context(), "jdoe", "joe's secret")
		return ok, err
	}
	if ok, err := check(); !ok || err != nil {
		t.Fatal(err)
	}
	server.Stop()
	// The name is remembered, the password is not.
	if _, ok, err := accounts.Find(t.Context(), "jdoe"); !ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
	if ok, err := check(); ok || availability.ReasonFor(err).Code != availability.DirectoryFailed {
		t.Errorf("%t, %v", ok, err)
	}
	server.Resume()
	if ok, err := check(); !ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
}

// Who is disabled neither logs in, though OpenLDAP would let them, nor has an account; but
// it is known whose it is.
func TestDisabledAccount(t *testing.T) {
	entry := func(name, control string) string {
		return fmt.Sprintf("dn: cn=%[1]s,dc=contoso,dc=com\nobjectClass: user\nsAMAccountName: %[1]s\nmail: %[1]s@contoso.com\nuserPassword: secret\n%[2]s\n", name, control)
	}
	var log bytes.Buffer
	server := slapdtest.Start(t, entry("plain", "")+
		entry("enabled", "userAccountControl: 66048\n")+ // never expires
		entry("disabled", "userAccountControl: 66050\n")+
		entry("linked", "userAccountControl: 514\nmemberOf: cn=Sales,dc=contoso,dc=com\n"), slapdtest.Options{})
	accounts := connected(t, server, func(c *directory.LDAPConfig) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) }).Accounts()
	for name, want := range map[string]bool{"plain": true, "enabled": true, "disabled": false, "linked": false, "linked@contoso.com": false} {
		for range 2 { // the second time from memory
			if who, ok, err := accounts.Check(t.Context(), name, "secret"); ok != want || err != nil || (who.Name != "") != want {
				t.Errorf("%s logs in: %+v, %t, %v", name, who, ok, err)
			}
			if who, ok, err := accounts.Find(t.Context(), name); ok != want || err != nil || (who.Name != "") != want {
				t.Errorf("%s is found: %+v, %t, %v", name, who, ok, err)
			}
			if who, ok, err := accounts.FindDisabled(t.Context(), name); !ok || err != nil || who.Name != name || len(who.Groups) > 0 != strings.HasPrefix(name, "linked") {
				t.Errorf("%s, disabled or not: %+v, %t, %v", name, who, ok, err)
			}
		}
	}
	if n := strings.Count(log.String(), `name=disabled reason="the account is disabled"`); n != 2 {
		t.Error(log.String())
	}
}

// What is no number disables nobody, nor do other bits or other entries.
func TestAccountControl(t *testing.T) {
	for control, want := range map[string]bool{
		"2": true, "514": true, "66050": true, "-2147483134": true, "512": false, "66048": false, "0": false, "": false, "0x202": false, "disabled": false, "99999999999999999999": false,
	} {
		joe := ldap.NewEntry("cn=joe", map[string][]string{"UserAccountControl": {control}})
		other := ldap.NewEntry("cn=other", map[string][]string{"userAccountControl": {"514"}})
		if got := directory.IsDisabled([]*ldap.Entry{other, joe}, "cn=joe"); got != want {
			t.Errorf("%q: %v", control, got)
		}
	}
}

// one finds the same account whatever is asked.
func one(dn string, attributes map[string][]string) func(*ber.Packet) map[string]map[string][]string {
	return func(*ber.Packet) map[string]map[string][]string {
		return map[string]map[string][]string{dn: attributes}
	}
}

var joe = one("cn=joe", map[string][]string{"sAMAccountName": {"joe"}, "objectClass": {"top", "person", "user"}})

// Servers take an empty password for somebody who does not log in, and say yes; and so
// they do if the name is empty.
func TestNobodyIsLetIn(t *testing.T) {
	p := &pretend{found: joe}
	accounts := on(t, p, nil).Accounts()
	if _, ok, err := accounts.Check(t.Context(), "joe", ""); ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
	if binds, searches := p.count(); binds != 0 || searches != 0 {
		t.Errorf("%d log-ins and %d searches", binds, searches)
	}
	if _, ok, err := accounts.Check(t.Context(), "joe", "anything"); !ok || err != nil {
		t.Fatalf("the server should say yes: %t, %v", ok, err)
	}
	nameless := &pretend{found: one("", map[string][]string{"sAMAccountName": {"joe"}})}
	if _, ok, err := on(t, nameless, nil).Accounts().Check(t.Context(), "joe", "anything"); ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
}

func TestSilentServerAtLogIn(t *testing.T) {
	for name, silent := range map[string]func(ber.Tag, int) bool{
		"of the user":    func(o ber.Tag, binds int) bool { return o == ldap.ApplicationBindRequest && binds > 1 },
		"at the search":  func(o ber.Tag, _ int) bool { return o == ldap.ApplicationSearchRequest },
		"of the account": func(o ber.Tag, _ int) bool { return o == ldap.ApplicationBindRequest },
	} {
		t.Run(name, func(t *testing.T) {
			p := &pretend{found: joe}
			var binds atomic.Int32
			p.silent = func(o ber.Tag) bool {
				if o == ldap.ApplicationBindRequest {
					binds.Add(1)
				}
				return silent(o, int(binds.Load()))
			}
			accounts := on(t, p, func(c *directory.LDAPConfig) { c.Timeout = 300 * time.Millisecond }).Accounts()
			var running sync.WaitGroup
			for range 40 { // more than there are places
				running.Go(func() {
					_, ok, err := accounts.Check(context.WithoutCancel(t.Context()), "joe", "secret")
					if reason := availability.ReasonFor(err); ok || err == nil || reason.Code != availability.DirectoryFailed {
						t.Errorf("%t, %v", ok, err)
					}
				})
			}
			running.Wait()
		})
	}
}

// The server sees no more log-ins at the same time than there are places.
func TestPlaces(t *testing.T) {
	var now, most atomic.Int32
	p := &pretend{found: joe, login: func(dn, _ string) (int, string) {
		n := now.Add(1)
		defer now.Add(-1)
		for {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		time.Sleep(5 * time.Millisecond) // so that others come
		return 0, ""
	}}
	accounts := on(t, p, func(c *directory.LDAPConfig) { c.Timeout = time.Minute }).Accounts()
	var running sync.WaitGroup
	for range 100 {
		running.Go(func() {
			if _, ok, err := accounts.Check(t.Context(), "joe", "secret"); !ok || err != nil {
				t.Errorf("%t, %v", ok, err)
			}
		})
	}
	running.Wait()
	if n := most.Load(); n < 2 || n > 16 {
		t.Errorf("%d log-ins at once", n)
	}
}

// Good and bad log-ins of one user do not get mixed up.
func TestLogInsAtOnce(t *testing.T) {
	server := slapdtest.Start(t, users, slapdtest.Options{})
	accounts := connected(t, server, func(c *directory.LDAPConfig) { c.Timeout = 30 * time.Second }).Accounts()
	var running sync.WaitGroup
	for i := range 60 {
		running.Go(func() {
			password := "joe's secret"
			if i%2 == 1 {
				password = "wrong"
			}
			if _, ok, err := accounts.Check(t.Context(), "jdoe", password); ok != (i%2 == 0) || err != nil {
				t.Errorf("%s: %t, %v", password, ok, err)
			}
		})
	}
	running.Wait()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok, err := accounts.Check(gone, "jdoe", "joe's secret"); ok || err == nil {
		t.Errorf("%t, %v", ok, err)
	}
}

func TestExplain(t *testing.T) {
	data := func(code string) error {
		return &ldap.Error{ResultCode: 49, Err: fmt.Errorf("80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data %s, v4563\x00", code)}
	}
	said := func(code uint16) error { return &ldap.Error{ResultCode: code, Err: errors.New("no")} }
	for _, test := range []struct {
		err   error
		want  string
		final bool
	}{
		{data("525"), "there is no such account (data 525)", true},
		{data("52e"), "the password is wrong (data 52e)", true},
		{data("52f"), "an account restriction forbids it: an empty password, or a smart card is required (data 52f)", true},
		{data("530"), "the account must not log on at this time: its logon hours forbid it (data 530)", true},
		{data("531"), "the account must not log on from this server: its logon workstations forbid it (data 531)", true},
		{data("532"), "the password has expired (data 532)", true},
		{data("533"), "the account is disabled (data 533)", true},
		{data("568"), "the account is in too many groups (data 568)", true},
		{data("701"), "the account has expired (data 701)", true},
		{data("773"), "the password must be changed first (data 773)", true},
		{data("775"), "the account is locked: too many wrong passwords came (data 775)", true},
		{data("80070005"), "the directory says data 80070005", true},
		{said(49), "the password is wrong", true},
		{&ldap.Error{ResultCode: 49}, "the password is wrong", true},
		{said(32), "there is no such account any more", true},
		{said(48), "the account has no password", true},
		{said(19), `the account is locked, or its password has expired: "no"`, true},
		{said(8), "the server takes passwords by secure connections only: use ldaps:// or StartTLS", false},
		{said(13), "the server takes passwords by secure connections only: use ldaps:// or StartTLS", false},
		{said(10), "the account is on another server: ask that one", false},
		{said(53), "the server does not say whether the password is right", false},
		{said(1), "the server does not say whether the password is right", false},
		{errors.New("EOF"), "", false},
	} {
		if why, final := directory.Explain(test.err); why != test.want || final != test.final {
			t.Errorf("%v: %q, %t, want %q", test.err, why, final, test.want)
		}
	}
}

// What the server says of a log-in becomes no, or a failure.
func TestCheckRefused(t *testing.T) {
	for code, test := range map[int]struct{ log, failure string }{
		ldap.LDAPResultInvalidCredentials:       {log: `reason="the account is locked: too many wrong passwords came (data 775)"`},
		ldap.LDAPResultBusy:                     {failure: `LDAP Result Code 51 "Busy"`},
		ldap.LDAPResultUnavailable:              {failure: `LDAP Result Code 52 "Unavailable"`},
		ldap.LDAPResultStrongAuthRequired:       {failure: "use ldaps:// or StartTLS"},
		ldap.LDAPResultUnwillingToPerform:       {failure: "does not say whether the password is right"},
		ldap.LDAPResultReferral:                 {failure: "on another server"},
		ldap.LDAPResultSaslBindInProgress:       {failure: "does not say whether the password is right"},
		ldap.LDAPResultInappropriateMatching:    {failure: "does not say whether the password is right"},
		ldap.LDAPResultOperationsError:          {failure: "does not say whether the password is right"},
		ldap.LDAPResultAuthMethodNotSupported:   {failure: "does not say whether the password is right"},
		ldap.LDAPResultInsufficientAccessRights: {failure: "does not say whether the password is right"},
	} {
		var log bytes.Buffer
		p := &pretend{found: joe, login: func(dn, password string) (int, string) {
			if dn != "cn=joe" {
				return 0, ""
			}
			if password != "joe's secret" {
				t.Errorf("the password became %q", password)
			}
			return code, "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 775, v4563\x00"
		}}
		accounts := on(t, p, func(c *directory.LDAPConfig) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) }).Accounts()
		_, ok, err := accounts.Check(t.Context(), "joe", "joe's secret")
		if ok || (err == nil) != (test.failure == "") || err != nil && !strings.Contains(err.Error(), test.failure) || !strings.Contains(log.String(), test.log) {
			t.Errorf("%d: %t, %v\n%s", code, ok, err, &log)
		}
		if strings.Contains(log.String()+fmt.Sprint(err), "secret") {
			t.Errorf("the password is shown: %v\n%s", err, &log)
		}
	}
}

// Whose a name is, is remembered for a while; whether a password is right is not.
func TestAccountIsRemembered(t *testing.T) {
	p := &pretend{found: joe}
	accounts := on(t, p, nil).Accounts()
	for _, name := range []string{"joe", "JOE", `CONTOSO\joe`} {
		if _, ok, err := accounts.Check(t.Context(), name, "secret"); !ok || err != nil {
			t.Errorf("%t, %v", ok, err)
		}
	}
	if binds, searches := p.count(); binds != 1+3 || searches != 1 {
		t.Errorf("%d log-ins and %d searches", binds, searches)
	}
}

// Nor is it looked for twice that a name is nobody's, until a minute has passed.
func TestNobodyIsRemembered(t *testing.T) {
	p := &pretend{found: func(*ber.Packet) map[string]map[string][]string { return nil }}
	accounts := on(t, p, nil).Accounts()
	for _, name := range []string{"joe", "JOE", `CONTOSO\joe`} {
		if _, ok, err := accounts.Canonical(t.Context(), name); ok || err != nil {
			t.Errorf("%t, %v", ok, err)
		}
		if _, ok, err := accounts.Check(t.Context(), name, "secret"); ok || err != nil {
			t.Errorf("%t, %v", ok, err)
		}
	}
	if _, searches := p.count(); searches != 1 {
		t.Errorf("%d searches", searches)
	}
	for i := range 2 * directory.MostAccounts {
		accounts.RememberNobody(fmt.Sprint("user", i))
	}
	if n := accounts.Nobody(); n > directory.MostAccounts {
		t.Errorf("%d names are remembered", n)
	}
}

// All names of one have one key.
func TestCanonical(t *testing.T) {
	accounts := connected(t, slapdtest.Start(t, users, slapdtest.Options{}), nil).Accounts()
	for name, want := range map[string]string{
		"jdoe": "cn=joe doe,dc=contoso,dc=com", "JDOE": "cn=joe doe,dc=contoso,dc=com", `EVIL\jdoe`: "cn=joe doe,dc=contoso,dc=com",
		"joe.doe@corp.contoso.com": "cn=joe doe,dc=contoso,dc=com", "joe@contoso.com": "cn=joe doe,dc=contoso,dc=com",
		"j.doe@contoso.com": "cn=joe doe,dc=contoso,dc=com", "jdoe@contoso.com": "cn=joe doe,dc=contoso,dc=com",
		"ann": "cn=ann,dc=contoso,dc=com", "nobody": "", "": "",
	} {
		if key, ok, err := accounts.Canonical(t.Context(), name); key != want || ok != (want != "") || err != nil {
			t.Errorf("%s: %q, %t, %v, want %q", name, key, ok, err, want)
		}
	}
	if _, ok, err := accounts.Canonical(t.Context(), "twin"); ok || err == nil {
		t.Error("twins are one")
	}
}

// Of very many groups some are heeded, and the log says so; Active Directory tells them
// in ranges.
func TestManyGroups(t *testing.T) {
	var dns []string
	for i := range 1500 {
		dns = append(dns, fmt.Sprintf("CN=Group %d,DC=contoso,DC=com", i))
	}
	var log bytes.Buffer
	p := &pretend{found: one("CN=Joe,DC=contoso,DC=com", map[string][]string{"sAMAccountName": {"joe"}, "memberOf": nil, "memberOf;range=0-1499": dns})}
	accounts := on(t, p, func(c *directory.LDAPConfig) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) }).Accounts()
	who, ok, err := accounts.Find(t.Context(), "joe@CONTOSO.COM")
	if err != nil || !ok || len(who.Groups) != 2000 || who.Groups[1999] != "group 999" || who.Groups[1998] != "cn=group 999,dc=contoso,dc=com" {
		t.Errorf("%d groups, %t, %v", len(who.Groups), ok, err)
	}
	if !strings.Contains(log.String(), "most=1000 not_heeded=500") {
		t.Errorf("%s", &log)
	}
}

func TestFit(t *testing.T) {
	entry := func(attributes map[string][]string) *ldap.Entry {
		return ldap.NewEntry("CN=Joe,OU=Sales,DC=corp,DC=contoso,DC=com", attributes)
	}
	full := map[string][]string{
		"sAMAccountName": {"jdoe"}, "userPrincipalName": {"Joe.Doe@contoso.com"}, "mail": {"typed@contoso.com"},
		"proxyAddresses": {"SMTP:joe@contoso.com", "X500:/o=x"}, "objectClass": {"user"},
	}
	const no, mail, address, name = 0, 1, 2, 3
	for login, want := range map[string]int{
		"jdoe": name, `X\JDOE`: name, "jdoe@corp.contoso.com": name, "JDOE@CORP.CONTOSO.COM": name, "joe.doe@contoso.com": name,
		"joe@contoso.com": address, "typed@contoso.com": mail,
		"joe": no, "joe.doe@contoso.com.evil": no, "jdoe@contoso.com": no, "joe.doe": no, "Joe.Doe@contoso.com@x": no, "/o=x": no,
	} {
		if got := directory.Fit(entry(full), login); got != want {
			t.Errorf("%s: %d, want %d", login, got, want)
		}
	}
	for _, class := range []string{"group", "Contact", "groupOfNames"} {
		other := maps.Clone(full)
		other["objectClass"] = []string{"top", class}
		if got := directory.Fit(entry(other), "jdoe"); got != no {
			t.Errorf("%s: %d", class, got)
		}
	}
}

// Whatever somebody types is searched for as it is.
func FuzzLoginName(f *testing.F) {
	for _, name := range []string{"joe", `CONTOSO\joe`, "joe@contoso.com", "*)(uid=*", "a@b@c", "\\", "@", "\x00", "ä@ö", "j*)"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		filter, ok := directory.LoginFilter(name)
		if !ok {
			return
		}
		if !utf8.ValidString(name) || len(name) > 320 {
			t.Errorf("%q is looked for", name)
		}
		compiled, err := ldap.CompileFilter(filter)
		if err != nil {
			t.Fatalf("%q: %v", filter, err)
		}
		var asked []string
		for _, c := range compiled.Children {
			if c.Tag != ldap.FilterEqualityMatch {
				t.Fatalf("%q: %v", filter, c.Tag)
			}
			value := c.Children[1].Data.String()
			if !strings.HasSuffix(name, value) && !strings.HasPrefix(name, value) && !strings.HasPrefix(value, "smtp:") {
				t.Errorf("%q: %q", name, value)
			}
			asked = append(asked, c.Children[0].Data.String())
		}
		want := []string{"sAMAccountName", "uid"}
		if len(asked) > 2 {
			want = []string{"userPrincipalName", "sAMAccountName", "uid", "mail", "proxyAddresses"}
		}
		if !slices.Equal(asked, want) {
			t.Errorf("%q: %v", filter, asked)
		}
	})
}
