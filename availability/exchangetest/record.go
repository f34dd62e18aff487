package exchangetest

import (
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
)

// Request is a request as the server understood it. What it did not get to
// read, because it refused before, is zero.
type Request struct {
	At        time.Time
	Mailboxes []string // as written, in order
	Window    availability.Window
	Interval  time.Duration
	View      string // as written; MergedOnly if none was

	UserAgent       string
	SOAPAction      string
	ClientRequestID string // the header client-request-id
	AnchorMailbox   string // the header X-AnchorMailbox
	Authorized      bool   // whether there was an Authorization header, right or wrong

	// Answered is what came of it: "NoError" if the mailboxes were answered
	// for, the code of the SOAP fault, or the name of the fault that spoilt it;
	// "gone" if the client had left before.
	Answered string
}

// requestOf begins a record with the headers.
func requestOf(r *http.Request) Request {
	return Request{
		At:              time.Now(),
		UserAgent:       brief(r.UserAgent()),
		SOAPAction:      brief(r.Header.Get("SOAPAction")),
		ClientRequestID: brief(r.Header.Get("client-request-id")),
		AnchorMailbox:   brief(r.Header.Get("X-AnchorMailbox")),
		Authorized:      r.Header.Get("Authorization") != "",
	}
}

func (r *Request) understood(q query) {
	for _, a := range q.mailboxes {
		r.Mailboxes = append(r.Mailboxes, a.address)
	}
	r.Window, r.Interval, r.View = q.window, q.interval, q.viewed
}

// brief keeps what is remembered of a header small, and free of the header's
// memory.
func brief(s string) string { return strings.Clone(s[:min(len(s), 256)]) }
