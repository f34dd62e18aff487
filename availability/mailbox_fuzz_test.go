package availability_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"fbgate/availability"
)

// However an address is written, its mailbox is the same, and a domain is what stands
// behind its last "@".
func FuzzParseMailbox(f *testing.F) {
	for _, address := range []string{
		"SMTP:Mary@contoso.com", " mary@contoso.com ", "EX:/o=Contoso/ou=Sales/cn=Recipients/cn=mary", "/O=CONTOSO/cn=a@b",
		"x500:/o=x", "smtp:smtp:a@b", "@", "a@", "@b", "\"a@b\"@c.example", "İ@contoso.com", "a\xff@b", "a@b\u00a0", "",
	} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		m := availability.ParseMailbox(address)
		if string(m) != strings.ToLower(string(m)) && utf8.ValidString(string(m)) || string(m) != strings.TrimSpace(string(m)) {
			t.Errorf("%q is %q", address, m)
		}
		kind, rest := availability.CutAddressType(address)
		if kind != "SMTP" && kind != "EX" || !strings.HasSuffix(address, rest) {
			t.Errorf("%q is of type %q, and %q", address, kind, rest)
		}
		if again := availability.ParseMailbox(kind + ":" + string(m)); again != m {
			t.Errorf("%q is %q, and that %q", address, m, again)
		}
		domain := m.Domain()
		if domain == "" {
			return
		}
		if !strings.HasSuffix(string(m), "@"+domain) || strings.ContainsAny(domain, "@ \t\r\n\x00\x7f") || !utf8.ValidString(string(m)) ||
			len(m) > 320 || m.IsLegacyDN() || len(m) < len("a@")+len(domain) {
			t.Errorf("%q has the domain %q", m, domain)
		}
	})
}
