package publicfoldertest

import (
	"context"
	"net/http"
	"sync"
	"time"

	"fbgate/availability/exchangetest/pretend"
)

// Path is the root of the public folders, found without regard to case, as IIS has it.
const Path = "/public/"

// DefaultMaxQuery is the longest query in bytes that URLScan lets through unless its
// MaxQueryString says otherwise.
const DefaultMaxQuery = 2048

// Server is a pretend Exchange 2003: an http.Handler. Make one with [New]. The
// exported fields may be changed before it serves; the methods may be called at any
// time.
type Server struct {
	// Username and Password are demanded by Basic authentication, unless Username
	// is empty.
	Username, Password string
	// RequireSSL refuses plain HTTP with 403.4, "SSL is required".
	RequireSSL bool
	// FormsAuthentication refuses whoever brings no session cookie with 440, "Login
	// Timeout". There is no way to get one here.
	FormsAuthentication bool
	// OmitUnknown leaves out the rows of unknown mailboxes, which otherwise are all
	// 4. What a real server does nobody has written down.
	OmitUnknown bool
	// MaxQuery is the longest query in bytes; to a longer one the answer is 404.
	MaxQuery int
	// Latency passes before each answer.
	Latency time.Duration

	closed chan struct{}
	close  sync.Once

	pretend.Record[Request]

	mu        sync.Mutex
	mailboxes map[string]mailbox // by address in lower case
	referral  string
	failing   int // calls that will fail, -1 for all
	fault     Fault
}

var _ http.Handler = (*Server)(nil)

// New returns a server without mailboxes that takes queries of [DefaultMaxQuery].
func New() *Server {
	return &Server{MaxQuery: DefaultMaxQuery, closed: make(chan struct{}), mailboxes: make(map[string]mailbox)}
}

// Start serves on a free port of 127.0.0.1 and returns the URL of the public folders'
// root and what stops it.
func (s *Server) Start() (url string, stop func(), err error) {
	url, stop, err = pretend.Listen(s, s.Close)
	return url + Path, stop, err
}

// Close ends the calls that hang or wait, so that a server around s can be closed.
// Calls that should hang from then on are aborted at once.
func (s *Server) Close() { s.close.Do(func() { close(s.closed) }) }

// Refer lets the server answer every question with a referral: a redirect to the
// public folders' root of another server, which has a replica of the free/busy. An
// empty root ends that.
func (s *Server) Refer(root string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.referral = root
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(w, r, s.nextFault) }

// With returns a handler that is s, but for the fault f that befalls every call it
// answers in place of those that FailCalls ordered.
func (s *Server) With(f Fault) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, func() (Fault, bool) { return f, true })
	})
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, ordered func() (f Fault, failing bool)) {
	s.Begin()
	record := requestOf(r)
	defer func() { s.End(record) }()

	w.Header().Set("Server", "Microsoft-IIS/6.0")
	if refused := s.admit(r); refused != nil {
		record.Answered = refused.name
		refused.send(w)
		return
	}
	w.Header().Set("MS-WebStorage", "6.5.7638")
	q, err := readQuery(r.URL.RawQuery)
	if err != nil {
		record.Answered = "status-400"
		page(w, http.StatusBadRequest, "Bad Request: "+err.Error())
		return
	}
	record.understood(q)
	fault := s.faultOf(q, ordered)
	if !s.wait(r.Context(), s.Latency+fault.Delay) {
		record.Answered = "gone"
		panic(http.ErrAbortHandler)
	}
	record.Answered = fault.label()
	d := &delivery{w, r, s.closed, s.answer(q, fault)}
	d.send(fault)
}

// wait lets d pass and reports whether anybody is still there to be answered.
func (s *Server) wait(ctx context.Context, d time.Duration) bool {
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
	case <-s.closed:
		return false
	}
}
