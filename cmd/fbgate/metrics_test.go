package main

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
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
