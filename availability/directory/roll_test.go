package directory_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fbgate/availability"
	"fbgate/availability/directory"
)

func TestFileCallsTheRoll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recipients.csv")
	content := `mail,legacyExchangeDN,proxyAddresses
mary@contoso.com,/o=C/cn=Mary,X500:/o=A/cn=mary
joe@contoso.com,/o=C/cn=joe,
nobody@contoso.com,,
ann@contoso.com,/o=B/cn=ann,
`
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := directory.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[availability.Mailbox][]availability.Mailbox{
		"":             {"/o=b/cn=ann", "/o=c/cn=joe", "/o=c/cn=mary"},
		"/o=b/cn=ann":  {"/o=c/cn=joe", "/o=c/cn=mary"},
		"/o=c/cn=k":    {"/o=c/cn=mary"},
		"/o=c/cn=mary": nil,
	} {
		var got []availability.Mailbox
		for e, err := range f.All(t.Context(), after) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.LegacyDN)
		}
		if !slices.Equal(got, want) {
			t.Errorf("after %q: %q, want %q", after, got, want)
		}
	}
}
