package publicfoldertest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest/publicfoldertest"
)

// at is a moment of the 16th of October 2026.
func at(hours, minutes int) time.Time {
	return time.Date(2026, 10, 16, hours, minutes, 0, 0, time.UTC)
}

func span(from, to time.Time, status availability.Status) availability.Span {
	return availability.Span{Window: availability.Window{Start: from, End: to}, Status: status}
}

const (
	msie    = "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)"
	morning = "Cmd=freebusy&start=2026-10-16T08:00:00Z&end=2026-10-16T12:00:00Z&interval=60"
)

// request asks in a way the server takes.
func request(query string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, publicfoldertest.Path, nil)
	r.URL.RawQuery = query
	r.RequestURI = r.URL.RequestURI()
	r.Header.Set("User-Agent", msie)
	return r
}

func ask(s *publicfoldertest.Server, r *http.Request) (status int, header http.Header, body string) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	b, _ := io.ReadAll(w.Result().Body)
	return w.Code, w.Header(), string(b)
}

var row = regexp.MustCompile(`<a:item>\s*<a:displayname>[^<]*</a:displayname>\s*(?:<a:email type="(\w+)">([^<]*)</a:email>\s*)?<a:type>1</a:type>\s*<a:fbdata>(\d*)</a:fbdata>\s*</a:item>`)

// rows sums up an answer: type, address and digits of each row.
func rows(body string) (found []string) {
	for _, m := range row.FindAllStringSubmatch(body, -1) {
		found = append(found, strings.TrimSpace(m[1]+" "+m[2]+" "+m[3]))
	}
	return found
}
