package admin

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fbgate/availability/access"
	"fbgate/availability/meter"
	"fbgate/cache"
	"fbgate/davfb/face"
	"fbgate/davfb/intake"
)

// Meters count what no organization does. Those that are nil are left out.
type Meters struct {
	// Requests are those of clients.
	Requests *face.Requests
	// Clients counts the mailboxes clients ask about, of all organizations and of none.
	Clients *meter.Organization
	// Access counts what is kept from clients.
	Access *access.Statistics
	// Budget is that of all caches.
	Budget *cache.Budget
	// Reloads tells of the last time the configuration was read.
	Reloads *Reloads
	// Listeners are those there are, by their keys in the configuration. The map must
	// not change once anybody is served.
	Listeners map[string]*intake.Listener
}

// Reloads keeps what came of the last time the configuration was read, the start included.
// The zero value knows of none.
type Reloads struct {
	mu     sync.Mutex
	at     time.Time
	failed bool
}

// Note keeps that the configuration has been read now: with a nil error it is in force.
func (r *Reloads) Note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.failed = time.Now(), err != nil
}

func (r *Reloads) last() (at time.Time, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at, r.failed
}

// metrics answers GET /metrics, in the text format of Prometheus. Nothing is counted
// here: each scrape reads the counters there are.
func (a *admin) metrics() func(http.ResponseWriter, *http.Request) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collector{a})
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, DisableCompression: true})
	return func(w http.ResponseWriter, r *http.Request) error {
		handler.ServeHTTP(w, r)
		return nil
	}
}
