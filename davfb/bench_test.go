package davfb_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability/exchangetest"
	"fbgate/availability/journal"
	"fbgate/availability/meter"
	"fbgate/davfb"
	"fbgate/davfb/face"
)

// quiet is a gateway that logs, counts and keeps lookups as in production, but logs to
// nowhere.
func quiet(t testing.TB, s *stack) http.Handler {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	return davfb.New(davfb.Config{
		Source:   meter.Source{Next: s.router, Meter: new(meter.Organization)},
		Requests: new(face.Requests), Lookups: &face.Lookups{Journal: journal.New(1000)},
		Limits: limits, MaxURL: 64 << 10, Log: slog.New(slog.NewTextHandler(null, nil)),
	})
}

// remembered returns a gateway that has one mailbox's day in its cache, and the
// question about it.
func remembered(t testing.TB) (handler http.Handler, target string) {
	t.Helper()
	s := newStack()
	x := s.organization(t, exchangetest.Exchange2019, "fabrikam.com")
	x.SetMailbox("mary@fabrikam.com", busy(9, 11), busy(13, 14), busy(33, 36))
	target = question(hours(0, 24), 30*time.Minute, "mary@fabrikam.com")
	handler = quiet(t, s)
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, target, nil))
	return handler, target
}

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkCachedAnswer(b *testing.B) {
	handler, target := remembered(b)
	request := httptest.NewRequest(http.MethodGet, target, nil)
	w := discard{make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(w, request)
	}
}

// BenchmarkCachedAnswerOverLoopback compares requests per second with a bare
// handler that writes the same bytes, in turn in one run: "x-bare" is fbgate's
// share of the bare handler's rate.
func BenchmarkCachedAnswerOverLoopback(b *testing.B) {
	handler, target := remembered(b)
	recorded := httptest.NewRecorder()
	handler.ServeHTTP(recorded, httptest.NewRequest(http.MethodGet, target, nil))
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range recorded.Header() {
			w.Header()[name] = values
		}
		_, _ = w.Write(recorded.Body.Bytes())
	})
	gateways := [2]*client{dial(b, handler, target), dial(b, bare, target)}
	const each = 4000
	for _, g := range gateways {
		g.ask(b, each) // warm up
	}
	var took [2]time.Duration
	rounds := 0
	for b.Loop() {
		// Turn and turn about, the first of a round in turn too.
		for i := range gateways {
			i = (i + rounds) % 2
			took[i] += gateways[i].ask(b, each)
		}
		rounds++
	}
	b.ReportMetric(float64(rounds*each)/took[0].Seconds(), "req/s")
	b.ReportMetric(float64(rounds*each)/took[1].Seconds(), "bare-req/s")
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "x-bare")
	b.ReportMetric(0, "ns/op")
}

// client keeps connections to a server open and does as little as it can.
type client struct {
	connections []net.Conn
	request     []byte
}

func dial(b *testing.B, handler http.Handler, target string) *client {
	b.Helper()
	server := httptest.NewServer(handler)
	b.Cleanup(server.Close)
	c := &client{request: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: fbgate\r\nUser-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)\r\n\r\n", target)}
	for range 8 {
		connection, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { connection.Close() })
		c.connections = append(c.connections, connection)
	}
	return c
}

// ask asks n times over all connections and returns how long that took.
func (c *client) ask(b *testing.B, n int) time.Duration {
	begun := time.Now()
	var askers sync.WaitGroup
	for _, connection := range c.connections {
		askers.Go(func() {
			r := bufio.NewReaderSize(connection, 16<<10)
			for range n / len(c.connections) {
				if _, err := connection.Write(c.request); err != nil {
					b.Error(err)
					return
				}
				if err := readResponse(r); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	askers.Wait()
	return time.Since(begun)
}

func readResponse(r *bufio.Reader) error {
	length, first := -1, true
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !strings.HasPrefix(string(line), "HTTP/1.1 200") {
			return fmt.Errorf("answered %q", line)
		}
		first = false
		if len(line) == 2 {
			break
		}
		if text, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(text)); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return io.ErrUnexpectedEOF
	}
	_, err := r.Discard(length)
	return err
}

// BenchmarkLongAnswer draws 400 days in slots of a minute for seven attendees, the
// most that the usual limits allow.
func BenchmarkLongAnswer(b *testing.B) {
	handler := quiet(b, over(sourceFunc(free)))
	attendees := make([]string, 7)
	for i := range attendees {
		attendees[i] = fmt.Sprintf("user%d@contoso.com", i)
	}
	request := httptest.NewRequest(http.MethodGet, question(hours(0, 400*24), time.Minute, attendees...), nil)
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(discard{make(http.Header)}, request)
	}
}

// BenchmarkFiftyMailboxesCold asks about fifty mailboxes nobody asked about before,
// of an organization that takes 100 ms a call: "x-call" is the time to the answer
// as a multiple of that.
func BenchmarkFiftyMailboxesCold(b *testing.B) {
	s := newStack()
	x := s.organization(b, exchangetest.Exchange2019, "fabrikam.com")
	x.Latency = 100 * time.Millisecond
	var attendees []string
	for i := range 50 {
		attendees = append(attendees, fmt.Sprintf("user%d@fabrikam.com", i))
		x.SetMailbox(attendees[i], busy(i, i+2), busy(i+24, i+25))
	}
	server := httptest.NewServer(quiet(b, s))
	defer server.Close()
	target := server.URL + question(hours(0, 24), 30*time.Minute, attendees...)
	rounds, calls := 0, x.Calls()
	begun := time.Now()
	for b.Loop() {
		s.caches.Flush()
		response, err := http.Get(target)
		if err != nil {
			b.Fatal(err)
		}
		if strings.Contains(body(b, response), ">4") {
			b.Fatal("an attendee without information")
		}
		response.Body.Close()
		rounds++
	}
	b.ReportMetric(time.Since(begun).Seconds()/float64(rounds)/0.1, "x-call")
	b.ReportMetric(float64(x.Calls()-calls)/float64(rounds), "calls/op")
}
