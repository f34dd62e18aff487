//go:build !race

package davfb_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"fbgate/availability/exchangetest"
	"fbgate/availability/meter"
	"fbgate/davfb"
	"fbgate/davfb/face"
)

func TestCachedAnswerAllocatesLittle(t *testing.T) {
	handler, target := remembered(t)
	request := httptest.NewRequest(http.MethodGet, target, nil)
	w := discard{make(http.Header)}
	n := testing.AllocsPerRun(200, func() { handler.ServeHTTP(w, request) })
	t.Logf("%v allocations", n)
	if n > 60 {
		t.Errorf("%v allocations, want at most 60", n)
	}
}

// Counting is in the way of every request.
func TestCountingAllocatesNothing(t *testing.T) {
	s := newStack()
	x := s.organization(t, exchangetest.Exchange2019, "fabrikam.com")
	x.SetMailbox("mary@fabrikam.com", busy(9, 11))
	target := question(hours(0, 24), 30*time.Minute, "mary@fabrikam.com")
	allocations := func(handler http.Handler) float64 {
		request := httptest.NewRequest(http.MethodGet, target, nil)
		w := discard{make(http.Header)}
		handler.ServeHTTP(w, request)
		return testing.AllocsPerRun(200, func() { handler.ServeHTTP(w, request) })
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	counted := allocations(davfb.New(davfb.Config{
		Source: meter.Source{Next: s.router, Meter: new(meter.Organization)}, Requests: new(face.Requests), Limits: limits, Log: log,
	}))
	s.caches["fabrikam.com"].Meter = nil
	uncounted := allocations(davfb.New(davfb.Config{Source: s.router, Limits: limits, Log: log}))
	if counted > uncounted {
		t.Errorf("%v allocations where requests are counted, %v where they are not", counted, uncounted)
	}
}
