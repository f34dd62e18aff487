package foldertest

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"fbgate/availability/exchangetest/pretend"
)

// Fault is something that goes wrong. Set one of Status, Property, Hang and Reset; the
// zero Fault is none.
type Fault struct {
	// Status is an HTTP status, answered with a web page.
	Status int
	// RetryAfter is told in whole seconds with Status, if not 0.
	RetryAfter time.Duration
	// Location is told with Status.
	Location string
	// Property is the status of all properties in a 207 that changed nothing.
	Property int
	// Hang answers nothing until the client leaves.
	Hang bool
	// Reset ends the connection without an answer.
	Reset bool
	// Late does what was asked first, and then has Status, Hang or Reset.
	Late bool
	// Times is how often it happens, 0 for ever.
	Times int
}

// answers reports whether the fault is answered in place of what was asked.
func (f Fault) answers() bool { return f.Status != 0 || f.Hang || f.Reset }

// Fail lets all calls about the item of a mailbox fail from now on; the zero Fault heals
// it.
func (s *Server) Fail(legacyDN string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[strings.ToLower(legacyDN)] = &f
}

// FailAll lets all calls fail from now on; the zero Fault heals it.
func (s *Server) FailAll(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = &f
}

// fault returns what befalls the next call about an item, whose name is in lower case.
func (s *Server) fault(dn string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range []*Fault{s.all, s.faults[dn]} {
		if f == nil || *f == (Fault{}) {
			continue
		}
		now := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				*f = Fault{}
			}
		}
		return now
	}
	return Fault{}
}

func (s *Server) fail(w *reply, r *http.Request, f Fault) {
	switch {
	case f.Hang:
		s.wait(r, 24*time.Hour)
		panic(http.ErrAbortHandler)
	case f.Reset:
		pretend.Reset(w.ResponseWriter)
		return
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	if f.Location != "" {
		w.Header().Set("Location", f.Location)
	}
	w.page(f.Status, http.StatusText(f.Status))
}
