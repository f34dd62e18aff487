package exchangetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"fbgate/availability/exchangetest/pretend"
)

// Path is where the server answers, without regard to case, as IIS has it.
const Path = "/EWS/Exchange.asmx"

// maxBody is the longest request in bytes.
const maxBody = 4 << 20

// Exchange is a pretend Exchange server: an http.Handler that answers
// GetUserAvailability. Make one with [New]. The exported fields may be changed
// before it serves; the methods may be called at any time.
type Exchange struct {
	// Username and Password are demanded by Basic authentication, unless
	// Username is empty.
	Username, Password string
	// MaxWindow is the longest window; a longer one is refused with
	// ErrorTimeIntervalTooBig.
	MaxWindow time.Duration
	// MaxMailboxes is how many mailboxes one request may name.
	MaxMailboxes int
	// MaxEntries is how many appointments of a mailbox may lie in the window,
	// whatever the view; of one with more, ErrorResultSetTooBig is all to be
	// had.
	MaxEntries int
	// NoMergedFreeBusy makes it like grommunio: there are never digits, but
	// events, with details where the caller may see them, whatever was asked
	// for; and no FreeBusyView where a mailbox fails.
	NoMergedFreeBusy bool
	// Latency passes before each answer.
	Latency time.Duration

	dialect *traits
	closed  chan struct{}
	close   sync.Once

	pretend.Record[Request]

	mu        sync.Mutex
	mailboxes map[string]mailbox // by address in lower case
	failing   int                // calls that will fail, -1 for all
	fault     Fault
}

var _ http.Handler = (*Exchange)(nil)

// New returns a server without mailboxes that has the limits of its dialect:
// 100 mailboxes, 1000 entries, 42 or 62 days.
func New(d Dialect) *Exchange {
	t := &dialects[d]
	return &Exchange{
		MaxWindow:    t.maxWindow,
		MaxMailboxes: 100,
		MaxEntries:   1000,
		dialect:      t,
		closed:       make(chan struct{}),
		mailboxes:    make(map[string]mailbox),
	}
}

// Start serves on a free port of 127.0.0.1 and returns the URL of the service
// and what stops it.
func (x *Exchange) Start() (url string, stop func(), err error) {
	url, stop, err = pretend.Listen(x, x.Close)
	return url + Path, stop, err
}

// Close ends the calls that hang or wait, so that a server around x can be
// closed. Calls that should hang from then on are aborted at once.
func (x *Exchange) Close() { x.close.Do(func() { close(x.closed) }) }

// FailCalls lets the next n calls fail, or with n -1 all, until it is called
// again; the zero Fault heals. Calls that do not get as far as the service, for
// want of authentication for one, do not count. A fault that only mailboxes
// have befalls all of a call's.
func (x *Exchange) FailCalls(n int, f Fault) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failing, x.fault = n, f
}

// nextFault takes the fault of one call.
func (x *Exchange) nextFault() Fault {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failing == 0 {
		return Fault{}
	}
	if x.failing > 0 {
		x.failing--
	}
	return x.fault
}

// ServeHTTP answers one call.
func (x *Exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) { x.serve(w, r, x.nextFault) }

// With returns a handler that is x, but for the fault f that befalls every call it
// answers in place of those that FailCalls ordered.
func (x *Exchange) With(f Fault) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.serve(w, r, func() Fault { return f })
	})
}

func (x *Exchange) serve(w http.ResponseWriter, r *http.Request, ordered func() Fault) {
	number := x.Begin()
	record := requestOf(r)
	w.Header().Set("request-id", fmt.Sprintf("00000000-0000-4000-8000-%012x", number))
	defer func() { x.End(record) }()

	if status := x.admit(w, r); status != http.StatusOK {
		record.Answered = fmt.Sprintf("status-%d", status)
		page(w, status)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		// If the client left instead, nobody is there to see it.
		record.Answered = "status-413"
		page(w, http.StatusRequestEntityTooLarge)
		return
	}
	q, refused := x.read(body)
	record.understood(q)
	fault := ordered()
	if !fault.befalls() {
		fault = x.callFault(q.mailboxes)
	}
	if !x.wait(r.Context(), x.Latency+fault.Delay) {
		record.Answered = "gone"
		panic(http.ErrAbortHandler)
	}
	code, status, answer := x.reply(q, refused, fault)
	record.Answered = code
	if fault.spoils() {
		record.Answered = fault.label()
	}
	d := &delivery{w, r, x.closed, x.dialect, status, answer}
	d.send(fault)
}

// admit returns the status with which the web server itself answers, OK if it
// passes the call on. IIS authenticates before it looks at anything else.
func (x *Exchange) admit(w http.ResponseWriter, r *http.Request) int {
	if !strings.EqualFold(r.URL.Path, Path) {
		return http.StatusNotFound
	}
	if user, password, _ := r.BasicAuth(); x.Username != "" && (user != x.Username || password != x.Password) {
		w.Header().Set("WWW-Authenticate", `Basic realm="exchangetest"`)
		return http.StatusUnauthorized
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed
	}
	// SOAP 1.1 is text/xml; application/soap+xml would be SOAP 1.2.
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "text/xml" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return http.StatusUnsupportedMediaType
	}
	return http.StatusOK
}

// read returns the query, as far as it was understood, and why it is refused.
func (x *Exchange) read(body []byte) (query, error) {
	root, err := parse(body)
	if err != nil {
		return query{}, err
	}
	method, err := readEnvelope(root, x.dialect)
	if err != nil {
		return query{}, err
	}
	q, err := readQuery(method)
	if err != nil {
		return q, err
	}
	return q, x.check(q)
}

// wait lets d pass and reports whether anybody is still there to be answered.
func (x *Exchange) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-x.closed:
		return false
	}
}

// reply makes the answer before anything spoils it, and names what it says. A
// fault of the call hides that the request was wrong.
func (x *Exchange) reply(q query, refused error, f Fault) (code string, status int, answer []byte) {
	if f.Code != "" && f.PerCall() {
		return f.Code, http.StatusInternalServerError, x.dialect.soapFault(f.Code, f.text(), position{}, f.BackOff)
	}
	var r *refusal
	if errors.As(refused, &r) {
		return r.code, http.StatusInternalServerError, x.dialect.soapFault(r.code, r.text, r.at, 0)
	}
	return noError, http.StatusOK, x.answer(q, f)
}
