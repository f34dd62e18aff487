package ews_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/ews"
	"fbgate/availability/upstream"
)

// partner asks a server that does what no Exchange does.
func partner(t *testing.T, handle http.HandlerFunc) (availability.Answer, time.Duration) {
	t.Helper()
	server := httptest.NewServer(handle)
	defer server.Close()
	defer server.CloseClientConnections()
	s := ews.New(ews.Config{Organization: "odd", Endpoint: ews.Pinned(server.URL), Client: &upstream.Client{Timeout: 5 * time.Second}, Log: slog.New(slog.DiscardHandler)})
	begun := time.Now()
	a := lookup(s, window(0, 24*hour), "mary@odd.example")[0]
	return a, time.Since(begun)
}

// What a partner writes is repeated to operators, but not without end.
func TestDetailsAreBounded(t *testing.T) {
	long := strings.Repeat("Long", 300_000)
	const reply = `<Envelope><Header><ServerVersionInfo MajorVersion="%[1]s"/></Header><Body><GetUserAvailabilityResponse><FreeBusyResponseArray><FreeBusyResponse>` +
		`<ResponseMessage ResponseClass="Error"><MessageText>%[1]s</MessageText><ResponseCode>%[1]s</ResponseCode></ResponseMessage></FreeBusyResponse></FreeBusyResponseArray></GetUserAvailabilityResponse></Body></Envelope>`
	for name, handle := range map[string]http.HandlerFunc{
		"error": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, reply, long) },
		"fault": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, "<Envelope><Body><Fault><faultcode>%s</faultcode></Fault></Body></Envelope>", long)
		},
		"redirect": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://"+long[:50_000])
			w.WriteHeader(302)
		},
		"event": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, strings.Replace(reply, "Error", "Success", 1), long)
		},
	} {
		a, _ := partner(t, handle)
		if a.Reason == nil || len(a.Reason.Detail) > 600 {
			t.Errorf("%s: a detail of %d bytes", name, len(a.Reason.Detail))
		}
	}
}

// A refusal is known before its body ends, if it ever does.
func TestRefusalDoesNotWaitForItsBody(t *testing.T) {
	a, took := partner(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server would not notice that the client left
		w.WriteHeader(http.StatusForbidden)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	if a.Reason == nil || a.Reason.Code != availability.Forbidden || took > 4*time.Second {
		t.Errorf("%v after %v", a.Reason, took)
	}
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"90":                      90 * time.Second,
		"999999":                  24 * time.Hour,
		"-5":                      0,
		"soon":                    0,
		"99999999999999999999999": 0,
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat):  time.Hour,
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): 0,
	} {
		a, _ := partner(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		if got := a.Reason.RetryAfter; got > want || got < want-5*time.Second {
			t.Errorf("%q is %v, want %v", header, got, want)
		}
	}
}
