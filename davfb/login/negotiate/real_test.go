package negotiate_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fbgate/availability/credential"
	"fbgate/availability/exchangetest/kdctest"
	"fbgate/davfb/face"
	"fbgate/davfb/login/negotiate"
)

// site is a server with Negotiate in front, and the KDC of its realm.
type site struct {
	*kdctest.KDC
	server *httptest.Server
	keytab atomic.Pointer[[]byte]
	log    bytes.Buffer // of the Method

	mu       sync.Mutex
	refusals []error
}

func newSite(t *testing.T, change func(*negotiate.Config)) *site {
	t.Helper()
	s := &site{KDC: kdctest.Start(t)}
	s.AddUser("joe", "right")
	content := s.AddService(service)
	s.keytab.Store(&content)
	c := negotiate.Config{
		Keytab: func() ([]byte, error) { return *s.keytab.Load(), nil },
		Log:    slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&c)
	}
	m, err := negotiate.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.server = httptest.NewServer(face.Serve(slog.New(slog.DiscardHandler), func(w http.ResponseWriter, r *http.Request, _ string) error {
		who, ok, err := m.Identify(w, r)
		if err != nil {
			s.mu.Lock()
			s.refusals = append(s.refusals, err)
			s.mu.Unlock()
		}
		if !ok {
			m.Challenge(w.Header(), r)
		}
		if err == nil && !ok {
			err = &face.Refusal{Status: http.StatusUnauthorized, Text: "Who are you?"}
		}
		if err != nil {
			return err
		}
		w.Header().Set("Who", who.Name+" "+string(who.Mailbox))
		return nil
	}))
	t.Cleanup(s.server.Close)
	return s
}

// refusal returns what the log has of the last.
func (s *site) refusal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.refusals) == 0 {
		return ""
	}
	return s.refusals[len(s.refusals)-1].Error()
}

// desk is where MIT's programs run for a user.
type desk struct {
	*site
	dir string
}

// newDesk is skipped where a program is missing.
func newDesk(t *testing.T, s *site) *desk {
	t.Helper()
	for program, of := range map[string]string{"kinit": "krb5-user", "curl": "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed (Debian: apt-get install %s)", program, of)
		}
	}
	version, err := exec.Command("curl", "-V").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(version, []byte("SPNEGO")) {
		t.Skip("this curl has no SPNEGO (Debian's curl has)")
	}
	d := &desk{s, t.TempDir()}
	settings, err := os.ReadFile(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	// Nobody but the test knows the server's name.
	settings = bytes.Replace(settings, []byte("[libdefaults]"), []byte("[libdefaults]\n dns_canonicalize_hostname = false\n rdns = false"), 1)
	if err := os.WriteFile(d.path("krb5.conf"), settings, 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) run(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program, arguments...)
	c.Env = append(os.Environ(), "KRB5_CONFIG="+d.path("krb5.conf"), "KRB5CCNAME=FILE:"+d.path("cache"), "LC_ALL=C", "no_proxy=*")
	output, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, arguments, err, output)
	}
	return string(output)
}

// logOn gets a ticket-granting ticket by a keytab of the user.
func (d *desk) logOn(t *testing.T, user string, flags ...string) {
	t.Helper()
	if err := os.WriteFile(d.path("keytab"), d.UserKeytab(user), 0o600); err != nil {
		t.Fatal(err)
	}
	d.run(t, "kinit", append(flags, "-k", "-t", d.path("keytab"), user)...)
}

// curl asks the server by a name of it and returns status and header.
func (d *desk) curl(t *testing.T, host string) (status, header string) {
	t.Helper()
	u, err := url.Parse(d.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	output := d.run(t, "curl", "--silent", "--show-error", "--max-time", "30", "--negotiate", "--user", ":",
		"--resolve", host+":"+u.Port()+":127.0.0.1", "--dump-header", "-", "--output", os.DevNull,
		"--write-out", "%{http_code}", "http://"+host+":"+u.Port()+"/public/")
	return output[len(output)-3:], output
}

func TestCurl(t *testing.T) {
	d := newDesk(t, newSite(t, func(c *negotiate.Config) { c.DefaultDomain = "contoso.com" }))
	status, header := d.curl(t, "mail.kdc.test")
	if status != "401" || !strings.Contains(header, "Www-Authenticate: Negotiate\r\n") || d.refusal() != "" {
		t.Errorf("without a ticket: %s", header)
	}
	d.logOn(t, "joe")
	for range 3 {
		status, header := d.curl(t, "mail.kdc.test")
		if status != "200" || !strings.Contains(header, "Who: joe@KDC.TEST joe@contoso.com\r\n") {
			t.Errorf("%s\n%s", header, d.refusal())
		}
		if !strings.Contains(header, "Www-Authenticate: Negotiate oYG") { // as long as only a KRB_AP_REP makes it
			t.Errorf("no reply of the server: %s", header)
		}
	}
	// MIT's KDC puts a PAC into its tickets that has nothing to say.
	if d.log.Len() > 0 {
		t.Errorf("the log has %s", &d.log)
	}

	// The name is that of another account, and then an alias of this one.
	d.AddService("HTTP/other.kdc.test")
	if status, header := d.curl(t, "other.kdc.test"); status != "401" || !strings.Contains(d.refusal(), `the ticket is for "HTTP/other.kdc.test" in the realm "KDC.TEST"`) {
		t.Errorf("%s\n%s", header, d.refusal())
	}
	both := append(d.AddService("HTTP/alias.kdc.test"), (*d.keytab.Load())[2:]...)
	d.keytab.Store(&both)
	for _, name := range []string{"mail.kdc.test", "alias.kdc.test"} {
		if status, header := d.curl(t, name); status != "200" {
			t.Errorf("%s: %s\n%s", name, header, d.refusal())
		}
	}

	// Who has the ticket still has it when the service's key has changed.
	before := *d.keytab.Load()
	after := d.NewKey(service)
	d.keytab.Store(&after)
	if status, header := d.curl(t, "mail.kdc.test"); status != "401" || !strings.Contains(d.refusal(), "the client has an old ticket") {
		t.Errorf("%s\n%s", header, d.refusal())
	}
	d.logOn(t, "joe")
	if status, header := d.curl(t, "mail.kdc.test"); status != "200" {
		t.Errorf("%s\n%s", header, d.refusal())
	}
	d.keytab.Store(&before)
	if status, header := d.curl(t, "mail.kdc.test"); status != "401" || !strings.Contains(d.refusal(), "the account's password was changed since the keytab was made") {
		t.Errorf("%s\n%s", header, d.refusal())
	}
}

// Services log in to the KDC as users do.
func TestCurlAsService(t *testing.T) {
	d := newDesk(t, newSite(t, nil))
	d.logOn(t, service)
	if status, header := d.curl(t, "mail.kdc.test"); status != "401" || !strings.Contains(d.refusal(), "it is a service, not a user") {
		t.Errorf("%s\n%s", header, d.refusal())
	}
}

// What fbgate itself shows to servers upstream opens it, too: gateways may be in a row.
func TestOwnClient(t *testing.T) {
	s := newSite(t, nil)
	client := credential.New(credential.Kerberos{
		Username: "joe@" + kdctest.Realm, Password: func() (string, error) { return "right", nil }, SPN: service, KDCs: []string{s.Addr},
	}, func(*url.URL) bool { return true }).Transport(func(int) http.RoundTripper { return http.DefaultTransport })
	var running sync.WaitGroup
	for range 20 {
		running.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL, strings.NewReader("question"))
			if err != nil {
				t.Error(err)
				return
			}
			response, err := client.RoundTrip(r)
			if err != nil {
				t.Error(err)
				return
			}
			response.Body.Close()
			if response.StatusCode != 200 || response.Header.Get("Who") != "joe@KDC.TEST" {
				t.Errorf("%s, %s", response.Status, s.refusal())
			}
		})
	}
	running.Wait()
}
