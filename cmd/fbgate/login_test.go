package main

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/availability/credential"
	"fbgate/availability/exchangetest/authtest"
	"fbgate/availability/exchangetest/kdctest"
)

// htpasswd are joe and mary, with the password "secret", at the lowest cost there is.
const htpasswd = "joe:$2a$04$Sfjpq0jOFY9WgRrT5aT./uOnqAB6PctFJTdkPMQb9Y/2b6pzUp7iu\n" +
	"mary:$2a$04$Sfjpq0jOFY9WgRrT5aT./uOnqAB6PctFJTdkPMQb9Y/2b6pzUp7iu\n"

// withLogin is a gateway before an Exchange of mary, who is busy, which wants a log-in.
func withLogin(t *testing.T, login, more string) stack {
	t.Helper()
	folder := t.TempDir()
	users, groups := filepath.Join(folder, "users"), filepath.Join(folder, "groups")
	for file, text := range map[string]string{users: htpasswd, groups: "board: mary\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(login, "basic") {
		more += fmt.Sprintf("publishing: {store: %q, publishers: [{username: sync, password_file: %q}]}\n",
			filepath.Join(folder, "published.db"), writeFile(t, []byte("hunter2\n")))
	}
	return newStack(t, `
organizations:
  - {name: contoso, domains: [contoso.com], target_sharing_epr: %q}
login: {htpasswd_file: %q, group_file: %q, %s}
%s`, startExchange(t, pretendCalendar(availability.Busy, "mary@contoso.com")), users, groups, login, more)
}

// from sends a request of somebody at an address.
func (s stack) from(address, method, target string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = address + ":1234"
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	s.clients.ServeHTTP(w, r)
	return w
}

const stranger = "192.0.2.1" // as httptest has it

func basic(name, password string) http.Header {
	r := http.Request{Header: make(http.Header)}
	r.SetBasicAuth(name, password)
	return r.Header
}

// requestLines are those of real clients.
func requestLines(t *testing.T) (targets []string) {
	t.Helper()
	file, err := os.Open("../../testdata/dav/requests.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 && fields[0] != "#" {
			targets = append(targets, fields[1])
		}
	}
	return targets
}

// Nobody unknown is answered by any route, whatever is asked for and how: the refusal is
// the same everywhere. Only the log-in page is there for all.
func TestNobodyUnknownIsAnswered(t *testing.T) {
	t.Parallel()
	const folder = "/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/"
	targets := append(requestLines(t),
		target("mary@contoso.com"), target("nobody@contoso.com"), "/", "/public", "/public/", "/public//", "/PUBLIC/?Cmd=contents", "/public/?Cmd=freebusy",
		folder, folder+"EX:_xF8FF_o=Contoso/", folder+"EX:_xF8FF_o=Contoso/USER-_xF8FF_cn=mary.EML", "/public/NON_IPM_SUBTREE/", "/public/non_ipm_subtree/schedule+%20free%20busy",
		"/freebusy/mary@contoso.com.vfb", "/freebusy/nobody@contoso.com.ifb", "/freebusy/?mary@contoso.com", "/freebusy/", "/exchange/mary/calendar", "/owa/", "/cache", "/healthz", "/metrics",
		"/../public/", "/public/%2e%2e/cache", "/exchweb/bin/auth/", "/exchweb/bin/auth/owaauth.dllx", "*",
	)
	methods := []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PROPFIND", "PROPPATCH", "BPROPFIND", "SEARCH", "MKCOL", "TRACE", "FREEBUSY"}
	for _, login := range []struct {
		name, keys string
		status     int
		also       http.Header
	}{
		{"basic", "methods: [basic], insecure_http: true", 401, nil},
		{"basic, a wrong password", "methods: [basic], insecure_http: true", 401, basic("mary", "wrong")},
		{"basic in the clear", "methods: [basic]", 403, nil},
		{"only networks", "networks: [10.0.0.0/8]", 403, nil},
		{"forged addresses", "networks: [10.0.0.0/8]", 403, http.Header{"X-Forwarded-For": {"10.0.0.1"}, "X-Real-Ip": {"10.0.0.1"}, "Forwarded": {"for=10.0.0.1"}}},
		{"a forged front end", "methods: [header]", 403, http.Header{"X-Remote-User": {"mary"}}},
	} {
		t.Run(login.name, func(t *testing.T) {
			s := withLogin(t, login.keys, "trusted_proxies: [10.9.9.9]\n")
			var first string
			for _, target := range targets {
				for _, method := range methods {
					w := s.from(stranger, method, target, login.also)
					got := fmt.Sprintf("%d %v %s", w.Code, w.Header().Values("WWW-Authenticate"), w.Body)
					if method == http.MethodHead {
						continue // its body is for net/http to drop
					}
					if first == "" {
						first = got
					}
					switch {
					case w.Code != login.status && w.Code != http.StatusTooManyRequests:
						t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
					case w.Code == login.status && got != first:
						t.Errorf("%s %s: %s, and elsewhere %s", method, target, got, first)
					}
				}
			}
		})
	}
	t.Run("forms", func(t *testing.T) {
		s := withLogin(t, "methods: [forms], insecure_http: true", "")
		for _, target := range targets {
			for _, method := range methods {
				w := s.from(stranger, method, target, nil)
				toPage := w.Code == http.StatusFound && strings.Contains(w.Header().Get("Location"), "/exchweb/bin/auth/owalogon.asp?url=")
				if w.Code != 440 && !(toPage && (method == http.MethodGet || method == http.MethodHead)) {
					t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
				}
			}
		}
	})
}

func TestLoggedInAreAnswered(t *testing.T) {
	t.Parallel()
	s := withLogin(t, "methods: [basic, header], networks: [10.0.0.0/8], insecure_http: true", "trusted_proxies: [10.9.9.9]\n")
	for _, test := range []struct {
		who, address string
		header       http.Header
		want         int
	}{
		{"an account", stranger, basic("mary", "secret"), 200},
		{"a publisher", stranger, basic("sync", "hunter2"), 200},
		{"a wrong password", stranger, basic("mary", "secreT"), 401},
		{"nobody's name", stranger, basic("nobody", "secret"), 401},
		{"a network", "10.1.2.3", nil, 200},
		{"a network, with what was not asked for", "10.1.2.3", http.Header{"Authorization": {"NTLM TlRMTVNTUAABAAAA"}}, 200},
		{"by a proxy", "10.9.9.9", http.Header{"X-Forwarded-For": {"192.0.2.7"}, "X-Remote-User": {"mary"}}, 200},
		{"by a proxy, nobody", "10.9.9.9", http.Header{"X-Forwarded-For": {"192.0.2.7"}}, 401},
		{"by a proxy, from the network", "10.9.9.9", http.Header{"X-Forwarded-For": {"10.2.2.2"}}, 200},
	} {
		if w := s.from(test.address, http.MethodGet, target("mary@contoso.com"), test.header); w.Code != test.want {
			t.Errorf("%s: %d %s, want %d", test.who, w.Code, w.Body, test.want)
		}
	}
}

// Who may see whom, by group, in every face, and what is published included.
func TestRulesHoldInEveryFace(t *testing.T) {
	t.Parallel()
	s := withLogin(t, "methods: [basic], default_domain: contoso.com, insecure_http: true", `
access_rules:
  - {groups: board, free_busy_access_level: availability_only}
  - {domains: contoso.com, organizations: contoso, free_busy_access_level: none}
`)
	mary, joe := basic("mary", "secret"), basic("joe", "secret")
	if got := digits(t, s.from(stranger, http.MethodGet, target("mary@contoso.com"), mary).Result())[0]; got != known {
		t.Errorf("to the board mary is %s", got)
	}
	denied, unknown := s.from(stranger, http.MethodGet, target("mary@contoso.com"), joe), s.from(stranger, http.MethodGet, target("mary@contoso.org"), joe)
	if got := strings.ReplaceAll(unknown.Body.String(), "contoso.org", "contoso.com"); denied.Code != unknown.Code || denied.Body.String() != got || !strings.Contains(got, unknownDigits) {
		t.Errorf("denied: %s\nunknown: %s", denied.Body, got)
	}
	file := "/freebusy/mary@contoso.com.vfb"
	if w := s.from(stranger, http.MethodGet, file, mary); w.Code != http.StatusOK && w.Code != http.StatusNotFound {
		t.Errorf("to the board: %d %s", w.Code, w.Body)
	}
	if w := s.from(stranger, http.MethodGet, file, joe); w.Code != http.StatusNotFound || !strings.HasPrefix(w.Body.String(), "Nobody here knows") {
		t.Errorf("to joe: %d %s", w.Code, w.Body)
	}
}

const unknownDigits = "44444444"

// The groups of an account are those of its own Windows domain's user alone, if a front
// end names him.
func TestLoginOfAnotherDomain(t *testing.T) {
	t.Parallel()
	s := withLogin(t, "methods: [basic, header], netbios_domains: CONTOSO, insecure_http: true", `
trusted_proxies: [10.9.9.9]
access_rules: [{groups: board, free_busy_access_level: availability_only}]
`)
	for name, want := range map[string]string{"mary": known, `contoso\mary`: known, `EVIL\mary`: unknownDigits, `EVIL\mary@contoso.com`: unknownDigits} {
		w := s.from("10.9.9.9", http.MethodGet, target("mary@contoso.com"), http.Header{"X-Remote-User": {name}})
		if got := digits(t, w.Result())[0]; got != want {
			t.Errorf("%s gets %s, want %s", name, got, want)
		}
	}
	if got := digits(t, s.from(stranger, http.MethodGet, target("mary@contoso.com"), basic(`EVIL\mary`, "secret")).Result())[0]; got != known {
		t.Errorf("with a password: %s", got)
	}
}

// One account that asks too much gets no digits for a while; others are served.
func TestTooMuchIsAsked(t *testing.T) {
	t.Parallel()
	s := withLogin(t, "methods: [basic], insecure_http: true", "limits: {mailboxes_per_minute: 5}\n")
	answered := 0
	for range 10 {
		if digits(t, s.from(stranger, http.MethodGet, target("mary@contoso.com"), basic("mary", "secret")).Result())[0] == known {
			answered++
		}
	}
	if answered != 5 {
		t.Errorf("%d of 10 were answered, want 5", answered)
	}
	if got := digits(t, s.from("198.51.100.1", http.MethodGet, target("mary@contoso.com"), basic("joe", "secret")).Result())[0]; got != known {
		t.Errorf("another one gets %s", got)
	}
}

// The Exchange behind fbgate says who may ask, as it says it to everybody: by NTLM,
// judged by Samba, on the connection that is the client's own.
func TestLogInAtTheServerBehind(t *testing.T) {
	t.Parallel()
	samba := authtest.Samba{Domain: "CONTOSO", Username: "mary", Password: "secret"}
	handler := authtest.NTLM(landing("exchange"), samba.Start(t))
	exchange := httptest.NewUnstartedServer(handler)
	exchange.Config.ConnContext = handler.ConnContext
	exchange.Start()
	t.Cleanup(exchange.Close)
	d := inFront(t, exchange.Listener.Addr().String(), "\nlogin: {methods: passthrough}", slog.New(slog.DiscardHandler))

	kind := credential.NTLM{Username: `CONTOSO\mary`, Connections: 1, Password: func() (string, error) { return samba.Password, nil }}
	transport := &http.Transport{MaxConnsPerHost: 1}
	t.Cleanup(transport.CloseIdleConnections)
	mary := credential.New(kind, func(*url.URL) bool { return true }).Transport(func(int) http.RoundTripper { return transport })
	for n := range 3 {
		if status, body := exchangeSays(t, mary, d, target("mary@contoso.com")); status != http.StatusOK || !strings.Contains(body, known) {
			t.Errorf("%d. %d %q", n, status, body)
		}
		nobody := &http.Transport{}
		response := roundTrip(t, nobody, d, target("mary@contoso.com"))
		if response.StatusCode != http.StatusUnauthorized || !slices.Contains(response.Header.Values("WWW-Authenticate"), "NTLM") {
			t.Errorf("%d. to nobody: %s %v", n, response.Status, response.Header)
		}
		nobody.CloseIdleConnections()
	}
	if counts := handler.Counts(); counts.Accepted != 1 {
		t.Errorf("%+v: one log-in should do", counts)
	}
	exchange.Close()
	if response := roundTrip(t, &http.Transport{}, d, target("mary@contoso.com")); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without Exchange: %s", response.Status)
	}
}

// cookies adds one to each request.
type cookies struct{ http.RoundTripper }

func (c cookies) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Cookie", "sessionid=1")
	return c.RoundTripper.RoundTrip(r)
}

// A rule that denies something to a group holds for who has logged in at the server
// behind, by either name of NTLM, and with whatever cookie.
func TestRulesHoldBehind(t *testing.T) {
	t.Parallel()
	samba := authtest.Samba{Domain: "CONTOSO", Username: "mary", Password: "secret"}
	for _, scheme := range []string{"NTLM", "Negotiate"} {
		handler := authtest.NTLM(landing("exchange"), samba.Start(t))
		handler.Schemes = []string{scheme}
		exchange := httptest.NewUnstartedServer(handler)
		exchange.Config.ConnContext = handler.ConnContext
		exchange.Start()
		t.Cleanup(exchange.Close)
		d := inFront(t, exchange.Listener.Addr().String(), fmt.Sprintf(`
login: {methods: passthrough, netbios_domains: CONTOSO, htpasswd_file: %q, group_file: %q}
access_rules: [{groups: board, free_busy_access_level: none}, {free_busy_access_level: availability_only}]`,
			writeFile(t, []byte(htpasswd)), writeFile(t, []byte("board: mary\n"))), slog.New(slog.DiscardHandler))
		kind := credential.NTLM{Username: `CONTOSO\mary`, Connections: 1, Password: func() (string, error) { return samba.Password, nil }}
		transport := &http.Transport{MaxConnsPerHost: 1}
		t.Cleanup(transport.CloseIdleConnections)
		mary := credential.New(kind, func(*url.URL) bool { return true }).Transport(func(int) http.RoundTripper { return transport })
		for n, client := range []http.RoundTripper{mary, cookies{mary}, cookies{mary}, mary} {
			if status, body := exchangeSays(t, client, d, target("mary@contoso.com")); status != http.StatusOK || !strings.Contains(body, unknownDigits) {
				t.Errorf("%s, %d. %d %q", scheme, n, status, body)
			}
		}
		if counts := handler.Counts(); counts.Accepted != 1 {
			t.Errorf("%s: %+v: one log-in should do", scheme, counts)
		}
	}
}

// A browser's silent log-in, by curl, with MIT's KDC; and a rule about the domain that
// the name in the ticket is of.
func TestLogInByKerberos(t *testing.T) {
	t.Parallel()
	for program, of := range map[string]string{"kinit": "krb5-user", "curl": "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed (Debian: apt-get install %s)", program, of)
		}
	}
	kdc := kdctest.Start(t)
	kdc.AddUser("mary", "secret")
	keytab := writeFile(t, kdc.AddService("HTTP/mail.kdc.test"))
	s, err := start(parse(t, `
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
login: {methods: negotiate, keytab_file: %q, default_domain: contoso.com}
access_rules: [{domains: contoso.com, free_busy_access_level: availability_only}]
organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %q}]
`, keytab, startExchange(t, pretendCalendar(availability.Busy, "mary@contoso.com"))), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.stop() })
	settings, err := os.ReadFile(kdc.Config)
	if err != nil {
		t.Fatal(err)
	}
	// Nobody but the test knows the server's name.
	settings = bytes.Replace(settings, []byte("[libdefaults]"), []byte("[libdefaults]\n dns_canonicalize_hostname = false\n rdns = false"), 1)
	environment := append(os.Environ(), "KRB5_CONFIG="+writeFile(t, settings), "KRB5CCNAME=FILE:"+filepath.Join(t.TempDir(), "cache"))
	run := func(name string, arguments ...string) string {
		c := exec.CommandContext(t.Context(), name, arguments...)
		c.Env = environment
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	_, port, _ := net.SplitHostPort(s.clients.String())
	ask := func() string {
		return run("curl", "--silent", "--negotiate", "--user", ":", "--write-out", "%{http_code}",
			"--resolve", "mail.kdc.test:"+port+":127.0.0.1", "http://mail.kdc.test:"+port+target("mary@contoso.com"))
	}
	if got := ask(); !strings.HasSuffix(got, "401") {
		t.Errorf("without a ticket: %s", got)
	}
	run("kinit", "-k", "-t", writeFile(t, kdc.UserKeytab("mary")), "mary")
	if got := ask(); !strings.HasSuffix(got, "200") || !strings.Contains(got, known) {
		t.Errorf("with a ticket: %s", got)
	}
}

// One fbgate tells another who asks, and the other's rules hold: by mail domain, for which
// the first remembers apart.
func TestRulesOfAnotherGateway(t *testing.T) {
	t.Parallel()
	second, err := start(parse(t, `
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
trusted_proxies: [127.0.0.1]
login: {methods: header, header: X-Remote-User}
access_rules: [{domains: contoso.com, free_busy_access_level: availability_only}]
organizations: [{name: fabrikam, domains: [fabrikam.com], target_sharing_epr: %q}]
`, startExchange(t, pretendCalendar(availability.Busy, "boss@fabrikam.com"))), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.stop() })
	first := newStack(t, `
trusted_proxies: [10.9.9.9]
login: {methods: header, header: X-User}
organizations: [{name: fabrikam, domains: [fabrikam.com], access_method: PublicFolder, public_folder_url: "http://%s/public/", requester_header: X-Remote-User}]
`, second.clients)
	for _, test := range []struct{ who, want string }{
		{"mary@contoso.com", known}, {"eve@northwind.example", unknownDigits}, {"joe@contoso.com", known}, {"eve@northwind.example", unknownDigits}, {"nameless", unknownDigits},
	} {
		w := first.from("10.9.9.9", http.MethodGet, target("boss@fabrikam.com"), http.Header{"X-Forwarded-For": {"192.0.2.7"}, "X-User": {test.who}})
		if got := digits(t, w.Result())[0]; got != test.want {
			t.Errorf("%s sees %s, want %s", test.who, got, test.want)
		}
	}
}
