package availability_test

import (
	"strings"
	"testing"

	"fbgate/availability"
)

func TestMailbox(t *testing.T) {
	tests := []struct {
		address string
		mailbox availability.Mailbox
		domain  string
	}{
		{"SMTP:Mary@Contoso.com", "mary@contoso.com", "contoso.com"},
		{"smtp:mary@contoso.com", "mary@contoso.com", "contoso.com"},
		{"mary@contoso.com", "mary@contoso.com", "contoso.com"},
		{" mary+plus@sub.contoso.com ", "mary+plus@sub.contoso.com", "sub.contoso.com"},
		{`"a@b"@contoso.com`, `"a@b"@contoso.com`, "contoso.com"},
		{`"a,b"@contoso.com`, `"a,b"@contoso.com`, "contoso.com"},
		{"mary.o'brien@contoso.com", "mary.o'brien@contoso.com", "contoso.com"},
		{"mary@[192.0.2.1]", "mary@[192.0.2.1]", "[192.0.2.1]"},
		{"mary@contoso.com,joe@fabrikam.com", "mary@contoso.com,joe@fabrikam.com", ""},
		{"mary@contoso.com;joe@fabrikam.com", "mary@contoso.com;joe@fabrikam.com", ""},
		{"mary@contoso.com;joe", "mary@contoso.com;joe", ""},
		{"mary@fabrikam.com@contoso.com", "mary@fabrikam.com@contoso.com", ""},
		{"Mary <mary@contoso.com>", "mary <mary@contoso.com>", ""},
		{"<mary@contoso.com>", "<mary@contoso.com>", ""},
		{"EX:/o=Contoso/cn=Recipients/cn=Mary", "/o=contoso/cn=recipients/cn=mary", ""},
		{"/o=Contoso/cn=a@b", "/o=contoso/cn=a@b", ""},
		{"mary", "mary", ""},
		{"@contoso.com", "@contoso.com", ""},
		{"mary@", "mary@", ""},
		{"", "", ""},
		{"mary smith@contoso.com", "mary smith@contoso.com", ""},
		{"mary\x00@contoso.com", "mary\x00@contoso.com", ""},
		{strings.Repeat("m", 320) + "@contoso.com", availability.Mailbox(strings.Repeat("m", 320) + "@contoso.com"), ""},
	}
	for _, test := range tests {
		m := availability.ParseMailbox(test.address)
		if m != test.mailbox || m.Domain() != test.domain {
			t.Errorf("%q is mailbox %q of domain %q, want %q of %q", test.address, m, m.Domain(), test.mailbox, test.domain)
		}
	}
}
