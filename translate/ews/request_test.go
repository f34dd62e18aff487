package ews_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/translate/ews"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestRequest(t *testing.T) {
	r := request(2)
	r.Mailboxes[1] = "r&d<'>@example.org"
	const golden = "../../testdata/ews/request.xml"
	got := r.Append(nil)
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
		t.Errorf(" got %s\nwant %s", got, want)
	}
}

// Every kind of request there is, held against the schema of Exchange by
// libxml2.
func TestRequestsValidate(t *testing.T) {
	schema := filepath.Join(at.Vectors(t), "ews", "xsd", "wrap-soap.xsd")
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("SKIPPED, xmllint missing: install libxml2-utils")
	}
	dir := t.TempDir()
	args := []string{"--noout", "--nonet", "--schema", schema}
	write := func(name string, body []byte) {
		file := filepath.Join(dir, name+".xml")
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	for _, view := range []ews.View{ews.MergedOnly, ews.FreeBusyMerged, ews.DetailedMerged} {
		for _, mailboxes := range []int{1, 100} {
			for _, version := range []string{"", "Exchange2007_SP1", "Exchange2016"} {
				r := request(mailboxes)
				r.View, r.ServerVersion = view, version
				write(string(view)+version+string(rune('a'+mailboxes%26)), r.Append(nil))
			}
		}
	}
	odd := request(3)
	odd.Interval = 1440 * time.Minute
	odd.Window = availability.Window{Start: time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(4500, 12, 31, 23, 59, 59, 0, time.UTC)}
	odd.Mailboxes = []availability.Mailbox{"r&d<'>\"@example.org", "söhne@example.org", "\x01\xff@example.org"}
	write("odd", odd.Append(nil))
	if out, err := exec.Command(xmllint, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
