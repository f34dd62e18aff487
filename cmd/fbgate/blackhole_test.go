package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
	"fbgate/cmd/fbgate/config"
	"fbgate/translate/davxml"
)

// holes are the ways in which a server takes questions and gives nothing back, worst
// first. Each returns the address of one that lasts until the test ends.
var holes = []struct {
	name string
	dig  func(testing.TB) *hole
}{
	{"Silent", func(tb testing.TB) *hole {
		return digHole(tb, func(conn *net.TCPConn) { _, _ = io.Copy(io.Discard, conn) })
	}},
	{"NoConnection", digFullHole},
	{"ByteASecond", func(tb testing.TB) *hole {
		return digHole(tb, func(conn *net.TCPConn) {
			_, err := conn.Read(make([]byte, 4<<10)) // an answer to no question is not read
			if err == nil {
				_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 4000\r\n\r\n")
			}
			for err == nil {
				time.Sleep(time.Second)
				_, err = io.WriteString(conn, "<")
			}
		})
	}},
	{"Reset", func(tb testing.TB) *hole {
		return digHole(tb, func(conn *net.TCPConn) { _ = conn.SetLinger(0) })
	}},
}

// hole is a listener and the connections that fell into it.
type hole struct {
	*net.TCPListener
	mu   sync.Mutex
	open map[*net.TCPConn]bool
}

// digHole accepts connections, and closes each when swallow returns.
func digHole(tb testing.TB, swallow func(*net.TCPConn)) *hole {
	h := &hole{TCPListener: listenOnLoopback(tb), open: make(map[*net.TCPConn]bool)}
	var lost sync.WaitGroup
	lost.Go(func() {
		for conn, err := h.AcceptTCP(); err == nil; conn, err = h.AcceptTCP() {
			h.note(conn, true)
			lost.Go(func() {
				defer h.note(conn, false)
				defer conn.Close()
				swallow(conn)
			})
		}
	})
	tb.Cleanup(func() {
		h.Close()
		for _, conn := range h.opened() {
			conn.Close()
		}
		lost.Wait()
	})
	return h
}

// digFullHole is what a host looks like behind a firewall that drops packets: its
// queue of connections nobody accepts is full, and Linux drops any more SYN.
func digFullHole(tb testing.TB) *hole {
	l := listenOnLoopback(tb)
	raw, err := l.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) })
	}
	if err != nil {
		tb.Fatal(err)
	}
	for range 4 {
		conn, err := net.DialTimeout("tcp", l.Addr().String(), 300*time.Millisecond)
		if err != nil {
			return &hole{TCPListener: l}
		}
		tb.Cleanup(func() { conn.Close() })
	}
	tb.Skip("a listener whose queue is full: this system completes connections to one all the same")
	return nil
}

func listenOnLoopback(tb testing.TB) *net.TCPListener {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	return l
}

func (h *hole) note(conn *net.TCPConn, open bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if open {
		h.open[conn] = true
	} else {
		delete(h.open, conn)
	}
}

func (h *hole) opened() (open []*net.TCPConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for conn := range h.open {
		open = append(open, conn)
	}
	return open
}

func (h *hole) url() string { return "http://" + h.Addr().String() + exchangetest.Path }

// sockets counts those at the other end, connected or not yet, as Linux lists them.
func (h *hole) sockets() (n int) {
	table, _ := os.ReadFile("/proc/net/tcp")
	remote := fmt.Sprintf(":%04X", h.Addr().(*net.TCPAddr).Port)
	for line := range strings.Lines(string(table)) {
		const timeWait, closed = "06", "07"
		if f := strings.Fields(line); len(f) > 3 && strings.HasSuffix(f[2], remote) && f[3] != timeWait && f[3] != closed {
			n++
		}
	}
	return n
}

// witness is a log that goes nowhere, but for what it tells of the hole.
type witness struct {
	slog.Handler
	mu      sync.Mutex
	calls   []time.Time // when each ended
	rests   []time.Time
	reasons map[string]int
}

func (w *witness) Handle(ctx context.Context, r slog.Record) error {
	told := make(map[string]string)
	r.Attrs(func(a slog.Attr) bool { told[a.Key] = a.Value.String(); return true })
	w.mu.Lock()
	switch {
	case told["organization"] != "hole":
	case r.Message == "GetUserAvailability":
		w.calls = append(w.calls, r.Time)
	case r.Message == "server rests":
		w.rests = append(w.rests, r.Time)
	case r.Message == "no information":
		w.reasons[told["reason"]+": "+told["detail"]]++
	}
	w.mu.Unlock()
	return w.Handler.Handle(ctx, r)
}

func (w *witness) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.calls)
}

// pit is a whole server, asked over the network, in front of an organization named
// hole and others.
type pit struct {
	*server
	*witness
	name   string
	client http.Client
}

func newPit(tb testing.TB, name, file string) *pit {
	tb.Helper()
	c, err := config.Parse("fbgate.yaml", []byte("listen: 127.0.0.1:0\nadmin: {listen: \"127.0.0.1:0\"}\n"+file))
	if err != nil {
		tb.Fatal(err)
	}
	p := &pit{name: name, witness: &witness{Handler: slog.NewTextHandler(io.Discard, nil), reasons: make(map[string]int)}}
	// What the server starts has the label too, and so has what that starts.
	pprof.Do(tb.Context(), pprof.Labels("pit", name), func(context.Context) {
		p.server, err = start(c, slog.New(p.witness))
	})
	if err != nil {
		tb.Fatal(err)
	}
	p.client.Transport = &http.Transport{MaxIdleConnsPerHost: 1000}
	tb.Cleanup(func() {
		p.client.CloseIdleConnections()
		_ = p.stop()
	})
	return p
}

// goroutines counts those of the server.
func (p *pit) goroutines(tb testing.TB) (n int) {
	tb.Helper()
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		tb.Fatal(err)
	}
	alike := 0
	for lines := bufio.NewScanner(&profile); lines.Scan(); {
		if count, _, ok := strings.Cut(lines.Text(), " @ "); ok {
			alike, _ = strconv.Atoi(count)
		} else if strings.HasPrefix(lines.Text(), "# labels: ") && strings.Contains(lines.Text(), strconv.Quote(p.name)) {
			n += alike
		}
	}
	return n
}

// get returns the answer about mailboxes in a window.
func (p *pit) get(w availability.Window, mailboxes ...string) (string, error) {
	r := davxml.Request{Window: w, Interval: 30 * time.Minute}
	for _, m := range mailboxes {
		r.Attendees = append(r.Attendees, davxml.Attendee{Type: "SMTP", Address: m})
	}
	response, err := p.client.Get("http://" + p.clients.String() + "/public/?" + r.Query())
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return string(body), err
}

// However many ask for an organization that swallows everything, few calls are made,
// and nothing stays behind but idle connections.
func TestBlackHoleLeavesNothingBehind(t *testing.T) {
	for _, kind := range holes {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			h := kind.dig(t)
			p := newPit(t, t.Name(), fmt.Sprintf(`
answer_timeout: 1s
cache: {lookup_timeout: 1s}
organizations: [{name: hole, domains: [hole.example], target_sharing_epr: %q, timeout: 1s}]
`, h.url()))
			before := p.goroutines(t)
			if before == 0 {
				t.Fatal("no goroutine has the server's label")
			}
			var askers sync.WaitGroup
			for i := range 400 {
				askers.Go(func() {
					body, err := p.get(morning, fmt.Sprintf("user%d@hole.example", i))
					if err != nil || !strings.Contains(body, nothing) {
						t.Errorf("answered %s, %v", body, err)
					}
				})
			}
			askers.Wait()
			p.client.CloseIdleConnections()
			// A connection that came about too late for its call is kept for a minute,
			// by two goroutines. Attempts at one go on for ten seconds.
			left, open := 0, 0
			for range 300 {
				if left, open = p.goroutines(t), len(h.opened()); left <= before+2*open && open <= 5 {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			if left > before+2*open || open > 5 {
				t.Errorf("%d goroutines, %d before; %d connections", left, before, open)
			}
			// Five that trip, and those that began meanwhile, of which there are five
			// at a time.
			if calls := p.asked(); calls < 5 || calls > 9 {
				t.Errorf("%d calls for 400 mailboxes", calls)
			}
		})
	}
}

// asker asks a pit for what it holds about four organizations and a fifth.
type asker struct {
	*pit
	rate  int // requests per second
	count int
	cold  int
	first time.Time // when the hole was asked first

	round int

	mu      sync.Mutex
	samples []sample
	wrong   []string
	all     sync.WaitGroup
}

// sample is what one answer took.
type sample struct {
	kind  string // "cached", "asked", "hole" or "resting"
	round int
	took  time.Duration
}

var healthy = []string{"contoso", "fabrikam", "northwind", "tailspin"}

// Cold questions, about others than those remembered, go round through mailboxes and windows, of which the cache has
// forgotten each when it comes again: it remembers eight of a mailbox.
const mailboxes, windows = 100, 64

// run asks at a fixed rate, however long answers take.
func (a *asker) run(d time.Duration) {
	begun := time.Now()
	for i := range int(d.Seconds() * float64(a.rate)) {
		due := begun.Add(time.Duration(i) * time.Second / time.Duration(a.rate))
		time.Sleep(time.Until(due))
		kind, w, people := a.next()
		if kind == "hole" && a.first.IsZero() {
			a.first = time.Now()
		}
		sent := time.Now() // not when it was due: timers are late by a millisecond
		round := a.round
		a.all.Go(func() { a.ask(sent, round, kind, w, people) })
	}
}

// next is a question about one to four people: one in five is about what is
// remembered, and one in five about somebody of the fifth organization too.
func (a *asker) next() (kind string, w availability.Window, people []string) {
	a.count++
	w = morning
	if a.count%5 == 0 {
		for i := range 1 + a.count/5%4 {
			people = append(people, userOf(mailboxes+i, healthy[(a.count/5+i)%4]))
		}
		return "cached", w, people
	}
	a.cold++
	ahead := time.Duration(1+a.cold*4/mailboxes%windows) * 42 * 24 * time.Hour
	w.Start, w.End = w.Start.Add(ahead), w.End.Add(ahead)
	for i := range 1 + a.cold%4 {
		people = append(people, userOf((a.cold*4+i)%mailboxes, healthy[(a.cold+i)%4]))
	}
	if a.count%5 == 1 {
		return "hole", w, append(people, userOf(a.count/5%mailboxes, "hole"))
	}
	return "asked", w, people
}

func userOf(i int, organization string) string {
	return fmt.Sprintf("user%d@%s.example", i, organization)
}

func (a *asker) ask(sent time.Time, round int, kind string, w availability.Window, people []string) {
	body, err := a.get(w, people...)
	took := time.Since(sent)
	a.witness.mu.Lock()
	rests := len(a.rests) > 0 && sent.After(a.rests[0])
	a.witness.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err != nil:
		a.wrong = append(a.wrong, err.Error())
	case kind != "hole" && strings.Contains(body, nothing):
		a.wrong = append(a.wrong, body)
	case kind == "hole" && rests:
		kind = "resting"
	}
	a.samples = append(a.samples, sample{kind, round, took})
}

// took returns how long answers of these kinds took in a round, or with -1 in all,
// in ascending order.
func (a *asker) took(round int, kinds ...string) (all []time.Duration) {
	for _, s := range a.samples {
		if slices.Contains(kinds, s.kind) && (round < 0 || s.round == round) {
			all = append(all, s.took)
		}
	}
	slices.Sort(all)
	return all
}

func quantile[T any](q float64, ascending []T) (at T) {
	if len(ascending) > 0 {
		at = ascending[int(q*float64(len(ascending)-1))]
	}
	return at
}

// BenchmarkBlackHole asks two servers in turn about the same four organizations and
// a fifth, which is well for the one and a black hole for the other. "p50-ratio" and
// "p99-ratio" compare what concerns the four only, the median of all rounds; "cached-"
// is of that what was remembered. Of the server with the hole it tells the most goroutines and sockets
// there were at the end of a phase, and "calm-" how many goroutines the other had;
// "MB" of heap and stacks are of both, their clients and the pretend servers, and
// "calm-MB" what it was before.
//
// A round takes eight seconds. The hole is left alone after organization.timeout,
// 25 s: -benchtime 40s sees that too.
func BenchmarkBlackHole(b *testing.B) {
	for _, kind := range holes {
		b.Run(kind.name, func(b *testing.B) {
			h := kind.dig(b)
			calm, disturbed := newAsker(b, "calm", startHealthy(b, "hole")), newAsker(b, "disturbed", h.url())
			for _, a := range []*asker{calm, disturbed} {
				a.warm(b)
			}
			calmMB, already := memory(), h.sockets()
			var mb float64
			var goroutines, calmGoroutines, sockets int
			rounds := 0
			for b.Loop() {
				rounds++
				for _, a := range []*asker{calm, disturbed, disturbed, calm} {
					a.round = rounds
					a.run(2 * time.Second)
					if a == calm {
						calmGoroutines = max(calmGoroutines, a.goroutines(b))
						continue
					}
					mb, goroutines, sockets = max(mb, memory()), max(goroutines, a.goroutines(b)), max(sockets, h.sockets()-already)
				}
			}
			calm.all.Wait()
			disturbed.all.Wait()
			for _, a := range []*asker{calm, disturbed} {
				if len(a.wrong) > 0 {
					b.Errorf("%s: %d answers are wrong, such as %s", a.name, len(a.wrong), a.wrong[0])
				}
			}
			for _, q := range []struct {
				unit  string
				at    float64
				kinds []string
			}{
				{"p50-ratio", 0.5, []string{"asked", "cached"}}, {"p99-ratio", 0.99, []string{"asked", "cached"}},
				{"cached-p50-ratio", 0.5, []string{"cached"}}, {"cached-p99-ratio", 0.99, []string{"cached"}},
			} {
				var ratios []float64
				for round := 1; round <= rounds; round++ {
					was, is := quantile(q.at, calm.took(round, q.kinds...)), quantile(q.at, disturbed.took(round, q.kinds...))
					ratios = append(ratios, float64(is)/float64(was))
				}
				slices.Sort(ratios)
				b.ReportMetric(quantile(0.5, ratios), q.unit)
				b.Logf("%s: %.2f; of all rounds together %v, %v disturbed", q.unit, ratios,
					quantile(q.at, calm.took(-1, q.kinds...)), quantile(q.at, disturbed.took(-1, q.kinds...)))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(goroutines), "goroutines")
			b.ReportMetric(float64(calmGoroutines), "calm-goroutines")
			b.ReportMetric(mb, "MB")
			b.ReportMetric(calmMB, "calm-MB")
			b.ReportMetric(float64(sockets), "sockets")
			disturbed.tell(b)
		})
	}
}

// tell logs how the hole was dealt with.
func (a *asker) tell(b *testing.B) {
	for _, kind := range []string{"hole", "resting"} {
		took := a.took(-1, kind)
		b.Logf("about the hole, %s: %d answers, median %v, at most %v", kind, len(took), quantile(0.5, took), quantile(1, took))
	}
	a.witness.mu.Lock()
	defer a.witness.mu.Unlock()
	for _, at := range a.rests {
		before := len(a.calls) - len(slices.DeleteFunc(slices.Clone(a.calls), func(t time.Time) bool { return !t.After(at) }))
		b.Logf("rests %.1f s after it was asked first, after %d calls", at.Sub(a.first).Seconds(), before)
	}
	b.Logf("%d calls, the last ended after %.1f s", len(a.calls), slices.MaxFunc(append(a.calls, a.first), time.Time.Compare).Sub(a.first).Seconds())
	for reason, n := range a.reasons {
		if n > 20 {
			b.Logf("%d × %.160s", n, reason)
		}
	}
}

func newAsker(b *testing.B, name, fifth string) *asker {
	file := "answer_timeout: 2s\norganizations:\n"
	for _, o := range append(slices.Clone(healthy), "hole") {
		url := fifth
		if o != "hole" {
			url = startHealthy(b, o)
		}
		file += fmt.Sprintf("  - {name: %s, domains: [%[1]s.example], target_sharing_epr: %q}\n", o, url)
	}
	return &asker{pit: newPit(b, name, file), rate: 200}
}

// startHealthy starts a server that takes 20 ms for everything.
func startHealthy(b *testing.B, organization string) string {
	x := pretendCalendar(availability.Busy)
	x.Latency = 20 * time.Millisecond
	for i := range mailboxes + 4 {
		x.SetMailbox(userOf(i, organization), availability.Span{Window: morning, Status: availability.Busy})
	}
	url, stop, err := x.Start()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(stop)
	return url
}

// warm asks for what is to be remembered, and opens connections.
func (a *asker) warm(b *testing.B) {
	var askers sync.WaitGroup
	for _, o := range healthy {
		askers.Go(func() {
			for i := range 4 {
				if _, err := a.get(morning, userOf(mailboxes+i, o)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	askers.Wait()
}

// memory is what is in use, of heap and stacks, in MB.
func memory() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc+m.StackInuse) / 1e6
}
