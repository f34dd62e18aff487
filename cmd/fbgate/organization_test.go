package main

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/ews"
	"fbgate/cmd/fbgate/config"
)

// Every key of an organization reaches the Source it is for.
func TestOrganizationKeysAreHandedOn(t *testing.T) {
	c, err := config.Parse("fbgate.yaml", []byte(`
organizations:
  - name: fabrikam
    domains: [fabrikam.com]
    target_sharing_epr: https://mail.fabrikam.com/EWS/Exchange.asmx
    user_agent: probe/1
    requested_view: MergedOnly
    request_server_version: Exchange2010_SP2
    max_window: 30d
    max_mailboxes: 7
    merged_free_busy_interval: 10m
    concurrency: 3
    timeout: 9s
    digit_4: working-elsewhere
    prefetch: 3d
    max_response_bytes: 1MiB
`))
	if err != nil {
		t.Fatal(err)
	}
	source, err := newOrganization(&c.Organizations[0], slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	got := source.(*ews.Source).Config
	transport := got.Transport.(*http.Transport)
	if transport.TLSClientConfig.MinVersion != tls.VersionTLS12 || transport.TLSClientConfig.InsecureSkipVerify || transport.MaxIdleConnsPerHost != 3 {
		t.Errorf("transport %+v", transport)
	}
	got.Transport = nil
	want := ews.Config{
		Organization:  "fabrikam",
		URL:           "https://mail.fabrikam.com/EWS/Exchange.asmx",
		UserAgent:     "probe/1",
		ServerVersion: "Exchange2010_SP2",
		View:          "MergedOnly",
		Digit4:        availability.WorkingElsewhere,
		Interval:      10 * time.Minute,
		MaxMailboxes:  7,
		MaxWindow:     30 * 24 * time.Hour,
		MaxResponse:   1 << 20,
		Concurrency:   3,
		Timeout:       9 * time.Second,
		Prefetch:      ews.Prefetch{Ahead: 3 * 24 * time.Hour},
		Log:           slog.Default(),
	}
	if got != want {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}
