package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
)

const (
	internetMary = "/freebusy/mary@contoso.com.vfb"
	folderSales  = "/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=Contoso_xF8FF_ou=Sales/"
	folderMary   = folderSales + "USER-_xF8FF_cn=Recipients_xF8FF_cn=mary.EML"
)

// tomorrow is 09:00 UTC of the day after this: files and folder speak of months
// around now.
func tomorrow() time.Time {
	return time.Now().UTC().Truncate(24 * time.Hour).Add(33 * time.Hour)
}

// newFaces is a gateway before an Exchange where mary is busy tomorrow, for one hour.
func newFaces(t *testing.T) (stack, *exchangetest.Exchange) {
	t.Helper()
	people := filepath.Join(t.TempDir(), "recipients.csv")
	if err := os.WriteFile(people, []byte("PrimarySmtpAddress,LegacyExchangeDN,EmailAddresses\n"+
		"mary@contoso.com,/o=Contoso/ou=Sales/cn=Recipients/cn=mary,smtp:m.smith@contoso.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := tomorrow()
	x := exchangetest.New(exchangetest.Exchange2013)
	x.SetMailbox("mary@contoso.com", availability.Span{Window: availability.Window{Start: at, End: at.Add(time.Hour)}, Status: availability.Busy})
	return newStack(t, `
organizations:
  - name: contoso
    domains: [contoso.com]
    target_sharing_epr: %s
directory: {file: %s}
login: {anonymous: true, insecure_http: true}
publishing:
  store: %s
  publishers: [{username: sync, password_file: %s}]
`, startExchange(t, x),
		people,
		filepath.Join(t.TempDir(), "published.db"), writeFile(t, []byte("hunter2\n"))), x
}

// send asks the clients' listener.
func (s stack) send(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.clients.ServeHTTP(w, r)
	return w
}

// merged asks about four hours in half-hours.
func (s stack) merged(t *testing.T, start time.Time, u string) string {
	t.Helper()
	w := s.send(http.MethodGet, fmt.Sprintf("/public/?Cmd=freebusy&start=%s&end=%s&interval=30&u=%s",
		start.Format(time.RFC3339), start.Add(4*time.Hour).Format(time.RFC3339), u), "")
	return digits(t, w.Result())[0]
}

const propfind = `<a:propfind xmlns:a="DAV:" xmlns:d="http://schemas.microsoft.com/mapi/proptag/"><a:prop><d:x68531003/><d:x68541102/></a:prop></a:propfind>`

// block is one hour from at, as PR_FREEBUSY_BUSY_EVENTS has it.
func block(at time.Time) string {
	minute := uint16(at.Sub(month(at)) / time.Minute)
	return base64.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, minute), minute+60))
}

// month is the first instant of a month that t is in.
func month(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// patch publishes one busy hour as connectors write it, of whole months.
func patch(at time.Time) string {
	since1601 := func(t time.Time) int64 { return t.Unix()/60 + 194074560 }
	return fmt.Sprintf(`<a:propertyupdate xmlns:a="DAV:" xmlns:b="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/" xmlns:c="xml:" xmlns:d="http://schemas.microsoft.com/mapi/proptag/"><a:set><a:prop>`+
		`<d:x68531003 b:dt="mv.int"><c:v>%d</c:v></d:x68531003><d:x68541102 b:dt="mv.bin.base64"><c:v>%s</c:v></d:x68541102>`+
		`<d:x68470003 b:dt="int">%d</d:x68470003><d:x68480003 b:dt="int">%d</d:x68480003></a:prop></a:set></a:propertyupdate>`,
		at.Year()*16+int(at.Month()), block(at), since1601(month(time.Now().UTC())), since1601(month(at).AddDate(0, 1, 0)))
}

// file publishes one busy hour as Outlook writes it, of the week around it.
func file(at time.Time) string {
	const form = "20060102T150405Z"
	return strings.Join([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Test//EN", "METHOD:PUBLISH", "BEGIN:VFREEBUSY",
		"ORGANIZER:mailto:mary@contoso.com", "DTSTAMP:" + time.Now().UTC().Format(form),
		"DTSTART:" + at.AddDate(0, 0, -3).Format(form), "DTEND:" + at.AddDate(0, 0, 3).Format(form),
		"FREEBUSY:" + at.Format(form) + "/PT1H", "END:VFREEBUSY", "END:VCALENDAR", ""}, "\r\n")
}

const asSync = "Authorization: Basic c3luYzpodW50ZXIy" // sync:hunter2

// Every way to ask tells the same.
func TestFacesTellTheSame(t *testing.T) {
	t.Parallel()
	s, _ := newFaces(t)
	at := tomorrow()
	if got := s.merged(t, at.Add(30*time.Minute), "SMTP:mary@contoso.com"); got != "20000000" {
		t.Errorf("merged: %s", got)
	}
	want := at.Format("20060102T150405Z") + "/" + at.Add(time.Hour).Format("20060102T150405Z")
	if w := s.send(http.MethodGet, internetMary, ""); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
		t.Errorf("file: %d %s", w.Code, w.Body)
	}
	if w := s.send("PROPFIND", folderMary, propfind, "Depth: 0"); w.Code != 207 || !strings.Contains(w.Body.String(), block(at)) {
		t.Errorf("folder: %d %s", w.Code, w.Body)
	}
	if w := s.send("PROPFIND", folderSales, propfind, "Depth: 1"); w.Code != 207 || strings.Count(w.Body.String(), "mary.EML") != 1 {
		t.Errorf("listing: %d %s", w.Code, w.Body)
	}
}

// What is published in one way is told in every way.
func TestPublishedIsTold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, method, target string
		body                 func(time.Time) string
		status               int
	}{
		{"a connector", "PROPPATCH", folderMary, patch, 207},
		{"Outlook", http.MethodPut, internetMary, file, 201},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, x := newFaces(t)
			at := tomorrow().Add(4 * time.Hour)
			if w := s.send(test.method, test.target, test.body(at)); w.Code != 401 || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("without a password: %d %v", w.Code, w.Header())
			}
			if got := s.merged(t, at, "SMTP:mary@contoso.com"); got != "00000000" {
				t.Errorf("before: %s", got)
			}
			if w := s.send(test.method, test.target, test.body(at), asSync); w.Code != test.status {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			x.FailCalls(-1, exchangetest.Fault{Status: http.StatusBadGateway})
			s.flush(t)
			for _, u := range []string{"SMTP:mary@contoso.com", "SMTP:m.smith@contoso.com", "EX:/o=Contoso/ou=Sales/cn=Recipients/cn=mary"} {
				if got := s.merged(t, at.Add(30*time.Minute), u); got != "20000000" {
					t.Errorf("%s: %s", u, got)
				}
			}
			if w := s.send("PROPFIND", folderMary, propfind, "Depth: 0"); test.method == "PROPPATCH" && (w.Code != 207 || !strings.Contains(w.Body.String(), block(at))) {
				t.Errorf("folder: %d %s", w.Code, w.Body)
			}
			if w := s.send(http.MethodGet, internetMary, ""); w.Code != 200 || !strings.Contains(w.Body.String(), at.Format("20060102T150405Z")+"/") {
				t.Errorf("file: %d %s", w.Code, w.Body)
			}
		})
	}
}

// Whoever publishes under a secondary address publishes the same mailbox, and what is
// withdrawn is told under no name any more.
func TestPublishedUnderAnotherName(t *testing.T) {
	t.Parallel()
	s, _ := newFaces(t)
	early, late := tomorrow().Add(4*time.Hour), tomorrow().Add(6*time.Hour)
	all := []string{"SMTP:mary@contoso.com", "SMTP:m.smith@contoso.com", "EX:/o=Contoso/ou=Sales/cn=Recipients/cn=mary"}
	for _, step := range []struct {
		method, target, body string
		status               int
		digits               string
	}{
		{http.MethodPut, "/freebusy/m.smith@contoso.com.vfb", file(early), 201, "22000000"},
		{http.MethodPut, internetMary, file(late), 204, "00002200"},
		{"PROPPATCH", folderMary, patch(early), 207, "22000000"},
		{http.MethodPut, "/freebusy/m.smith@contoso.com.vfb", file(late), 201, "00002200"},
		{http.MethodDelete, "/freebusy/m.smith@contoso.com.vfb", "", 204, "00000000"}, // the organization's own
	} {
		body := step.body
		if strings.Contains(step.target, "m.smith") {
			body = strings.Replace(body, "mary@", "m.smith@", 1)
		}
		if w := s.send(step.method, step.target, body, asSync); w.Code != step.status {
			t.Errorf("%s %s: %d %s", step.method, step.target, w.Code, w.Body)
		}
		for _, u := range all {
			if got := s.merged(t, early, u); got != step.digits {
				t.Errorf("after %s %s %s is %s, want %s", step.method, step.target, u, got, step.digits)
			}
		}
	}
}

// What fails is refused, and never a calendar that looks free.
func TestFacesWithoutInformation(t *testing.T) {
	t.Parallel()
	s, x := newFaces(t)
	if w := s.send(http.MethodGet, "/freebusy/nobody@contoso.com.vfb", ""); w.Code != 404 {
		t.Errorf("unknown file: %d %s", w.Code, w.Body)
	}
	x.FailCalls(-1, exchangetest.Fault{Status: http.StatusBadGateway})
	s.flush(t)
	for method, target := range map[string]string{http.MethodGet: internetMary, "PROPFIND": folderMary} {
		w := s.send(method, target, "", "Depth: 0")
		if body := w.Body.String(); w.Code == 207 && strings.Contains(body, "503") && !strings.Contains(body, "x6847") {
			continue // of one message in a multistatus
		}
		if w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %v %s", target, w.Code, w.Header(), w.Body)
		}
	}
}
