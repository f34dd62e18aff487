package admin_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"fbgate/availability"
	"fbgate/availability/access"
	"fbgate/availability/meter"
	"fbgate/cache"
	"fbgate/davfb/admin"
	"fbgate/davfb/face"
	"fbgate/davfb/intake"
)

var update = flag.Bool("update", false, "rewrite the table of metrics in docs/operations.md")

// complete is a face of which every metric has something to tell.
func complete(t *testing.T, change func(*admin.Config)) *operators {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var requests face.Requests
	requests.Count("freebusy", http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	var clients, fabrikam meter.Organization
	answers := []availability.Answer{{Mailbox: "mary@fabrikam.com"}, {Reason: availability.Because(availability.Timeout, "mary's server")}}
	clients.Told(meter.Looked{Asked: 2}, answers)
	fabrikam.Told(meter.Looked{Asked: 1, Stale: 1}, answers)
	fabrikam.Called(30*time.Millisecond, nil)
	fabrikam.Called(time.Hour, availability.Because(availability.Timeout, ""))
	now := time.Now()
	var reloads admin.Reloads
	reloads.Note(nil)
	return newOperators(func(c *admin.Config) {
		c.Version = "v1"
		c.Meters = admin.Meters{Requests: &requests, Clients: &clients, Access: new(access.Statistics), Budget: cache.NewBudget(1 << 20), Reloads: &reloads,
			Listeners: map[string]*intake.Listener{"listen": intake.New(l, intake.Config{})}}
		c.Organizations = func() []admin.Organization {
			return []admin.Organization{{Name: "fabrikam", Totals: fabrikam.Totals(), Remembered: 7, Bytes: 700, Evicted: 3, Servers: []admin.Server{
				{Name: "as svc", Host: "mail.fabrikam.com", State: admin.Serving, LastGood: now, CertificateEnds: now.Add(time.Hour), TokenEnds: now.Add(time.Hour)},
				{Name: "as svc2", Host: "mail.fabrikam.com", State: admin.Resting, Until: now.Add(time.Hour), CertificateEnds: now.Add(2 * time.Hour)},
			}}, {Name: "contoso"}}
		}
		if change != nil {
			change(c)
		}
	})
}

func scrape(t *testing.T, o *operators) ([]byte, map[string]*dto.MetricFamily) {
	t.Helper()
	w := o.do(http.MethodGet, "/metrics")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%d, %v: %s", w.Code, w.Header(), w.Body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatalf("%v in\n%s", err, w.Body)
	}
	return w.Body.Bytes(), families
}

// own are fbgate's own metrics.
func own(families map[string]*dto.MetricFamily) []*dto.MetricFamily {
	var all []*dto.MetricFamily
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if strings.HasPrefix(name, "fbgate_") {
			all = append(all, families[name])
		}
	}
	return all
}

func labels(m *dto.Metric) (names []string) {
	for _, pair := range m.Label {
		names = append(names, pair.GetName())
	}
	return names
}

var (
	metricName = regexp.MustCompile(`^fbgate(_[a-z]+)+$`)
	// bounded are the labels there may be: what the configuration or the program names.
	bounded = []string{"version", "goversion", "face", "outcome", "reason", "organization", "origin", "server", "state", "listener"}
)

func TestMetricsFollowConventions(t *testing.T) {
	_, families := scrape(t, complete(t, nil))
	if families["go_goroutines"] == nil || families["process_resident_memory_bytes"] == nil {
		t.Error("the process is missing")
	}
	for _, f := range own(families) {
		name := f.GetName()
		if !metricName.MatchString(name) {
			t.Errorf("%s is no good name", name)
		}
		if help := f.GetHelp(); len(help) < 20 || !strings.HasSuffix(help, ".") {
			t.Errorf("%s: HELP %q", name, help)
		}
		if counts := strings.HasSuffix(name, "_total"); counts != (f.GetType() == dto.MetricType_COUNTER) {
			t.Errorf("%s is a %v", name, f.GetType())
		}
		for _, m := range f.Metric {
			for _, label := range labels(m) {
				if !slices.Contains(bounded, label) {
					t.Errorf("%s has the label %s, which is not known to be bounded", name, label)
				}
			}
		}
	}
}

// What several accounts of one server have in common is one series, of the worst.
func TestMetricsOfOneServer(t *testing.T) {
	_, families := scrape(t, complete(t, nil))
	states := make(map[string]float64)
	for _, m := range families["fbgate_server_accounts"].Metric {
		for _, pair := range m.Label {
			if pair.GetName() == "state" {
				states[pair.GetValue()] = m.Gauge.GetValue()
			}
		}
	}
	if states["serving"] != 1 || states["resting"] != 1 || states["backing off"] != 0 || len(states) != len(admin.States) {
		t.Errorf("%v", states)
	}
	if retry := families["fbgate_server_retry_seconds"].Metric; len(retry) != 1 || retry[0].Gauge.GetValue() < 3500 {
		t.Errorf("%v", retry)
	}
	end := families["fbgate_server_certificate_end_timestamp_seconds"].Metric
	if left := time.Until(time.Unix(int64(end[0].Gauge.GetValue()), 0)); len(end) != 1 || left > time.Hour {
		t.Errorf("the certificate ends in %v", left)
	}
}

// What has not happened yet is told, as a series that begins at 1 is no increase: an alert
// would miss the first.
func TestMetricsBeginAtZero(t *testing.T) {
	_, families := scrape(t, complete(t, nil))
	zero := make(map[string]bool)
	for _, family := range own(families) {
		for _, m := range family.GetMetric() {
			if m.GetCounter() != nil && m.GetCounter().GetValue() == 0 {
				for _, l := range m.GetLabel() {
					zero[family.GetName()+" "+l.GetValue()] = true
				}
			}
		}
	}
	for _, code := range availability.Codes() {
		for _, name := range []string{"fbgate_mailboxes_total", "fbgate_organization_calls_total", "fbgate_organization_untold_total"} {
			if code != availability.Timeout && !zero[name+" "+string(code)] {
				t.Errorf("%s has no %s", name, code)
			}
		}
	}
}

func TestMetricsNeedTheToken(t *testing.T) {
	o := complete(t, func(c *admin.Config) { c.Token = func() (string, error) { return "sesame", nil } })
	for token, want := range map[string]int{"": 401, "Bearer open": 401, "Bearer sesame": 200} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil)
		r.Header.Set("Authorization", token)
		w := o.send(r)
		if w.Code != want || bytes.Contains(w.Body.Bytes(), []byte("fbgate_")) != (want == 200) {
			t.Errorf("%q: %d, %s", token, w.Code, w.Body)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "http://fbgate.contoso.com/metrics", nil)
	if w := complete(t, nil).send(r); w.Code != http.StatusForbidden {
		t.Errorf("without a token, by name: %d", w.Code)
	}
}

func TestMetricsOfNothing(t *testing.T) {
	_, families := scrape(t, newOperators(nil))
	if got := own(families); len(got) != 1 || got[0].GetName() != "fbgate_build_info" {
		t.Errorf("%v", got)
	}
}

const (
	handbook     = "../../docs/operations.md"
	beginMetrics = "<!-- The metrics below are generated: go test ./davfb/admin -update -->\n"
	endMetrics   = "<!-- end of the metrics -->\n"
)

func TestHandbookListsMetrics(t *testing.T) {
	_, families := scrape(t, complete(t, nil))
	var want strings.Builder
	want.WriteString("\n| metric | type | labels | |\n|---|---|---|---|\n")
	for _, f := range own(families) {
		var quoted []string
		for _, label := range labels(f.Metric[0]) {
			quoted = append(quoted, "`"+label+"`")
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(quoted, ", "), f.GetHelp())
	}
	want.WriteString("\n")
	content, err := os.ReadFile(handbook)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(content), beginMetrics)
	table, after, ends := strings.Cut(rest, endMetrics)
	if !begins || !ends {
		t.Fatalf("%s does not say where the table begins and ends", handbook)
	}
	if table == want.String() {
		return
	}
	if !*update {
		t.Fatalf("%s has\n%s\nand the program says\n%s\ngo test ./davfb/admin -update writes it", handbook, table, want.String())
	}
	if err := os.WriteFile(handbook, []byte(before+beginMetrics+want.String()+endMetrics+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// expressions are those of dashboards and rules, in whatever depth.
func expressions(node any) (all []string) {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			if text, ok := value.(string); ok && (key == "expr" || key == "definition") {
				all = append(all, text)
			}
			all = append(all, expressions(value)...)
		}
	case []any:
		for _, value := range node {
			all = append(all, expressions(value)...)
		}
	}
	return all
}

var (
	selector = regexp.MustCompile(`\b((?:fbgate|go|process|promhttp)_[a-z_]+)(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
)

func TestDashboardAndAlertsNameWhatThereIs(t *testing.T) {
	_, families := scrape(t, complete(t, nil))
	for file, least := range map[string]int{"../../docs/grafana/fbgate.json": 15, "../../docs/alerts.yaml": 8} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var document any
		if err := yaml.Unmarshal(content, &document); err != nil { // JSON is YAML, too
			t.Fatalf("%s: %v", file, err)
		}
		all := expressions(document)
		if len(all) < least {
			t.Errorf("%s: only %d expressions were found", file, len(all))
		}
		for _, expression := range all {
			found := selector.FindAllStringSubmatch(expression, -1)
			if len(found) == 0 && !strings.Contains(expression, "up{") {
				t.Errorf("%s: %s names no metric", file, expression)
			}
			for _, m := range found {
				f := families[m[1]]
				for _, suffix := range []string{"_bucket", "_sum", "_count"} {
					if base, cut := strings.CutSuffix(m[1], suffix); f == nil && cut && families[base].GetType() == dto.MetricType_HISTOGRAM {
						f = families[base]
					}
				}
				if f == nil {
					t.Errorf("%s: there is no %s: %s", file, m[1], expression)
					continue
				}
				for _, label := range matcher.FindAllStringSubmatch(m[2], -1) {
					if !slices.Contains(append(labels(f.Metric[0]), "job", "instance"), label[1]) {
						t.Errorf("%s: %s has no label %s: %s", file, m[1], label[1], expression)
					}
				}
			}
		}
	}
}

// promtool is Prometheus' own judge.
func promtool(t *testing.T, stdin []byte, arguments ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is missing: install the Debian package prometheus")
	}
	command := exec.CommandContext(t.Context(), path, arguments...)
	command.Stdin = bytes.NewReader(stdin)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", arguments, err, out)
	}
}

func TestPromtoolChecksMetrics(t *testing.T) {
	text, _ := scrape(t, complete(t, nil))
	promtool(t, text, "check", "metrics")
}

func TestPromtoolChecksAlerts(t *testing.T) {
	promtool(t, nil, "check", "rules", "../../docs/alerts.yaml")
}

func TestPromtoolTestsAlerts(t *testing.T) {
	promtool(t, nil, "test", "rules", "testdata/alerts_test.yaml")
}
