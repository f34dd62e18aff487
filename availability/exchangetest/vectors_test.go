package exchangetest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/availability/availabilitytest"
	"fbgate/availability/exchangetest"
)

// vectors returns the folder of the captures of EWS.
func vectors(t *testing.T) string {
	t.Helper()
	return filepath.Join(availabilitytest.Vectors(t), "ews")
}

func vector(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(vectors(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// Every answer that is no SOAP fault satisfies the published schema.
func TestAnswersSatisfySchema(t *testing.T) {
	schema := filepath.Join(vectors(t), "xsd", "wrap-soap.xsd")
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skipf("SKIPPED, xmllint missing: install libxml2-utils: %v", err)
	}
	answers, faults := t.TempDir(), t.TempDir()
	keep := func(dir string, body []byte, format string, args ...any) {
		name := strings.ReplaceAll(fmt.Sprintf(format, args...), " ", "-") + ".xml"
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range exchangetest.Dialects() {
		for _, digitless := range []bool{false, true} {
			x := village(d)
			x.NoMergedFreeBusy = digitless
			url := serve(t, x)
			for _, view := range []string{"", "MergedOnly", "FreeBusy", "FreeBusyMerged", "Detailed", "DetailedMerged", "MergedOnly Detailed"} {
				a := week("busy@contoso.com", "idle@contoso.com", "shy@contoso.com", "old@contoso.com", "denied@contoso.com", "nobody@contoso.com", "<![CDATA[not <an> address & more]]>")
				a.view = view
				_, body := post(t, url, a.String())
				keep(answers, body, "%v %v view %s", d, digitless, view)
			}
			for _, f := range exchangetest.Faults() {
				switch {
				case f.Code == "ErrorUnheardOf": // of no schema, as it says
				case f.PerMailbox():
					x.FailMailbox("busy@contoso.com", f)
					_, body := post(t, url, week("busy@contoso.com").String())
					keep(answers, body, "%v %v %s", d, digitless, f.Name)
					x.FailMailbox("busy@contoso.com", exchangetest.Fault{})
				case f.Code != "":
					x.FailCalls(1, f)
					_, body := post(t, url, week("busy@contoso.com").String())
					keep(faults, body, "%v %v %s", d, digitless, f.Name)
				}
			}
		}
	}
	lint(t, xmllint, answers, "--schema", schema)
	lint(t, xmllint, faults)
}

// lint runs xmllint on all files of a folder at once.
func lint(t *testing.T, xmllint, dir string, options ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.xml"))
	if err != nil || len(files) < 50 {
		t.Fatalf("only %d answers to check: %v", len(files), err)
	}
	args := append([]string{"--noout", "--nonet"}, options...)
	out, err := exec.Command(xmllint, append(args, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("xmllint: %v\n%.4000s", err, out)
	}
	t.Logf("xmllint accepts %d answers", len(files))
}

// village returns a server with one mailbox of every kind.
func village(d exchangetest.Dialect) *exchangetest.Exchange {
	x := exchangetest.New(d)
	x.SetMailbox("busy@contoso.com",
		span(at(9, 0), at(10, 0), availability.Busy), span(at(9, 30), at(11, 0), availability.Tentative),
		span(at(12, 0), at(12, 0), availability.Busy), span(at(13, 0), at(14, 0), availability.Free),
		span(at(15, 0), at(16, 0), availability.WorkingElsewhere), span(at(17, 0), at(18, 0), availability.OOF),
		span(at(19, 0), at(20, 0), availability.NoData))
	x.SetMailbox("idle@contoso.com")
	x.SetMailbox("shy@contoso.com", span(at(9, 0), at(10, 0), availability.Busy))
	x.SetView("shy@contoso.com", "FreeBusy")
	x.SetMailbox("old@contoso.com", span(at(9, 0), at(10, 0), availability.Busy))
	x.SetPublished("old@contoso.com", availability.Window{Start: at(6, 0), End: at(24, 0)})
	x.SetMailbox("denied@contoso.com", span(at(9, 0), at(10, 0), availability.Busy))
	x.SetView("denied@contoso.com", "None")
	return x
}

// The shared requests are accepted and refused as their README says.
func TestSharedRequests(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectors(t), "requests", "*.xml"))
	if err != nil || len(files) < 12 {
		t.Fatalf("%d requests found: %v", len(files), err)
	}
	for _, d := range exchangetest.Dialects() {
		x := exchangetest.New(d)
		x.SetMailbox("user1@example.com", span(at(9, 0), at(10, 0), availability.Busy))
		url := serve(t, x)
		for _, file := range files {
			name := filepath.Base(file)
			t.Run(d.String()+"/"+name, func(t *testing.T) {
				request := vector(t, filepath.Join("requests", name))
				if !strings.Contains(request, "Envelope") {
					request = enveloped(request)
				}
				status, body := post(t, url, request)
				if strings.HasPrefix(name, "req-bad") {
					if status != 500 || faultCode(t, body) != "ErrorSchemaValidation" {
						t.Errorf("it should fail the schema, but: %d %s", status, body)
					}
					return
				}
				if status != 200 {
					t.Fatalf("it should be answered, but: %d %s", status, body)
				}
				answer := mustParse(t, body)
				if got := answer.text("FreeBusyViewType"); got != "DetailedMerged" {
					t.Errorf("view %q", got)
				}
				// 7 days of 96 quarters; busy in the first day's 36th to 39th.
				want := strings.Repeat("0", 36) + "2222" + strings.Repeat("0", 7*96-40)
				if got := answer.text("MergedFreeBusy"); got != want {
					t.Errorf("digits\n%s, want\n%s", got, want)
				}
			})
		}
	}
}

// enveloped puts a bare request body into an envelope.
func enveloped(body string) string {
	if _, rest, found := strings.Cut(body, "?>"); found {
		body = rest
	}
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` + body + `</s:Body></s:Envelope>`
}
