package negotiate

import (
	"errors"
	"net/http"
	"time"

	"fbgate/davfb/face"
)

// refused is a log-in that failed: why, for the log, and what the client is told, which
// is not much, as nobody knows yet who that is.
type refused struct {
	detail string
	told   *face.Refusal
}

func refuse(why error) *refused {
	r := &refused{detail: "Negotiate: " + why.Error()}
	switch {
	case errors.Is(why, errNTLM):
		r.told = &face.Refusal{Status: http.StatusUnauthorized, Text: "Your program has no Kerberos ticket for this server and sent NTLM, which is not taken here."}
	case errors.Is(why, errFull):
		r.told = &face.Refusal{Status: http.StatusServiceUnavailable, Text: "Too many log in at the moment.", RetryAfter: time.Minute}
	default:
		r.told = &face.Refusal{Status: http.StatusUnauthorized, Text: "The Kerberos log-in failed; fbgate's log says why."}
	}
	return r
}

// Error returns the detail.
func (r *refused) Error() string { return r.detail }

func (r *refused) Unwrap() error { return r.told }
