package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/doctor"
	"fbgate/availability/exchangetest"
)

// examination is what the doctor said.
type examination struct {
	hops   string // those that were taken, in order; one that failed as name!code, or name?code if another organization is asked next
	text   string // all of it, in one line
	status int
}

// outcome is a line about a hop.
var outcome = regexp.MustCompile(`^  (ok|FAILS|moved) +(\w+) +(?:[0-9.]+ m?s +)?([\w-]*)`)

// examine runs the command with a configuration about a mailbox.
func examine(t *testing.T, settings string, args ...string) examination {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fbgate.yaml")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	status := run(t.Context(), append([]string{"doctor", "--config", file}, args...), &out, &out)
	t.Logf("\n%s", &out)
	var hops []string
	for line := range strings.Lines(out.String()) {
		found := outcome.FindStringSubmatch(line)
		switch {
		case found == nil:
		case found[1] == "ok":
			hops = append(hops, found[2])
		case found[1] == "FAILS":
			hops = append(hops, found[2]+"!"+found[3])
		default:
			hops = append(hops, found[2]+"?"+found[3])
		}
	}
	return examination{strings.Join(hops, " "), strings.Join(strings.Fields(out.String()), " "), status}
}

// expect compares the hops, looks for what has to be said, and wants the status to
// tell whether a hop failed.
func (e examination) expect(t *testing.T, hops string, says ...string) {
	t.Helper()
	if e.hops != hops {
		t.Errorf("hops %q, want %q", e.hops, hops)
	}
	for _, text := range says {
		if !strings.Contains(e.text, text) {
			t.Errorf("it does not say %q", text)
		}
	}
	status, verdict := exitOK, "Everything works: "
	if strings.Contains(hops, "!") {
		status, verdict = exitFailure, "It fails at the "
	}
	if e.status != status || !strings.Contains(e.text, verdict) {
		t.Errorf("status %d, want %d and %q", e.status, status, verdict)
	}
}

// contoso is a configuration with one organization, of some keys beside its name.
func contoso(format string, args ...any) string {
	return "organizations:\n  - {name: contoso, domains: [contoso.com], timeout: 1s, " + fmt.Sprintf(format, args...) + "}\n"
}

const (
	allWell = "route tcp authentication call decoding mailbox digits"
	mary    = "mary@contoso.com"
)

func TestDoctorDirectory(t *testing.T) {
	people := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(people, []byte("mail,targetAddress,legacyExchangeDN,members\n"+
		"mary@contoso.com,,/o=contoso/cn=mary,\n"+
		"moved@contoso.com,mary@contoso.com,,\n"+
		"all@contoso.com,,,mary@contoso.com;joe@contoso.com\n"+
		"nowhere@contoso.com,,/o=contoso/cn=nowhere,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	organization := contoso("target_sharing_epr: %s", startExchange(t, pretendCalendar(availability.Busy, mary)))
	file := "directory: {file: " + people + "}\n" + organization
	down := "directory: {ldap: {url: ldap://" + closedPort(t) + ", base_dn: DC=contoso}}\n" + organization
	for _, test := range []struct {
		name, settings, mailbox, hops, says string
	}{
		{"the DN is known", file, "EX:/o=Contoso/cn=Mary", "directory " + allWell, "the mailbox is mary@contoso.com"},
		{"a contact", file, "moved@contoso.com", "directory " + allWell, "the mailbox is mary@contoso.com"},
		{"there by this address", file, mary, "directory " + allWell, "the mailbox is there by this address"},
		{"an address it does not know", file, "nobody@contoso.com", "directory route tcp authentication call decoding mailbox!unknown-mailbox", "not there, and taken as it is"},
		{"the DN is not known", file, "EX:/o=contoso/cn=joe", "directory!no-route", "→ Add the mailbox's domain to the domains of the organization that holds it, or a legacyExchangeDN to the directory."},
		{"a list", file, "all@contoso.com", "directory!list-too-large", "is a distribution list of 2 mailboxes → Ask about one of its members, such as mary@contoso.com: "},
		{"the server is down", down, mary, "directory!directory", "→ Check directory: the file has to be readable and the LDAP server reachable, "},
		{"a DN without a directory", organization, "EX:/o=contoso/cn=mary", "route!no-route", "and no directory says whose"},
	} {
		t.Run(test.name, func(t *testing.T) { examine(t, test.settings, test.mailbox).expect(t, test.hops, test.says) })
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(nil)
	defer server.Close()
	return strings.TrimPrefix(server.URL, "http://")
}

func TestDoctorRoute(t *testing.T) {
	settings := contoso("target_sharing_epr: %s", "https://mail.contoso.com/EWS/Exchange.asmx")
	examine(t, settings, "mary@elsewhere.example").expect(t, "route!no-route", "→ Add the mailbox's domain to the domains", "It fails at the route.")
	examine(t, settings, "mary").expect(t, "route!invalid-address", "→ Correct the attendee's address")
	examine(t, contoso("free_busy_access_level: none"), mary).
		expect(t, "route route!withheld", "→ Raise the organization's free_busy_access_level", "It fails at the route of contoso.")
}

func TestDoctorConnection(t *testing.T) {
	examine(t, contoso("target_sharing_epr: http://%s/EWS/Exchange.asmx", closedPort(t)), mary).
		expect(t, "route tcp!unreachable", "connection refused → Start the server, correct the URL, or open port ")

	if proxy, _ := http.ProxyFromEnvironment(httptest.NewRequest(http.MethodGet, "https://mail.contoso.invalid", nil)); proxy != nil {
		t.Skip("a direct way to the network is not there: a proxy resolves names")
	}
	e := examine(t, contoso("target_sharing_epr: https://mail.contoso.invalid/EWS/Exchange.asmx"), mary)
	if !strings.HasPrefix(e.hops, "route dns!") || !strings.Contains(e.text, "mail.contoso.invalid") || e.status != exitFailure {
		t.Errorf("%+v", e) // its code and remedy are those of this machine's DNS
	}
}

// Whatever a server, or what stands before it, does to a call.
func TestDoctorCall(t *testing.T) {
	x := pretendCalendar(availability.Busy, mary)
	settings := contoso("target_sharing_epr: %s", startExchange(t, x))
	for _, test := range []struct {
		fault exchangetest.Fault
		fails string
		says  string
	}{
		{exchangetest.Fault{}, "", "HTTP 200"},
		{exchangetest.Fault{Status: 401}, "authentication!unauthorized", "→ Name an account in credential: the server answers nobody without one."},
		{exchangetest.Fault{Status: 440}, "authentication!unauthorized", "→ Name an account in credential"},
		{exchangetest.Fault{Status: 403}, "call!forbidden", "-EwsApplicationAccessPolicy"},
		{exchangetest.Fault{Status: 404}, "call!wrong-endpoint", "→ Correct target_sharing_epr: it has to be the URL of EWS itself"},
		{exchangetest.Fault{Location: "https://elsewhere.invalid/owa/"}, "call!wrong-endpoint", `a redirect to "https://elsewhere.invalid/owa/"`},
		{exchangetest.Fault{Status: 407}, "call!unreachable", "HTTP 407"},
		{exchangetest.Fault{Status: 503, RetryAfter: time.Minute}, "call!throttled", "New-ThrottlingPolicy"},
		{exchangetest.Fault{Status: 502}, "call!upstream-failure", "event log"},
		{exchangetest.Fault{Transport: exchangetest.Hang}, "call!timeout", "within 1s → Find out why the server is slow."},
		{exchangetest.Fault{Transport: exchangetest.Reset}, "call!unreachable", "there is no account to show"},
		{exchangetest.Fault{Code: "ErrorInternalServerError"}, "call!upstream-failure", "ErrorInternalServerError"},
		{exchangetest.Fault{Code: "ErrorServerBusy", BackOff: time.Minute}, "call!throttled", "New-ThrottlingPolicy"},
		{exchangetest.Fault{Code: "ErrorTimeIntervalTooBig"}, "call!window-too-long", "→ Lower max_window: Exchange 2007 answers for 42 days at most"},
		{exchangetest.Fault{Code: "ErrorImpersonateUserDenied"}, "call!no-permission", "New-ManagementRoleAssignment -Role ApplicationImpersonation"},
		{exchangetest.Fault{Transport: exchangetest.HTML}, "decoding!bad-response", "an HTML page instead of a SOAP reply"},
		{exchangetest.Fault{Transport: exchangetest.Truncate}, "decoding!bad-response", "cut short"},
		{exchangetest.Fault{Transport: exchangetest.ShortBody}, "decoding!bad-response", "cut short"},
		{exchangetest.Fault{Transport: exchangetest.NotXML}, "decoding!bad-response", "not a SOAP reply"},
		{exchangetest.Fault{Transport: exchangetest.OtherXML}, "decoding!bad-response", "no GetUserAvailabilityResponse"},
		{exchangetest.Fault{Transport: exchangetest.TooMany}, "decoding!bad-response", "got 2"},
	} {
		name := fmt.Sprintf("%s %d %v", test.fault.Code, test.fault.Status, test.fault.Transport)
		t.Run(name, func(t *testing.T) {
			x.FailCalls(-1, test.fault)
			examine(t, settings, mary).expect(t, until(test.fails), test.says)
		})
	}
}

// until returns the hops of a server without TLS until one that fails.
func until(fails string) string {
	name, _, _ := strings.Cut(fails, "!")
	before, _, found := strings.Cut(allWell, name)
	if fails == "" || !found {
		return allWell
	}
	return before + fails
}

// What a server says of the mailbox alone.
func TestDoctorMailbox(t *testing.T) {
	x := pretendCalendar(availability.Busy, mary)
	url := startExchange(t, x)
	for _, method := range []string{"target_sharing_epr: ", "access_method: InternalProxy, proxy_url: "} {
		for _, test := range []struct{ code, fails, direct, proxy string }{
			{"ErrorMailRecipientNotFound", "mailbox!unknown-mailbox", "Get-Recipient", "Get-Recipient"},
			{"ErrorNoFreeBusyAccess", "mailbox!no-permission", "→ Let the account see it there: Set-AvailabilityConfig -OrgWideAccount for all mailboxes, or the calendar's Default permission", "→ Let the proxy ask there: "},
			{"ErrorProxyRequestProcessingFailed", "mailbox!upstream-failure", "event log", "event log"},
			{"ErrorServiceDiscoveryFailed", "mailbox!upstream-misconfigured", "→ Name the organization that holds the mailbox now", "→ Correct how the proxy reaches the next organization: Set-OrganizationRelationship -TargetSharingEpr"},
			{"ErrorMailboxMoveInProgress", "mailbox!upstream-failure", "event log", "event log"},
			{"ErrorResultSetTooBig", "mailbox!too-many-entries", "Nothing to be done here", "Nothing to be done here"},
			{"ErrorFreeBusyDLLimitReached", "mailbox!list-too-large", "Invite the members instead", "Invite the members instead"},
			{"NoError", "mailbox!no-data", "Check there why the server has no free/busy", "Check there why the server has no free/busy"},
		} {
			t.Run(test.code, func(t *testing.T) {
				x.FailMailbox(mary, exchangetest.Fault{Code: test.code})
				says := test.direct
				if strings.Contains(method, "InternalProxy") {
					says = test.proxy
				}
				examine(t, contoso("%s%s", method, url), mary).expect(t, until(test.fails), says)
			})
		}
	}
}

// Each member is examined by itself.
func TestDoctorSeveralMembers(t *testing.T) {
	well, broken := pretendCalendar(availability.Busy, mary), pretendCalendar(availability.Busy, mary)
	broken.FailCalls(-1, exchangetest.Fault{Status: 404})
	urls := []string{startExchange(t, broken), "http://" + closedPort(t) + exchangetest.Path, startExchange(t, well)}
	e := examine(t, contoso("target_sharing_epr: ['%s']", strings.Join(urls, "', '")), mary)
	e.expect(t, "route tcp authentication call!wrong-endpoint tcp!unreachable tcp authentication call decoding mailbox digits",
		"It fails at the call of contoso, "+urls[0]+".", "It fails at the tcp of contoso, "+urls[1]+".", "By what works, mary@contoso.com is drawn as")
	if strings.Contains(e.text, "of contoso, "+urls[2]) {
		t.Error("the one that is well is blamed")
	}
}

// What one organization does not know is asked of the next.
func TestDoctorThen(t *testing.T) {
	first, then := pretendCalendar(availability.Busy), pretendCalendar(availability.Busy, mary)
	settings := contoso("target_sharing_epr: %s, then: Cloud", startExchange(t, first)) +
		"  - {name: cloud, domains: [cloud.example], target_sharing_epr: " + startExchange(t, then) + "}\n"
	const moved = "route tcp authentication call decoding mailbox?unknown-mailbox "
	examine(t, settings, mary).
		expect(t, moved+"tcp authentication call decoding mailbox digits", "→ It may have moved: cloud is asked next.")
	examine(t, settings, "joe@contoso.com").
		expect(t, moved+"tcp authentication call decoding mailbox!unknown-mailbox", "It fails at the mailbox of cloud, ")
	first.FailCalls(-1, exchangetest.Fault{Status: 403})
	examine(t, settings, mary).expect(t, "route tcp authentication call!forbidden")
}

func TestDoctorSaysHowItIsDrawn(t *testing.T) {
	settings := contoso("target_sharing_epr: %s", startExchange(t, pretendCalendar(availability.Busy, mary)))
	examine(t, settings, mary).expect(t, allWell, "Everything works: mary@contoso.com is drawn as", "mary@contoso.com ····", "█ busy")
}

func TestDoctorOrganizationFlag(t *testing.T) {
	settings := contoso("target_sharing_epr: %s", startExchange(t, pretendCalendar(availability.Busy, "mary@elsewhere.example")))
	examine(t, settings, "--organization", "Contoso", "mary@elsewhere.example").
		expect(t, strings.TrimPrefix(allWell, "route "))
	if e := examine(t, settings, "--organization", "contsoo", mary); e.status != exitFailure || !strings.Contains(e.text, `there is no "contsoo" in `) || !strings.HasSuffix(e.text, "; there is contoso") {
		t.Errorf("%+v", e)
	}
}

// Nobody waits for hops that nobody listens to any more.
func TestDoctorIsLeft(t *testing.T) {
	x := pretendCalendar(availability.Busy, mary)
	trace := new(doctor.Trace)
	d, err := newDoctor(parse(t, "%s", contoso("target_sharing_epr: %s", startExchange(t, x))), "", trace)
	if err != nil {
		t.Fatal(err)
	}
	for hop := range d.Diagnose(t.Context(), today(mary, time.Now()), "") {
		if hop.Name == doctor.TCP {
			break
		}
	}
	if x.Calls() != 0 || trace.String() != "" {
		t.Errorf("%d calls: %s", x.Calls(), trace)
	}
}
