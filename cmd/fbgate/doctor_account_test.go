package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/doctor"
	"fbgate/availability/exchangetest"
	"fbgate/availability/exchangetest/authtest"
	"fbgate/availability/exchangetest/autodiscovertest"
	"fbgate/availability/exchangetest/kdctest"
	"fbgate/availability/exchangetest/oauthtest"
	"fbgate/availability/exchangetest/publicfoldertest"
)

func TestDoctorBasic(t *testing.T) {
	x := pretendCalendar(availability.Busy, mary)
	x.Username, x.Password = "svc", worldPassword
	url := startExchange(t, x)
	right, wrong := writeFile(t, []byte(worldPassword)), writeFile(t, []byte("wrong"))
	const keys = "target_sharing_epr: %s, credential: {username: svc, password_file: %s}"
	examine(t, contoso(keys, url, right), mary).expect(t, allWell, "basic was not refused")
	examine(t, contoso("target_sharing_epr: %s", url), mary).
		expect(t, "route tcp authentication!unauthorized", "the server takes Basic → Name an account in credential")
	calls := x.Calls()
	examine(t, contoso(keys, url, wrong), mary).
		expect(t, "route tcp authentication!unauthorized", "→ Check name and password of the account, whether it is locked", "-BasicAuthentication $true")
	if refusals := x.Calls() - calls; refusals != 1 {
		t.Errorf("the account was refused %d times", refusals)
	}
	// A second server is not shown what the first has refused.
	examine(t, contoso("target_sharing_epr: ['%s', '%s?2'], credential: {username: svc, password_file: %s}", url, url, wrong), mary).
		expect(t, "route tcp authentication!unauthorized tcp authentication!unauthorized", "So as not to lock it, it was not shown here now")

	x.FailCalls(-1, exchangetest.Fault{Transport: exchangetest.Hang})
	examine(t, contoso(keys, url, right), mary).
		expect(t, "route tcp authentication call!timeout", "basic was shown, if it was asked for; nothing has said that it is wrong")
}

// A secret that cannot be read is a fault of the configuration; one that is gone only
// when it is needed, of the account.
func TestDoctorUnreadableSecret(t *testing.T) {
	x := pretendCalendar(availability.Busy, mary)
	password := writeFile(t, []byte(worldPassword))
	settings := contoso("target_sharing_epr: %s, credential: {username: svc, password_file: %s}", startExchange(t, x), password)
	d, err := newDoctor(parse(t, "%s", settings), "", new(doctor.Trace))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(password); err != nil {
		t.Fatal(err)
	}
	var last doctor.Hop
	for last = range d.Diagnose(t.Context(), today(mary, time.Now()), "") {
	}
	if last.Name != doctor.Authentication || last.Reason == nil || last.Reason.Code != availability.CredentialFailed || !strings.Contains(last.Remedy, "its files have to be readable") {
		t.Errorf("%+v", last)
	}
	if e := examine(t, settings, mary); e.status != exitFailure || !strings.Contains(e.text, "1 fault in the configuration") || x.Calls() != 0 {
		t.Errorf("%+v", e)
	}
}

func TestDoctorNTLM(t *testing.T) {
	start := authtest.Samba{Domain: "CONTOSO", Username: "svc", Password: worldPassword}.Start(t)
	iis := authtest.NTLM(pretendCalendar(availability.Busy, mary), start)
	server := httptest.NewUnstartedServer(iis)
	server.Config.ConnContext = iis.ConnContext
	server.Start()
	t.Cleanup(server.Close)
	const keys = `target_sharing_epr: %s, credential: {type: ntlm, username: 'CONTOSO\svc', password_file: %s}`
	url := server.URL + exchangetest.Path
	examine(t, contoso(keys, url, writeFile(t, []byte(worldPassword))), mary).expect(t, allWell, "ntlm was not refused")
	examine(t, contoso(keys, url, writeFile(t, []byte("wrong"))), mary).
		expect(t, "route tcp authentication!unauthorized", "-WindowsAuthentication $true", "Extended Protection")

	// Failures of the handshake are of the log-in, whatever else they look like.
	const between = "→ Check what stands between here and the server: NTLM needs one connection"
	garbage := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", "NTLM !!!!")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	examine(t, contoso(keys, garbage+exchangetest.Path, writeFile(t, []byte("any"))), mary).
		expect(t, "route tcp authentication!bad-response", between)

	stop := make(chan struct{})
	iis = authtest.NTLM(http.NotFoundHandler(), func() (authtest.Verifier, error) {
		verifier, err := start()
		return undecided{verifier, stop}, err
	})
	server = httptest.NewUnstartedServer(iis)
	server.Config.ConnContext = iis.ConnContext
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(stop) })
	examine(t, contoso(keys, server.URL+exchangetest.Path, writeFile(t, []byte(worldPassword))), mary).
		expect(t, "route tcp authentication!timeout", between)
}

// undecided is a Verifier whose domain controller does not answer.
type undecided struct {
	authtest.Verifier
	stop <-chan struct{}
}

func (u undecided) Authenticate([]byte) (string, error) {
	<-u.stop
	return "", errors.New("no domain controller")
}

func TestDoctorKerberos(t *testing.T) {
	kdc := kdctest.Start(t)
	kdc.AddUser("svc", worldPassword)
	keytab := writeFile(t, kdc.UserKeytab("svc"))
	kdc.SetPassword("svc", "another")
	newer := writeFile(t, kdc.UserKeytab("svc"))
	url := serve(t, kdctest.Negotiate(pretendCalendar(availability.Busy, mary), kdc.AddService("HTTP/mail.contoso.com"))) + exchangetest.Path
	ask := func(spn, keytab string) examination {
		return examine(t, contoso("target_sharing_epr: %s, credential: {type: kerberos, username: svc, keytab_file: %s, krb5_config: %s, spn: %s}", url, keytab, kdc.Config, spn), mary)
	}
	ask("HTTP/mail.contoso.com", newer).expect(t, allWell, "kerberos was not refused")
	ask("HTTP/mail.contoso.com", keytab).expect(t, "route tcp authentication!unauthorized", "→ Check the password or keytab of the account")
	ask("HTTP/other.contoso.com", newer).expect(t, "route tcp authentication!credential", "setspn -Q HTTP/other.contoso.com")
	kdc.NewKey("HTTP/mail.contoso.com")
	ask("HTTP/mail.contoso.com", newer).expect(t, "route tcp authentication!unauthorized", "HTTP 401", "(setspn -Q)")
	kdc.Stop()
	ask("HTTP/mail.contoso.com", newer).expect(t, "route tcp authentication!unreachable", "→ Check that a KDC of the realm runs and can be reached from here")
}

func TestDoctorOAuth2(t *testing.T) {
	tokens := oauthtest.New("fbgate", worldPassword)
	tokens.Scope = "https://mail.contoso.com/.default"
	endpoint := serve(t, tokens) + "/token"
	url := serve(t, tokens.Protect(pretendCalendar(availability.Busy, mary))) + exchangetest.Path
	ask := func(endpoint, secret string) examination {
		return examine(t, contoso("target_sharing_epr: %s, credential: {type: oauth2, token_url: %s, client_id: fbgate, password_file: %s, scope: %s}",
			url, endpoint, writeFile(t, []byte(secret)), tokens.Scope), mary)
	}
	ask(endpoint, worldPassword).expect(t, allWell, "oauth2 was not refused")
	ask(endpoint, "wrong").expect(t, "route tcp authentication!unauthorized", "AADSTS", "→ Check client_id, whether its secret or certificate has expired")

	const unproven = "→ Check token_url, and that what hands out tokens there runs"
	ask("http://"+closedPort(t)+"/token", worldPassword).expect(t, "route tcp authentication!unreachable", unproven)
	ask(hanging(t)+"/token", worldPassword).expect(t, "route tcp authentication!timeout", unproven)
	for status, code := range map[int]string{http.StatusTooManyRequests: "throttled", http.StatusBadGateway: "upstream-failure"} {
		refusing := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		ask(serve(t, refusing)+"/token", worldPassword).expect(t, "route tcp authentication!"+code, unproven)
	}
	ask(serve(t, http.NotFoundHandler())+"/token", worldPassword).expect(t, "route tcp authentication!credential", "HTTP 404")
	ask(strings.Replace(endpoint, "http:", "https:", 1), worldPassword).expect(t, "route tcp authentication!tls", unproven)

	// The server itself does not take the token.
	url = serve(t, oauthtest.New("other", "other").Protect(http.NotFoundHandler())) + exchangetest.Path
	ask(endpoint, worldPassword).expect(t, "route tcp authentication!unauthorized", "HTTP 401 from "+url, "that scope or resource is that of the server")
}

// hanging returns the URL of a server that does not answer until the test ends.
func hanging(t *testing.T) string {
	stop := make(chan struct{})
	url := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	t.Cleanup(func() { close(stop) })
	return url
}

func TestDoctorAutodiscover(t *testing.T) {
	x := pretendCalendar(availability.Busy, mary, "moved@contoso.com")
	s := autodiscovertest.New(autodiscovertest.Exchange2013)
	s.Username, s.Password = "svc", worldPassword
	x.Username, x.Password = "svc", worldPassword
	both := http.NewServeMux()
	both.Handle("/EWS/", x)
	both.Handle("/autodiscover/", s)
	root := serve(t, both)
	s.SetMailbox(mary, autodiscovertest.Mailbox{ExternalEWS: root + exchangetest.Path})
	s.SetMailbox("wrong@contoso.com", autodiscovertest.Mailbox{ExternalEWS: root + "/EWS/none.asmx"})
	s.SetMailbox("afar@contoso.com", autodiscovertest.Mailbox{RedirectURL: "https://hosting.example/autodiscover/autodiscover.svc"})
	password := writeFile(t, []byte(worldPassword))
	const keys = "target_autodiscover_epr: %s/autodiscover/autodiscover.svc, credential: {username: svc, password_file: %s}"
	settings := contoso(keys, root, password)

	examine(t, settings, mary).expect(t, "route autodiscover "+strings.TrimPrefix(allWell, "route "),
		"EWS is at "+root+exchangetest.Path, "ms "+root+"/autodiscover/autodiscover.svc GetUserSettings: EWS is at")
	if last := x.Requests(); len(s.Requests()) != 1 || len(last) != 1 {
		t.Errorf("%d searches and %d calls", len(s.Requests()), len(last))
	}
	examine(t, settings, "wrong@contoso.com").expect(t, "route autodiscover tcp authentication call!wrong-endpoint",
		"→ Correct the ExternalUrl that Autodiscover gives (there: Set-WebServicesVirtualDirectory -ExternalUrl), or name the URL in target_sharing_epr.")
	examine(t, settings, "afar@contoso.com").expect(t, "route autodiscover!autodiscover",
		`RedirectUrl to "https://hosting.example/autodiscover/autodiscover.svc", not followed`, "→ List that host in trusted_hosts, ")
	examine(t, settings, "nobody@contoso.com").expect(t, "route autodiscover!unknown-mailbox", "Get-Recipient")
	examine(t, contoso(keys, root, writeFile(t, []byte("wrong"))), mary).
		expect(t, "route autodiscover!unauthorized", "-BasicAuthentication $true")
	examine(t, contoso(keys, serve(t, http.NotFoundHandler()), password), mary).
		expect(t, "route autodiscover!autodiscover", "HTTP 404", "→ Name the URL in target_sharing_epr")
}

func TestDoctorPublicFolder(t *testing.T) {
	x := publicfoldertest.New()
	x.SetCalendar(mary, availability.Span{Window: morning, Status: availability.OOF})
	root, stop, err := x.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	settings := contoso("access_method: PublicFolder, public_folder_url: %s", root)
	examine(t, settings, mary).expect(t, allWell)
	examine(t, settings, "nobody@contoso.com").expect(t, until("mailbox!no-data"), "an unpublished mailbox")
	examine(t, settings, "--as", "boss@contoso.com", mary).
		expect(t, "route route!request-rejected", "contoso is asked by public folders, which cannot be asked in the name of boss@contoso.com")

	for _, test := range []struct {
		fault      publicfoldertest.Fault
		fails, say string
	}{
		{publicfoldertest.Fault{Status: 404}, "call!wrong-endpoint", "→ Correct public_folder_url: it has to be the root of the public folders"},
		{publicfoldertest.Fault{Location: "https://elsewhere.invalid/public/"}, "call!wrong-endpoint", "→ List that host in trusted_hosts, "},
		{publicfoldertest.Fault{Reply: publicfoldertest.LoginPage}, "authentication!unauthorized", "→ Name the URL of a server or virtual directory without forms-based authentication"},
		{publicfoldertest.Fault{Reply: publicfoldertest.HTML}, "decoding!bad-response", "a web page instead of free/busy"},
		{publicfoldertest.Fault{Reply: publicfoldertest.Truncate}, "decoding!bad-response", "EOF"},
	} {
		x.FailCalls(-1, test.fault)
		examine(t, settings, mary).expect(t, until(test.fails), test.say)
	}
	x.FailCalls(0, publicfoldertest.Fault{})
	x.FormsAuthentication = true
	examine(t, settings, mary).expect(t, until("authentication!unauthorized"), "HTTP 440", "without forms-based authentication")
	x.FormsAuthentication = false

	y := publicfoldertest.New()
	y.Refer(root)
	other, stop, err := y.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	examine(t, contoso("access_method: PublicFolder, public_folder_url: %s, insecure_http: true, trusted_hosts: [127.0.0.1]", other), mary).
		expect(t, allWell, "HTTP 200 from "+strings.TrimSuffix(strings.TrimPrefix(root, "http://"), "/public/")+", where it was referred to")
}

// impersonation is the header of a call.
type impersonation struct {
	Mailbox string `xml:"Header>ExchangeImpersonation>ConnectingSID>PrimarySmtpAddress"`
}

func TestDoctorAs(t *testing.T) {
	x := pretendCalendar(availability.Busy, mary)
	var asked []impersonation
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var header impersonation
		if err == nil {
			err = xml.Unmarshal(body, &header)
		}
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, header)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		x.ServeHTTP(w, r)
	})) + exchangetest.Path
	settings := contoso("target_sharing_epr: %s, impersonate: other@contoso.com", url)
	examine(t, settings, "--as", "Boss@contoso.com", mary).expect(t, allWell)
	examine(t, settings, mary).expect(t, allWell)
	if got := fmt.Sprint(asked); got != "[{boss@contoso.com} {other@contoso.com}]" {
		t.Errorf("asked in the name of %s", got)
	}
	if anchor := x.Requests()[0].AnchorMailbox; anchor != "boss@contoso.com" {
		t.Errorf("X-AnchorMailbox: %s", anchor)
	}
	if e := examine(t, settings, "--as", "boss", mary); e.status != exitUsage || !strings.Contains(e.text, `--as: "boss" is not an address`) || len(asked) != 2 {
		t.Errorf("%+v", e)
	}
}

// Who interrupts the doctor gets what was found, and no verdict.
func TestDoctorIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server would not notice that the client left
		cancel()
		<-r.Context().Done()
	}))
	file := writeFile(t, []byte(contoso("target_sharing_epr: %s", url+exchangetest.Path)))
	var out strings.Builder
	status := run(ctx, []string{"doctor", "--config", file, mary}, &out, &out)
	if status != exitFailure || strings.Contains(out.String(), "It fails at") || !strings.Contains(out.String(), "fbgate: context canceled") {
		t.Errorf("%d\n%s", status, &out)
	}
}
