package main

import (
	"crypto/tls"
	"log/slog"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/ews"
	"fbgate/availability/meter"
	"fbgate/availability/plan"
)

// build makes the one organization of a configuration.
func build(t *testing.T, keys string) *organization {
	t.Helper()
	t.Setenv("FBGATE_TEST_PASSWORD", "secret")
	c := parse(t, "organizations: [{name: fabrikam, domains: [fabrikam.com, \"*.fabrikam.net\"], %s}]", keys)
	o, err := newOrganization(&c.Organizations[0], new(meter.Organization), slog.Default(), unwatched)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const endpoint = "target_sharing_epr: https://mail.fabrikam.com/EWS/Exchange.asmx"

// Every key of an organization reaches the part it is for.
func TestOrganizationKeysAreHandedOn(t *testing.T) {
	o := build(t, endpoint+`,
    user_agent: probe/1, requested_view: MergedOnly, request_server_version: Exchange2010_SP2, max_window: 30d,
    max_mailboxes: 7, merged_free_busy_interval: 10m, concurrency: 3, timeout: 9s, digit_4: working-elsewhere,
    prefetch: 3d, max_response_bytes: 1MiB, impersonate: Free@fabrikam.com, min_tls: "1.1"`)
	source := o.members[0].source.(*ews.Source).Config
	if source.Endpoint != ews.Pinned("https://mail.fabrikam.com/EWS/Exchange.asmx") || source.ServerVersion != "Exchange2010_SP2" ||
		source.Impersonate != "free@fabrikam.com" || source.View != "MergedOnly" || source.Digit4 != availability.WorkingElsewhere ||
		source.Interval != 10*time.Minute || source.Organization != "fabrikam" || source.Log != slog.Default() {
		t.Errorf("source %+v", source)
	}
	if c := source.Client; c.UserAgent != "probe/1" || c.MaxBytes != 1<<20 || c.Timeout != 9*time.Second {
		t.Errorf("client %+v", c)
	}
	if c := o.members[0].connections; c.MinTLS != tls.VersionTLS11 || c.Idle != 3 || c.TLS().InsecureSkipVerify || c.TLS().MinVersion != tls.VersionTLS11 {
		t.Errorf("connections %+v", c)
	}
	want := plan.Config{
		Organization: "fabrikam", MaxMailboxes: 7, MaxWindow: 30 * 24 * time.Hour, Interval: 10 * time.Minute,
		Prefetch: plan.Prefetch{Ahead: 3 * 24 * time.Hour}, Log: slog.Default(),
	}
	if got := o.planned(); !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if got := o.guarded(); got.Concurrency != 3 || got.Organization != "fabrikam" {
		t.Errorf("guard %+v", got)
	}
}

// Each account asks each server.
func TestMembers(t *testing.T) {
	const password = "password_env: FBGATE_TEST_PASSWORD"
	for _, test := range []struct {
		keys string
		want []string
	}{
		{endpoint, []string{"https://mail.fabrikam.com/EWS/Exchange.asmx"}},
		{"target_autodiscover_epr: https://autodiscover.fabrikam.com/autodiscover/autodiscover.svc", []string{"Autodiscover"}},
		{"access_method: InternalProxy, proxy_url: https://cas/EWS/Exchange.asmx, credential: {username: svc, " + password + "}", []string{"https://cas/EWS/Exchange.asmx as svc"}},
		{"access_method: PublicFolder, public_folder_url: [https://a/public/, https://b/public/]", []string{"https://a/public/", "https://b/public/"}},
		{"target_sharing_epr: [https://a/EWS/Exchange.asmx, https://b/EWS/Exchange.asmx], credential: [{username: one, " + password + "}, {type: ntlm, username: two, " + password + "}]",
			[]string{
				"https://a/EWS/Exchange.asmx as one", "https://b/EWS/Exchange.asmx as one",
				"https://a/EWS/Exchange.asmx as two", "https://b/EWS/Exchange.asmx as two",
			}},
	} {
		var got []string
		for _, m := range build(t, test.keys).guarded().Members {
			got = append(got, m.Name)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\n got %q\nwant %q", test.keys, got, test.want)
		}
	}
}

// Who may see an organization's credential.
func TestTrusted(t *testing.T) {
	const others = ", trusted_hosts: [mail.hosting.example, \"*.cloud.example\"]"
	pinned, discovered, insecure := build(t, endpoint+others), build(t, "max_mailboxes: 100"+others), build(t, "insecure_http: true")
	for target, want := range map[string][3]bool{
		"https://mail.fabrikam.com/EWS/Exchange.asmx": {true, true, true},
		"https://MAIL.fabrikam.com/anything":          {true, true, true},
		"http://mail.fabrikam.com/EWS/Exchange.asmx":  {false, false, true},
		"https://mail.fabrikam.com:8443/":             {false, true, true},
		"https://autodiscover.fabrikam.com/":          {false, true, true},
		"https://fabrikam.com/":                       {false, true, true},
		"https://x.fabrikam.net/":                     {false, true, true},
		"https://mail.hosting.example/":               {true, true, false},
		"http://mail.hosting.example/":                {false, false, false},
		"https://a.b.cloud.example/":                  {true, true, false},
		"https://cloud.example/":                      {false, false, false},
		"https://fabrikam.com.evil.example/":          {false, false, false},
		"https://evilfabrikam.com/":                   {false, false, false},
		"https://mail.fabrikam.com@evil.example/":     {false, false, false},
	} {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]bool{pinned.trusted(u), discovered.trusted(u), insecure.trusted(u)}; got != want {
			t.Errorf("%s: pinned, discovered, insecure are %v, want %v", target, got, want)
		}
	}
}
