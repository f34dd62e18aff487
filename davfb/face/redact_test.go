package face_test

import (
	"strings"
	"testing"

	"fbgate/davfb/face"
)

func TestRedactorHidesAddresses(t *testing.T) {
	r := face.NewRedactor()
	for text, kept := range map[string]string{
		"mary@contoso.com": "@contoso.com",
		"the server says no to <SMTP:Mary.Smith+x@Contoso.com>, then": "@Contoso.com>, then",
		"/freebusy/mary@contoso.com.vfb":                              "/freebusy/m-",
		"GET /public/?u=SMTP:mary%40contoso.com&x=1":                  "@contoso.com&x=1",
		"no /o=Contoso/ou=First Group/cn=Recipients/cn=mary here":     "no m-",
		"two: mary@contoso.com, mary@fabrikam.com":                    "@fabrikam.com",
	} {
		got := r.Text(text)
		if strings.Contains(strings.ToLower(got), "mary") || !strings.Contains(got, kept) {
			t.Errorf("%q becomes %q", text, got)
		}
		if again := r.Text(got); again != got {
			t.Errorf("%q becomes %q the second time", got, again)
		}
	}
	for _, text := range []string{"", "contoso.com", "https://mail.contoso.com/EWS/Exchange.asmx", "25 % of it", "a @ b"} {
		if got := r.Text(text); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

func TestRedactorIsStableWithinAProcessOnly(t *testing.T) {
	r, other := face.NewRedactor(), face.NewRedactor()
	if a, b := r.Text("mary@contoso.com"), r.Text("see MARY@contoso.com"); "see "+a != b {
		t.Errorf("%q and %q", a, b)
	}
	if a, b := r.Text("mary@contoso.com"), r.Text("joe@contoso.com"); a == b {
		t.Errorf("both are %q", a)
	}
	if a, b := r.Text("mary@contoso.com"), other.Text("mary@contoso.com"); a == b {
		t.Errorf("two processes both say %q", a)
	}
	var none *face.Redactor
	if got := none.Text("mary@contoso.com") + none.Name("mary"); got != "mary@contoso.commary" {
		t.Error(got)
	}
	if got := r.Name(`CONTOSO\mary`); strings.Contains(got, "mary") || got == "" {
		t.Error(got)
	}
}
