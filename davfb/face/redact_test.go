package face_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fbgate/davfb/face"
)

func TestRedactorHidesAddresses(t *testing.T) {
	r := face.NewRedactor()
	for text, kept := range map[string]string{
		"mary@contoso.com": "@contoso.com",
		"the server says no to <SMTP:Mary.Smith+x@Contoso.com>, then": "@Contoso.com>, then",
		"/freebusy/mary@contoso.com.vfb":                              "/freebusy/m-",
		"GET /public/?u=SMTP:mary%40contoso.com&x=1":                  "@contoso.com&x=1",
		"GET /public/?u=mary@contoso.com&x=1":                         "?u=m-",
		"no /o=Contoso/ou=First Group/cn=Recipients/cn=mary here":     "no m-",
		"two: mary@contoso.com, mary@fabrikam.com":                    "@fabrikam.com",
		"no 'mary.o'brien@contoso.com' here":                          "@contoso.com' here",
		"mary=smith@contoso.com.":                                     "@contoso.com.",
		`"mary smith"@contoso.com is`:                                 "@contoso.com is",
		"EX:/o=Contoso/ou=Sales/cn=Recipients/cn=Mary Smith":          "EX:m-",
		`"/o=Contoso/cn=Smith, Mary" is a legacyExchangeDN`:           `" is a legacyExchangeDN`,
		"?u=EX:/o=Contoso/cn=Mary&u=SMTP:joe@fabrikam.com":            "@fabrikam.com",
		"CN=Smith\\, Mary,OU=Sales Dept,DC=contoso,DC=com is gone":    " is gone",
		"/public/NON_IPM_SUBTREE/SCHEDULE+ FREE BUSY/EX:_xF8FF_o=Org_xF8FF_ou=A/USER-_xF8FF_cn=Recipients_xF8FF_cn=Mary Smith.EML": "SCHEDULE+ FREE BUSY/EX:m-",
	} {
		got := r.Text(text)
		if low := strings.ToLower(got); strings.Contains(low, "mary") || strings.Contains(low, "smith") || strings.Contains(low, "brien") || !strings.Contains(got, kept) {
			t.Errorf("%q becomes %q", text, got)
		}
		if again := r.Text(got); again != got {
			t.Errorf("%q becomes %q the second time", got, again)
		}
	}
	for _, text := range []string{
		"", "contoso.com", "https://mail.contoso.com/EWS/Exchange.asmx", "25 % of it", "a @ b", "it has to be user@domain", "a=b",
		"/public/NON_IPM_SUBTREE/SCHEDULE+ FREE BUSY/EX:_xF8FF_o=Contoso_xF8FF_ou=Sales/",
	} {
		if got := r.Path(text); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// Where a mailbox stands in a path, it need not have a domain.
func TestRedactorHidesPaths(t *testing.T) {
	r := face.NewRedactor()
	for text, want := range map[string]string{
		"/freebusy/marysmith.vfb":               "/freebusy/" + r.Name("marysmith") + ".vfb",
		"/exchange/MarySmith/Calendar/":         "/exchange/" + r.Name("marysmith") + "/Calendar/",
		"/as?Cmd=Sync&User=marysmith&DeviceId=": "/as?Cmd=Sync&User=" + r.Name("marysmith") + "&DeviceId=",
		"/freebusy/mary@contoso.com.vfb":        "/freebusy/" + r.Name("mary@contoso.com") + ".vfb",
	} {
		if got := r.Path(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// The same mailbox looks the same, however it is written.
func TestRedactorIsStableWithinAProcessOnly(t *testing.T) {
	r, other := face.NewRedactor(), face.NewRedactor()
	for text, name := range map[string]string{
		"see MARY@contoso.com":                                                      "mary@contoso.com",
		"see mary%40contoso.com, then":                                              "mary@contoso.com",
		"it is mary@contoso.com.":                                                   "mary@contoso.com",
		"for mail=mary@contoso.com":                                                 "mary@contoso.com",
		`no "\"Mary Smith\"@contoso.com" here`:                                      `"mary smith"@contoso.com`,
		"%22mary%20smith%22%40contoso.com":                                          `"mary smith"@contoso.com`,
		"/x/mary.o%27brien@contoso.com":                                             "mary.o'brien@contoso.com",
		`"/o=Contoso/cn=Mary Smith" is one`:                                         "/o=contoso/cn=mary smith",
		"EX:%2Fo%3DContoso%2Fcn%3DMary%20Smith&x=":                                  "/o=contoso/cn=mary smith",
		"/y/EX:_xF8FF_o=Org_xF8FF_ou=A/USER-_xF8FF_cn=Recipients_xF8FF_cn=mary.EML": "/o=org/ou=a/cn=recipients/cn=mary",
	} {
		want := strings.ReplaceAll(r.Name(name)[:10], `"`, "")
		if got := r.Text(text); !strings.Contains(got, want) {
			t.Errorf("%q becomes %q, without %q", text, got, want)
		}
	}
	if a, b := r.Text("mary@contoso.com"), r.Text("joe@contoso.com"); a == b {
		t.Errorf("both are %q", a)
	}
	if a, b := r.Text("mary@contoso.com"), other.Text("mary@contoso.com"); a == b {
		t.Errorf("two processes both say %q", a)
	}
	var none *face.Redactor
	if got := none.Text("mary@contoso.com", "mary") + none.Name("mary") + none.Path("/exchange/mary"); got != "mary@contoso.commary/exchange/mary" {
		t.Error(got)
	}
	for name, want := range map[string]string{`CONTOSO\mary`: "", "mary": "", "SMTP:mary@contoso.com": "SMTP:", "x@contoso.com>": "", `"mary smith"@contoso.com`: "@contoso.com"} {
		if got := r.Name(name); strings.Contains(got, "mary") || !strings.Contains(got, want) || got == "" || r.Name(got) != got {
			t.Errorf("%q becomes %q", name, got)
		}
	}
}

// No mailbox survives in a text around it that is known to be about it, however odd it is
// and however it is written there.
func TestRedactorLeavesNobody(t *testing.T) {
	r := face.NewRedactor()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-zé]{3}zq[a-z'=&/?|!#{}~ .,"\\-]{0,6}zq`).Draw(t, "name")
		mailbox := rapid.SampledFrom([]string{
			name + "@contoso.com", `"` + name + `"@contoso.com`, name, "/o=contoso/cn=recipients/cn=" + name, "/o=contoso/cn=" + name + " jr", name + "@[192.0.2.1]",
		}).Draw(t, "mailbox")
		written := rapid.SampledFrom([]func(string) string{
			func(s string) string { return s }, strings.ToUpper, strconv.Quote, url.PathEscape, url.QueryEscape, func(s string) string { return "SMTP:" + s },
		}).Draw(t, "written")(mailbox)
		text := rapid.SampledFrom([]string{"", "no such mailbox: ", "x=1, (", "GET /public/?u="}).Draw(t, "before") + written + rapid.SampledFrom([]string{"", " is not there", ")", "&y=2", ": 404"}).Draw(t, "after")
		if got := strings.ToLower(r.Text(text, mailbox)); strings.Contains(got, "zq") {
			t.Fatalf("%q becomes %q", text, got)
		}
		if got := strings.ToLower(r.Name(mailbox)); strings.Contains(got, "zq") {
			t.Fatalf("%q becomes %q", mailbox, got)
		}
	})
}
