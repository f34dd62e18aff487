package main

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
	"fbgate/availability/exchangetest/slapdtest"
)

// write makes a file with that content and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Whoever is named by another name is found, and answered for by the name that was
// asked.
func TestDirectoryFile(t *testing.T) {
	fabrikam := startExchange(t, pretendCalendar(availability.Busy, "joe@fabrikam.com"))
	contoso := startExchange(t, pretendCalendar(availability.OOF, "mary@contoso.com"))
	recipients := write(t, "recipients.csv", `PrimarySmtpAddress,ExternalEmailAddress,LegacyExchangeDN,EmailAddresses,DisplayName,Members
mary@contoso.com,,/o=Contoso/ou=Sales/cn=Recipients/cn=mary,SMTP:mary@contoso.com;smtp:m.smith@contoso.com,Mary,
joe.contact@contoso.com,SMTP:joe@fabrikam.com,/o=Contoso/ou=External (FYDIBOHF25SPDLT)/cn=Recipients/cn=joe,SMTP:joe.contact@contoso.com,Joe,
team@contoso.com,,,SMTP:team@contoso.com,Team,mary@contoso.com;joe.contact@contoso.com
`)
	s := newStack(t, hybridConfig, recipients, contoso, fabrikam)
	asked := []string{"Joe.Contact@contoso.com", "m.smith@contoso.com", "team@contoso.com", "joe@fabrikam.com"}
	rows, _ := s.ask(t, "", asked...)
	if want := []string{"00222000", "00333000", "00333000", "00222000"}; !slices.Equal(rows, want) {
		t.Errorf("%v, want %v; %s", rows, want, s.page(t))
	}
	w := httptest.NewRecorder()
	const dn = "/o=Contoso/ou=External%20(FYDIBOHF25SPDLT)/cn=Recipients/cn=Joe"
	s.clients.ServeHTTP(w, httptest.NewRequest(http.MethodGet, strings.Replace(target("x"), "u=SMTP:x", "u=EX:"+dn, 1), nil))
	if got, want := w.Body.String(), `<a:email type="EX">/o=Contoso/ou=External (FYDIBOHF25SPDLT)/cn=Recipients/cn=Joe</a:email><a:type>1</a:type><a:fbdata>00222000</a:fbdata>`; !strings.Contains(got, want) {
		t.Errorf("answered %s", got)
	}
}

const hybridConfig = `
directory: {file: %s}
organizations:
  - {name: contoso, domains: [contoso.com], target_sharing_epr: %s}
  - {name: fabrikam, domains: [fabrikam.com], target_sharing_epr: %s}
`

func TestDirectoryOnLDAP(t *testing.T) {
	server := slapdtest.Start(t, `dn: cn=joe,`+slapdtest.Suffix+`
objectClass: contact
cn: joe
mail: joe.contact@contoso.com
proxyAddresses: SMTP:joe.contact@contoso.com
targetAddress: SMTP:joe@fabrikam.com
legacyExchangeDN: /o=Contoso/ou=Sales/cn=Recipients/cn=joe
`, slapdtest.Options{TLS: true})
	t.Setenv("FBGATE_TEST_PASSWORD", server.Password)
	fabrikam := startExchange(t, pretendCalendar(availability.Busy, "joe@fabrikam.com"))
	s := newStack(t, `
directory: {ldap: {url: %q, base_dn: %q, bind_dn: %q, password_env: FBGATE_TEST_PASSWORD, ca_file: %s}}
organizations: [{name: fabrikam, domains: [fabrikam.com], target_sharing_epr: %s}]
`, server.URL, slapdtest.Suffix, slapdtest.BindDN, server.CAFile, fabrikam)
	if rows, _ := s.ask(t, "", "joe.contact@contoso.com", "joe@fabrikam.com"); !slices.Equal(rows, []string{"00222000", "00222000"}) {
		t.Errorf("%v; %s", rows, s.page(t))
	}
}

// Some of an organization's mailboxes have moved to another one.
func TestThen(t *testing.T) {
	s := newStack(t, `
organizations:
  - {name: premises, domains: [fabrikam.com], target_sharing_epr: %s, then: Cloud}
  - {name: cloud, domains: [fabrikam.onmicrosoft.com], target_sharing_epr: %s}
`, startExchange(t, pretendCalendar(availability.Busy, "mary@fabrikam.com")), startExchange(t, pretendCalendar(availability.OOF, "joe@fabrikam.com")))
	rows, _ := s.ask(t, "", "mary@fabrikam.com", "joe@fabrikam.com", "nobody@fabrikam.com")
	if want := []string{"00222000", "00333000", "44444444"}; !slices.Equal(rows, want) {
		t.Errorf("%v, want %v", rows, want)
	}
}

func TestWithheldOrganization(t *testing.T) {
	x := pretendCalendar(availability.Busy, "mary@fabrikam.com")
	s := newStack(t, `organizations: [{name: fabrikam, domains: [fabrikam.com], target_sharing_epr: %s, free_busy_access_level: none}]`, startExchange(t, x))
	rows, _ := s.ask(t, "", "mary@fabrikam.com")
	if rows[0] != "44444444" || s.reasons(t)["mary@fabrikam.com"] != "withheld" || x.Calls() != 0 {
		t.Errorf("%v, %v, %d calls", rows, s.reasons(t), x.Calls())
	}
}

// One of two servers is away: nobody notices.
func TestSeveralServers(t *testing.T) {
	x := pretendCalendar(availability.Busy, "mary@fabrikam.com", "joe@fabrikam.com")
	closed := httptest.NewServer(nil)
	closed.Close()
	s := newStack(t, `organizations: [{name: fabrikam, domains: [fabrikam.com], target_sharing_epr: [%q, %q]}]`, closed.URL+exchangetest.Path, startExchange(t, x))
	for _, mailbox := range []string{"mary@fabrikam.com", "joe@fabrikam.com"} {
		if rows, _ := s.ask(t, "", mailbox); rows[0] != "00222000" {
			t.Errorf("%s: %v, %s", mailbox, rows, s.page(t))
		}
	}
}

// A server that speaks TLS as Exchange 2007 on Windows 2008 does.
func TestOldTLS(t *testing.T) {
	x := pretendCalendar(availability.Busy, "mary@fabrikam.com")
	server := httptest.NewUnstartedServer(x)
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	for version, want := range map[string]string{"1.0": "00222000", "1.2": "44444444"} {
		s := newStack(t, `organizations: [{name: fabrikam, domains: [fabrikam.com], target_sharing_epr: %s, ca_file: %s, min_tls: %q}]`,
			server.URL+exchangetest.Path, ca, version)
		if rows, _ := s.ask(t, "", "mary@fabrikam.com"); rows[0] != want {
			t.Errorf("min_tls %s: %v, %s", version, rows, s.page(t))
		}
	}
}
