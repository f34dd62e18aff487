package admin

import (
	"cmp"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"fbgate/availability"
	"fbgate/availability/meter"
	"fbgate/davfb/face"
)

// collector reads the counters of the gateway when it is scraped. What can be a label is
// named by the configuration or by the program, never by a client: no mailbox, no
// address, no path.
type collector struct{ *admin }

var _ prometheus.Collector = collector{}

// Describe implements prometheus.Collector.
func (collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range families {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	s := scrape{to}
	s.gauge(descBuildInfo, 1, cmp.Or(c.Version, "unknown"), runtime.Version())
	s.meters(&c.Meters)
	if c.Organizations == nil {
		return
	}
	for _, o := range c.Organizations() {
		s.organization(&o)
		s.servers(&o)
	}
}

// scrape is one pass over all counters.
type scrape struct{ to chan<- prometheus.Metric }

func (s scrape) count(d *prometheus.Desc, value uint64, labels ...string) {
	s.to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}

func (s scrape) gauge(d *prometheus.Desc, value float64, labels ...string) {
	s.to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// moment is a gauge of a time, left out if there is none.
func (s scrape) moment(d *prometheus.Desc, at time.Time, labels ...string) {
	if !at.IsZero() {
		s.gauge(d, float64(at.UnixMilli())/1000, labels...)
	}
}

func (s scrape) meters(m *Meters) {
	if m.Requests != nil {
		for name, counts := range m.Requests.Counts() {
			for outcome, n := range counts {
				s.count(descRequests, n, name, face.Outcome(outcome).String())
			}
		}
	}
	if m.Clients != nil {
		totals := m.Clients.Totals()
		untold := uint64(0)
		for _, code := range availability.Codes() {
			s.count(descMailboxes, totals.Untold[code], string(code))
			untold += totals.Untold[code]
		}
		s.count(descMailboxes, totals.Looked.Sum()-untold, "told")
	}
	if m.Access != nil {
		s.count(descDenied, m.Access.Denied.Load())
		s.count(descLimited, m.Access.Limited.Load())
		s.count(descSlowed, m.Access.Slowed.Load())
		s.count(descReports, m.Access.Reports.Load())
	}
	if m.Budget != nil {
		s.gauge(descCacheBudget, float64(m.Budget.Most()))
	}
	if m.Reloads != nil {
		s.reloads(m.Reloads.last())
	}
	for name, l := range m.Listeners {
		s.gauge(descConnections, float64(l.Open()), name)
		s.count(descConnectionsRefused, l.Refused(), name)
	}
}

func (s scrape) reloads(at time.Time, failed bool) {
	if at.IsZero() {
		return
	}
	success := 1.0
	if failed {
		success = 0
	}
	s.gauge(descReloadSuccess, success)
	s.moment(descReloadTime, at)
}

func (s scrape) organization(o *Organization) {
	t := &o.Totals
	failed := uint64(0)
	// Those that have not happened yet, too: the first of a series that begins at 1 is no
	// increase to Prometheus.
	for _, code := range availability.Codes() {
		s.count(descCalls, t.Failed[code], o.Name, string(code))
		s.count(descUntold, t.Untold[code], o.Name, string(code))
		failed += t.Failed[code]
	}
	s.count(descCalls, t.Calls-failed, o.Name, "served")
	s.histogram(descCallDuration, &t.Took, o.Name)
	s.moment(descLastSuccess, t.LastGood, o.Name)
	for origin, n := range map[string]uint64{
		"remembered": t.Looked.Remembered, "asked": t.Looked.Asked, "shared": t.Looked.Shared,
		"stale": t.Looked.Stale, "overloaded": t.Looked.Overloaded,
	} {
		s.count(descLookups, n, o.Name, origin)
	}
	s.gauge(descCacheEntries, float64(o.Remembered), o.Name)
	s.gauge(descCacheBytes, float64(o.Bytes), o.Name)
	s.count(descCacheEvictions, o.Evicted, o.Name)
}

func (s scrape) histogram(d *prometheus.Desc, h *meter.Histogram, labels ...string) {
	buckets := make(map[float64]uint64, len(meter.Bounds))
	var all uint64
	for i, n := range h.Counts {
		all += n
		if i < len(meter.Bounds) {
			buckets[meter.Bounds[i].Seconds()] = all
		}
	}
	s.to <- prometheus.MustNewConstHistogram(d, all, h.Sum.Seconds(), buckets, labels...)
}

// hostStatus is what the accounts a server is asked with have in common.
type hostStatus struct {
	states             map[State]int
	retry              time.Duration
	served             time.Time
	certificate, token time.Time
}

// servers tells of an organization's by their hosts: several accounts of one have the
// same.
func (s scrape) servers(o *Organization) {
	now := time.Now()
	hosts := make(map[string]*hostStatus)
	for i := range o.Servers {
		one := &o.Servers[i]
		if hosts[one.Host] == nil {
			hosts[one.Host] = &hostStatus{states: make(map[State]int)}
		}
		hosts[one.Host].add(one, now)
	}
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		h := hosts[host]
		for _, state := range States {
			s.gauge(descServerAccounts, float64(h.states[state]), o.Name, host, string(state))
		}
		s.gauge(descServerRetry, h.retry.Seconds(), o.Name, host)
		s.moment(descServerLastSuccess, h.served, o.Name, host)
		s.moment(descServerCertificate, h.certificate, o.Name, host)
		s.moment(descServerToken, h.token, o.Name, host)
	}
}

func (s *hostStatus) add(one *Server, now time.Time) {
	s.states[one.State]++
	s.retry = max(s.retry, one.Until.Sub(now))
	if one.LastGood.After(s.served) {
		s.served = one.LastGood
	}
	s.certificate, s.token = sooner(s.certificate, one.CertificateEnds), sooner(s.token, one.TokenEnds)
}

// sooner returns the earlier of two times, either of which may be zero.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
