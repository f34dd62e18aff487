package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
	"fbgate/availability/exchangetest/oauthtest"
)

var goVersion = runtime.Version()

// parsed reads what Prometheus is given.
func parsed(t *testing.T, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return families
}

// sampled returns the samples of fbgate's own metrics, by series.
func sampled(t *testing.T, text []byte) map[string]float64 {
	t.Helper()
	samples := make(map[string]float64)
	for name, f := range parsed(t, text) {
		name, own := strings.CutPrefix(name, "fbgate_")
		if !own {
			continue
		}
		for _, m := range f.Metric {
			var labels []string
			for _, pair := range m.Label {
				labels = append(labels, pair.GetName(), pair.GetValue())
			}
			switch f.GetType() {
			case dto.MetricType_COUNTER:
				samples[series(name, labels...)] = m.Counter.GetValue()
			case dto.MetricType_GAUGE:
				samples[series(name, labels...)] = m.Gauge.GetValue()
			case dto.MetricType_HISTOGRAM:
				samples[series(name+"_count", labels...)] = float64(m.Histogram.GetSampleCount())
				samples[series(name+"_sum", labels...)] = m.Histogram.GetSampleSum()
				for _, b := range m.Histogram.Bucket {
					le := fmt.Sprintf("%g", b.GetUpperBound())
					samples[series(name+"_bucket", append(labels, "le", le)...)] = float64(b.GetCumulativeCount())
				}
			default:
				t.Errorf("%s is a %v", name, f.GetType())
			}
		}
	}
	return samples
}

// compareMetrics compares all samples: what is not wanted has to be 0. How many bytes are
// in use is not scripted, but has bounds.
func compareMetrics(t *testing.T, got, want map[string]float64) {
	t.Helper()
	all := maps.Clone(got)
	maps.Copy(all, want)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(name, "fbgate_cache_bytes{") {
			entries := got[strings.Replace(name, "bytes", "entries", 1)]
			if got[name] < 100*entries || got[name] > 5000*entries {
				t.Errorf("%s is %v, of %v entries", name, got[name], entries)
			}
			continue
		}
		if _, told := got[name]; !told && want[name] != 0 {
			t.Errorf("%s is missing, want %v", name, want[name])
		} else if math.Abs(got[name]-want[name]) > 1e-6 {
			t.Errorf("%s is %v, want %v", name, got[name], want[name])
		}
	}
}

// Over the wire: what comes and goes at the listeners, and the way to a server by TLS.
func TestMetricsOfConnections(t *testing.T) {
	s := serving(t, pretendCalendar(availability.Busy, "mary@contoso.com"), "connections: 10")
	samples := func() map[string]float64 {
		response, body := get(t, s.operators, "/metrics", "")
		if response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", response.Status, body)
		}
		return sampled(t, []byte(body))
	}
	open, refused := series("connections", "listener", "listen"), series("connections_refused_total", "listener", "listen")
	if got := samples(); got[open] != 0 || got[refused] != 0 || got[series("connections", "listener", "admin.listen")] == 0 {
		t.Errorf("before all: %v open, %v refused", got[open], got[refused])
	}
	var dialled []net.Conn
	for range 11 {
		dialled = append(dialled, dial(t, s.clients))
	}
	eventually(t, "ten are open and one is refused", func() bool {
		got := samples()
		return got[open] == 10 && got[refused] == 1
	})
	for _, conn := range dialled {
		conn.Close()
	}
	eventually(t, "all are closed", func() bool { return samples()[open] == 0 })
	if response, _ := get(t, s.clients, target("mary@contoso.com"), ""); response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	if got := samples(); got[series("requests_total", "face", "freebusy", "outcome", "answered")] != 1 || got[series("mailboxes_total", "reason", "told")] != 1 {
		t.Errorf("%v", got)
	}
}

// A scrape without the token of admin.token_file learns nothing.
func TestMetricsWantTheToken(t *testing.T) {
	g, err := newGateway(parse(t, `
admin: {token_file: %q}
organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: "https://mail.contoso.com/EWS/Exchange.asmx"}]
`, writeFile(t, []byte("0123456789abcdef\n"))), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]int{"": http.StatusUnauthorized, "Bearer open": http.StatusUnauthorized, "Bearer 0123456789abcdef": http.StatusOK} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil)
		r.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		g.operators(func() bool { return true }).ServeHTTP(w, r)
		if w.Code != want || strings.Contains(w.Body.String(), "contoso") != (want == http.StatusOK) {
			t.Errorf("%q: %d, %s", token, w.Code, w.Body)
		}
	}
}

// Until when a server's certificate is good, and the token it is asked with, is known once
// it was asked, over real TLS.
func TestMetricsOfProofs(t *testing.T) {
	tokens := oauthtest.New("fbgate", worldPassword)
	tokens.Scope, tokens.Lifetime = "all", time.Hour
	issuer := httptest.NewServer(tokens)
	t.Cleanup(issuer.Close)
	server := httptest.NewTLSServer(tokens.Protect(pretendCalendar(availability.Busy, "mary@contoso.com")))
	t.Cleanup(server.Close)
	ca := writeFile(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	g, err := newGateway(parse(t, `
organizations:
  - name: contoso
    domains: [contoso.com]
    ca_file: %s
    target_sharing_epr: %s
    credential: {type: oauth2, token_url: %q, client_id: fbgate, password_file: %s, scope: all}
`, ca, server.URL+exchangetest.Path, issuer.URL+"/token", writeFile(t, []byte(worldPassword))), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	labels := []string{"organization", "contoso", "server", strings.TrimPrefix(server.URL, "https://")}
	certificate, token := series("server_certificate_end_timestamp_seconds", labels...), series("server_token_end_timestamp_seconds", labels...)
	if got := sampled(t, scrapeOf(t, g)); got[certificate] != 0 || got[token] != 0 {
		t.Errorf("before anybody was asked: %v", got)
	}
	stack{clients: g.plain}.ask(t, "", "mary@contoso.com")
	got := sampled(t, scrapeOf(t, g))
	if want := float64(server.Certificate().NotAfter.Unix()); got[certificate] != want {
		t.Errorf("the certificate ends at %v, want %v", got[certificate], want)
	}
	if left := got[token] - float64(time.Now().Unix()); left < 3000 || left > 3601 {
		t.Errorf("the token ends in %v seconds", left)
	}
}
