package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"
)

// soakConfig expects the folder of files and the URLs of the servers.
const soakConfig = `
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
answer_timeout: 2s
cache: {ttl: 3s, lookup_timeout: 4s, stale: 4s, stale_after: 500ms, passing_failure_ttl: 1s, lasting_failure_ttl: 1s}
directory: {file: %[1]s/people.csv}
publishing: {store: %[1]s/published.db, publishers: [{username: sync, password_file: %[1]s/publisher}]}
internet_free_busy: {months_before: 1, months_after: 1}
folder: {months_before: 0, months_after: 1}
organizations:
  - {name: contoso, domains: [contoso.com], target_sharing_epr: "%[2]s", ca_file: %[1]s/ca.pem, then: cloud, timeout: 2s, prefetch: 0s, max_response_bytes: 2MiB}
  - {name: fabrikam, domains: [fabrikam.com], target_sharing_epr: ["%[3]s", "%[4]s"], max_mailboxes: 4, prefetch: off, then: contoso, timeout: 2s, max_response_bytes: 2MiB}
  - {name: home, domains: [home.example], access_method: PublicFolder, public_folder_url: "%[5]s", credential: {username: svc, password_file: %[1]s/password}, then: cloud, timeout: 2s, prefetch: 7d, max_response_bytes: 2MiB}
  - {name: cloud, domains: [cloud.example], target_sharing_epr: "%[6]s", credential: {type: oauth2, token_url: "%[7]s", client_id: fbgate, password_file: %[1]s/password, scope: all}, impersonate: service@cloud.example, timeout: 2s, prefetch: 0s, max_response_bytes: 2MiB}
  - {name: branch, domains: [branch.example], target_sharing_epr: "%[8]s", requested_view: MergedOnly, merged_free_busy_interval: 30m, concurrency: 2, timeout: 2s, max_response_bytes: 2MiB}
  - {name: crowded, domains: [crowded.example], target_sharing_epr: "%[9]s", ca_file: %[1]s/ca.pem, max_window: 14d, timeout: 2s, max_response_bytes: 2MiB}
`

// The times of soakConfig, and how long this machine may keep a goroutine waiting.
const (
	soakTTL      = 3 * time.Second
	soakLookup   = 4 * time.Second
	soakStale    = 4 * time.Second
	soakPatience = 20 * time.Second
)

// soak is a gateway under load, among partners that fail.
type soak struct {
	*universe
	server  *server
	client  *http.Client
	places  []*place
	reasons *reasonCounter

	load     sync.RWMutex // held by who asks; taken to have quiet
	tally    sync.Mutex
	outcomes map[string]map[string]int // by face
	samples  []soakSample
	unwell   atomic.Int64 // requests that got no answer at all
}

// soakTime is how long to go on: SOAK=10m, a few seconds if it is not set.
func soakTime(t *testing.T) time.Duration {
	text := os.Getenv("SOAK")
	if text == "" {
		return 5 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		t.Fatalf("SOAK=%s: expected a time such as 10m, at least 1s", text)
	}
	return d
}

// The real gateway on real sockets, asked in every way at once, while its partners are
// late, break off, lie, restart, and show certificates and want tokens that have expired.
// Everything that is answered has been said. At the end it holds no more memory,
// goroutines and files than at the beginning.
func TestSoak(t *testing.T) {
	total := soakTime(t)
	s := newSoak(t)
	begun := time.Now()
	deadline := begun.Add(total)
	ctx, stop := context.WithDeadline(t.Context(), deadline)
	defer stop()
	var all sync.WaitGroup
	s.work(ctx, &all)

	sleep(ctx, max(time.Second, total/10))
	s.rest("warm")
	for quarter := 1; quarter <= 3 && total >= time.Minute; quarter++ {
		sleep(ctx, time.Until(begun.Add(total*time.Duration(quarter)/4)))
		s.rest(fmt.Sprintf("%d/4", quarter))
	}
	<-ctx.Done()
	all.Wait()
	s.rest("end")
	t.Log("\n" + s.report())
	s.flat()
	if s.stats.known == 0 {
		t.Error("nothing was known of anybody")
	}
	if n := s.unwell.Load(); n > 0 {
		t.Errorf("%d requests got no answer", n)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	if d > 0 {
		pause(ctx, d)
	}
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	dir := t.TempDir()
	w := newCrowd(t, 1)
	w.weather, w.calm = 0.1, false
	w.oldest, w.hurry = soakTTL+soakLookup+soakStale+soakPatience, 10
	w.replay = "it is not to be had again; SOAK=10m go test ./cmd/fbgate -run TestSoak"
	s := &soak{universe: w, outcomes: make(map[string]map[string]int), reasons: &reasonCounter{counts: make(map[string]int)}}
	all := w.pretend()
	w.issuer.Lifetime = 15 * time.Second // it ends in the middle of calls
	open := func(secure bool, handler http.Handler) *place {
		p := newPlace(t, secure, handler)
		s.places = append(s.places, p)
		return p
	}
	const ews = "/EWS/Exchange.asmx"
	urls := []any{dir,
		open(true, all.ews(w, "contoso", 0)).url(ews),
		open(false, all.ews(w, "fabrikam1", 0)).url(ews),
		open(false, all.ews(w, "fabrikam2", 0)).url(ews),
		open(false, all.publicFolder(w)).url("/public/"),
		open(false, w.issuer.Protect(all.ews(w, "cloud", 0))).url(ews),
		open(false, w.tokens(w.issuer)).url("/token"),
		open(false, all.ews(w, "branch", 30*time.Minute)).url(ews),
		open(true, all.ews(w, "crowded", 0)).url(ews),
	}
	w.files(dir)
	if err := os.WriteFile(filepath.Join(dir, "publisher"), []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.server, err = start(parse(t, soakConfig, urls...), slog.New(s.reasons)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.server.until(ctx) }()
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50}, Timeout: time.Minute}
	t.Cleanup(func() {
		w.end()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s.client.CloseIdleConnections()
	})
	w.send = s.ask
	return s
}

// ask sends a request over the network. What comes back is as of a recorder; status 0 is
// no answer.
func (s *soak) ask(method, target, body string) *httptest.ResponseRecorder {
	return s.over(s.server.clients, method, target, body, http.Header{"Depth": {"0"}})
}

func (s *soak) over(l listening, method, target, body string, header http.Header) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	recorder.Code = 0
	r, err := http.NewRequest(method, "http://"+l.String()+target, strings.NewReader(body))
	if err != nil {
		s.t.Errorf("%s: %v", target, err)
		return recorder
	}
	maps.Copy(r.Header, header)
	response, err := s.client.Do(r)
	if err == nil {
		defer response.Body.Close()
		maps.Copy(recorder.Header(), response.Header)
		if _, err = io.Copy(recorder.Body, response.Body); err == nil {
			recorder.Code = response.StatusCode
		}
	}
	if err != nil {
		s.unwell.Add(1)
		s.wrong("%s %s: %v", method, target, err)
	}
	s.count(faceOf(method, target), fmt.Sprint(recorder.Code))
	return recorder
}

// faceOf names what a request is for.
func faceOf(method, target string) string {
	path, _, _ := strings.Cut(target, "?")
	switch {
	case method == http.MethodGet && strings.HasPrefix(path, "/freebusy/"):
		return "GET .vfb"
	case strings.HasPrefix(path, "/cache"):
		return method + " /cache"
	case method == http.MethodGet:
		return "GET Cmd=freebusy"
	}
	return method
}

// count counts the outcome of a request by a face.
func (s *soak) count(face, outcome string) {
	s.tally.Lock()
	defer s.tally.Unlock()
	if s.outcomes[face] == nil {
		s.outcomes[face] = make(map[string]int)
	}
	s.outcomes[face][outcome]++
}

// soakSample is what the process holds when nobody asks.
type soakSample struct {
	name       string
	heap       uint64 // bytes, after the garbage collector
	goroutines int
	files      int
	requests   int
}

// rest lets everybody be quiet for a moment, and looks what is left.
func (s *soak) rest(name string) {
	s.load.Lock()
	defer s.load.Unlock()
	before := s.howBad()
	s.heal()
	for _, p := range s.places {
		p.restart(0) // and all connections end
	}
	s.client.CloseIdleConnections()
	best := soakSample{name: name}
	for i, same := 0, 0; i < 400 && same < 20; i++ { // until nothing has ended for a second
		now := measure()
		if same++; now.goroutines != best.goroutines || now.files != best.files {
			same = 0
		}
		best.goroutines, best.files = now.goroutines, now.files
		time.Sleep(50 * time.Millisecond)
	}
	runtime.GC()
	runtime.GC() // what finalizers let go
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	best.heap = memory.HeapAlloc
	s.tally.Lock()
	for _, outcomes := range s.outcomes {
		for _, n := range outcomes {
			best.requests += n
		}
	}
	s.tally.Unlock()
	s.samples = append(s.samples, best)
	s.universe.mu.Lock()
	s.weather = before
	s.universe.mu.Unlock()
}

func measure() soakSample {
	files, _ := os.ReadDir("/proc/self/fd") // none elsewhere than on Linux
	return soakSample{goroutines: runtime.NumGoroutine(), files: len(files)}
}

// What may be more at the end than when it was warm: connections that a lookup has just
// used, and what memory is remembered in.
const (
	mostGoroutines = 20
	mostFiles      = 20
	mostHeap       = 16 << 20
)

// flat compares the end with the beginning.
func (s *soak) flat() {
	first, last := s.samples[0], s.samples[len(s.samples)-1]
	if last.goroutines > first.goroutines+mostGoroutines {
		stacks := make([]byte, 1<<20)
		s.t.Errorf("%d goroutines, and %d at the end\n%s", first.goroutines, last.goroutines, stacks[:runtime.Stack(stacks, true)])
	}
	if last.files > first.files+mostFiles {
		s.t.Errorf("%d open files, and %d at the end", first.files, last.files)
	}
	if last.heap > first.heap+mostHeap {
		s.t.Errorf("%d KiB on the heap, and %d at the end", first.heap>>10, last.heap>>10)
	}
}

// report is a table of what there was.
func (s *soak) report() string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	s.tally.Lock()
	for _, face := range slices.Sorted(maps.Keys(s.outcomes)) {
		fmt.Fprintf(table, "%s\t%s\n", face, counted(s.outcomes[face]))
	}
	s.tally.Unlock()
	s.universe.mu.Lock()
	fmt.Fprintf(table, "faults\t%s\n", counted(s.counts))
	fmt.Fprintf(table, "slots\t%d, known %d\n", s.stats.slots, s.stats.known)
	s.universe.mu.Unlock()
	s.reasons.mu.Lock()
	fmt.Fprintf(table, "reasons\t%s\n", counted(s.reasons.counts))
	s.reasons.mu.Unlock()
	for _, now := range s.samples {
		fmt.Fprintf(table, "%s\t%d requests, heap %d KiB, %d goroutines, %d files\n", now.name, now.requests, now.heap>>10, now.goroutines, now.files)
	}
	_ = table.Flush()
	return b.String()
}

func counted(counts map[string]int) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(all, ", ")
}

// reasonCounter is a log that counts reasons.
type reasonCounter struct {
	mu     sync.Mutex
	counts map[string]int
}

var _ slog.Handler = (*reasonCounter)(nil)

// Enabled implements slog.Handler.
func (*reasonCounter) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (c *reasonCounter) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "panic" || strings.HasPrefix(r.Message, "panic ") {
		c.count(r.Message)
	}
	if r.Message != "no information" {
		return nil
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "reason" {
			c.count(a.Value.String())
		}
		return true
	})
	return nil
}

func (c *reasonCounter) count(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[name]++
}

// WithAttrs implements slog.Handler.
func (c *reasonCounter) WithAttrs([]slog.Attr) slog.Handler { return c }

// WithGroup implements slog.Handler.
func (c *reasonCounter) WithGroup(string) slog.Handler { return c }

// work lets everybody begin who asks, and chaos.
func (s *soak) work(ctx context.Context, all *sync.WaitGroup) {
	begin := func(seed uint64, pace time.Duration, do func(*rand.Rand)) {
		dice := rand.New(rand.NewPCG(seed, 7))
		all.Go(func() {
			for ctx.Err() == nil {
				s.load.RLock()
				do(dice)
				s.load.RUnlock()
				pause(ctx, pace)
			}
		})
	}
	const pace = 20 * time.Millisecond
	for i := range uint64(4) {
		begin(10+i, pace, func(dice *rand.Rand) { s.compare(s.question(dice)) })
	}
	begin(20, pace, func(dice *rand.Rand) { s.file(dice) })
	begin(21, pace, func(dice *rand.Rand) { s.message(dice) })
	begin(22, 5*pace, s.search)
	begin(23, 5*pace, s.operate)
	begin(24, 5*pace, s.abandon)
	for i := range 2 {
		p := s.newPublished(i)
		begin(30+uint64(i), 5*pace, func(dice *rand.Rand) { p.publish(s, dice) })
		begin(40+uint64(i), pace, func(*rand.Rand) { p.compare(s) })
	}
	chaos := rand.New(rand.NewPCG(50, 7))
	all.Go(func() {
		for pause(ctx, time.Duration(100+chaos.IntN(400))*time.Millisecond) {
			s.load.RLock()
			s.chaos(chaos)
			s.load.RUnlock()
		}
	})
}

const searchAll = `<D:searchrequest xmlns:D="DAV:"><D:sql>SELECT "urn:schemas:httpmail:subject" FROM Scope('SHALLOW TRAVERSAL OF ""') WHERE "DAV:isfolder" = false</D:sql></D:searchrequest>`

// search lists the folder, which asks nobody.
func (s *soak) search(*rand.Rand) {
	response := s.ask("SEARCH", "/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=Model_xF8FF_ou=Group/", searchAll)
	if n := strings.Count(response.Body.String(), ".EML"); response.Code != http.StatusMultiStatus || n < len(s.crowd) {
		s.wrong("SEARCH: %d, %d messages: %.500s", response.Code, n, response.Body)
	}
}

// operate does what operators do.
func (s *soak) operate(dice *rand.Rand) {
	switch n := dice.IntN(12); {
	case n < 8:
		response := s.over(s.server.operators, http.MethodGet, "/cache?limit=10000", "", nil)
		s.judgeList(response)
	case n < 11:
		x := s.crowd[dice.IntN(len(s.crowd))]
		begun := time.Now()
		s.over(s.server.operators, http.MethodDelete, "/cache?mailbox="+x.address, "", nil)
		s.oracle.flushes(x.address, begun, time.Now())
	default:
		begun := time.Now()
		s.over(s.server.operators, http.MethodDelete, "/cache", "", nil)
		s.oracle.flushes("", begun, time.Now())
	}
}

// abandon asks and goes away.
func (s *soak) abandon(dice *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(dice.IntN(30))*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.server.clients.String()+s.question(dice).target, nil)
	if err != nil {
		s.wrong("%v", err)
		return
	}
	if response, err := s.client.Do(r); err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		s.count("leavers", "answered")
		return
	}
	s.count("leavers", "left")
}
