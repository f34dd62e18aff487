package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
)

// fault is what a scripted server does, and what operators are to be told of it.
type fault struct {
	code   availability.Code // of the calls; empty if they are served
	scope  availability.Scope
	status int
	after  string // the Retry-After that goes with the status
	hangs  bool
	err    error
}

var (
	works     = fault{}
	gone      = fault{code: availability.Unreachable, scope: availability.OfServer, err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	throttle  = fault{code: availability.Throttled, scope: availability.OfServer, status: http.StatusServiceUnavailable, after: "60"}
	hangs     = fault{code: availability.Timeout, scope: availability.OfServer, hangs: true}
	breaks    = fault{code: availability.UpstreamFailure, scope: availability.OfCall}
	lockedOut = fault{code: availability.Unauthorized, scope: availability.OfServer, status: http.StatusUnauthorized}
	elsewise  = fault{code: availability.WrongEndpoint, scope: availability.OfServer, status: http.StatusNotFound}
)

// scriptedServer is a scripted server of an organization, and what came of its calls.
type scriptedServer struct {
	organization string
	fault        fault
	latency      time.Duration
	ended, good  time.Time // of the last call, and of the last one that was answered
}

// metricsScript lets clients ask and servers fail, and writes down what the metrics are
// to say, from what it did alone.
type metricsScript struct {
	t       *testing.T
	dice    *rand.Rand
	clients http.Handler
	world   *exchangetest.Exchange
	end     time.Time // of all certificates

	mu         sync.Mutex
	servers    map[string]*scriptedServer // by host
	want       map[string]float64
	took       map[string]time.Duration
	remembered map[string]map[string]bool // mailboxes, by organization
	people     int
	strangers  int
	lookups    int
	last       string // a mailbox that is known at fabrikam
	asked      time.Time
}

// series is the name of a metric with its labels, as sampled writes it.
func series(name string, labels ...string) string {
	var pairs []string
	for i := 0; i < len(labels); i += 2 {
		pairs = append(pairs, labels[i]+"="+labels[i+1])
	}
	slices.Sort(pairs)
	return "fbgate_" + name + "{" + strings.Join(pairs, ",") + "}"
}

func (s *metricsScript) count(name string, labels ...string) { s.want[series(name, labels...)]++ }

// RoundTrip is a call to a server.
func (s *metricsScript) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	server := s.servers[r.URL.Host]
	f, latency := server.fault, server.latency
	s.mu.Unlock()
	begun := time.Now()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.called(server, f, time.Since(begun))
	}()
	if f.hangs {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	time.Sleep(latency)
	if f.err != nil {
		return nil, f.err
	}
	w := httptest.NewRecorder()
	switch {
	case f.status != 0:
		w.Header().Set("Retry-After", f.after)
		w.WriteHeader(f.status)
	case f.code != "":
		s.world.With(exchangetest.Fault{Code: "ErrorInternalServerError"}).ServeHTTP(w, r)
	default:
		s.world.ServeHTTP(w, r)
	}
	response := w.Result()
	response.Request = r
	response.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{NotAfter: s.end}}}
	return response, nil
}

// called writes down a call that has ended.
func (s *metricsScript) called(server *scriptedServer, f fault, took time.Duration) {
	o := server.organization
	server.ended = time.Now()
	outcome := "served"
	if f.code != "" {
		outcome = string(f.code)
	} else {
		s.want[series("organization_last_success_timestamp_seconds", "organization", o)] = seconds(server.ended)
	}
	if f.code == "" || f.scope == availability.OfCall {
		server.good = server.ended
	}
	s.count("organization_calls_total", "organization", o, "outcome", outcome)
	s.took[o] += took
	s.count("organization_call_duration_seconds_count", "organization", o)
	for _, bound := range []string{"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "25", "30", "60", "+Inf"} {
		if most, err := time.ParseDuration(bound + "s"); err != nil || took <= most {
			s.count("organization_call_duration_seconds_bucket", "organization", o, "le", bound)
		}
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// request sends one, and expects what becomes of it.
func (s *metricsScript) request(from, target, face, outcome string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.RemoteAddr = from + ":1"
	if outcome == "left" {
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		r = r.WithContext(ctx)
	}
	w := httptest.NewRecorder()
	s.clients.ServeHTTP(w, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count("requests_total", "face", face, "outcome", outcome)
	return w
}

const friend = "192.0.2.1"

// lookup asks about a mailbox, and expects where the answer comes from and what is told.
func (s *metricsScript) lookup(from, mailbox, organization, origin, reason string) {
	s.request(from, target(mailbox), "freebusy", "answered")
	s.expect(mailbox, organization, origin, reason)
}

func (s *metricsScript) expect(mailbox, organization, origin, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookups++
	s.count("mailboxes_total", "reason", reason)
	if organization == "" {
		return
	}
	s.count("organization_mailboxes_total", "organization", organization, "origin", origin)
	if reason != "told" {
		s.count("organization_untold_total", "organization", organization, "reason", reason)
	}
	if s.remembered[organization] == nil {
		s.remembered[organization] = make(map[string]bool)
	}
	s.remembered[organization][mailbox] = true
}

// somebody is a mailbox nobody has been asked about.
func (s *metricsScript) somebody(organization string) string {
	s.people++
	return fmt.Sprintf("user%d@%s.com", s.people, organization)
}

// known is one that has a calendar.
func (s *metricsScript) known(organization string) string {
	m := s.somebody(organization)
	s.world.SetMailbox(m, availability.Span{Window: availability.Window{Start: morning.Start.Add(time.Hour), End: morning.End}, Status: availability.Busy})
	return m
}

func (s *metricsScript) fresh() {
	s.last, s.asked = s.known("fabrikam"), time.Now()
	s.lookup(friend, s.last, "fabrikam", "asked", "told")
}

func (s *metricsScript) again() {
	if time.Since(s.asked) > 10*time.Minute {
		s.fresh()
	}
	s.lookup(friend, s.last, "fabrikam", "remembered", "told")
}

// together are two who ask about the same at the same time.
func (s *metricsScript) together() {
	m := s.known("fabrikam")
	var users sync.WaitGroup
	for _, origin := range []string{"asked", "shared"} {
		users.Go(func() { s.lookup(friend, m, "fabrikam", origin, "told") })
		synctest.Wait()
	}
	users.Wait()
}

// outage is one during which somebody is asked about who was known before.
func (s *metricsScript) outage() {
	server, m := s.servers["mail.contoso.com"], s.known("contoso")
	s.lookup(friend, m, "contoso", "asked", "told")
	time.Sleep(16 * time.Minute)
	server.fault = gone
	s.lookup(friend, m, "contoso", "stale", "told")
	s.lookup(friend, m, "contoso", "stale", "told") // the failure is remembered
	server.fault = works
}

func (s *metricsScript) stranger() string {
	s.strangers++
	return fmt.Sprintf("198.51.100.%d", s.strangers)
}

// greedy asks about more mailboxes than limits.mailboxes_per_minute are.
func (s *metricsScript) greedy() {
	s.again()
	from := s.stranger()
	for range 20 {
		s.lookup(from, s.last, "fabrikam", "remembered", "told")
	}
	for range 3 {
		s.lookup(from, s.last, "", "", "rate-limited")
		s.count("access_limited_total")
	}
}

// prying asks about more addresses that nobody has than limits.unknown_addresses are.
func (s *metricsScript) prying() {
	from := s.stranger()
	for range 5 {
		s.lookup(from, s.somebody("fabrikam"), "fabrikam", "asked", "unknown-mailbox")
	}
	s.count("access_reports_total")
	for range 2 {
		s.lookup(from, s.somebody("fabrikam"), "", "", "rate-limited")
		s.count("access_slowed_total")
	}
}

// file fetches one of Internet Free/Busy.
func (s *metricsScript) file() {
	m := s.known("fabrikam")
	s.request(friend, "/freebusy/"+m+".vfb", "internet", "answered")
	s.expect(m, "fabrikam", "asked", "told")
	m = s.somebody("fabrikam")
	s.request(friend, "/freebusy/"+m+".vfb", "internet", "not_found")
	s.expect(m, "fabrikam", "asked", "unknown-mailbox")
}

// wrong are requests that are no questions.
func (s *metricsScript) wrong() {
	s.request(friend, "/public/?Cmd=freebusy&start=yesterday", "freebusy", "refused")
	s.request(friend, "/robots.txt", "other", "not_found")
	s.request("203.0.113.9", target("mary@fabrikam.com"), "freebusy", "denied")
	s.request(friend, "/public/?"+strings.Repeat("x", 70_000), "other", "refused")
}

func (s *metricsScript) leaves() {
	s.again()
	s.request(friend, target(s.last), "freebusy", "left")
	s.expect(s.last, "fabrikam", "remembered", "told")
}

// fails asks an organization of which nothing can be told, for that reason.
func (s *metricsScript) fails(organization, reason string) func() {
	return func() { s.lookup(friend, s.somebody(organization), organization, "asked", reason) }
}

const metricsConfig = `
answer_timeout: 10s
cache: {ttl: 15m, stale: 1h, stale_after: 2s, max_mailboxes: 300, max_bytes: 64MiB}
limits: {mailboxes_per_minute: 20, unknown_addresses: 5, exempt_networks: 192.0.2.0/24, url_bytes: 64KiB}
login: {networks: [192.0.2.0/24, 198.51.100.0/24]}
access_rules:
  - {organizations: humongous, free_busy_access_level: none}
  - {free_busy_access_level: availability_only}
organizations:
  - {name: fabrikam, domains: [fabrikam.com], prefetch: off, target_sharing_epr: ["https://a.fabrikam.com/EWS/Exchange.asmx", "https://b.fabrikam.com/EWS/Exchange.asmx"]}
  - {name: contoso, domains: [contoso.com], prefetch: off, target_sharing_epr: "https://mail.contoso.com/EWS/Exchange.asmx"}
  - {name: tailspin, domains: [tailspin.com], prefetch: off, target_sharing_epr: "https://mail.tailspin.com/EWS/Exchange.asmx"}
  - {name: northwind, domains: [northwind.com], prefetch: off, target_sharing_epr: "https://mail.northwind.com/EWS/Exchange.asmx"}
  - {name: lucerne, domains: [lucerne.com], prefetch: off, timeout: 5s, target_sharing_epr: "https://mail.lucerne.com/EWS/Exchange.asmx"}
  - {name: wingtip, domains: [wingtip.com], prefetch: off, target_sharing_epr: "https://mail.wingtip.com/EWS/Exchange.asmx"}
  - {name: proseware, domains: [proseware.com], prefetch: off, target_sharing_epr: "https://mail.proseware.com/EWS/Exchange.asmx"}
  - {name: adatum, domains: [adatum.com], prefetch: off, target_sharing_epr: "https://mail.adatum.com/EWS/Exchange.asmx"}
  - {name: trey, domains: [trey.com], free_busy_access_level: none, target_sharing_epr: "https://mail.trey.com/EWS/Exchange.asmx"}
  - {name: humongous, domains: [humongous.com], target_sharing_epr: "https://mail.humongous.com/EWS/Exchange.asmx"}
`

// What the metrics say is what was scripted: 10,000 lookups, many of which fail.
func TestMetricsSayWhatHasHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slog.SetDefault(slog.New(slog.DiscardHandler))
		s := &metricsScript{
			t: t, dice: rand.New(rand.NewPCG(1, 2)), world: exchangetest.New(exchangetest.Exchange2019), end: time.Date(2002, 3, 4, 5, 6, 7, 0, time.UTC),
			want: make(map[string]float64), took: make(map[string]time.Duration), remembered: make(map[string]map[string]bool),
			servers: map[string]*scriptedServer{
				"a.fabrikam.com": {organization: "fabrikam"}, "b.fabrikam.com": {organization: "fabrikam"}, "mail.contoso.com": {organization: "contoso"},
				"mail.tailspin.com": {organization: "tailspin", fault: gone}, "mail.northwind.com": {organization: "northwind", fault: throttle},
				"mail.lucerne.com": {organization: "lucerne", fault: hangs}, "mail.wingtip.com": {organization: "wingtip", fault: breaks},
				"mail.proseware.com": {organization: "proseware", fault: lockedOut}, "mail.adatum.com": {organization: "adatum", fault: elsewise},
				"mail.humongous.com": {organization: "humongous"},
			},
		}
		c := parse(t, metricsConfig)
		g, err := newWatchedGateway(c, nil, slog.New(slog.DiscardHandler), func(http.RoundTripper) http.RoundTripper { return s })
		if err != nil {
			t.Fatal(err)
		}
		s.clients = g.plain
		s.run()
		s.settle(c.Cache.MaxMailboxes)
		text := scrapeOf(t, g)
		compareMetrics(t, sampled(t, text), s.want)
		for _, private := range []string{"@", "user1", friend, "198.51.100", "/EWS"} {
			if bytes.Contains(text, []byte(private)) {
				t.Errorf("%s is among the metrics", private)
			}
		}
		t.Logf("%d lookups, %d series", s.lookups, len(s.want))
	})
}

// run makes 10,000 lookups.
func (s *metricsScript) run() {
	usual := []func(){
		s.fresh, s.again, s.together, s.again, s.leaves,
		func() { s.lookup(friend, s.somebody("fabrikam"), "fabrikam", "asked", "unknown-mailbox") },
		func() { s.lookup(friend, s.somebody("nowhere"), "", "", "no-route") },
		func() {
			s.lookup(friend, s.somebody("humongous"), "", "", "not-allowed")
			s.count("access_denied_total")
		},
		s.fails("tailspin", "unreachable"), s.fails("northwind", "throttled"), s.fails("lucerne", "timeout"), s.fails("wingtip", "upstream-failure"),
		s.fails("proseware", "unauthorized"), s.fails("adatum", "wrong-endpoint"), s.fails("trey", "withheld"),
	}
	latencies := []time.Duration{time.Millisecond, 5 * time.Millisecond, 7 * time.Millisecond, 180 * time.Millisecond, 900 * time.Millisecond, 3 * time.Second}
	for step := 0; s.lookups < 10_000; step++ {
		for _, host := range []string{"a.fabrikam.com", "b.fabrikam.com", "mail.wingtip.com"} {
			s.servers[host].latency = latencies[s.dice.IntN(len(latencies))]
		}
		usual[s.dice.IntN(len(usual))]()
		switch step % 400 {
		case 100:
			s.outage()
		case 150:
			s.greedy()
		case 200:
			s.prying()
		case 250:
			s.file()
		case 300:
			s.wrong()
		}
		if s.dice.IntN(20) == 0 {
			time.Sleep(time.Duration(s.dice.IntN(40)) * time.Second)
		}
	}
	// At the end all who fail have just been asked, so that it is known how they fare.
	time.Sleep(2 * time.Minute)
	for range 6 {
		for organization, reason := range map[string]string{"tailspin": "unreachable", "northwind": "throttled", "lucerne": "timeout", "adatum": "wrong-endpoint", "proseware": "unauthorized"} {
			s.fails(organization, reason)()
		}
	}
	time.Sleep(3 * time.Second)
}

// settle writes down how things are at the end.
func (s *metricsScript) settle(most int) {
	now := time.Now()
	rest := map[availability.Code]time.Duration{availability.Unreachable: 30 * time.Second, availability.Throttled: time.Minute, availability.Timeout: 30 * time.Second, availability.WrongEndpoint: 30 * time.Second}
	for host, server := range s.servers {
		labels := []string{"organization", server.organization, "server", host}
		state, wait := "failing", time.Duration(0)
		switch until := rest[server.fault.code]; {
		case server.ended.IsZero():
			state = "unasked"
		case server.good.Equal(server.ended):
			state = "serving"
		case server.fault == throttle:
			state, wait = "backing off", until
		case until > 0:
			state, wait = "resting", until
		}
		s.want[series("server_accounts", append(labels, "state", state)...)] = 1
		s.want[series("server_retry_seconds", labels...)] = 0
		if state == "backing off" || state == "resting" {
			s.want[series("server_retry_seconds", labels...)] = server.ended.Add(wait).Sub(now).Seconds()
		}
		if !server.good.IsZero() {
			s.want[series("server_last_success_timestamp_seconds", labels...)] = seconds(server.good)
		}
		if server.organization != "humongous" && server.fault != gone && !server.fault.hangs {
			s.want[series("server_certificate_end_timestamp_seconds", labels...)] = seconds(s.end)
		}
	}
	for organization, took := range s.took {
		s.want[series("organization_call_duration_seconds_sum", "organization", organization)] = took.Seconds()
	}
	for organization, mailboxes := range s.remembered {
		s.want[series("cache_entries", "organization", organization)] = float64(min(len(mailboxes), most))
		s.want[series("cache_evictions_total", "organization", organization)] = float64(max(0, len(mailboxes)-most))
	}
	s.want[series("cache_budget_bytes")] = 64 << 20
	s.want[series("build_info", "version", version(), "goversion", goVersion)] = 1
}

// scrapeOf returns what Prometheus is given.
func scrapeOf(t *testing.T, g *gateway) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	g.operators(func() bool { return true }).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil))
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%d, %v: %s", w.Code, w.Header(), w.Body)
	}
	return bytes.Clone(w.Body.Bytes())
}
