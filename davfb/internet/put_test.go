package internet_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/davfb/internet"
)

// calendar is what Outlook publishes, busy in the first hour.
func calendar(organizer string, start, end time.Time) string {
	const stamp = "20060102T150405Z"
	return fmt.Sprintf("BEGIN:VCALENDAR\r\nPRODID:-//Microsoft Corporation//Outlook 11.0 MIMEDIR//EN\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\nBEGIN:VFREEBUSY\r\n"+
		"ORGANIZER:MAILTO:%s\r\nDTSTAMP:%[2]s\r\nDTSTART:%[2]s\r\nDTEND:%s\r\nFREEBUSY:%[2]s/PT1H\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n", organizer, start.Format(stamp), end.Format(stamp))
}

// marys accepts Mary with the password "x".
func marys(r *http.Request) (string, error) {
	name, password, ok := r.BasicAuth()
	switch {
	case !ok || password != "x":
		return "", &face.Refusal{Status: http.StatusUnauthorized, Text: "Who are you?"}
	case name != "mary":
		return "", &face.Refusal{Status: http.StatusForbidden, Text: "Not you."}
	}
	return name, nil
}

const (
	marysKey = "Authorization: Basic bWFyeTp4" // mary:x
	johnsKey = "Authorization: Basic am9objp4"
	wrongKey = "Authorization: Basic bWFyeTp5"
	file     = "/freebusy/Mary@contoso.com.vfb"
)

func TestPut(t *testing.T) {
	at(t, november, func(t *testing.T) {
		now := time.Now().UTC()
		d := newDesk(t, internet.Config{Authenticate: marys})
		body := calendar("Mary@Contoso.com", now.AddDate(0, 0, -7), now.AddDate(0, 2, 0))
		if r := d.do("PUT", file, body, marysKey); r.StatusCode != 201 || r.Header.Get("Content-Length") != "0" || r.Header.Get("Etag") != "" {
			t.Errorf("the first: %s, %v, %s", r.Status, r.Header, text(r))
		}
		p := d.kept["mary@contoso.com"]
		if p.By != "mary" || !p.At.Equal(now) || !p.Expires.Equal(now.AddDate(0, 0, 15)) || p.Mailbox != "mary@contoso.com" ||
			p.Schedule.At(now.AddDate(0, 0, -7)) != availability.Busy || p.Schedule.At(now) != availability.Free {
			t.Errorf("%+v", p)
		}
		// Not longer than the time it speaks about.
		if r := d.do("PUT", file, calendar("mary@contoso.com", now, now.AddDate(0, 0, 3)), marysKey, "Content-Type: text/calendar", "Content-Encoding: identity"); r.StatusCode != 204 {
			t.Errorf("the second: %s", r.Status)
		}
		if p := d.kept["mary@contoso.com"]; !p.Expires.Equal(now.AddDate(0, 0, 3)) {
			t.Errorf("%+v", p)
		}
		// Not more of it than anybody asks about.
		d.do("PUT", file, calendar("mary@contoso.com", now.AddDate(-100, 0, 0), now.AddDate(100, 0, 0)), marysKey)
		if p := d.kept["mary@contoso.com"]; p.Schedule.Known.Duration() != 800*24*time.Hour {
			t.Errorf("%+v", p)
		}
		if r := d.do("DELETE", file, "", marysKey); r.StatusCode != 204 || len(d.kept) != 0 {
			t.Errorf("DELETE: %s", r.Status)
		}
		if r := d.do("DELETE", file, "", marysKey); r.StatusCode != 404 {
			t.Errorf("DELETE again: %s", r.Status)
		}
		for _, want := range []string{"msg=published", "msg=withdrawn", "by=mary"} {
			if !strings.Contains(d.log.String(), want) {
				t.Errorf("%s is not in the log", want)
			}
		}
	})
}

func TestPutRefuses(t *testing.T) {
	at(t, november, func(t *testing.T) {
		now := time.Now().UTC()
		good := calendar("mary@contoso.com", now, now.AddDate(0, 2, 0))
		d := newDesk(t, internet.Config{Authenticate: marys})
		for _, test := range []struct {
			name, target, body string
			headers            []string
			status             int
			want               string
		}{
			{"nobody", file, good, nil, 401, "Who are you?"},
			{"a wrong password", file, good, []string{wrongKey}, 401, "Who"},
			{"somebody else", file, good, []string{johnsKey}, 403, "Not you"},
			{"another's free/busy", file, calendar("john@contoso.com", now, now.AddDate(0, 2, 0)), []string{marysKey}, 400, "that of somebody else"},
			{"no calendar", file, "hello", []string{marysKey}, 400, "line 1"},
			{"nothing", file, "", []string{marysKey}, 400, "no VFREEBUSY"},
			{"cut short", file, good[:len(good)-30], []string{marysKey}, 400, "cut short"},
			{"the past", file, calendar("mary@contoso.com", now.AddDate(0, -2, 0), now), []string{marysKey}, 400, "passed"},
			{"far ahead", file, calendar("mary@contoso.com", now.AddDate(5, 0, 0), now.AddDate(6, 0, 0)), []string{marysKey}, 400, "more than 400 days away"},
			{"packed", file, good, []string{marysKey, "Content-Encoding: gzip"}, 415, "gzip"},
			{"in parts", file, good, []string{marysKey, "Content-Type: multipart/mixed; boundary=x"}, 415, "multipart/mixed"},
			{"a part", file, good, []string{marysKey, "Content-Range: bytes 0-9/10"}, 400, "A part"},
			{"too long", file, good + strings.Repeat("X-A:b\r\n", 150_000), []string{marysKey}, 413, "more than 1048576 bytes"},
			{"nobody's URL", "/freebusy/", good, []string{marysKey}, 404, "/freebusy/mary@contoso.com.vfb"},
			{"no address", "/freebusy/a%20b@contoso.com", good, []string{marysKey}, 400, "is not an SMTP address"},
		} {
			r := d.do("PUT", test.target, test.body, test.headers...)
			if body := text(r); r.StatusCode != test.status || !strings.Contains(body, test.want) {
				t.Errorf("%s: %s: %s", test.name, r.Status, body)
			}
		}
		if len(d.kept) > 0 {
			t.Errorf("and yet: %v", d.kept)
		}
		d.broken = true
		if r := d.do("PUT", file, good, marysKey); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || strings.Contains(text(r), "space") {
			t.Errorf("a full disk: %s", r.Status)
		}
		if !strings.Contains(d.log.String(), "no space left") {
			t.Error("the log does not say why")
		}
	})
}

// A body whose length nobody said is bounded as it comes.
func TestPutOfUnknownLength(t *testing.T) {
	d := newDesk(t, internet.Config{Authenticate: marys})
	r, err := http.NewRequest("PUT", file, struct{ *strings.Reader }{strings.NewReader(strings.Repeat("X-A:b\r\n", 200_000))})
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("mary", "x")
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if w.Code != 413 {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

func TestConditionalPut(t *testing.T) {
	at(t, november, func(t *testing.T) {
		now := time.Now().UTC()
		good := calendar("mary@contoso.com", now, now.AddDate(0, 2, 0))
		d := newDesk(t, internet.Config{Authenticate: marys})
		tag := d.do("GET", file, "").Header.Get("Etag")
		for _, test := range []struct {
			method, header string
			status         int
		}{
			{"PUT", "If-Match: *", 412},
			{"DELETE", "If-Match: *", 412},
			{"PUT", "If-None-Match: " + tag, 412},
			{"PUT", `If-Match: "x"`, 412},
			{"PUT", "If-Match: W/" + tag, 412}, // a weak one is never enough
			{"PUT", "If-None-Match: *", 201},
			{"PUT", "If-None-Match: *", 412},
			{"PUT", "If-Match: *", 204},
			{"PUT", `If-Match: "x", ` + tag, 204},
			{"PUT", `If-None-Match: "x"`, 204},
			{"DELETE", "If-None-Match: *", 412},
			{"DELETE", "If-Match: *", 204},
		} {
			if r := d.do(test.method, file, good, marysKey, test.header); r.StatusCode != test.status {
				t.Errorf("%s %s: %s", test.method, test.header, r.Status)
			}
		}
		d.known["mary@contoso.com"] = because(availability.Timeout)
		for _, header := range []string{"If-Match: " + tag, "If-None-Match: " + tag} {
			if r := d.do("PUT", file, good, marysKey, header); r.StatusCode != 503 || len(d.kept) > 0 {
				t.Errorf("%s: what there is cannot be found out: %s", header, r.Status)
			}
		}
	})
}

// Of many that want to be the first, one is.
func TestOneIsTheFirst(t *testing.T) {
	now := time.Now().UTC()
	d := newDesk(t, internet.Config{Authenticate: marys})
	var clients sync.WaitGroup
	var created atomic.Int32
	for range 20 {
		clients.Go(func() {
			r := d.do("PUT", file, calendar("mary@contoso.com", now, now.AddDate(0, 2, 0)), marysKey, "If-None-Match: *")
			switch r.StatusCode {
			case 201:
				created.Add(1)
			case 412:
			default:
				t.Error(r.Status)
			}
		})
	}
	clients.Wait()
	if n := created.Load(); n != 1 {
		t.Errorf("%d are", n)
	}
}
