package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/meter"
	"fbgate/davfb/admin"
)

// orgs runs the command against a gateway with these organizations.
func orgs(t *testing.T, all []admin.Organization, flags ...string) (status int, out, errs string) {
	t.Helper()
	server := httptest.NewServer(admin.New(admin.Config{Organizations: func() []admin.Organization { return all }}))
	defer server.Close()
	var stdout, stderr strings.Builder
	status = run(t.Context(), append([]string{"orgs", "--admin", server.URL}, flags...), &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

// Spaces and pluses in what is looked for arrive as they are.
func TestOperatorsQuery(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		fmt.Fprint(w, "{}")
	}))
	defer server.Close()
	var out, errs strings.Builder
	run(t.Context(), []string{"lookups", "--admin", server.URL, "--mailbox", "EX:/o=Contoso/cn=Mary Smith+1"}, &out, &errs)
	if len(asked) != 1 || !strings.Contains(asked[0], "%2Fcn%3DMary%20Smith%2B1") {
		t.Errorf("%q %s", asked, errs.String())
	}
}

// An organization that does not answer is a status of its own; one of whose servers another
// answers is none.
func TestOrgs(t *testing.T) {
	until := time.Date(2026, 11, 23, 8, 0, 30, 0, time.UTC)
	rests := admin.Server{Name: "https://mail.fabrikam.com/EWS/Exchange.asmx as svc", State: admin.Resting, Until: until,
		Reason: availability.Because(availability.TLS, "certificate has expired\x1b[31m")}
	all := []admin.Organization{
		{Name: "contoso", AccessMethod: "OrgWideFB", Servers: []admin.Server{rests, {State: admin.Serving}}, Remembered: 12,
			Totals: meter.Totals{Calls: 40, Failed: map[availability.Code]uint64{availability.TLS: 2, availability.Timeout: 1}, LastGood: time.Now().Add(-5 * time.Minute)}},
		{Name: "fabrikam", AccessMethod: "OrgWideFB", Servers: []admin.Server{rests}},
	}
	status, out, errs := orgs(t, all)
	if status != exitResting || errs != "" || strings.Contains(out, "\x1b") {
		t.Errorf("%d %s", status, errs)
	}
	for _, line := range []string{
		"NAME      METHOD     SERVERS  REMEMBERED  CALLS  FAILED  95 % WITHIN  LAST GOOD  STATE",
		"contoso   OrgWideFB  2        12          40     3       0 ms         5 min ago  serving",
		"fabrikam  OrgWideFB  1        0           0      0                    never      resting",
		"fabrikam: https://mail.fabrikam.com/EWS/Exchange.asmx as svc is resting until 2026-11-23 08:00 UTC.",
		"  → Renew or correct the server's certificate",
	} {
		if !strings.Contains(out, line) {
			t.Errorf("%s\nhas no %q", out, line)
		}
	}
	slow := []admin.Organization{{Name: "slow", Servers: []admin.Server{{State: admin.Serving}}, Totals: meter.Totals{Calls: 20}}}
	for bucket, want := range map[int]string{len(meter.Bounds): "over 1 min", len(meter.Bounds) - 1: "60000 ms", len(meter.Bounds) - 2: "30000 ms"} {
		slow[0].Totals.Took = meter.Histogram{}
		slow[0].Totals.Took.Counts[bucket] = 20
		if _, out, _ := orgs(t, slow); !strings.Contains(out, want) {
			t.Errorf("%s\nhas no %q", out, want)
		}
	}
	if status, out, _ := orgs(t, all, "--json"); status != exitResting || !strings.Contains(out, `"state": "resting"`) {
		t.Errorf("%d %s", status, out)
	}
	for _, test := range []struct {
		state  admin.State
		status int
		says   string
	}{
		{admin.Serving, exitOK, ""}, {admin.Unasked, exitOK, ""},
		{admin.Failing, exitResting, "one is failing; the next question asks it again."}, {admin.BackingOff, exitResting, "one is backing off until"},
	} {
		server := admin.Server{Name: "one", State: test.state}
		if test.says != "" {
			server.Reason = rests.Reason
		}
		if test.state == admin.BackingOff {
			server.Until = until
		}
		if status, out, errs := orgs(t, []admin.Organization{{Servers: []admin.Server{server}}}); status != test.status || !strings.Contains(out, test.says) {
			t.Errorf("%s: %d %s %s", test.state, status, out, errs)
		}
	}
	if status, _, errs := orgs(t, all[:1]); status != exitOK {
		t.Errorf("%d %s", status, errs)
	}
}
