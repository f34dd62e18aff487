package face

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"fbgate/availability"
)

var private = []string{"private"}

// SetFreshness sets the header fields that tell how old an answer is: Age is that
// of the oldest part, and Cache-Status (RFC 9211) says whether all of it was
// remembered, and for how many seconds that will be so. Attendees nobody was asked
// about do not count.
func SetFreshness(header http.Header, answers []availability.Answer, now time.Time) {
	var asked, hits int
	var age time.Duration
	var expires time.Time
	for i := range answers {
		a := &answers[i]
		if a.Organization != "" {
			asked++
		}
		if !a.Cached {
			continue
		}
		hits++
		age = max(age, now.Sub(a.At))
		if expires.IsZero() || a.Expires.Before(expires) {
			expires = a.Expires
		}
	}
	// Assigned rather than set, as the names are canonical already.
	header["Cache-Control"] = private
	if asked == 0 {
		return
	}
	var status string
	switch hits {
	case asked:
		status = "fbgate; hit; ttl=" + strconv.Itoa(int(expires.Sub(now)/time.Second))
	case 0:
		status = "fbgate; fwd=miss"
	default:
		status = fmt.Sprintf(`fbgate; fwd=partial; detail="%d of %d attendees remembered"`, hits, asked)
	}
	header["Age"] = []string{strconv.Itoa(int(age / time.Second))}
	header["Cache-Status"] = []string{status}
}
