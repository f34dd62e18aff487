package autodiscover_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"fbgate/translate/autodiscover"
)

var update = flag.Bool("update", false, "write the golden files anew")

var operations = []autodiscover.Operation{autodiscover.GetUserSettings, autodiscover.GetDomainSettings, autodiscover.POX}

func TestRequests(t *testing.T) {
	for _, o := range operations {
		got := o.Append(nil, "https://autodiscover.example.org/autodiscover/"+o.File()+"?a&b", `"r&d<'>"@example.org`)
		golden := filepath.Join("testdata", o.String()+".xml")
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s:\n got %s\nwant %s", o, got, want)
		}
	}
}

func TestSOAPAction(t *testing.T) {
	want := []string{
		`"http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings"`,
		`"http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetDomainSettings"`,
		"",
	}
	for i, o := range operations {
		if got := o.SOAPAction(); got != want[i] {
			t.Errorf("%s: %s, want %s", o, got, want[i])
		}
	}
}
