package publicfoldertest

import (
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
)

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
