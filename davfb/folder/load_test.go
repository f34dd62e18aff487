package folder_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/davfb/folder"
)

// pieces notes how an answer is written, and forgets it.
type pieces struct {
	http.ResponseWriter
	total, largest int
}

func (p *pieces) Write(b []byte) (int, error) {
	p.total, p.largest = p.total+len(b), max(p.largest, len(b))
	return len(b), nil
}

const fileInfo = `<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/><getcontenttype/><getetag/></prop></propfind>`

func list(h http.Handler) *pieces {
	r := httptest.NewRequest("PROPFIND", group, strings.NewReader(fileInfo))
	r.Header.Set("Depth", "1")
	w := &pieces{ResponseWriter: httptest.NewRecorder()}
	h.ServeHTTP(w, r)
	return w
}

// However many are listed, no more is held than a piece.
func TestLargeFolderIsSentInPieces(t *testing.T) {
	h := folder.New(folder.Config{Source: contoso(), Recipients: people(10000), Log: quiet()})
	if w := list(h); w.total < 10000*400 || w.largest > 64<<10 {
		t.Errorf("%d bytes in pieces of up to %d", w.total, w.largest)
	}
}

func BenchmarkListing10000(b *testing.B) {
	h := folder.New(folder.Config{Source: contoso(), Recipients: people(10000), Log: quiet()})
	b.ReportAllocs()
	for b.Loop() {
		list(h)
	}
}

func BenchmarkMessage(b *testing.B) {
	now := time.Now()
	var spans []availability.Span
	for i := range 200 {
		spans = append(spans, span(now.Add(time.Duration(i-50)*7*time.Hour), time.Hour, availability.Busy))
	}
	known := availability.Window{Start: now.AddDate(-1, 0, 0), End: now.AddDate(1, 0, 0)}
	s := &source{schedules: map[availability.Mailbox]availability.Schedule{dnOf("mary"): availability.NewSchedule(known, 0, spans)}}
	h := folder.New(folder.Config{Source: s, Log: quiet()})
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("PROPFIND", mary, strings.NewReader(evolution)))
		if w.Code != http.StatusMultiStatus {
			b.Fatal(w.Code)
		}
	}
}

// Hostile requests; the times and allocations are those of a refusal.
func BenchmarkRefusal(b *testing.B) {
	h := folder.New(folder.Config{Source: contoso(), Log: quiet()})
	nested := strings.Repeat("<a>", 20<<20/3)
	flat := `<propfind xmlns="DAV:"><prop>` + strings.Repeat("<a/>", 200000)
	long := strings.Repeat("/a", 1<<19)
	tests := []struct {
		name, target, body string
		length             int64 // announced; -1 is not
		status             int
	}{
		{"20 MB nested, announced", mary, nested, int64(len(nested)), 413},
		{"20 MB nested", mary, nested, -1, 413},
		{"1 MB nested", mary, nested[:1<<20-1], -1, 400},
		{"200000 properties", mary, flat, -1, 400},
		{"1 MB URL", long, "", 0, 414},
	}
	for _, test := range tests {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("PROPFIND", "/", strings.NewReader(test.body))
				r.RequestURI, r.URL, r.ContentLength = test.target, &url.URL{Path: test.target}, test.length
				if u, err := url.Parse(test.target); err == nil {
					r.URL = u
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code != test.status {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
}
