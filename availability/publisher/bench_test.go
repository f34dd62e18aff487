package publisher_test

import (
	"log/slog"
	"runtime"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/publisher"
)

// first waits for the first round without a clock that can be advanced.
func first(w *world) publisher.Round {
	for {
		if s := w.publisher.Status(); !s.Round.Ended.IsZero() {
			return s.Round
		}
		time.Sleep(time.Millisecond)
	}
}

// BenchmarkRound is a round of 10,000 mailboxes: the first one, in which all are written,
// and one after a restart in which nothing has changed.
func BenchmarkRound(b *testing.B) {
	for b.Loop() {
		w := newWorld(b, 10_000)
		w.config.Every, w.config.Log = 10*time.Second, slog.New(slog.DiscardHandler)
		w.config.Keep, w.config.Rewrite = time.Hour, time.Hour
		for i := range 10_000 {
			w.source.busy(i, 9+i%1000, availability.Busy)
		}
		for _, name := range []string{"first", "unchanged"} {
			w.start()
			r := first(w)
			if r.Written+r.Unchanged != 10_000 {
				b.Fatalf("%+v", r)
			}
			b.ReportMetric(float64(r.Ended.Sub(r.Began).Milliseconds()), "ms/"+name)
			w.stop()
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-heap")
	}
}
