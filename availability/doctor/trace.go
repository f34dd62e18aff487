package doctor

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Trace watches what goes to servers and comes from them. Its zero value is ready.
type Trace struct {
	mu        sync.Mutex
	exchanges []*exchange
	since     int // the first of the latest call
	secrets   map[string]bool
}

// exchange is one request and its response. All but what is known from the beginning
// is guarded by Trace.mu.
type exchange struct {
	begun    time.Time
	host     string
	token    bool   // for a token, not for free/busy
	request  string // without its body
	question []byte // the beginning of that

	end      time.Time
	status   int    // 0 as long as there is no response
	response string // without its body
	body     []byte // its beginning
	length   int
}

// The most that is kept of one body, in bytes, and of exchanges. Of those beyond, it
// is only known that they were.
const (
	mostBody      = 16 << 10
	mostExchanges = 200
)

// Transport returns next, watched. It leaves requests and responses as they are.
func (t *Trace) Transport(next http.RoundTripper) http.RoundTripper { return watched{t, next} }

type watched struct {
	trace *Trace
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	e := w.trace.begin(r)
	response, err := w.next.RoundTrip(r)
	w.trace.answered(e, response, err)
	if err == nil && response.Body != http.NoBody && response.StatusCode != http.StatusSwitchingProtocols {
		response.Body = &watchedBody{response.Body, w.trace, e}
	}
	return response, err
}

func (t *Trace) begin(r *http.Request) *exchange {
	e := &exchange{begun: time.Now(), host: r.URL.Host, token: isForm(r.Header)}
	body := bodyOf(r)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.exchanges) < mostExchanges {
		e.request = r.Method + " " + r.URL.Redacted() + "\n" + headers(r.Header)
		e.question = body
		for _, secret := range secretsOf(r, body) {
			if t.secrets == nil {
				t.secrets = make(map[string]bool)
			}
			t.secrets[secret] = true
		}
	}
	t.exchanges = append(t.exchanges, e)
	return e
}

func (t *Trace) answered(e *exchange, response *http.Response, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.end = time.Now()
	if err != nil {
		e.response = err.Error() + "\n"
		return
	}
	e.status = response.StatusCode
	e.response = response.Proto + " " + response.Status + "\n" + headers(response.Header)
}

// watchedBody notes what is read of a response.
type watchedBody struct {
	io.ReadCloser
	trace *Trace
	e     *exchange
}

// Read implements io.Reader.
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.trace.mu.Lock()
	defer b.trace.mu.Unlock()
	b.e.end = time.Now()
	b.e.length += n
	if b.e.request != "" {
		b.e.body = append(b.e.body, p[:min(n, mostBody-len(b.e.body))]...)
	}
	return n, err
}

// isForm tells a call for a token: nothing else is asked by a form.
func isForm(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// forget lets seen tell of what comes from now on.
func (t *Trace) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since = len(t.exchanges)
}

// evidence is what was seen of a call.
type evidence struct {
	asked  bool      // something was sent to the server, or begun to
	status int       // of the last response of the server, 0 if there was none
	host   string    // that sent it
	proven time.Time // when the request that was not answered by 401 was sent, or now
}

// seen returns what was seen since forget was called.
func (t *Trace) seen() (seen evidence) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.exchanges[t.since:] {
		if e.token {
			continue
		}
		seen.asked = true
		if e.status != 0 {
			seen.status, seen.host = e.status, e.host
		}
		if e.status != http.StatusUnauthorized && seen.proven.IsZero() {
			seen.proven = e.begun
		}
	}
	if seen.proven.IsZero() {
		seen.proven = time.Now()
	}
	return seen
}
