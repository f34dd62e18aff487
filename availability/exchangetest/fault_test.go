package exchangetest_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
)

// patience is more than any answer takes; for one that hangs, little is enough.
const patience = 20 * time.Second

// client follows no redirect.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// try sends a request, gives up after a while, and reads 16 MiB at most.
func try(url, request string, patience time.Duration) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(request))
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Content-Type", "text/xml")
	response, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	const most = 16 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, most))
	if len(body) == most {
		err = errors.New("oversized")
	}
	return response, body, err
}

// known asks for mary and john as a careful client would, and returns what went
// wrong for the call, or for each of the two.
func known(url string, patience time.Duration) (each [2]error, call error) {
	response, body, err := try(url, week("mary@contoso.com", "john@contoso.com").String(), patience)
	if err != nil {
		return each, err
	}
	var answer node
	notXML := xml.Unmarshal(body, &answer)
	if response.StatusCode != http.StatusOK {
		return each, fmt.Errorf("status %d %s", response.StatusCode, answer.text("ResponseCode"))
	}
	if notXML != nil {
		return each, fmt.Errorf("XML: %w", notXML)
	}
	responses := answer.all("FreeBusyResponse")
	if len(responses) != len(each) {
		return each, fmt.Errorf("%d responses for %d mailboxes", len(responses), len(each))
	}
	for i, r := range responses {
		if r.text("FreeBusyViewType") == "None" {
			each[i] = errors.New(r.text("ResponseCode"))
		}
	}
	return each, nil
}

func couple(d exchangetest.Dialect) *exchangetest.Exchange {
	x := exchangetest.New(d)
	x.SetMailbox("mary@contoso.com", span(at(9, 0), at(10, 0), availability.Busy))
	x.SetMailbox("john@contoso.com")
	return x
}

// Every fault spoils what it befalls, nothing else, and not for longer than it
// was ordered.
func TestFaults(t *testing.T) {
	x := couple(exchangetest.Exchange2013)
	url := serve(t, x)
	healthy := func(t *testing.T) {
		t.Helper()
		if each, call := known(url, patience); call != nil || each != [2]error{} {
			t.Fatalf("without a fault: %v, %v", call, each)
		}
	}
	names := make(map[string]bool)
	for _, f := range exchangetest.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			if f.Name == "" || names[f.Name] || !f.PerCall() && !f.PerMailbox() {
				t.Fatalf("a fault without name, one twice, or of nobody: %+v", f)
			}
			names[f.Name] = true
			wait := patience
			if f.Transport == exchangetest.Hang {
				wait = 50 * time.Millisecond
			}
			healthy(t)

			x.FailCalls(1, f)
			each, call := known(url, wait)
			if f.PerCall() && call == nil || !f.PerCall() && (each[0] == nil || each[1] == nil) {
				t.Errorf("a call with the fault: %v, %v", call, each)
			}
			healthy(t)

			x.FailMailbox("Mary@contoso.com", f)
			each, call = known(url, wait)
			if f.PerMailbox() && (call != nil || each[0] == nil || each[1] != nil) || !f.PerMailbox() && call == nil {
				t.Errorf("a mailbox with the fault: %v, %v", call, each)
			}
			x.FailMailbox("mary@contoso.com", exchangetest.Fault{})
			healthy(t)
		})
	}
	if len(names) < 70 {
		t.Errorf("only %d faults", len(names))
	}
}

// How some faults look to a client.
func TestFaultSymptoms(t *testing.T) {
	tests := []struct {
		name    string
		symptom string
	}{
		{"ErrorServerBusy", "status 500 ErrorServerBusy"},
		{"ErrorUnheardOf", "status 500 ErrorUnheardOf"},
		{"status-403", "status 403 "},
		{"status-503-retry-after", "status 503 "},
		{"redirect", "status 302 "},
		{"redirect-308", "status 308 "},
		{"reset", syscall.ECONNRESET.Error()},
		{"truncate", "XML: XML syntax error"}, // the connection ends in good order
		{"short-body", io.ErrUnexpectedEOF.Error()},
		{"empty", "XML: EOF"},
		{"html", "XML: "},
		{"not-xml", "XML: "},
		{"other-xml", "0 responses for 2"},
		{"wrong-charset", `encoding "utf-16"`},
		{"deep-nesting", "XML: exceeded max depth"},
		{"oversized", "oversized"},
		{"too-few", "1 responses for 2"},
		{"too-many", "3 responses for 2"},
	}
	byName := make(map[string]exchangetest.Fault)
	for _, f := range exchangetest.Faults() {
		byName[f.Name] = f
	}
	byName["ErrorUnheardOf"] = byName["unheard-of-code"]
	for _, d := range []exchangetest.Dialect{exchangetest.Exchange2007SP1, exchangetest.Exchange2019} {
		x := couple(d)
		url := serve(t, x)
		for _, tt := range tests {
			x.FailCalls(1, byName[tt.name])
			if _, call := known(url, patience); call == nil || !strings.Contains(call.Error(), tt.symptom) {
				t.Errorf("%v, %s: %v lacks %q", d, tt.name, call, tt.symptom)
			}
		}
	}
}

// A mailbox's error is its own, with the number the captures show.
func TestMailboxErrors(t *testing.T) {
	x := village(exchangetest.Exchange2007SP1)
	x.FailMailbox("idle@contoso.com", exchangetest.Fault{Code: "ErrorMailboxFailover", Text: "Over it goes."})
	answers := ask(t, serve(t, x), week("nobody@contoso.com", "not an address", "denied@contoso.com", "idle@contoso.com", "busy@contoso.com"))
	want := []string{
		"Error ErrorMailRecipientNotFound 5009 None", "Error ErrorInvalidSmtpAddress 5035 None",
		"Error ErrorNoFreeBusyAccess 5037 None", "Error ErrorMailboxFailover  None", "Success NoError  DetailedMerged",
	}
	for i, r := range answers {
		got := strings.Join([]string{r.all("ResponseMessage")[0].Attrs[0].Value, r.text("ResponseCode"), r.text("ExceptionCode"), r.text("FreeBusyViewType")}, " ")
		if got != want[i] {
			t.Errorf("%d: %s, want %s", i, got, want[i])
		}
	}
	if got := answers[3].text("MessageText"); got != "Over it goes." {
		t.Errorf("text %q", got)
	}
}

// Too many appointments in the window fail the mailbox; a shorter one heals it.
func TestResultSetTooBig(t *testing.T) {
	x := exchangetest.New(exchangetest.Exchange2010)
	x.MaxEntries = 3
	x.SetMailbox("mary@contoso.com", span(at(9, 0), at(10, 0), availability.Busy), span(at(10, 0), at(11, 0), availability.Busy),
		span(at(11, 0), at(12, 0), availability.Busy), span(at(12, 0), at(13, 0), availability.Busy))
	url := serve(t, x)
	a := week("mary@contoso.com")
	r := ask(t, url, a)[0]
	if code, text := r.text("ResponseCode"), r.text("MessageText"); code != "ErrorResultSetTooBig" || !strings.HasSuffix(text, "The allowed size = 3; the actual size = 4.") {
		t.Errorf("%s: %s", code, text)
	}
	a.end = "2026-10-16T12:00:00"
	if code := ask(t, url, a)[0].text("ResponseCode"); code != "NoError" {
		t.Errorf("half the window: %s", code)
	}
}

// The faults can be counted, and last no longer.
func TestFailCalls(t *testing.T) {
	x := couple(exchangetest.Exchange2019)
	url := serve(t, x)
	ordered := func(n int) string {
		x.FailCalls(n, exchangetest.Fault{Status: http.StatusBadGateway})
		var seen []byte
		for range 4 {
			if _, call := known(url, patience); call != nil {
				seen = append(seen, 'x')
			} else {
				seen = append(seen, '.')
			}
		}
		return string(seen)
	}
	for n, want := range map[int]string{0: "....", 2: "xx..", -1: "xxxx"} {
		if got := ordered(n); got != want {
			t.Errorf("%d calls: %s, want %s", n, got, want)
		}
	}
}

// What a throttled or redirected client is told.
func TestFaultHeaders(t *testing.T) {
	x := couple(exchangetest.Exchange2010)
	url := serve(t, x)
	get := func(f exchangetest.Fault) (*http.Response, []byte) {
		x.FailCalls(1, f)
		response, body, err := try(url, week("mary@contoso.com").String(), patience)
		if err != nil {
			t.Fatal(err)
		}
		return response, body
	}
	if r, _ := get(exchangetest.Fault{Status: 429, RetryAfter: 90 * time.Second}); r.StatusCode != 429 || r.Header.Get("Retry-After") != "90" {
		t.Errorf("throttled: %v", r)
	}
	if r, _ := get(exchangetest.Fault{Location: "https://elsewhere.invalid/"}); r.StatusCode != 302 || r.Header.Get("Location") != "https://elsewhere.invalid/" {
		t.Errorf("redirected: %v", r)
	}
	if r, _ := get(exchangetest.Fault{Status: 401}); len(r.Header.Values("WWW-Authenticate")) != 2 {
		t.Errorf("unauthorized: %v", r)
	}
	r, body := get(exchangetest.Fault{Code: "ErrorServerBusy", Status: 503, BackOff: 1500 * time.Millisecond})
	if r.StatusCode != 503 || faultCode(t, body) != "ErrorServerBusy" || mustParse(t, body).text("Value") != "1500" {
		t.Errorf("busy: %v %s", r, body)
	}
	if got := mustParse(t, body).all("MessageXml")[0].XMLName.Space; !strings.HasSuffix(got, "/errors") {
		t.Errorf("MessageXml in %s", got)
	}
}

// The oldest server names the code of its own refusals otherwise.
func TestErrorCodeElement(t *testing.T) {
	url := serve(t, exchangetest.New(exchangetest.Exchange2007SP1))
	_, body := post(t, url, week().String())
	detail := mustParse(t, body).all("detail")[0]
	if detail.text("ErrorCode") != "ErrorMailboxDataArrayEmpty" || detail.text("ResponseCode") != "" {
		t.Errorf("%s", body)
	}
}

// A delay is no more than that, and nobody waits for one who left.
func TestDelay(t *testing.T) {
	x := couple(exchangetest.Exchange2013)
	url := serve(t, x)
	x.FailMailbox("john@contoso.com", exchangetest.Fault{Delay: 60 * time.Millisecond})
	start := time.Now()
	if each, call := known(url, patience); call != nil || each != [2]error{} {
		t.Errorf("%v, %v", call, each)
	}
	if took := time.Since(start); took < 60*time.Millisecond {
		t.Errorf("it took %v only", took)
	}

	x = couple(exchangetest.Exchange2013)
	x.Latency = time.Hour
	if _, _, err := try(serve(t, x), week("mary@contoso.com").String(), 30*time.Millisecond); err == nil {
		t.Error("an answer came before its time")
	}
	for len(x.Requests()) == 0 {
		time.Sleep(time.Millisecond)
	}
	if got := x.Requests()[0].Answered; got != "gone" {
		t.Errorf("recorded as %q", got)
	}
}

// Closing ends the calls that hang.
func TestCloseEndsHanging(t *testing.T) {
	x := couple(exchangetest.Exchange2013)
	url, stop, err := x.Start()
	if err != nil {
		t.Fatal(err)
	}
	x.FailCalls(-1, exchangetest.Fault{Transport: exchangetest.Hang})
	ended := make(chan error)
	go func() {
		_, err := http.Post(url, "text/xml", strings.NewReader(week("mary@contoso.com").String()))
		ended <- err
	}()
	for x.MaxInFlight() == 0 {
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := <-ended; err == nil {
		t.Error("a call that hung was answered")
	}
}

// Faults work over TLS too.
func TestFaultsOverTLS(t *testing.T) {
	x := couple(exchangetest.Exchange2019)
	server := httptest.NewTLSServer(x)
	defer server.Close()
	for _, transport := range []exchangetest.Transport{exchangetest.Reset, exchangetest.Truncate, exchangetest.ShortBody} {
		x.FailCalls(1, exchangetest.Fault{Transport: transport})
		response, err := server.Client().Post(server.URL+exchangetest.Path, "text/xml", strings.NewReader(week("mary@contoso.com").String()))
		var body []byte
		if err == nil {
			body, err = io.ReadAll(response.Body)
			_ = response.Body.Close()
		}
		if wrong := err != nil; wrong == (transport == exchangetest.Truncate) {
			t.Errorf("%v: %v", transport, err)
		}
		if bytes.HasSuffix(body, []byte("Envelope>")) {
			t.Errorf("%v: the answer came whole", transport)
		}
	}
}
