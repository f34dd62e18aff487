package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/cache"
	"fbgate/davfb/admin"
)

// What operators see of an answer, a failure and a mailbox with two windows, some
// minutes later.
func TestListsWhatIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which begins at midnight of 1 January 2000
		o := newOperators(nil)
		o.remember(t, "contoso", 1, "mary@contoso.com")
		time.Sleep(150 * time.Second)
		o.remember(t, "fabrikam", 0, "nobody@fabrikam.com")
		o.remember(t, "contoso", 0, "mary@contoso.com")
		time.Sleep(30*time.Second + 700*time.Millisecond)
		w := o.do("GET", "/cache")
		const want = `{
  "mailboxes": 2,
  "matching": 2,
  "entries": [
    {
      "mailbox": "mary@contoso.com",
      "organization": "contoso",
      "source": "https://mail.contoso.com/EWS/Exchange.asmx",
      "start": "2026-10-19T00:00:00Z",
      "end": "2026-10-20T00:00:00Z",
      "age": 30,
      "expires": "2000-01-01T00:17:30Z",
      "stale": false,
      "spans": 1,
      "reason": null
    },
    {
      "mailbox": "mary@contoso.com",
      "organization": "contoso",
      "source": "https://mail.contoso.com/EWS/Exchange.asmx",
      "start": "2026-10-20T00:00:00Z",
      "end": "2026-10-21T00:00:00Z",
      "age": 180,
      "expires": "2000-01-01T00:15:00Z",
      "stale": false,
      "spans": 1,
      "reason": null
    },
    {
      "mailbox": "nobody@fabrikam.com",
      "organization": "fabrikam",
      "source": "https://mail.fabrikam.com/EWS/Exchange.asmx",
      "start": "2026-10-19T00:00:00Z",
      "end": "2026-10-20T00:00:00Z",
      "age": 30,
      "expires": "2000-01-01T00:07:30Z",
      "stale": false,
      "spans": 0,
      "reason": {
        "code": "unknown-mailbox",
        "detail": "the server says <no> to nobody@fabrikam.com",
        "remedy": REMEDY
      }
    }
  ]
}
`
		remedy, err := json.Marshal((&availability.Reason{Code: availability.UnknownMailbox}).Remedy())
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Body.String(); w.Code != 200 || got != strings.Replace(want, "REMEDY", string(remedy), 1) {
			t.Errorf("%d\n%s\nwant\n%s", w.Code, got, want)
		}
		for name, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}

		time.Sleep(5 * time.Minute) // the failure is forgotten
		if mailboxes := o.list(t, "").mailboxes(); !slices.Equal(mailboxes, []string{"mary@contoso.com", "mary@contoso.com"}) {
			t.Errorf("after eight minutes: %v", mailboxes)
		}
		time.Sleep(15 * time.Minute)
		if w := o.do("GET", "/cache"); w.Body.String() != "{\n  \"mailboxes\": 0,\n  \"matching\": 0,\n  \"entries\": []\n}\n" {
			t.Errorf("in the end: %s", w.Body)
		}
	})
}

// page is a page of GET /cache.
type page struct {
	Mailboxes, Matching int
	Entries             []struct{ Mailbox, Organization, For string }
	Next                string
}

func (p page) mailboxes() []string {
	var all []string
	for _, e := range p.Entries {
		all = append(all, e.Mailbox)
	}
	return all
}

func (o *operators) list(t *testing.T, query string) (p page) {
	t.Helper()
	w := o.do("GET", "/cache"+query)
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 200 {
		t.Fatalf("%s: %d, %v: %s", query, w.Code, err, w.Body)
	}
	return p
}

func TestPages(t *testing.T) {
	o := newOperators(nil)
	var all []string
	for i := range 23 {
		m := fmt.Sprintf("user%02d+x@contoso.com", i) // with what a query has to escape
		o.remember(t, "contoso", 0, availability.Mailbox(m))
		all = append(all, m)
	}
	for _, limit := range []int{1, 5, 22, 23, 24, 10_000} {
		var listed []string
		for after := ""; ; after = listed[len(listed)-1] {
			p := o.list(t, fmt.Sprintf("?limit=%d&after=%s", limit, url.QueryEscape(after)))
			if p.Mailboxes != len(all) || len(p.Entries) > limit {
				t.Fatalf("limit %d: %d entries of %d mailboxes", limit, len(p.Entries), p.Mailboxes)
			}
			if len(p.Entries) == 0 {
				break
			}
			listed = append(listed, p.mailboxes()...)
		}
		if !slices.Equal(listed, all) {
			t.Errorf("limit %d: %v", limit, listed)
		}
	}
	for query, want := range map[string]int{
		"":                                   23,
		"?after=":                            23,
		"?after=user20%2Bx@contoso.com":      2,
		"?after=SMTP:USER20%2Bx@Contoso.com": 2,
		"?after=user20+x@contoso.com":        2,
		"?after=z":                           0,
		"?mailbox=User20+x@contoso.com":      1,
		"?mailbox=nobody@contoso.com":        0,
	} {
		if got := len(o.list(t, query).Entries); got != want {
			t.Errorf("%s lists %d, want %d", query, got, want)
		}
	}
}

// A mailbox with several windows is never parted by the end of a page.
func TestPageHoldsWholeMailboxes(t *testing.T) {
	o := newOperators(nil)
	for day := range 3 {
		o.remember(t, "contoso", day, "ann@contoso.com", "mary@contoso.com")
	}
	if got := o.list(t, "?limit=1").mailboxes(); !slices.Equal(got, []string{"ann@contoso.com", "ann@contoso.com", "ann@contoso.com"}) {
		t.Errorf("a page of 1 is %v", got)
	}
}

// What is asked for comes in the order it is asked for.
func TestPicksAndOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOperators(nil)
		for _, one := range []struct {
			organization string
			mailbox      availability.Mailbox
		}{{"fabrikam", "joe@fabrikam.com"}, {"contoso", "mary@contoso.com"}, {"fabrikam", "mary@contoso.com"}, {"contoso", "ann@contoso.com"}} {
			o.remember(t, one.organization, 0, one.mailbox)
			time.Sleep(time.Second)
		}
		for query, want := range map[string]string{
			"?order=address":                             "ann contoso, joe fabrikam, mary contoso, mary fabrikam",
			"?order=address-down":                        "mary fabrikam, mary contoso, joe fabrikam, ann contoso",
			"?order=expiry":                              "joe fabrikam, mary contoso, mary fabrikam, ann contoso",
			"?order=expiry-down":                         "ann contoso, mary fabrikam, mary contoso, joe fabrikam",
			"?order=address-down&after=mary@contoso.com": "joe fabrikam, ann contoso",
			"?after=joe@fabrikam.com":                    "mary contoso, mary fabrikam",
			"?organization=fabrikam":                     "joe fabrikam, mary fabrikam",
			"?matching=%20CONTOSO.com&order=expiry":      "mary contoso, mary fabrikam, ann contoso",
			"?matching=mary&organization=contoso":        "mary contoso",
			"?matching=nobody":                           "",
			"?mailbox=mary@contoso.com":                  "mary contoso, mary fabrikam",
		} {
			var listed []string
			p := o.list(t, query)
			for _, e := range p.Entries {
				name, _, _ := strings.Cut(e.Mailbox, "@")
				listed = append(listed, name+" "+e.Organization)
			}
			if got := strings.Join(listed, ", "); got != want || p.Mailboxes != 4 || p.Next != "" || p.Matching != len(listed) && !strings.Contains(query, "after") {
				t.Errorf("%s: %s, %d of %d, next %q; want %s", query, got, p.Matching, p.Mailboxes, p.Next, want)
			}
		}
	})
}

// One mailbox that is remembered for many domains is gone through row by row, in every
// order, and by address it is never torn apart.
func TestPagesOfManyDomains(t *testing.T) {
	caches := cache.Caches{"contoso": cache.New("contoso", organization("contoso"), cache.NewMemory(1000), cache.Policy{
		Known: 15 * time.Minute, Wait: 10 * time.Second, Timeout: 25 * time.Second, ByRequester: true})}
	o := &operators{Handler: admin.New(admin.Config{Caches: caches}), caches: caches}
	ask := func(m availability.Mailbox, domain string) {
		caches["contoso"].Lookup(t.Context(), availability.Query{
			Mailboxes: []availability.Mailbox{m}, Window: availability.Window{Start: at.Epoch, End: at.Epoch.AddDate(0, 0, 1)}, Interval: time.Hour,
			Requester: availability.Requester{Mailbox: availability.Mailbox("kim@" + domain)}})
	}
	for i := range 120 {
		ask("mary@contoso.com", fmt.Sprintf("d%03d.com", i))
	}
	for _, domain := range []string{"fabrikam.com", "northwind.com"} {
		ask("\xff@contoso.com", domain) // which JSON cannot say
		ask("ann@contoso.com", domain)
	}
	for order, most := range map[string]int{"address": 122, "address-down": 122, "expiry": 7, "expiry-down": 7} {
		seen, last, next, pages := make(map[string]int), "", "", 0
		for ; pages < 124 && (pages == 0 || next != ""); pages++ { // no more than there are rows
			p := o.list(t, "?limit=7&order="+order+"&next="+next)
			if len(p.Entries) == 0 || len(p.Entries) > most || p.Matching != 124 {
				t.Fatalf("%s: %d entries of %d", order, len(p.Entries), p.Matching)
			}
			if most == 122 && p.Entries[0].Mailbox == last {
				t.Errorf("%s: %s is torn apart", order, last)
			}
			for _, e := range p.Entries {
				last = e.Mailbox
				seen[e.Mailbox+" "+e.For]++
			}
			next = p.Next
		}
		if len(seen) != 124 || pages < 2 {
			t.Errorf("%s: %d rows on %d pages", order, len(seen), pages)
		}
		for row, n := range seen {
			if n != 1 {
				t.Errorf("%s: %s is listed %d times", order, row, n)
			}
		}
	}
}

// BenchmarkCache asks, through the handler, for parts of a million mailboxes.
func BenchmarkCache(b *testing.B) {
	const mailboxes = 1_000_000
	store := cache.NewMemory(mailboxes)
	window := availability.Window{Start: at.Epoch, End: at.Epoch.AddDate(0, 0, 1)}
	for i := range mailboxes {
		m := availability.Mailbox(fmt.Sprintf("user%07d@fabrikam.com", i*7919%mailboxes))
		ttl := time.Hour + time.Duration(i)*time.Millisecond
		store.Set(cache.Key{Mailbox: m}, []availability.Answer{{Mailbox: m, Organization: "fabrikam", Window: window, At: time.Now(), Expires: time.Now().Add(ttl)}}, ttl)
	}
	handler := admin.New(admin.Config{Caches: cache.Caches{"fabrikam": cache.New("fabrikam", organization("fabrikam"), store, cache.Policy{})}})
	for name, query := range map[string]string{
		"one":      "?limit=1",
		"first":    "",
		"largest":  "?limit=10000",
		"middle":   "?after=user0500000@fabrikam.com",
		"expiring": "?order=expiry-down",
		"search":   "?matching=99999",
		"mailbox":  "?mailbox=user0500000@fabrikam.com",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/cache"+query, nil))
				if w.Code != 200 || !strings.Contains(w.Body.String(), "@fabrikam.com") {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

// stuck is the answer of a client that does not read it until it is let go on.
type stuck struct {
	*httptest.ResponseRecorder
	writes, goOn chan bool
}

func (s stuck) Write(p []byte) (int, error) {
	s.writes <- true
	<-s.goOn
	return s.ResponseRecorder.Write(p)
}

// One lists at a time. Who waits too long is told so, and who does not read keeps nobody
// from it.
func TestListingsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOperators(nil)
		o.remember(t, "contoso", 0, "mary@contoso.com")
		done, _ := o.caches.Turn(t.Context())
		begun := time.Now()
		w := o.do("GET", "/cache")
		if w.Code != 503 || w.Header().Get("Retry-After") != "5" || time.Since(begun) != 5*time.Second {
			t.Errorf("%d, Retry-After %q, after %v", w.Code, w.Header().Get("Retry-After"), time.Since(begun))
		}
		if text := message(t, w); !strings.Contains(text, "others are listing") {
			t.Error(text)
		}
		// What goes through nothing waits for nobody.
		o.list(t, "?mailbox=mary@contoso.com")
		if w := o.do("GET", "/cache?order=x"); w.Code != 400 || time.Since(begun) != 5*time.Second {
			t.Errorf("%d after %v", w.Code, time.Since(begun))
		}
		done()

		slow := stuck{httptest.NewRecorder(), make(chan bool), make(chan bool)}
		var reading sync.WaitGroup
		reading.Go(func() { o.ServeHTTP(slow, httptest.NewRequest("GET", "http://localhost:8081/cache", nil)) })
		<-slow.writes
		begun = time.Now()
		if p := o.list(t, ""); len(p.Entries) != 1 || time.Since(begun) != 0 {
			t.Errorf("%d entries after %v", len(p.Entries), time.Since(begun))
		}
		close(slow.goOn)
		reading.Wait()
		if slow.Code != 200 || !strings.Contains(slow.Body.String(), "mary@contoso.com") {
			t.Errorf("%d %s", slow.Code, slow.Body)
		}
	})
}

// BenchmarkClientsDuringListings tells what a client waits for a mailbox that is not
// remembered while so many others list a million, page after page of 10,000.
func BenchmarkClientsDuringListings(b *testing.B) {
	const mailboxes = 1_000_000
	store := cache.NewMemory(2 * mailboxes)
	window := availability.Window{Start: at.Epoch, End: at.Epoch.AddDate(0, 0, 1)}
	for i := range mailboxes {
		m := availability.Mailbox(fmt.Sprintf("user%07d@fabrikam.com", i*7919%mailboxes))
		store.Set(cache.Key{Mailbox: m}, []availability.Answer{{Mailbox: m, Organization: "fabrikam", Window: window, At: time.Now(), Expires: time.Now().Add(time.Hour)}}, time.Hour)
	}
	fabrikam := cache.New("fabrikam", organization("fabrikam"), store, cache.Policy{Known: time.Hour, Wait: time.Minute, Timeout: time.Minute})
	handler := admin.New(admin.Config{Caches: cache.Caches{"fabrikam": fabrikam}})
	asked := 0
	for _, listers := range []int{0, 1, 16} {
		b.Run(fmt.Sprintf("listers=%d", listers), func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			var listing sync.WaitGroup
			var pages, refused atomic.Int64
			for range listers {
				listing.Go(func() {
					var next []byte // without reading all of it, which costs more than to list it
					for ctx.Err() == nil {
						w := httptest.NewRecorder()
						handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "http://localhost/cache?limit=10000&next="+string(next), nil))
						switch {
						case ctx.Err() != nil:
						case w.Code == 503:
							refused.Add(1)
						case w.Code != 200:
							b.Error(w.Code, w.Body)
						default:
							pages.Add(1)
							_, next, _ = bytes.Cut(w.Body.Bytes(), []byte(`"next": "`))
							next, _, _ = bytes.Cut(next, []byte(`"`))
						}
					}
				})
			}
			var waited []time.Duration
			for b.Loop() {
				time.Sleep(5 * time.Millisecond)
				asked++
				q := availability.Query{Mailboxes: []availability.Mailbox{availability.Mailbox(fmt.Sprintf("new%d@fabrikam.com", asked))}, Window: window, Interval: time.Hour}
				begun := time.Now()
				fabrikam.Lookup(b.Context(), q)
				waited = append(waited, time.Since(begun))
			}
			cancel()
			listing.Wait()
			slices.Sort(waited)
			b.ReportMetric(float64(waited[len(waited)/2].Microseconds()), "median-µs")
			b.ReportMetric(float64(waited[len(waited)*99/100].Microseconds()), "99%-µs")
			b.ReportMetric(float64(waited[len(waited)-1].Microseconds()), "worst-µs")
			b.ReportMetric(float64(pages.Load()), "pages")
			b.ReportMetric(float64(refused.Load()), "refused")
		})
	}
}

func TestFlush(t *testing.T) {
	for _, test := range []struct {
		query   string
		flushed int
		left    []string
	}{
		{"", 4, nil},
		{"?mailbox=mary@contoso.com", 1, []string{"joe@contoso.com", "joe@fabrikam.com", "r&d@fabrikam.com"}},
		{"?mailbox=SMTP:MARY@Contoso.com", 1, []string{"joe@contoso.com", "joe@fabrikam.com", "r&d@fabrikam.com"}},
		{"?mailbox=r%26d@fabrikam.com", 1, []string{"joe@contoso.com", "joe@fabrikam.com", "mary@contoso.com"}},
		{"?mailbox=ann@contoso.com", 0, []string{"joe@contoso.com", "joe@fabrikam.com", "mary@contoso.com", "r&d@fabrikam.com"}},
		{"?organization=contoso", 2, []string{"joe@fabrikam.com", "r&d@fabrikam.com"}},
		{"?organization=fabrikam", 2, []string{"joe@contoso.com", "mary@contoso.com"}},
	} {
		t.Run(test.query, func(t *testing.T) {
			o := newOperators(nil)
			o.remember(t, "contoso", 0, "mary@contoso.com", "joe@contoso.com")
			o.remember(t, "contoso", 2, "mary@contoso.com")
			o.remember(t, "fabrikam", 0, "joe@fabrikam.com", "r&d@fabrikam.com")
			w := o.do("DELETE", "/cache"+test.query)
			if got, want := w.Body.String(), fmt.Sprintf("{\n  \"flushed\": %d\n}\n", test.flushed); w.Code != 200 || got != want {
				t.Errorf("%d %s, want %s", w.Code, got, want)
			}
			if left := o.list(t, "").mailboxes(); !slices.Equal(slices.Compact(left), test.left) {
				t.Errorf("%v are left, want %v", left, test.left)
			}
			if log := o.log.String(); !strings.Contains(log, "cache flushed") || !strings.Contains(log, fmt.Sprintf("flushed=%d", test.flushed)) {
				t.Errorf("log: %s", log)
			}
		})
	}
}
