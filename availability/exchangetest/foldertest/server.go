package foldertest

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"fbgate/availability/exchangetest/pretend"
)

// Path is the root of the public folders.
const Path = "/public/"

// maxBody is how long a PROPPATCH may be, in bytes.
const maxBody = 1 << 20

// Server is a pretend Exchange 2003: an http.Handler. Make one with [New]. The exported
// fields may be changed before it serves; the methods may be called at any time.
type Server struct {
	// Username and Password are demanded by Basic authentication, unless Username is
	// empty.
	Username, Password string
	// Chunked sends replies without their length, as IIS does with long ones.
	Chunked bool
	// Latency passes before each answer.
	Latency time.Duration

	pretend.Record[Request]

	closed chan struct{}
	close  sync.Once

	mu      sync.Mutex
	folders map[string]bool // by "/o=…/ou=…" in lower case
	items   map[string]Item // by legacyExchangeDN in lower case
	faults  map[string]*Fault
	all     *Fault
}

// Request is what is remembered of one.
type Request struct {
	Method string
	DN     string // in lower case, of the item it was about
	Status int    // 0 if there was no answer
}

var _ http.Handler = (*Server)(nil)

// New returns a server with empty folders for these administrative groups, such as
// "/o=Contoso/ou=First Administrative Group".
func New(folders ...string) *Server {
	s := &Server{
		closed: make(chan struct{}), folders: make(map[string]bool),
		items: make(map[string]Item), faults: make(map[string]*Fault),
	}
	for _, folder := range folders {
		s.folders[strings.ToLower(folder)] = true
	}
	return s
}

// Start serves on a free port of 127.0.0.1 and returns the URL of the public folders' root
// and what stops it.
func (s *Server) Start() (url string, stop func(), err error) {
	url, stop, err = pretend.Listen(s, s.Close)
	return url + Path, stop, err
}

// Close ends the calls that hang.
func (s *Server) Close() { s.close.Do(func() { close(s.closed) }) }

// Item returns the item of a mailbox, and whether there is one.
func (s *Server) Item(legacyDN string) (Item, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item, ok := s.items[strings.ToLower(legacyDN)]
	return item, ok
}

// Items returns the legacyExchangeDNs, in lower case and sorted, of all mailboxes that
// have an item.
func (s *Server) Items() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	dns := make([]string, 0, len(s.items))
	for dn := range s.items {
		dns = append(dns, dn)
	}
	slices.Sort(dns)
	return dns
}

// Put keeps an item as if somebody else had written it.
func (s *Server) Put(item Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[strings.ToLower(item.DN)] = item
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Begin()
	seen := &Request{Method: r.Method}
	defer func() { s.End(*seen) }()
	reply := &reply{ResponseWriter: w, seen: seen, chunked: s.Chunked}

	w.Header().Set("Server", "Microsoft-IIS/6.0")
	if user, password, _ := r.BasicAuth(); s.Username != "" && (user != s.Username || password != s.Password) {
		w.Header().Set("WWW-Authenticate", `Basic realm="foldertest"`)
		reply.page(http.StatusUnauthorized, "You are not authorized to view this page")
		return
	}
	folder, dn, err := parsePath(r.URL.EscapedPath())
	if err != nil {
		reply.page(http.StatusNotFound, err.Error())
		return
	}
	seen.DN = strings.ToLower(dn)
	if s.Latency > 0 && !s.wait(r, s.Latency) {
		panic(http.ErrAbortHandler)
	}
	fault := s.fault(seen.DN)
	if fault.answers() && !fault.Late {
		s.fail(reply, r, fault)
		return
	}
	if fault.answers() { // do as asked, and then as if not
		s.answer(discard(seen), r, folder, dn, Fault{})
		s.fail(reply, r, fault)
		return
	}
	s.answer(reply, r, folder, dn, fault)
}

func (s *Server) answer(w *reply, r *http.Request, folder, dn string, f Fault) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		w.page(http.StatusBadRequest, "the body: "+err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(dn)
	item, exists := s.items[key]
	switch {
	case r.Method == "PROPPATCH":
		s.propPatch(w, r, folder, dn, body, f)
	case !exists:
		w.page(http.StatusNotFound, "Resource Not Found")
	case r.Method == http.MethodDelete:
		delete(s.items, key)
		w.page(http.StatusOK, "OK")
	case r.Method == http.MethodGet:
		w.page(http.StatusOK, item.Subject)
	case r.Method == "PROPFIND":
		propFind(w, r, item, body)
	default:
		w.page(http.StatusMethodNotAllowed, "Method Not Allowed")
	}
}

func (s *Server) propPatch(w *reply, r *http.Request, folder, dn string, body []byte, f Fault) {
	if !s.folders[strings.ToLower(folder)] {
		w.page(http.StatusConflict, "there is no folder "+folder)
		return
	}
	properties, err := readUpdate(r.Header, body)
	if err != nil {
		w.page(http.StatusBadRequest, err.Error())
		return
	}
	item, err := properties.item(dn)
	if err != nil {
		w.page(http.StatusBadRequest, err.Error())
		return
	}
	if f.Property != 0 {
		w.multistatus(patched(r, properties, f.Property))
		return
	}
	s.items[strings.ToLower(dn)] = item
	w.multistatus(patched(r, properties, http.StatusOK))
}

// wait lets d pass and reports whether anybody is still there to be answered.
func (s *Server) wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.closed:
	}
	return false
}

// reply is an answer on its way to the client.
type reply struct {
	http.ResponseWriter
	seen    *Request
	chunked bool
}

// discard returns a reply nobody gets.
func discard(seen *Request) *reply {
	return &reply{ResponseWriter: nowhere{}, seen: &Request{Method: seen.Method}}
}

type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

func (w *reply) page(status int, title string) {
	w.send(status, "text/html", fmt.Sprintf("<html><head><title>%s</title></head></html>", title))
}

func (w *reply) multistatus(body string) {
	w.send(http.StatusMultiStatus, "text/xml", `<?xml version="1.0"?>`+body)
}

func (w *reply) send(status int, contentType, body string) {
	w.seen.Status = status
	w.Header().Set("Content-Type", contentType)
	if !w.chunked {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
	if w.chunked {
		_ = http.NewResponseController(w.ResponseWriter).Flush()
	}
}
