package main

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
	"fbgate/availability/exchangetest/authtest"
	"fbgate/availability/exchangetest/kdctest"
	"fbgate/availability/exchangetest/oauthtest"
)

// traced runs the doctor and returns the trace.
func traced(t *testing.T, settings string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace")
	if err := os.WriteFile(path, []byte("=== from before"), 0o644); err != nil {
		t.Fatal(err)
	}
	e := examine(t, settings, "--trace", path, mary)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(content), "from before") || strings.Contains(e.text, worldPassword) {
		t.Error("the file was not written anew, or the report has the password")
	}
	return string(content)
}

// secretive forwards to next and notes every proof that comes, and what of a response
// nobody else may see.
type secretive struct {
	next    http.Handler
	secrets []string
}

func (s *secretive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, proof, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		s.secrets = append(s.secrets, proof)
	}
	if strings.HasSuffix(r.URL.Path, "/token") {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		s.secrets = append(s.secrets, regexp.MustCompile(`client_(?:secret|assertion)=([^&]+)`).FindStringSubmatch(string(body))[1])
	}
	w.Header().Set("Set-Cookie", "X-BackEndCookie=cookie-of-the-back-end; path=/EWS")
	s.next.ServeHTTP(w, r)
	for _, challenge := range w.Header().Values("WWW-Authenticate") {
		if _, proof, ok := strings.Cut(challenge, " "); ok && !strings.HasPrefix(challenge, "Basic") {
			s.secrets = append(s.secrets, proof)
		}
	}
}

// check wants a trace that shows what may be seen and nothing else.
func (s *secretive) check(t *testing.T, trace string, shows ...string) {
	t.Helper()
	if len(s.secrets) == 0 {
		t.Fatal("there were no secrets")
	}
	for _, secret := range append(s.secrets, worldPassword, "correct+horse", "correct%20horse",
		base64.StdEncoding.EncodeToString([]byte(worldPassword)), "cookie-of-the-back-end", exchangetest.Confidential) {
		if strings.Contains(trace, secret) {
			t.Errorf("%q is in the trace:\n%s", secret, trace)
		}
	}
	for _, text := range append(shows, "Set-Cookie: …") {
		if !strings.Contains(trace, text) {
			t.Errorf("%q is not in the trace:\n%s", text, trace)
		}
	}
}

func TestDoctorTraceHoldsNoSecrets(t *testing.T) {
	password := writeFile(t, []byte(worldPassword))
	const question = "<t:Address>mary@contoso.com</t:Address>"
	t.Run("basic", func(t *testing.T) {
		x := pretendCalendar(availability.Busy, mary)
		x.Username, x.Password = "svc", worldPassword
		x.NoMergedFreeBusy = true // so that it tells what it should not
		start := time.Now().Truncate(day)
		x.SetMailbox(mary, availability.Span{Window: availability.Window{Start: start, End: start.Add(day)}, Status: availability.Busy})
		s := &secretive{next: x}
		trace := traced(t, contoso("target_sharing_epr: %s, requested_view: DetailedMerged, free_busy_access_level: limited_details, credential: {username: svc, password_file: %s}", serve(t, s)+exchangetest.Path, password))
		s.check(t, trace, question, "Authorization: Basic …", "<<< HTTP/1.1 200 OK", "CalendarEventDetails>…</", "<BusyType>Busy</BusyType>")
	})
	t.Run("ntlm", func(t *testing.T) {
		start := authtest.Samba{Domain: "CONTOSO", Username: "svc", Password: worldPassword}.Start(t)
		iis := authtest.NTLM(pretendCalendar(availability.Busy, mary), start)
		s := &secretive{next: iis}
		server := httptest.NewUnstartedServer(s)
		server.Config.ConnContext = iis.ConnContext
		server.Start()
		t.Cleanup(server.Close)
		trace := traced(t, contoso(`target_sharing_epr: %s, credential: {type: ntlm, username: 'CONTOSO\svc', password_file: %s}`, server.URL+exchangetest.Path, password))
		s.check(t, trace, question, "Authorization: N", "Www-Authenticate: N", "<<< HTTP/1.1 401", "<<< HTTP/1.1 200 OK")
	})
	t.Run("kerberos", func(t *testing.T) {
		kdc := kdctest.Start(t)
		kdc.AddUser("svc", worldPassword)
		s := &secretive{next: kdctest.Negotiate(pretendCalendar(availability.Busy, mary), kdc.AddService("HTTP/mail.contoso.com"))}
		trace := traced(t, contoso("target_sharing_epr: %s, credential: {type: kerberos, username: svc, password_file: %s, krb5_config: %s, spn: HTTP/mail.contoso.com}", serve(t, s)+exchangetest.Path, password, kdc.Config))
		s.check(t, trace, question, "Authorization: Negotiate …", "<<< HTTP/1.1 200 OK")
	})
	t.Run("oauth2", func(t *testing.T) {
		tokens := oauthtest.New("fbgate", worldPassword)
		tokens.Scope = "scope"
		s := &secretive{next: tokens.Protect(pretendCalendar(availability.Busy, mary))}
		issuer := &secretive{next: tokens}
		settings := contoso("target_sharing_epr: %s, credential: {type: oauth2, token_url: %s/token, client_id: fbgate, password_file: %s, scope: scope}", serve(t, s)+exchangetest.Path, serve(t, issuer), password)
		trace := traced(t, settings)
		s.check(t, trace, question, "Authorization: Bearer …", "/token", "<<< HTTP/1.1 200 OK")
		issuer.check(t, trace)

		// An endpoint that repeats what it was sent gives nothing away.
		tokens.Respond = func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("X-Asked", r.FormValue("client_secret"))
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"invalid_request","error_description":"what is `+r.FormValue("client_secret")+`?"}`)
			return true
		}
		issuer.check(t, traced(t, settings), `"error":"invalid_request"…`, "X-Asked: …")
	})
}

func TestDoctorTraceCannotBeWritten(t *testing.T) {
	x := pretendCalendar(availability.Busy, mary)
	e := examine(t, contoso("target_sharing_epr: %s", startExchange(t, x)), "--trace", t.TempDir(), mary)
	if e.status != exitFailure || !strings.HasPrefix(e.text, "fbgate: --trace: open ") || x.Calls() != 0 {
		t.Errorf("%+v", e)
	}
}
