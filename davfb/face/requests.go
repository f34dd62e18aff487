package face

import (
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
)

// Outcome is what became of a request.
type Outcome int

// The outcomes.
const (
	Answered     Outcome = iota // also with digits 4, or a redirect to the log-in page
	Unauthorized                // it has to log in, or did with a wrong name or password
	Denied                      // it may not
	NotFound                    // there is nothing there: no such mailbox, no such path
	Refused                     // it is not as it has to be
	Limited                     // there were too many, or nothing is known at the moment
	Failed                      // the gateway, or the server behind passthrough, has failed
	Left                        // the client closed the connection before it was answered
	Outcomes                    // how many there are
)

var outcomes = [Outcomes]string{"answered", "unauthorized", "denied", "not_found", "refused", "limited", "failed", "left"}

// String returns a word for metrics.
func (o Outcome) String() string { return outcomes[o] }

// outcome is that of a status.
func outcome(status int) Outcome {
	switch {
	case status < 400:
		return Answered
	case status == http.StatusUnauthorized, status == 440: // of forms-based authentication
		return Unauthorized
	case status == http.StatusForbidden:
		return Denied
	case status == http.StatusNotFound, status == http.StatusGone:
		return NotFound
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return Limited
	case status < 500:
		return Refused
	default:
		return Failed
	}
}

// Requests counts requests by face and outcome. The zero value is ready.
type Requests struct {
	mu    sync.Mutex
	faces map[string]*tally
}

// tally is how many had each Outcome.
type tally [Outcomes]atomic.Uint64

// Counts returns how many requests to each face had each Outcome so far.
func (q *Requests) Counts() map[string][Outcomes]uint64 {
	q.mu.Lock()
	faces := maps.Clone(q.faces)
	q.mu.Unlock()
	counts := make(map[string][Outcomes]uint64, len(faces))
	for name, t := range faces {
		var all [Outcomes]uint64
		for i := range t {
			all[i] = t[i].Load()
		}
		counts[name] = all
	}
	return counts
}

// tally returns that of a face.
func (q *Requests) tally(face string) *tally {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.faces == nil {
		q.faces = make(map[string]*tally)
	}
	if q.faces[face] == nil {
		q.faces[face] = new(tally)
	}
	return q.faces[face]
}

// Count counts the requests that next answers as those of a face, of which there are few.
// If q is nil it returns next.
func (q *Requests) Count(face string, next http.Handler) http.Handler {
	if q == nil {
		return next
	}
	t := q.tally(face)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := newWitness(w, r)
		aborted := true
		defer func() {
			t[seen.outcome(r, aborted)].Add(1)
			seen.release()
		}()
		next.ServeHTTP(seen, r)
		aborted = false
	})
}

// witness sees with what status a request is answered.
type witness struct {
	http.ResponseWriter
	status int  // the last one, 0 if nothing was written
	again  bool // it can be used for another request
}

// witnesses are used again, so that counting usual requests takes no memory.
var witnesses = sync.Pool{New: func() any { return &witness{again: true} }}

// newWitness returns one of a request. While a body is handed on it may be read by
// somebody who outlives the request, and so touches its witness.
func newWitness(w http.ResponseWriter, r *http.Request) *witness {
	if r.Body != nil && r.Body != http.NoBody {
		return &witness{ResponseWriter: w}
	}
	seen := witnesses.Get().(*witness)
	seen.ResponseWriter, seen.status = w, 0
	return seen
}

func (w *witness) release() {
	if w.again {
		w.ResponseWriter = nil
		witnesses.Put(w)
	}
}

// WriteHeader implements http.ResponseWriter.
func (w *witness) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *witness) outcome(r *http.Request, aborted bool) Outcome {
	switch {
	case r.Context().Err() != nil:
		return Left
	case aborted:
		return Failed
	}
	return outcome(w.status)
}
