package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
	"fbgate/availability/exchangetest/foldertest"
)

// progress is what operators see of the publisher.
type progress struct {
	Round *struct {
		Ended                     *time.Time
		Total, Written, Unchanged int
		Failed                    map[string]int
		Stopped                   *struct{ Code string }
	}
	Failures []struct{ LegacyExchangeDN string }
}

// publishes waits until a round has ended.
func (s *server) publishes(t *testing.T) progress {
	t.Helper()
	for range 400 {
		response, body := get(t, s.operators, "/publish", "")
		var p progress
		if err := json.Unmarshal([]byte(body), &p); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s, %v: %s", response.Status, err, body)
		}
		if p.Round != nil && p.Round.Ended != nil {
			return p
		}
		time.Sleep(50 * time.Millisecond)
	}
	response, body := get(t, s.operators, "/publish", "")
	t.Fatalf("no round ends: %s %s", response.Status, body)
	return progress{}
}

// Outlook reads the folder itself: those of the organization named are there, and nobody
// else is.
func TestPublish(t *testing.T) {
	t.Parallel()
	const group = "/o=Contoso/ou=First Administrative Group"
	folder := foldertest.New(group)
	folder.Username, folder.Password = "svc", "hunter2"
	root, stop, err := folder.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)

	at := tomorrow()
	x := exchangetest.New(exchangetest.Exchange2013)
	x.SetMailbox("joe@fabrikam.com", availability.Span{Window: availability.Window{Start: at, End: at.Add(time.Hour)}, Status: availability.Busy})
	people := filepath.Join(t.TempDir(), "recipients.csv")
	rows := "PrimarySmtpAddress,ExternalEmailAddress,LegacyExchangeDN\n" +
		"mary@contoso.com,," + group + "/cn=Recipients/cn=mary\n" +
		"joe@contoso.com,SMTP:joe@fabrikam.com," + group + "/cn=Recipients/cn=joe\n" +
		"gone@contoso.com,SMTP:gone@fabrikam.com," + group + "/cn=Recipients/cn=gone\n"
	if err := os.WriteFile(people, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "publish.state")
	gateway := func(password string) *server {
		s, err := start(parse(t, `
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
directory: {file: %q}
publish: {organizations: [Fabrikam], to: contoso, state: %q}
organizations:
  - {name: fabrikam, domains: [fabrikam.com], target_sharing_epr: %q}
  - name: contoso
    domains: [contoso.com]
    access_method: PublicFolder
    public_folder_url: %q
    credential: {type: basic, username: svc, password_file: %q}
`, people, state, startExchange(t, x), root, writeFile(t, []byte(password))), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.stop() })
		return s
	}

	wrong := gateway("wrong")
	if p := wrong.publishes(t); p.Round.Stopped == nil || p.Round.Stopped.Code != string(availability.Unauthorized) || p.Round.Written != 0 {
		t.Errorf("with a wrong password: %+v", p.Round)
	}
	if err := wrong.stop(); err != nil {
		t.Fatal(err)
	}

	s := gateway("hunter2")
	p := s.publishes(t)
	if p.Round.Total != 2 || p.Round.Written != 1 || p.Round.Failed[string(availability.UnknownMailbox)] != 1 ||
		len(p.Failures) != 1 || !strings.HasSuffix(strings.ToLower(p.Failures[0].LegacyExchangeDN), "/cn=gone") {
		t.Errorf("%+v", p)
	}
	item, ok := folder.Item(group + "/cn=Recipients/cn=joe")
	if all := folder.Items(); len(all) != 1 || !ok {
		t.Fatalf("there are %v", all)
	}
	for _, test := range []struct {
		at   time.Time
		want availability.Status
	}{{at.Add(-time.Minute), availability.Free}, {at, availability.Busy}, {at.Add(time.Hour), availability.Free}} {
		if got := item.At(test.at); got != test.want {
			t.Errorf("at %s: %v, want %v", test.at, got, test.want)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if p := gateway("hunter2").publishes(t); p.Round.Written != 0 || p.Round.Unchanged != 1 {
		t.Errorf("after a restart: %+v", p.Round)
	}
}
