package publicfoldertest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"fbgate/availability"
)

// maxRequests is how many requests are remembered.
const maxRequests = 1000

// Request is a request as the server understood it. What it did not get to read,
// because it refused before, is zero.
type Request struct {
	At        time.Time
	Mailboxes []string // as written, in order, without SMTP: or EX:
	Window    availability.Window
	Interval  time.Duration

	Host            string
	Query           string // as sent
	UserAgent       string
	Accept          string
	Translate       string
	ClientRequestID string // the header client-request-id
	Authorized      bool   // whether there was an Authorization header, right or wrong

	// Answered is what came of it: "answered", the name of the fault that spoilt it,
	// "html" for a web page, "status-404" and its like for a refusal, "gone" if the
	// client had left before.
	Answered string
}

// Requests returns the last requests, at most 1000, the oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Calls returns how many HTTP requests came.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// MaxInFlight returns how many requests were under way at the same time at most.
func (s *Server) MaxInFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.maxInFlight
}

func (s *Server) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.inFlight++
	s.maxInFlight = max(s.maxInFlight, s.inFlight)
}

func (s *Server) end(r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	if len(s.requests) == maxRequests {
		s.requests = slices.Delete(s.requests, 0, 1)
	}
	s.requests = append(s.requests, r)
}

// requestOf begins a record with what needs no understanding.
func requestOf(r *http.Request) Request {
	return Request{
		At:              time.Now(),
		Host:            brief(r.Host),
		Query:           brief(r.URL.RawQuery),
		UserAgent:       brief(r.UserAgent()),
		Accept:          brief(r.Header.Get("Accept")),
		Translate:       brief(r.Header.Get("Translate")),
		ClientRequestID: brief(r.Header.Get("client-request-id")),
		Authorized:      r.Header.Get("Authorization") != "",
	}
}

func (r *Request) understood(q query) {
	for _, a := range q.attendees {
		r.Mailboxes = append(r.Mailboxes, a.address)
	}
	r.Window, r.Interval = q.window, q.interval
}

// brief keeps what is remembered small, and free of the memory it was part of.
func brief(s string) string { return strings.Clone(s[:min(len(s), 4096)]) }
