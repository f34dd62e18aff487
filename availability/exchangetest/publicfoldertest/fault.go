package publicfoldertest

import (
	"cmp"
	"fmt"
	"net/http"
	"time"
)

// Fault is something that goes wrong: a mailbox's row or the whole answer comes out
// odd, or something else answers in its place. Several fields may be set; the zero
// Fault is none. [Faults] lists the usual ones, [Oddities] those that do no harm.
type Fault struct {
	Name string // tells it from others in a test table

	Row   Row   // of a mailbox, or of all mailboxes of a call
	Reply Reply // of a call

	// Status is an HTTP status, answered with an HTML page that holds Page.
	Status int
	Page   string
	// RetryAfter is told in the header of that name in whole seconds, if not 0.
	RetryAfter time.Duration
	// Location is where a redirect points to. With it Status is 302 by default.
	Location string
	// Delay passes before anything is answered, be it right or wrong.
	Delay time.Duration
}

// PerMailbox reports whether the fault can befall one mailbox among others.
func (f Fault) PerMailbox() bool { return f.Row != Sound && !f.spoils() }

// spoils reports whether the fault befalls a whole call.
func (f Fault) spoils() bool { return f.Status != 0 || f.Location != "" || f.Reply != Intact }

func (f Fault) status() int { return cmp.Or(f.Status, http.StatusFound) }

// label names the fault in records.
func (f Fault) label() string {
	switch {
	case f.Name != "":
		return f.Name
	case f.Reply != Intact:
		return f.Reply.String()
	case f.spoils():
		return fmt.Sprintf("status-%d", f.status())
	case f.Row != Sound:
		return f.Row.String()
	}
	return "answered"
}

// FailCalls lets the next n calls fail, or with n -1 all, until it is called again;
// the zero Fault heals. Calls that do not get as far as the free/busy, for want of
// authentication for one, do not count.
func (s *Server) FailCalls(n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing, s.fault = n, f
}

// faultOf returns the fault of one call: that ordered for calls, or that of the first
// mailbox whose fault is one of whole calls.
func (s *Server) faultOf(q query, ordered func() (f Fault, failing bool)) Fault {
	if f, failing := ordered(); failing {
		return f
	}
	var slow Fault
	for _, a := range q.attendees {
		f := s.mailbox(a.address).fault
		if f.spoils() {
			return f
		}
		slow.Delay = max(slow.Delay, f.Delay)
	}
	return slow
}

func (s *Server) nextFault() (f Fault, failing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing == 0 {
		return Fault{}, false
	}
	if s.failing > 0 {
		s.failing--
	}
	return s.fault, true
}

// Faults returns every fault the server knows to have, each with a Name. Each leaves
// some time of some mailbox unknown.
func Faults() []Fault {
	all := oddities(false)
	for _, status := range []int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusRequestURITooLong, http.StatusTooManyRequests, statusLoginTimeout,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	} {
		all = append(all, Fault{Name: fmt.Sprintf("status-%d", status), Status: status})
	}
	return append(all,
		Fault{Name: "ssl-required", Status: http.StatusForbidden, Page: sslRequired},
		Fault{Name: "status-503-retry-after", Status: http.StatusServiceUnavailable, RetryAfter: 7 * time.Second},
		Fault{Name: "redirect-elsewhere", Location: "https://elsewhere.invalid/public/"},
		Fault{Name: "redirect-loop", Location: Path},
		Fault{Name: "redirect-to-login", Location: "/exchweb/bin/auth/owalogon.asp?url=http://mail/public/&reason=0"},
		Fault{Name: "redirect-to-isa-login", Location: "/CookieAuth.dll?GetLogon?url=%2Fpublic%2F&reason=0"},
		Fault{Name: "redirect-nowhere", Status: http.StatusMovedPermanently, Location: "://"},
		Fault{Name: "redirect-to-file", Status: http.StatusMovedPermanently, Location: "file:///etc/passwd"},
		Fault{Name: "redirect-without-location", Status: http.StatusFound},
	)
}

// Oddities returns what looks unusual and does no harm, each with a Name.
func Oddities() []Fault { return oddities(true) }

func oddities(harmless bool) (all []Fault) {
	for r := Sound + 1; int(r) < len(rowWays); r++ {
		if rowWays[r].harmless == harmless {
			all = append(all, Fault{Name: r.String(), Row: r})
		}
	}
	for r := Intact + 1; int(r) < len(replyWays); r++ {
		if replyWays[r].harmless == harmless {
			all = append(all, Fault{Name: r.String(), Reply: r})
		}
	}
	return all
}
