package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
	"fbgate/availability/exchangetest/authtest"
	"fbgate/availability/exchangetest/kdctest"
	"fbgate/availability/exchangetest/oauthtest"
	"fbgate/availability/exchangetest/publicfoldertest"
)

// world is five organizations, each reached in another way: by Exchange 2003's
// public folder, by EWS with NTLM, Kerberos and OAuth 2, and by a proxy of one's own.
type world struct {
	stack
	folder                                 *publicfoldertest.Server
	fabrikam, northwind, tailspin, wingtip *exchangetest.Exchange
}

// worldConfig expects the URLs of the servers, of tokens, and files.
const worldConfig = `
answer_timeout: 1s
organizations:
  - name: contoso
    domains: [contoso.com]
    access_method: PublicFolder
    public_folder_url: %[1]s
    credential: {type: basic, username: 'CONTOSO\svc', password_file: %[7]s}
  - name: fabrikam
    domains: [fabrikam.com]
    target_sharing_epr: %[2]s
    timeout: 2s
    credential: {type: ntlm, username: 'FABRIKAM\svc', password_file: %[7]s}
  - name: northwind
    domains: [northwind.com]
    target_sharing_epr: %[3]s
    timeout: 2s
    credential: {type: kerberos, username: svc, keytab_file: %[8]s, krb5_config: %[9]s, spn: HTTP/mail.northwind.com}
  - name: tailspin
    domains: [tailspin.com]
    access_method: InternalProxy
    proxy_url: %[4]s
    credential: {type: basic, username: svc, password_file: %[7]s}
  - name: wingtip
    domains: [wingtip.com]
    target_sharing_epr: %[5]s
    credential: {type: oauth2, token_url: %[6]s, client_id: fbgate, password_file: %[7]s, scope: https://mail.wingtip.com/.default}
    impersonate: freebusy@wingtip.com
`

const worldPassword = "correct horse"

func newWorld(t *testing.T) *world {
	t.Helper()
	kdc := kdctest.Start(t)
	kdc.AddUser("svc", worldPassword)
	ntlm := authtest.Samba{Domain: "FABRIKAM", Username: "svc", Password: worldPassword}.Start(t)
	service := kdc.AddService("HTTP/mail.northwind.com")
	tokens := oauthtest.New("fbgate", worldPassword)
	tokens.Scope = "https://mail.wingtip.com/.default"

	w := &world{
		folder:    publicfoldertest.New(),
		fabrikam:  pretendCalendar(availability.Tentative, "joe@fabrikam.com"),
		northwind: pretendCalendar(availability.OOF, "ann@northwind.com"),
		tailspin:  pretendCalendar(availability.Busy, "tom@tailspin.com"),
		wingtip:   pretendCalendar(availability.Busy, "wendy@wingtip.com"),
	}
	w.folder.Username, w.folder.Password = `CONTOSO\svc`, worldPassword
	w.folder.SetCalendar("mary@contoso.com", availability.Span{Window: morning, Status: availability.OOF})
	w.tailspin.Username, w.tailspin.Password = "svc", worldPassword
	t.Cleanup(func() {
		for _, x := range []*exchangetest.Exchange{w.fabrikam, w.northwind, w.tailspin, w.wingtip} {
			x.Close() // ends what hangs
		}
	})
	folder, stop, err := w.folder.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	iis := authtest.NTLM(w.fabrikam, ntlm)
	fabrikam := httptest.NewUnstartedServer(iis)
	fabrikam.Config.ConnContext = iis.ConnContext
	fabrikam.Start()
	t.Cleanup(fabrikam.Close)

	password, keytab := filepath.Join(t.TempDir(), "password"), filepath.Join(t.TempDir(), "keytab")
	for path, content := range map[string][]byte{password: []byte(worldPassword), keytab: kdc.UserKeytab("svc")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.stack = newStack(t, worldConfig, folder, fabrikam.URL+exchangetest.Path,
		serve(t, kdctest.Negotiate(w.northwind, service))+exchangetest.Path, startExchange(t, w.tailspin),
		serve(t, tokens.Protect(w.wingtip))+exchangetest.Path, serve(t, tokens)+"/token", password, keytab, kdc.Config)
	return w
}

func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

var worldPeople = []string{"mary@contoso.com", "joe@fabrikam.com", "ann@northwind.com", "tom@tailspin.com", "wendy@wingtip.com"}

// One request about people of five organizations: whoever can be known is, and of
// everybody else operators see why not.
func TestFiveOrganizationsInOneRequest(t *testing.T) {
	w := newWorld(t)
	rows, _ := w.ask(t, "", worldPeople...)
	if want := []string{"33333333", "00111000", "00333000", "00222000", "00222000"}; !slices.Equal(rows, want) {
		t.Fatalf("all of them well: %v, want %v; %v", rows, want, w.page(t))
	}

	flush := httptest.NewRecorder()
	w.operators.ServeHTTP(flush, httptest.NewRequest(http.MethodDelete, "http://localhost/cache", nil))
	w.northwind.FailCalls(-1, exchangetest.Fault{Transport: exchangetest.Hang})
	w.tailspin.FailCalls(-1, exchangetest.Fault{Code: "ErrorServerBusy", BackOff: 90 * time.Second})
	people := append(slices.Clone(worldPeople), "nobody@fabrikam.com")
	begun := time.Now()
	rows, _ = w.ask(t, "", people...)
	t.Logf("answered after %v; the client waits for 1s", time.Since(begun))
	if want := []string{"33333333", "00111000", "44444444", "44444444", "00222000", "44444444"}; !slices.Equal(rows, want) {
		t.Errorf("one hanging, one throttling, one unknown: %v, want %v", rows, want)
	}
	// The lookup that hangs goes on, and its reason is remembered when it ends.
	want := map[string]string{
		"mary@contoso.com": "", "joe@fabrikam.com": "", "wendy@wingtip.com": "",
		"ann@northwind.com": "timeout", "tom@tailspin.com": "throttled", "nobody@fabrikam.com": "unknown-mailbox",
	}
	var got map[string]string
	for range 100 {
		if got = w.reasons(t); len(got) == len(want) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	for mailbox, code := range want {
		if reason, ok := got[mailbox]; !ok || reason != code {
			t.Errorf("%s: operators see %q, want %q", mailbox, reason, code)
		}
	}
}
