package login

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
)

// Behind is the Method of letting the server behind decide: whoever it answers has
// logged in, and what it says to others is handed on to them, its challenges included.
// So Basic, NTLM, Negotiate and the log-in page of that server work as if it were asked
// itself. Digest does not, which is bound to what is asked for.
type Behind struct {
	// Ask asks the server in the name of the client that sent r, on the connection
	// that goes with the client's, and returns by which Authorization it accepted the
	// client, if it did and that is known. An error that is a *face.Refusal is what the
	// client is told.
	Ask func(r *http.Request) (response *http.Response, shown string, err error)
	// Knows reports whether the connection r came on has been authenticated, so that
	// its requests need not show anything; nil is never.
	Knows func(r *http.Request) bool
	// Timeout is how long the server may take to answer; 0 is 10 seconds.
	Timeout time.Duration
	// Accounts finds the groups and the address of those whose names are seen, that
	// is with Basic and NTLM, also within Negotiate. It may be nil.
	Accounts Accounts
}

var (
	_ Method = Behind{}
	_ costly = Behind{}
)

// mostRelayed is how much of a server's refusal is handed on, in bytes.
const mostRelayed = 64 << 10

// Identify implements Method.
func (b Behind) Identify(_ http.ResponseWriter, r *http.Request) (who availability.Requester, ok bool, err error) {
	ctx, cancel := context.WithTimeout(r.Context(), cmp.Or(b.Timeout, 10*time.Second))
	defer cancel()
	response, shown, err := b.Ask(r.WithContext(ctx))
	if refusal := (*face.Refusal)(nil); errors.As(err, &refusal) {
		return who, false, refusal
	}
	if err != nil {
		return who, false, silent()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostRelayed))
	switch {
	case err != nil && ctx.Err() != nil:
		return who, false, silent()
	case response.StatusCode < 200 || response.StatusCode > 299 || err != nil:
		return who, false, &relayed{response, body}
	}
	name := shownName(shown)
	if name == "" {
		return who, true, nil
	}
	who, err = Resolve(r.Context(), b.Accounts, name)
	return who, err == nil, err
}

// silent is what clients are told when the server is.
func silent() *face.Refusal {
	return &face.Refusal{Status: http.StatusServiceUnavailable, RetryAfter: time.Minute,
		Text: "The Exchange server behind this gateway, which has to say who may ask, does not answer."}
}

// showsNothing implements costly.
func (b Behind) showsNothing(r *http.Request) bool {
	return len(r.Header["Authorization"]) == 0 && len(r.Header["Cookie"]) == 0 && (b.Knows == nil || !b.Knows(r))
}

// Challenge implements Method: the server has said what it wants.
func (Behind) Challenge(http.Header, *http.Request) (status int) { return 0 }

// relayed is a refusal of the server behind.
type relayed struct {
	*http.Response
	body []byte
}

// Error tells the status.
func (e *relayed) Error() string { return "the server behind answers " + e.Status }

// Unwrap lets a step of logging in stay out of the log.
func (e *relayed) Unwrap() error {
	return &face.Refusal{Status: e.StatusCode, Text: "Log in.", Usual: e.StatusCode == http.StatusUnauthorized || e.StatusCode == loginTimeout}
}

// loginTimeout is IIS's status of a session of its log-in page that has ended.
const loginTimeout = 440

// Respond says what the server said, as it said it.
func (e *relayed) Respond(w http.ResponseWriter) {
	for _, name := range []string{"Www-Authenticate", "Set-Cookie", "Content-Type", "Location", "Retry-After"} {
		if values, ok := e.Header[name]; ok {
			w.Header()[name] = values
		}
	}
	if e.Close {
		w.Header().Set("Connection", "close")
	}
	status := e.StatusCode
	if status >= 300 && status < 400 { // nobody follows where free/busy is asked for
		status = http.StatusForbidden
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(e.body)))
	w.WriteHeader(status)
	_, _ = w.Write(e.body)
}
