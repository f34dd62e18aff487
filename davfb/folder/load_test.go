package folder_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
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

// slow is a client that reads nothing until it is let.
type slow struct {
	*pieces
	writing chan struct{}
	let     chan struct{}
}

func (s slow) Write(b []byte) (int, error) {
	select {
	case s.writing <- struct{}{}:
	default:
	}
	<-s.let
	return s.pieces.Write(b)
}

// Clients that do not read their lists keep nobody else from having one.
func TestSlowListersKeepNobodyWaiting(t *testing.T) {
	h := folder.New(folder.Config{Source: contoso(), Recipients: people(1000), Log: quiet()})
	let := make(chan struct{})
	var listing sync.WaitGroup
	for range 2*runtime.GOMAXPROCS(0) + 1 {
		w := slow{&pieces{ResponseWriter: httptest.NewRecorder()}, make(chan struct{}), let}
		listing.Go(func() {
			r := httptest.NewRequest("PROPFIND", group, strings.NewReader(fileInfo))
			r.Header.Set("Depth", "1")
			h.ServeHTTP(w, r)
			if w.total < 1000*400 {
				t.Errorf("%d bytes", w.total)
			}
		})
		<-w.writing
	}
	if w := list(h); w.total < 1000*400 {
		t.Errorf("%d bytes", w.total)
	}
	close(let)
	listing.Wait()
}

// stuck is a directory that does not go on until it is let.
type stuck struct {
	*recipients
	asked, let chan struct{}
}

func (s stuck) Recipients(ctx context.Context, who availability.Requester, after availability.Mailbox, most int) ([]folder.Recipient, bool, error) {
	s.asked <- struct{}{}
	<-s.let
	return s.recipients.Recipients(ctx, who, after, most)
}

// Lists are drawn by half of the processors at most, and whoever leaves while they wait
// gets none.
func TestListsTakeTurns(t *testing.T) {
	people := stuck{people(10), make(chan struct{}, 100), make(chan struct{})}
	h := folder.New(folder.Config{Source: contoso(), Recipients: people, Log: quiet()})
	var listing sync.WaitGroup
	most := max(1, runtime.GOMAXPROCS(0)/2)
	for range most {
		listing.Go(func() { list(h) })
		<-people.asked
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	for _, method := range []string{"PROPFIND", http.MethodGet} {
		r := httptest.NewRequest(method, group, nil).WithContext(ctx)
		r.Header.Set("Depth", "1")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable || len(people.asked) > 0 {
			t.Errorf("%s: %d %s, %d lists are drawn", method, w.Code, w.Body, most+len(people.asked))
		}
	}
	close(people.let)
	listing.Wait()
	if w := list(h); w.total == 0 {
		t.Error("nothing is listed afterwards")
	}
}

// The dearest questions about 10,000 recipients.
func BenchmarkDearestLists(b *testing.B) {
	h := folder.New(folder.Config{Source: contoso(), Recipients: people(10000), Log: quiet()})
	var names strings.Builder
	for i := range 127 {
		fmt.Fprintf(&names, "<a:x%s%d/>", strings.Repeat("y", 230), i)
	}
	for name, question := range map[string]struct{ method, body string }{
		"properties": {"PROPFIND", `<a:propfind xmlns:a="DAV:"><a:prop>` + names.String() + `</a:prop></a:propfind>`},
		"search": {"SEARCH", `<a:searchrequest xmlns:a="DAV:"><a:sql>SELECT "DAV:href" FROM Scope('SHALLOW TRAVERSAL OF ""') WHERE ` +
			strings.Repeat(`"http://schemas.microsoft.com/mapi/proptag/x6849001F" LIKE '%a%b%c%d%e%f%g%x' OR `, 15) + `"DAV:displayname" = 'x'</a:sql></a:searchrequest>`},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(question.method, group, strings.NewReader(question.body))
				r.Header.Set("Depth", "1")
				h.ServeHTTP(&pieces{ResponseWriter: httptest.NewRecorder()}, r)
			}
		})
	}
}
