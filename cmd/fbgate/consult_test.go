package main

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
)

// operated is a gateway's operators' listener.
func operated(t *testing.T, settings string) (base string, g *gateway) {
	t.Helper()
	g, err := newGateway(parse(t, "%s", settings), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g.operators(func() bool { return true }))
	t.Cleanup(server.Close)
	return server.URL, g
}

// consulted returns what the operators' doctor says, hop by hop, and his verdict.
func consulted(t *testing.T, base string, form url.Values) (hops []string, verdict string) {
	t.Helper()
	response, err := http.PostForm(base+"/doctor", form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(response.Body)
		return nil, strings.TrimSpace(string(body))
	}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		var one struct {
			Hop, Verdict string
			Reason       *told
		}
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatal(err)
		}
		if verdict = one.Verdict; verdict == "" {
			if code := one.Reason.code(); code != "" {
				one.Hop += "!" + code
			}
			hops = append(hops, one.Hop)
		}
	}
	return hops, verdict
}

// The doctor of operators sees what goes over the wire as the one of the command line
// does.
func TestConsult(t *testing.T) {
	x := pretendCalendar(availability.Busy, mary)
	base, _ := operated(t, contoso("target_sharing_epr: %s", startExchange(t, x)))
	hops, verdict := consulted(t, base, url.Values{"mailbox": {mary}})
	if got := strings.Join(hops, " "); got != "route tcp authentication call decoding mailbox digits" || verdict != "works" {
		t.Errorf("%s: %s", got, verdict)
	}
	hops, verdict = consulted(t, base, url.Values{"mailbox": {"nobody@contoso.com"}, "organization": {"CONTOSO"}})
	if got := strings.Join(hops, " "); got != "tcp authentication call decoding mailbox!unknown-mailbox" || verdict != "fails" {
		t.Errorf("%s: %s", got, verdict)
	}
	if _, fault := consulted(t, base, url.Values{"mailbox": {mary}, "organization": {"northwind"}}); !strings.Contains(fault, "there is no organization") {
		t.Error(fault)
	}
	if _, fault := consulted(t, base, url.Values{"mailbox": {mary}, "as": {"boss"}}); !strings.Contains(fault, "which is no address") {
		t.Error(fault)
	}
	x.FailCalls(1, exchangetest.Fault{Status: http.StatusServiceUnavailable})
	hops, verdict = consulted(t, base, url.Values{"mailbox": {mary}})
	if got := strings.Join(hops, " "); !strings.HasPrefix(got, "route tcp authentication call!") || verdict != "fails" {
		t.Errorf("%s: %s", got, verdict)
	}
}

// However often he is asked, a wrong password is shown no more than the gateway itself
// shows it, and whoever asks for free/busy then does not show it either.
func TestConsultLocksNoAccount(t *testing.T) {
	var shown atomic.Int32
	target := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Header.Get("Authorization") != "" {
			shown.Add(1)
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	})) + exchangetest.Path
	base, g := operated(t, contoso(`target_sharing_epr: %s, credential: {type: basic, username: svc, password_file: %s}`, target, writeFile(t, []byte("wrong"))))
	for range 10 {
		hops, verdict := consulted(t, base, url.Values{"mailbox": {mary}})
		if got := strings.Join(hops, " "); got != "route tcp authentication!unauthorized" || verdict != "fails" {
			t.Fatalf("%s: %s", got, verdict)
		}
	}
	after := shown.Load()
	w := httptest.NewRecorder()
	g.plain.ServeHTTP(w, httptest.NewRequest("GET", "/public/?Cmd=freebusy&start=2026-11-23T08:00:00Z&end=2026-11-23T12:00:00Z&interval=30&u=SMTP:"+mary, nil))
	if after < 1 || after > 2 || shown.Load() != after {
		t.Errorf("the wrong password was shown %d times by the doctor and %d by the gateway", after, shown.Load()-after)
	}
}

// Two are at work at once, and no more.
func TestConsultIsBounded(t *testing.T) {
	arrived, done := make(chan struct{}, 10), make(chan struct{})
	target := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-done
	})) + exchangetest.Path
	base, _ := operated(t, contoso("target_sharing_epr: %s", target))
	verdicts := make(chan string, 2)
	for range 2 {
		go func() {
			_, verdict := consulted(t, base, url.Values{"mailbox": {mary}})
			verdicts <- verdict
		}()
		<-arrived
	}
	if _, fault := consulted(t, base, url.Values{"mailbox": {mary}}); !strings.Contains(fault, "two doctors are at work already") {
		t.Error(fault)
	}
	close(done)
	for range 2 {
		<-verdicts
	}
	if _, verdict := consulted(t, base, url.Values{"mailbox": {mary}}); verdict != "fails" {
		t.Errorf("when they are done: %s", verdict)
	}
}

// What clients ask is kept of every face, with who asked and what they were told.
func TestLookupsOfEveryFace(t *testing.T) {
	x := pretendCalendar(availability.Busy, mary)
	base, g := operated(t, contoso("target_sharing_epr: %s", startExchange(t, x)))
	for _, target := range []string{
		"/public/?Cmd=freebusy&start=2026-11-23T08:00:00Z&end=2026-11-23T12:00:00Z&interval=30&u=SMTP:" + mary,
		"/freebusy/" + mary + ".vfb",
	} {
		g.plain.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", target, nil))
	}
	g.plain.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET",
		"/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=contoso_xF8FF_ou=first/USER-_xF8FF_CN=RECIPIENTS_xF8FF_CN=MARY.EML", nil))
	response, err := http.Get(base + "/lookups")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var page struct{ Lookups []lookedUp }
	if err := json.NewDecoder(response.Body).Decode(&page); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range page.Lookups {
		got = append(got, l.Face+" "+l.Told[0].Mailbox)
	}
	want := "free/busy mary@contoso.com, internet free/busy mary@contoso.com, free/busy messages /o=contoso/ou=first/cn=recipients/cn=mary"
	if strings.Join(got, ", ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, ", "), want)
	}
}
