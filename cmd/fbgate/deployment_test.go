package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/credential"
	"fbgate/availability/exchangetest/authtest"
	"fbgate/cmd/fbgate/config"
)

// deployed is a program of somebody else's in front of Exchange and fbgate, with its
// configuration from docs.
type deployed struct{ plain, secure string } // addresses

// landing tells where a request came to, and as what.
func landing(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Landed", name)
		w.Header().Set("Target", short(r.RequestURI))
		w.Header().Set("Came", fmt.Sprintf("%s for %s by %s %s", r.Host, r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto"), r.Header.Get("Front-End-Https")))
		fmt.Fprintf(w, "%s %s: %s", r.Method, authtest.User(r), body)
	})
}

// short is what of a request target fits into a header.
func short(target string) string { return fmt.Sprintf("%d %.1000s", len(target), target) }

// gatewayThatTells is fbgate, with a mark on its answers.
func gatewayThatTells(t *testing.T) string {
	s := newStack(t, "organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %q}]",
		startExchange(t, pretendCalendar(availability.Busy, "mary@contoso.com")))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Landed", "fbgate")
		w.Header().Set("Target", short(r.RequestURI))
		w.Header().Set("Came", fmt.Sprintf("%s for %s by %s ", r.Host, r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto")))
		s.clients.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// program finds one that administrators have in a folder of their own.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Skip(name + " is not installed")
	return ""
}

// recipe reads a file of docs and puts the addresses of the test in.
func recipe(t *testing.T, name string, choices []string, replacements ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../../docs", name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for _, choice := range choices {
		if !strings.Contains(text, "    #"+choice+" ") {
			t.Fatalf("%s has no choice %s", name, choice)
		}
		text = strings.ReplaceAll(text, "    #"+choice+" ", "    ")
	}
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(text, replacements[i]) {
			t.Fatalf("%s has nothing to be replaced by %s: %s", name, replacements[i+1], replacements[i])
		}
		text = strings.ReplaceAll(text, replacements[i], replacements[i+1])
	}
	return text
}

// free returns addresses nobody listens at.
func free(t *testing.T) (string, string) {
	t.Helper()
	var addresses []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses[0], addresses[1]
}

// runInFront starts a program, which ends with the test, and waits until it listens.
func runInFront(t *testing.T, address, name string, arguments ...string) {
	t.Helper()
	var output bytes.Buffer
	command := exec.Command(name, arguments...)
	command.Stdout, command.Stderr = &output, &output
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it has children
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		<-ended
		if t.Failed() {
			t.Logf("%s: %s", name, &output)
		}
	})
	for wait := time.NewTimer(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ends with %v", name, err)
		case <-wait.C:
			t.Fatalf("%s does not listen", name)
		default:
		}
	}
}

// keyPair writes the certificate of httptest and its key into one file.
func keyPair(t *testing.T) string {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	file, err := os.CreateTemp(t.TempDir(), "*.pem")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	certificate := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}, {Type: "PRIVATE KEY", Bytes: key}} {
		if err := pem.Encode(file, block); err != nil {
			t.Fatal(err)
		}
	}
	return file.Name()
}

func haproxy(t *testing.T, exchange, fbgate string, choices ...string) deployed {
	t.Helper()
	name := program(t, "haproxy")
	plain, secure := free(t)
	file := writeFile(t, []byte(recipe(t, "haproxy.cfg", choices,
		"192.0.2.10:80", exchange, "127.0.0.1:8080", fbgate, "/etc/haproxy/mail.contoso.com.pem", keyPair(t), "*:80", plain, "*:443", secure)))
	runInFront(t, plain, name, "-db", "-f", file)
	return deployed{plain, secure}
}

func nginx(t *testing.T, exchange, fbgate string, choices ...string) deployed {
	t.Helper()
	name := program(t, "nginx")
	plain, secure := free(t)
	folder, pair := t.TempDir(), keyPair(t)
	site := writeFile(t, []byte(recipe(t, "nginx.conf", choices,
		"192.0.2.10:80", exchange, "127.0.0.1:8080", fbgate, "/etc/nginx/mail.contoso.com.pem", pair, "listen 80;", "listen "+plain+";", "listen 443 ssl", "listen "+secure+" ssl")))
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	main := writeFile(t, fmt.Appendf(nil, `%sdaemon off; pid %[2]s/pid; error_log stderr; events {}
http { access_log off; client_body_temp_path %[2]s/a; proxy_temp_path %[2]s/b; fastcgi_temp_path %[2]s/c; scgi_temp_path %[2]s/d; uwsgi_temp_path %[2]s/e; include %s; }
`, user, folder, site))
	runInFront(t, plain, name, "-p", folder, "-e", "stderr", "-c", main)
	return deployed{plain, secure}
}

// lands sends a request line as it stands and returns where it came to, as what target,
// and the status.
func (d deployed) lands(t *testing.T, overTLS bool, method, target string) (response *http.Response) {
	t.Helper()
	var c net.Conn
	var err error
	if overTLS {
		c, err = tls.Dial("tcp", d.secure, &tls.Config{InsecureSkipVerify: true})
	} else {
		c, err = net.Dial("tcp", d.plain)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: mail.contoso.com\r\nX-Forwarded-For: forged\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi", method, target); err != nil {
		t.Fatal(err)
	}
	response, err = http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response
}

// clientsTargets are those of testdata/dav/requests.txt.
func clientsTargets(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile("../../testdata/dav/requests.txt")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for line := range strings.Lines(string(content)) {
		if name, target, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			targets = append(targets, strings.TrimSpace(target))
		}
	}
	if len(targets) < 10 {
		t.Fatal("where are the requests?")
	}
	return targets
}

const folderURL = "/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/"

// expectLandings sends what fbgate is to answer, and what it is not. The folder and
// /freebusy are Exchange's unless they have been chosen.
func expectLandings(t *testing.T, d deployed, chosen bool) {
	t.Helper()
	optional := "exchange"
	if chosen {
		optional = "fbgate"
	}
	landings := map[string]string{
		"HEAD /public/?Cmd=freebusy&u=a":                           "fbgate",
		"GET /public///?x=1&CMD=FREEBUSY&start=x":                  "fbgate",
		"GET //public?u=Cmd=galfind&cmd=freebusy":                  "fbgate",
		"GET /PUBLIC?cmd=freebusy":                                 "fbgate",
		"GET /public/?cmd=freebusy&" + strings.Repeat("u", 60<<10): "fbgate",
		"POST /public/?Cmd=freebusy&u=a":                           "exchange",
		"PROPFIND /public/?Cmd=freebusy":                           "exchange",
		"GET /public/?Cmd=navbar&u=cmd=freebusy":                   "exchange",
		"GET /public/?Cmd=galfind&cmd=freebusy":                    "exchange",
		"GET /public/?xcmd=freebusy":                               "exchange",
		"GET /public/?cmd=freebusyx":                               "exchange",
		"GET /public/?Cmd=galfind&AN=mary;x%2F":                    "exchange",
		"GET /public/":                                             "exchange",
		"GET /public/Calendar/?Cmd=freebusy":                       "exchange",
		"GET /publicity?Cmd=freebusy":                              "exchange",
		"GET /exchange/mary/?Cmd=freebusy":                         "exchange",
		"GET /exchange/mary/Inbox/a%2Fb;c%20d.EML?x=%zz+;y":        "exchange",
		"GET /exchange//mary/%FC{|}^.EML":                          "exchange",
		"GET /exchweb/img/logo.gif":                                "exchange",
		"GET /exchange/mary/gr\xfc\xdfe\x80.EML":                   "exchange",
		"PROPFIND /public/":                                        "exchange",
		"SEARCH /public/x":                                         "exchange",
		"SUBSCRIBE /exchange/mary/Inbox":                           "exchange",
		"BPROPPATCH /exchange/mary/Inbox":                          "exchange",
		"X-MS-ENUMATTS /exchange/mary/Inbox/x.EML":                 "exchange",
		"PROPFIND " + folderURL + "EX:_xF8FF_o=Org/":               optional,
		"PROPPATCH /Public//Non_Ipm_Subtree/Schedule+%20Free%20Busy/EX:_xF8FF_o=Org/USER-_xF8FF_CN=A.EML": optional,
		"SEARCH " + strings.TrimSuffix(folderURL, "/"):                                                    optional,
		"PROPFIND /public/NON_IPM_SUBTREE/":                                                               "exchange",
		"GET /public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSYX/":                                         "exchange",
		"GET /freebusy/mary@contoso.com.vfb":                                                              optional,
		"PUT /FreeBusy/mary%40contoso.com.ifb":                                                            optional,
		"GET /freebusyness":                                                                               "exchange",
	}
	for _, target := range clientsTargets(t) {
		landings["GET "+target] = "fbgate"
	}
	for line, want := range landings {
		method, target, _ := strings.Cut(line, " ")
		for _, overTLS := range []bool{false, true} {
			response := d.lands(t, overTLS, method, target)
			if got := response.Header.Get("Landed"); got != want || response.Header.Get("Target") != short(target) {
				t.Errorf("%.200s: came to %q as %.200q (%s), want %s", line, got, response.Header.Get("Target"), response.Status, want)
			}
			checkCame(t, line, want, overTLS, response.Header.Get("Came"))
		}
	}
}

// checkCame looks at what the two are told of the client.
func checkCame(t *testing.T, line, landed string, overTLS bool, came string) {
	t.Helper()
	if !strings.HasPrefix(came, "mail.contoso.com for ") {
		t.Errorf("%.200s: Host is changed: %q", line, came)
	}
	if proto := map[bool]string{false: "by http", true: "by https"}[overTLS]; landed == "fbgate" && came != "mail.contoso.com for 127.0.0.1 "+proto {
		t.Errorf("%.200s: %q", line, came)
	}
}

func TestHAProxy(t *testing.T) {
	t.Parallel()
	exchange := httptest.NewServer(landing("exchange"))
	t.Cleanup(exchange.Close)
	expectLandings(t, haproxy(t, exchange.Listener.Addr().String(), gatewayThatTells(t)), false)
	expectLandings(t, haproxy(t, exchange.Listener.Addr().String(), gatewayThatTells(t), "folder", "internet"), true)
}

func TestHAProxyKeepsNTLM(t *testing.T) {
	t.Parallel()
	keepsNTLM(t, func(exchange string) deployed { return haproxy(t, exchange, gatewayThatTells(t)) })
}

// keepsNTLM checks that clients that have logged in by NTLM stay so, with free/busy in
// between, and that nobody is served on a connection that somebody else has logged in.
func keepsNTLM(t *testing.T, deploy func(exchange string) deployed) {
	t.Helper()
	samba := authtest.Samba{Domain: "CONTOSO", Username: "mary", Password: "secret"}
	handler := authtest.NTLM(landing("exchange"), samba.Start(t))
	exchange := httptest.NewUnstartedServer(handler)
	exchange.Config.ConnContext = handler.ConnContext
	exchange.Start()
	t.Cleanup(exchange.Close)
	d := deploy(exchange.Listener.Addr().String())
	kind := credential.NTLM{Username: `CONTOSO\mary`, Connections: 1, Password: func() (string, error) { return samba.Password, nil }}
	transport := &http.Transport{MaxConnsPerHost: 1}
	t.Cleanup(transport.CloseIdleConnections)
	mary := credential.New(kind, func(*url.URL) bool { return true }).Transport(func(int) http.RoundTripper { return transport })
	for n := range 5 {
		if status, body := exchangeSays(t, mary, d, "/exchange/mary/"); status != http.StatusOK || body != `GET CONTOSO\mary: ` {
			t.Errorf("%d. %d %q", n, status, body)
		}
		// On the same connection, as there is one only.
		if response := roundTrip(t, transport, d, target("mary@contoso.com")); response.Header.Get("Content-Type") != "text/xml; charset=utf-8" || response.StatusCode != http.StatusOK {
			t.Errorf("%d. %s from %q", n, response.Status, response.Header.Get("Landed"))
		}
		nobody := &http.Transport{}
		if status, body := exchangeSays(t, nobody, d, "/exchange/mary/"); status != http.StatusUnauthorized {
			t.Errorf("%d. to nobody: %d %q", n, status, body)
		}
		nobody.CloseIdleConnections()
	}
	if counts := handler.Counts(); counts.Accepted != 1 {
		t.Errorf("%+v: one log-in should do", counts)
	}
}

func roundTrip(t *testing.T, client http.RoundTripper, d deployed, target string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.plain+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response
}

func exchangeSays(t *testing.T, client http.RoundTripper, d deployed, target string) (int, string) {
	t.Helper()
	response := roundTrip(t, client, d, target)
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}

// What the comments in docs/nginx.conf say: there is no log-in by NTLM, for anybody.
func TestNginxHasNoNTLM(t *testing.T) {
	t.Parallel()
	samba := authtest.Samba{Domain: "CONTOSO", Username: "mary", Password: "secret"}
	handler := authtest.NTLM(landing("exchange"), samba.Start(t))
	exchange := httptest.NewUnstartedServer(handler)
	exchange.Config.ConnContext = handler.ConnContext
	exchange.Start()
	t.Cleanup(exchange.Close)
	d := nginx(t, exchange.Listener.Addr().String(), gatewayThatTells(t))
	kind := credential.NTLM{Username: `CONTOSO\mary`, Password: func() (string, error) { return samba.Password, nil }}
	mary := credential.New(kind, func(*url.URL) bool { return true }).Transport(func(int) http.RoundTripper {
		transport := &http.Transport{MaxConnsPerHost: 1}
		t.Cleanup(transport.CloseIdleConnections)
		return transport
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.plain+"/exchange/mary/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := mary.RoundTrip(r); err == nil {
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s", response.Status)
		}
	}
	if counts := handler.Counts(); counts.Accepted != 0 || counts.Challenges == 0 {
		t.Errorf("%+v", counts)
	}
}

// The choice to ask Exchange by TLS, of which the certificate is checked.
func TestHAProxyAsksByTLS(t *testing.T) {
	t.Parallel()
	name := program(t, "haproxy")
	exchange := httptest.NewUnstartedServer(landing("exchange"))
	exchange.Config.ErrorLog = log.New(io.Discard, "", 0)
	exchange.StartTLS()
	t.Cleanup(exchange.Close)
	trusted := writeFile(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: exchange.Certificate().Raw}))
	for ca, want := range map[string]int{trusted: http.StatusOK, "/etc/ssl/certs/ca-certificates.crt": http.StatusServiceUnavailable} {
		if _, err := os.Stat(ca); err != nil {
			continue
		}
		plain, secure := free(t)
		runInFront(t, plain, name, "-db", "-f", writeFile(t, []byte(recipe(t, "haproxy.cfg", []string{"tls"},
			"    server exchange 192.0.2.10:80\n", "", "192.0.2.10:443", exchange.Listener.Addr().String(), "/etc/haproxy/exchange-ca.pem", ca,
			"/etc/haproxy/mail.contoso.com.pem", keyPair(t), "*:80", plain, "*:443", secure))))
		d := deployed{plain, secure}
		if response := d.lands(t, true, "PROPFIND", "/exchange/"); response.StatusCode != want || want == http.StatusOK && response.Header.Get("Landed") != "exchange" {
			t.Errorf("%s: %s", ca, response.Status)
		}
	}
}

// Of two gateways one ends, and nobody behind HAProxy notices.
func TestHAProxyDrains(t *testing.T) {
	t.Parallel()
	name := program(t, "haproxy")
	text, err := os.ReadFile("../../docs/deployment.md")
	if err != nil {
		t.Fatal(err)
	}
	_, backend, found := strings.Cut(string(text), "```text\nbackend fbgate\n")
	backend, _, ended := strings.Cut(backend, "```")
	if !found || !ended {
		t.Fatal("docs/deployment.md has no backend with checks")
	}
	one, two := serving(t, pretendCalendar(availability.Busy, "mary@contoso.com"), ""), serving(t, pretendCalendar(availability.Busy, "mary@contoso.com"), "")
	one.config().ShutdownDelay = config.Duration(2 * time.Second)
	port := func(l listening) string { return fmt.Sprint(l.listener.Addr().(*net.TCPAddr).Port) }
	plain, _ := free(t)
	lines := strings.SplitAfter(backend, "\n")
	for i, s := range map[int]*server{1: one, 2: two} {
		lines[i] = strings.NewReplacer("10.0.0.11:8080", s.clients.String(), "10.0.0.12:8080", s.clients.String(), "port 8081", "port "+port(s.operators), "inter 2s", "inter 100ms").Replace(lines[i])
	}
	// No request is tried twice: each has to come to one that takes it.
	runInFront(t, plain, name, "-db", "-f", writeFile(t, []byte("defaults\n    mode http\n    retries 0\n    timeout connect 5s\n    timeout client 10s\n    timeout server 10s\n"+
		"frontend clients\n    bind "+plain+"\n    default_backend fbgate\nbackend fbgate\n"+strings.Join(lines, ""))))
	asked := func() bool {
		response, err := http.Get("http://" + plain + target("mary@contoso.com"))
		if err != nil {
			t.Error(err)
			return false
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("a client gets %s", response.Status)
		}
		return response.StatusCode == http.StatusOK
	}
	for range 10 {
		asked()
	}
	for i, s := range []*server{one, two} {
		if _, body := get(t, s.operators, "/lookups", ""); !strings.Contains(body, `"number"`) {
			t.Fatalf("gateway %d has served nobody", i+1)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	end := make(chan error, 1)
	go func() { end <- one.until(ctx) }()
	stop()
	for {
		select {
		case err := <-end:
			if err != nil || !asked() {
				t.Errorf("%v", err)
			}
			return
		default:
			if !asked() {
				return
			}
		}
	}
}

func TestNginx(t *testing.T) {
	t.Parallel()
	exchange := httptest.NewServer(landing("exchange"))
	t.Cleanup(exchange.Close)
	expectLandings(t, nginx(t, exchange.Listener.Addr().String(), gatewayThatTells(t)), false)
	expectLandings(t, nginx(t, exchange.Listener.Addr().String(), gatewayThatTells(t), "folder", "internet"), true)
}
