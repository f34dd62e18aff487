package davfb

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"fbgate/availability"
)

// freshness returns the header fields that tell how old an answer is: Age is that
// of the oldest part, and Cache-Status (RFC 9211) says whether all of it was
// remembered, and for how many seconds that will be so. A mailbox without an
// answer has no age.
func freshness(answers []availability.Answer, now time.Time) http.Header {
	var hits int
	var age time.Duration
	var expires time.Time
	for i := range answers {
		a := &answers[i]
		if !a.Cached {
			continue
		}
		hits++
		age = max(age, now.Sub(a.At))
		if expires.IsZero() || a.Expires.Before(expires) {
			expires = a.Expires
		}
	}
	var status string
	switch hits {
	case len(answers):
		status = "fbgate; hit; ttl=" + strconv.Itoa(int(expires.Sub(now)/time.Second))
	case 0:
		status = "fbgate; fwd=miss"
	default:
		status = fmt.Sprintf(`fbgate; fwd=partial; detail="%d of %d attendees remembered"`, hits, len(answers))
	}
	return http.Header{
		"Age":           {strconv.Itoa(int(age / time.Second))},
		"Cache-Control": {"private"},
		"Cache-Status":  {status},
	}
}
