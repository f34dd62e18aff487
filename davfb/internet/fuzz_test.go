package internet_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/availabilitytest"
	"fbgate/davfb/internet"
	"fbgate/translate/vfreebusy"
)

// FuzzRequest sends all that can be sent to free/busy URLs. A calendar that comes out is
// of whom was asked about, and says what the source said; one that was taken says the
// same when it is read anew.
func FuzzRequest(f *testing.F) {
	present := calendar("mary@contoso.com", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, target := range []string{
		file, "/freebusy/contoso.com/mary.ifb", "/freebusy/?mary@contoso.com", "/freebusy/mary", "/FREEBUSY/mary%40contoso.com.ics",
		"/calendar/mary.vfb", "/vcal_server.php/type=vfb&email=mary@contoso.com", "/free?who=mary&at=contoso.com&x=1",
		"/freebusy/mary@contoso.com?start=2009-11-01T00:00:00Z&end=2009-11-03", "/freebusy/", "/freebusy/a%2Fb@c.vfb",
	} {
		f.Add("GET", target, "", "")
		f.Add("PUT", target, "text/calendar; charset=utf-8", present)
		f.Add("DELETE", target, "*", "")
		f.Add("HEAD", target, `"0123"`, "")
		f.Add("PROPFIND", target, "gzip", "")
		f.Add("OPTIONS", target, "multipart/mixed; boundary=x", "")
	}
	samples, err := filepath.Glob("../../translate/vfreebusy/testdata/*.?fb")
	if err != nil || len(samples) == 0 {
		f.Fatal(samples, err)
	}
	for _, name := range samples {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("PUT", file, "identity", string(data))
	}
	d := newDesk(f, internet.Config{
		Authenticate: marys, DefaultDomain: "contoso.com",
		Patterns: []string{"/calendar/%NAME%.vfb", "/vcal_server.php/type=vfb&email=%NAME%@%SERVER%", "/free?who=%NAME%&at=%SERVER%"},
	})
	f.Fuzz(func(t *testing.T, method, target, field, body string) {
		clear(d.kept)
		d.asked = nil
		d.log.Reset()
		u, err := url.ParseRequestURI(target)
		if err != nil || strings.ContainsAny(method, " \t\r\n") {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "http://gw.contoso.com/", strings.NewReader(body))
		r.Method, r.RequestURI, r.URL = method, target, u
		for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "Range", "Content-Encoding", "Content-Range", "Content-Type"} {
			if field != "" && strings.HasPrefix(name, "Content-") != (field[0] == '"' || field[0] == '*') {
				r.Header.Set(name, field)
			}
		}
		r.SetBasicAuth("mary", "x")
		if !d.Matches(r) {
			return
		}
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		kind := w.Header().Get("Content-Type")
		switch w.Code {
		case 200, 201, 204, 206, 207, 304, 400, 403, 404, 405, 412, 413, 414, 415, 416, 503:
		default:
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		if strings.Contains(kind, "html") || w.Header().Get("Location") != "" {
			t.Errorf("%v", w.Header())
		}
		if length := w.Header().Get("Content-Length"); length != "" && method != http.MethodHead && length != strconv.Itoa(w.Body.Len()) {
			t.Errorf("%d bytes are announced as %s", w.Body.Len(), length)
		}
		if most := 16 << 10; w.Body.Len() > most+len(target) {
			t.Errorf("%d bytes", w.Body.Len())
		}
		for m, p := range d.kept {
			availabilitytest.CheckCanonical(t, p.Schedule)
			if again, err := vfreebusy.Read([]byte(body), m); err != nil || !again.Clip(p.Schedule.Known).Equal(p.Schedule) || !p.Expires.After(p.At) || p.Mailbox != m {
				t.Errorf("%q is kept as %+v; %v", body, p, err)
			}
		}
		if w.Code == http.StatusOK && method == http.MethodGet {
			checkCalendar(t, d, w)
		}
	})
}

func checkCalendar(t *testing.T, d *desk, w *httptest.ResponseRecorder) {
	t.Helper()
	if len(d.asked) != 1 || len(d.asked[0].Mailboxes) != 1 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/calendar") {
		t.Fatalf("asked %v, and got %v", d.asked, w.Header())
	}
	m, window := d.asked[0].Mailboxes[0], d.asked[0].Window
	told, err := vfreebusy.Read(w.Body.Bytes(), m)
	if err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	truth := d.known[m].Schedule.Clip(window)
	if !window.Contains(told.Known) || !truth.Clip(told.Known).Equal(told) {
		t.Errorf("%v is told as %v", truth, told)
	}
}

// FuzzPattern takes patterns as administrators write them. What one that is accepted
// makes of a plain address leads back to that address.
func FuzzPattern(f *testing.F) {
	f.Add("/calendar/%NAME%.vfb", "mary", "contoso.com")
	f.Add("/vcal_server.php/type=vfb&email=%NAME%@%SERVER%", "joe", "fabrikam.example")
	f.Add("/free?who=%name%&at=%Server%", "m.m", "x")
	f.Add("/%%NAME%-%SERVER%%20", "a", "b")
	f.Add("/(%NAME%)[.*](?P<name>x)/%SERVER%", "a", "b")
	f.Add("/"+strings.Repeat("\U000e0001", 300)+"%NAME%%NAME%", "a", "b")
	f.Fuzz(func(t *testing.T, text, name, server string) {
		source := &source{known: map[availability.Mailbox]availability.Answer{}}
		h, err := internet.New(internet.Config{Source: source, Patterns: []string{text}, DefaultDomain: "default.example", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			if len(err.Error()) > 2500 { // 200 characters of it, which %q writes in up to 10 each
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if !plain(name) || !plain(server) || strings.Contains(name, ".") {
			return
		}
		upper := strings.NewReplacer("%name%", "%NAME%", "%server%", "%SERVER%").Replace(text)
		if strings.Count(upper, "%NAME%") != 1 || strings.Count(upper, "%SERVER%") > 1 {
			return // in another case, which is tested elsewhere
		}
		u, err := url.ParseRequestURI(strings.NewReplacer("%NAME%", name, "%SERVER%", server).Replace(upper))
		if err != nil || strings.HasPrefix(strings.ToLower(u.Path), "/freebusy") {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "http://gw.contoso.com/", nil)
		r.URL, r.RequestURI = u, u.RequestURI()
		if !h.Matches(r) {
			t.Fatalf("%q does not match %q", text, u)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		for _, q := range source.asked {
			if m := q.Mailboxes[0]; !strings.Contains(string(m), "@") || m.Domain() == "" {
				t.Errorf("%q asks about %q", u, m)
			}
		}
		// Beyond letters the literal may take part of the name, or the name part of it.
		literal := strings.NewReplacer("%NAME%", "", "%SERVER%", "").Replace(upper)
		if strings.Trim(literal, "/?&=@.") != "" || len(source.asked) == 0 {
			return
		}
		want := availability.ParseMailbox(name + "@default.example")
		if strings.Contains(upper, "%SERVER%") {
			want = availability.ParseMailbox(name + "@" + server)
		}
		if got := source.asked[0].Mailboxes[0]; got != want {
			t.Errorf("%q in %q is %q, want %q", u, text, got, want)
		}
	})
}

// plain reports whether s is of a few ASCII letters, digits and dots alone.
func plain(s string) bool {
	return s != "" && len(s) < 20 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.") == "" && !strings.HasSuffix(s, ".")
}
