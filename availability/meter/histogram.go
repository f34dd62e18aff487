package meter

import "time"

// Bounds are the upper ends of a Histogram's buckets. What a user waits for lies in the
// middle; the last are the usual timeouts, and what is just above the default one.
var Bounds = [...]time.Duration{
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 25 * time.Second, 30 * time.Second, time.Minute,
}

// Histogram counts times by how long they are.
type Histogram struct {
	// Counts are those up to each of Bounds and above the one before; the last one is
	// of all that took longer.
	Counts [len(Bounds) + 1]uint64
	Sum    time.Duration
}

func (h *Histogram) add(d time.Duration) {
	i := 0
	for i < len(Bounds) && d > Bounds[i] {
		i++
	}
	h.Counts[i]++
	h.Sum += d
}

// Quantile returns about how long the fastest share of times took at most, such as 0.95:
// the bound of the bucket it lies in. It is 0 if nothing was counted, and if it lies above
// the last bound, it is that and above is true.
func (h Histogram) Quantile(share float64) (bound time.Duration, above bool) {
	var all uint64
	for _, n := range h.Counts {
		all += n
	}
	if all == 0 {
		return 0, false
	}
	var so uint64
	for i, bound := range Bounds {
		if so += h.Counts[i]; float64(so) >= share*float64(all) {
			return bound, false
		}
	}
	return Bounds[len(Bounds)-1], true
}
