package face

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"fbgate/availability"
)

var private = []string{"private"}

// SetFreshness sets the header fields that tell how old an answer is: Age is that
// of the oldest part, and Cache-Status (RFC 9211) says whether all of it was
// remembered, and for how many seconds that will be so. Stale is what is remembered
// beyond its time: then ttl is negative. Whether the organization was asked in vain for
// this request or for one before is not told apart, so that this is a hit, too.
// Attendees nobody was asked about do not count.
func SetFreshness(header http.Header, answers []availability.Answer, now time.Time) {
	var f freshness
	for i := range answers {
		f.add(&answers[i], now)
	}
	// Assigned rather than set, as the names are canonical already.
	header["Cache-Control"] = private
	if f.asked == 0 {
		return
	}
	header["Age"] = []string{strconv.Itoa(int(f.age / time.Second))}
	header["Cache-Status"] = []string{f.status()}
}

// freshness is what answers have in common.
type freshness struct {
	asked, hits, stale int
	age, ttl           time.Duration
}

func (f *freshness) add(a *availability.Answer, now time.Time) {
	if a.Organization != "" {
		f.asked++
	}
	if !a.Cached {
		return
	}
	if ttl := a.TTL(now); f.hits == 0 || ttl < f.ttl {
		f.ttl = ttl
	}
	f.hits++
	f.age = max(f.age, a.Age(now))
	if a.Stale {
		f.stale++
	}
}

// status is the Cache-Status.
func (f *freshness) status() string {
	switch {
	case f.hits == 0:
		return "fbgate; fwd=miss"
	case f.hits == f.asked && f.stale == 0:
		return "fbgate; hit; ttl=" + strconv.Itoa(int(f.ttl/time.Second))
	case f.hits == f.asked && f.stale == f.hits:
		return fmt.Sprintf("fbgate; hit; ttl=%d; detail=stale", overdue(f.ttl))
	case f.hits == f.asked:
		return fmt.Sprintf(`fbgate; hit; ttl=%d; detail="%d of %d attendees stale"`, overdue(f.ttl), f.stale, f.asked)
	case f.stale > 0:
		return fmt.Sprintf(`fbgate; fwd=partial; detail="%d of %d attendees remembered, %d of them stale"`, f.hits, f.asked, f.stale)
	default:
		return fmt.Sprintf(`fbgate; fwd=partial; detail="%d of %d attendees remembered"`, f.hits, f.asked)
	}
}

// overdue is a ttl of something stale in seconds, less than 0 from the first moment on.
func overdue(ttl time.Duration) int { return int(math.Floor(min(ttl, -1).Seconds())) }
