package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
	"fbgate/availability/published"
	"fbgate/cmd/fbgate/config"
	"fbgate/translate/davxml"
)

// morning is the window tests ask about, of eight half-hours.
var morning = availability.Window{
	Start: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC),
	End:   time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
}

// pretendCalendar returns an Exchange where these mailboxes have one appointment,
// from 09:00 to 10:30.
func pretendCalendar(status availability.Status, mailboxes ...string) *exchangetest.Exchange {
	x := exchangetest.New(exchangetest.Exchange2013)
	for _, m := range mailboxes {
		x.SetMailbox(m, availability.Span{Window: availability.Window{
			Start: morning.Start.Add(time.Hour),
			End:   morning.Start.Add(150 * time.Minute),
		}, Status: status})
	}
	return x
}

// startExchange serves x until the test ends and returns the URL of the service.
func startExchange(t *testing.T, x *exchangetest.Exchange) string {
	t.Helper()
	url, stop, err := x.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url
}

// parse reads a configuration that has to be in order, with all it names.
func parse(t testing.TB, format string, args ...any) *config.Config {
	t.Helper()
	c, err := config.Parse("fbgate.yaml", fmt.Appendf(nil, format, args...))
	if err == nil {
		err = c.CheckFiles()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// stack is a gateway without a network before it.
type stack struct{ clients, operators http.Handler }

func newStack(t *testing.T, format string, args ...any) stack {
	t.Helper()
	c := parse(t, format, args...)
	var store *published.Store
	if c.Publishing != nil {
		var err error
		if store, err = published.Open(c.Publishing.Store, published.Options{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
	}
	g, err := newGateway(c, store, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return stack{g.plain, g.operators(func() bool { return true })}
}

// target is the request that asks about the morning of mailboxes.
func target(mailboxes ...string) string {
	r := davxml.Request{Window: morning, Interval: 30 * time.Minute}
	for _, m := range mailboxes {
		r.Attendees = append(r.Attendees, davxml.Attendee{Type: "SMTP", Address: m})
	}
	return "/public/?" + r.Query()
}

// ask returns the digits of each mailbox, and the headers they came with.
func (s stack) ask(t *testing.T, requestID string, mailboxes ...string) ([]string, http.Header) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target(mailboxes...), nil)
	if requestID != "" {
		r.Header.Set("X-Request-Id", requestID)
	}
	w := httptest.NewRecorder()
	s.clients.ServeHTTP(w, r)
	return digits(t, w.Result()), w.Header()
}

// digits reads the rows of a reply but for the first, "All Attendees".
func digits(t *testing.T, response *http.Response) []string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v: %s", response.Status, err, body)
	}
	items, err := davxml.ReadAnswer(body, 8)
	if err != nil || len(items) < 2 {
		t.Fatalf("%v: %s", err, body)
	}
	var rows []string
	for _, item := range items[1:] {
		rows = append(rows, item.Digits)
	}
	return rows
}

// page returns what operators see of each failure.
func (s stack) page(t *testing.T) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.operators.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/cache", nil))
	return w.Body.String()
}

// reasons returns the codes operators see, "" for a mailbox of which all is known.
func (s stack) reasons(t *testing.T) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	s.operators.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/cache", nil))
	var page struct {
		Entries []struct {
			Mailbox string
			Reason  *struct{ Code string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d, %v: %s", w.Code, err, w.Body)
	}
	codes := make(map[string]string)
	for _, e := range page.Entries {
		codes[e.Mailbox] = ""
		if e.Reason != nil {
			codes[e.Mailbox] = e.Reason.Code
		}
	}
	return codes
}

// flush forgets everything, as an operator does.
func (s stack) flush(t *testing.T) {
	t.Helper()
	w := httptest.NewRecorder()
	s.operators.ServeHTTP(w, httptest.NewRequest(http.MethodDelete, "http://localhost/cache", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
}

// expect asks, and compares digits and what operators are told.
func (s stack) expect(t *testing.T, address, wantDigits, wantReason string) {
	t.Helper()
	rows, _ := s.ask(t, "", address)
	if got := s.reasons(t)[address]; rows[0] != wantDigits || got != wantReason {
		t.Errorf("%s is %s because of %q, want %s and %q", address, rows[0], got, wantDigits, wantReason)
	}
}

const known, nothing = "00222000", "44444444"

// Only the organization's own CA, and only for its name, makes a server the right
// one; there is no way to do without.
func TestPrivateCA(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(pretendCalendar(availability.Busy, "mary@contoso.com"))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are to fail
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := writeFile(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	byName := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for _, test := range []struct{ name, url, settings, digits, reason string }{
		{"a CA nobody knows", server.URL, "", nothing, "tls"},
		{"the organization's CA", server.URL, "ca_file: " + ca, known, ""},
		{"the CA for another name", byName, "ca_file: " + ca, nothing, "tls"},
		{"TLS to where there is none", strings.Replace(startExchange(t, pretendCalendar(availability.Busy)), "http:", "https:", 1), "", nothing, "tls"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStack(t, `
organizations:
  - name: contoso
    domains: [contoso.com]
    target_sharing_epr: %s/EWS/Exchange.asmx
    %s
`, strings.TrimSuffix(test.url, exchangetest.Path), test.settings)
			s.expect(t, "mary@contoso.com", test.digits, test.reason)
		})
	}
}

func writeFile(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A password is read for each call: it may be changed, and be gone for a while,
// without a restart.
func TestPasswordChanges(t *testing.T) {
	t.Parallel()
	x := pretendCalendar(availability.Busy, "mary@contoso.com")
	x.Username, x.Password = `CONTOSO\svc`, "correct horse"
	password := writeFile(t, []byte("wrong\n"))
	s := newStack(t, `
organizations:
  - name: contoso
    domains: [contoso.com]
    target_sharing_epr: %s
    credential: {username: 'CONTOSO\svc', password_file: %s}
`, startExchange(t, x), password)
	s.expect(t, "mary@contoso.com", nothing, "unauthorized")

	if err := os.WriteFile(password, []byte("correct horse\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "mary@contoso.com", nothing, "unauthorized") // remembered
	s.flush(t)
	s.expect(t, "mary@contoso.com", known, "")

	if err := os.Remove(password); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "mary@contoso.com", known, "") // remembered
	s.flush(t)
	calls := x.Calls()
	s.expect(t, "mary@contoso.com", nothing, "credential")
	if x.Calls() != calls {
		t.Error("it asked without a password")
	}
}

// The server is told who asks, and of which request, by the name the client knows.
func TestUpstreamKnowsWhoAsks(t *testing.T) {
	t.Parallel()
	x := pretendCalendar(availability.Busy, "mary@contoso.com", "joe@contoso.com")
	const file = "organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %q%s}]"
	url := startExchange(t, x)
	s := newStack(t, file, url, "")
	for _, test := range []struct{ mailbox, requestID string }{
		{"mary@contoso.com", "from-the-client.1"},
		{"joe@contoso.com", ""},
	} {
		_, header := s.ask(t, test.requestID, test.mailbox)
		asked := x.Requests()[len(x.Requests())-1]
		id := header.Get("X-Request-Id")
		if asked.ClientRequestID != id || id == "" || test.requestID != "" && id != test.requestID {
			t.Errorf("client-request-id %q, X-Request-Id %q, sent %q", asked.ClientRequestID, id, test.requestID)
		}
		if !strings.HasPrefix(asked.UserAgent, "fbgate/") || asked.Authorized {
			t.Errorf("%+v", asked)
		}
	}
	newStack(t, file, url, `, user_agent: "fbgate for contoso"`).ask(t, "", "mary@contoso.com")
	if got := x.Requests()[len(x.Requests())-1].UserAgent; got != "fbgate for contoso" {
		t.Errorf("User-Agent %q", got)
	}
}

// Every limit of a request is the configured one.
func TestLimitsAreHandedOn(t *testing.T) {
	const mary = "mary@contoso.com"
	for limit, test := range map[string]struct {
		target string
		status int
		says   string
	}{
		"attendees: 2":       {target(mary, mary, mary), http.StatusBadRequest, "more than 2 attendees"},
		"window: 1d":         {"/public/?Cmd=freebusy&start=2026-11-23T00:00:00Z&end=2026-11-24T01:00:00Z&u=" + mary, http.StatusBadRequest, "at most 1 day after start"},
		"digits: 1000":       {"/public/?Cmd=freebusy&start=2026-11-23T00:00:00Z&interval=1&u=" + mary, http.StatusBadRequest, "at most 1000 digits"},
		"url_bytes: 1024":    {target(strings.Repeat("m", 1024) + "@contoso.com"), http.StatusRequestURITooLong, "too long"},
		"attendees: 3":       {target(mary, mary, mary), http.StatusOK, "fbdata"},
		"header_bytes: 4KiB": {target(mary), http.StatusOK, "fbdata"},
	} {
		s := newStack(t, "limits: {%s}\norganizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %q}]", limit,
			startExchange(t, pretendCalendar(availability.Busy, mary)))
		w := httptest.NewRecorder()
		s.clients.ServeHTTP(w, httptest.NewRequest(http.MethodGet, test.target, nil))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.says) {
			t.Errorf("%s: %d %s, want %d and %q", limit, w.Code, w.Body, test.status, test.says)
		}
	}
}

func TestWorkingElsewhereIsDrawnAsConfigured(t *testing.T) {
	t.Parallel()
	url := startExchange(t, pretendCalendar(availability.WorkingElsewhere, "ann@contoso.com"))
	for setting, want := range map[string]string{
		"":                             "00000000",
		"working_elsewhere: free":      "00000000",
		"working_elsewhere: tentative": "00111000",
		"working_elsewhere: busy":      known,
		"working_elsewhere: oof":       "00333000",
	} {
		newStack(t, "%s\norganizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %q}]", setting, url).
			expect(t, "ann@contoso.com", want, "")
	}
}

// A server that hangs costs its own mailboxes their answer, and the client no more
// than answer_timeout.
func TestOrganizationThatHangsSpoilsNoOther(t *testing.T) {
	t.Parallel()
	contoso, fabrikam := pretendCalendar(availability.Busy, "mary@contoso.com"), pretendCalendar(availability.Busy, "joe@fabrikam.com")
	fabrikam.FailCalls(-1, exchangetest.Fault{Transport: exchangetest.Hang})
	s := newStack(t, `
answer_timeout: 1s
organizations:
  - {name: contoso, domains: [contoso.com], target_sharing_epr: %q}
  - {name: fabrikam, domains: [fabrikam.com], target_sharing_epr: %q}
`, startExchange(t, contoso), startExchange(t, fabrikam))
	begun := time.Now()
	rows, header := s.ask(t, "", "joe@fabrikam.com", "mary@contoso.com", "nobody@example.com")
	if got := strings.Join(rows, " "); got != nothing+" "+known+" "+nothing {
		t.Errorf("got %s", got)
	}
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
	if got := header.Get("Cache-Status"); got != "fbgate; fwd=miss" {
		t.Errorf("Cache-Status %s", got)
	}
}
