package autodiscovertest

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
)

// Where the service answers, without regard to case, as IIS has it.
const (
	SOAPPath = "/autodiscover/autodiscover.svc"
	POXPath  = "/autodiscover/autodiscover.xml"
)

// maxBody is the longest request in bytes.
const maxBody = 256 << 10

// Service is a pretend Autodiscover service: an http.Handler. Make one with [New].
// The exported fields may be changed before it serves; the methods may be called at
// any time.
type Service struct {
	// Username and Password are demanded by Basic authentication, unless Username
	// is empty.
	Username, Password string
	// HTTPSNamespace makes it write its namespace with https, as pages of
	// Microsoft's documentation print it.
	HTTPSNamespace bool

	dialect *traits

	mu        sync.Mutex
	mailboxes map[string]Mailbox // by address in lower case
	domains   map[string]Domain  // by name in lower case
	failing   int                // calls that will fail, -1 for all
	fault     Fault
	requests  []Request
}

// Mailbox is what the service says of a mailbox.
type Mailbox struct {
	// ExternalEWS and InternalEWS are URLs of EWS for clients outside and inside.
	// Of an empty one the service says that it is not available.
	ExternalEWS, InternalEWS string
	// RedirectAddress is the address, and RedirectURL the service, to ask about or
	// instead, if one is not empty.
	RedirectAddress, RedirectURL string
}

// Domain is what the service says of a domain.
type Domain struct {
	ExternalEWS                  string
	RedirectAddress, RedirectURL string
}

// Request is a call, whatever became of it.
type Request struct {
	Host      string // with the port if the client sent one
	Path      string
	Operation string // "GetUserSettings", "GetDomainSettings" or "POX"; empty if not understood
	Subject   string // the mailbox or domain asked about
	Username  string // of Basic authentication
	Header    http.Header
	// Refused says what was wrong with it, if anything was.
	Refused string
}

// New returns a service that knows nobody.
func New(d Dialect) *Service {
	return &Service{dialect: &dialects[d], mailboxes: make(map[string]Mailbox), domains: make(map[string]Domain)}
}

// SetMailbox makes the service know a mailbox.
func (s *Service) SetMailbox(address string, m Mailbox) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mailboxes[strings.ToLower(address)] = m
}

// SetDomain makes the service know a domain.
func (s *Service) SetDomain(name string, d Domain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.domains[strings.ToLower(name)] = d
}

// Fail lets the next n calls fail, or with n -1 all, until it is called again; the
// zero Fault heals.
func (s *Service) Fail(n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing, s.fault = n, f
}

// Requests returns the calls so far, in their order.
func (s *Service) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

func (s *Service) nextFault() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing == 0 {
		return Fault{}
	}
	if s.failing > 0 {
		s.failing--
	}
	return s.fault
}

func (s *Service) record(r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
}

// ServeHTTP answers one call.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	record := Request{Host: r.Host, Path: r.URL.Path, Header: r.Header.Clone()}
	record.Username, _, _ = r.BasicAuth()
	fault := s.nextFault()
	if fault.inFront() {
		record.Refused = fault.Name
		s.record(record)
		fault.serve(w, r)
		return
	}
	status, answer := s.answer(w, r, fault, &record)
	s.record(record)
	if answer == nil {
		page(w, status, http.StatusText(status), "")
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(fault.spoil(answer))
}

// answer returns the XML answered, or none where the web server itself answers.
func (s *Service) answer(w http.ResponseWriter, r *http.Request, f Fault, record *Request) (status int, xml []byte) {
	for name, value := range s.dialect.header {
		w.Header().Set(name, value)
	}
	soap := strings.EqualFold(r.URL.Path, SOAPPath)
	if status := s.admit(w, r, soap); status != http.StatusOK {
		record.Refused = fmt.Sprintf("status-%d", status)
		return status, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		record.Refused = "status-413"
		return http.StatusRequestEntityTooLarge, nil
	}
	if soap {
		return s.answerSOAP(r, body, f, record)
	}
	return http.StatusOK, s.answerPOX(body, f, record)
}

// admit returns the status with which the web server itself answers, OK if it passes
// the call on. IIS authenticates before it looks at anything but the path.
func (s *Service) admit(w http.ResponseWriter, r *http.Request, soap bool) int {
	if !soap && !strings.EqualFold(r.URL.Path, POXPath) || soap && !s.dialect.soap {
		return http.StatusNotFound
	}
	if user, password, _ := r.BasicAuth(); s.Username != "" && (user != s.Username || password != s.Password) {
		w.Header()["Www-Authenticate"] = []string{"Negotiate", "NTLM", `Basic realm="autodiscovertest"`}
		return http.StatusUnauthorized
	}
	if soap && r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method == http.MethodPost && (err != nil || media != "text/xml" || !strings.EqualFold(params["charset"], "utf-8")) {
		return http.StatusUnsupportedMediaType
	}
	return http.StatusOK
}
