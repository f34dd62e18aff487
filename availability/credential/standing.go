package credential

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
)

// An account that a server refused rests there: first firstRest, then twice as long
// each time, at most longestRest. One that had been accepted there before rests
// shortRest first, as a server that has lost its directory refuses everybody.
//
// Directories lock an account after as few as five refusals within half an hour. So
// servers that have not accepted it yet refuse it at most mostRefusals times in
// refusalWindow, all together.
const (
	shortRest   = 30 * time.Second
	firstRest   = 5 * time.Minute
	longestRest = time.Hour

	mostRefusals  = 3
	refusalWindow = 30 * time.Minute
)

// standing is how an account is thought of by one server.
type standing struct {
	proven   bool          // the secret has been accepted
	trying   chan struct{} // not nil while a secret that is not proven is tried; closed after
	refusals int           // in a row, of a secret that was not proven
	rested   time.Time
	last     string // the last refusal, for messages
}

// refuse counts a refusal and reports whether it is a new one: those of requests sent
// at the same time are one.
func (s *standing) refuse(why string) bool {
	s.last = why
	now := time.Now()
	if now.Before(s.rested) {
		return false
	}
	rest := shortRest
	if !s.proven {
		rest = min(firstRest<<min(s.refusals, 10), longestRest)
		s.refusals++
	}
	s.proven, s.rested = false, now.Add(rest)
	return true
}

// outcome is what an attempt says about the account.
type outcome uint8

const (
	nothing outcome = iota
	accepted
	refused
)

// judge says what an attempt says about the account, and, if whoever hands out tokens
// or tickets refused it, in which words.
func judge(response *http.Response, err error) (why string, o outcome) {
	var reason *availability.Reason
	switch {
	case errors.As(err, &reason) && reason.Code == availability.Unauthorized:
		return reason.Detail, refused
	case err != nil:
		return "", nothing
	case response.StatusCode == http.StatusUnauthorized, response.StatusCode == upstream.StatusLoginTimeout:
		return "", refused
	case accepts(response):
		return "", accepted
	}
	return "", nothing
}

// accepts reports whether a response comes from the service behind the log-in: one in
// XML, as all of Exchange's are. A web site on the same host, which Autodiscover may
// meet, answers whoever asks.
func accepts(response *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return (response.StatusCode == http.StatusOK || response.StatusCode == http.StatusInternalServerError) &&
		slices.Contains([]string{"text/xml", "application/xml", "application/soap+xml"}, kind)
}
