package face

import (
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Responder is an error that knows how it is told to the client.
type Responder interface {
	error
	Respond(w http.ResponseWriter)
}

// Refusal is an error with a status of its own and a sentence for the client, in plain
// text.
type Refusal struct {
	Status int
	Text   string
	// Allow are the methods that are taken, with status 405.
	Allow []string
	// Challenge is how to log in, with status 401: `Basic realm="fbgate"`. It replaces
	// what the header says of that. Who offers several ways sets a line of
	// WWW-Authenticate for each, and leaves this empty.
	Challenge string
	// RetryAfter is when to come again, with status 429 or 503; 0 does not say.
	RetryAfter time.Duration
	// Usual says that this is a step of logging in, or is in the log already. It is
	// logged at debug level.
	Usual bool
}

var _ Responder = (*Refusal)(nil)

// Error returns the text.
func (r *Refusal) Error() string { return r.Text }

// Respond writes the refusal.
func (r *Refusal) Respond(w http.ResponseWriter) {
	if len(r.Allow) > 0 {
		w.Header().Set("Allow", strings.Join(r.Allow, ", "))
	}
	if r.Challenge != "" {
		w.Header().Set("WWW-Authenticate", r.Challenge)
	}
	if r.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(r.RetryAfter.Seconds()))))
	}
	text := strings.ToValidUTF8(r.Text, "\uFFFD") + "\n"
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(r.Status)
	_, _ = io.WriteString(w, text)
}

// refuse writes what is wrong with a request, or that something is wrong here.
func refuse(w http.ResponseWriter, err error) {
	var responder Responder
	if !errors.As(err, &responder) {
		responder = &Refusal{Status: http.StatusInternalServerError, Text: "fbgate failed; its log says why."}
	}
	responder.Respond(w)
}
