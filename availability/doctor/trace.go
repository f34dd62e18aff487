package doctor

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sort"
	"strings"
	"sync"
	"time"
)

// Trace writes down what goes to servers and comes from them, without secrets. The
// zero value is ready, and so is nil, which writes nothing down.
type Trace struct {
	mu        sync.Mutex
	exchanges []exchange
	since     int // the first of the latest call
}

// exchange is one request and its response.
type exchange struct {
	at, end           time.Time
	request, response string // as they went over the wire, without secrets
	status            string
	unauthorized      bool
	token             bool // for a token, not for free/busy
}

// The most that is kept of one body, in bytes, and of exchanges.
const (
	mostBody      = 16 << 10
	mostExchanges = 100
)

// Transport returns next, watched.
func (t *Trace) Transport(next http.RoundTripper) http.RoundTripper {
	return watched(func(r *http.Request) (*http.Response, error) {
		begun := time.Now()
		e := exchange{at: begun, request: t.requestText(r), token: isForm(r.Header)}
		response, err := next.RoundTrip(r)
		e.end = time.Now()
		if err != nil {
			e.status, e.response = err.Error(), err.Error()+"\n"
			t.add(e)
			return response, err
		}
		e.status, e.unauthorized = response.Status, response.StatusCode == http.StatusUnauthorized
		body := &watchedBody{ReadCloser: response.Body}
		body.done = func() {
			e.response = response.Proto + " " + response.Status + "\n" + headers(response.Header) + "\n" + hide(body.kept.Bytes()) + "\n"
			e.end = time.Now()
			t.add(e)
		}
		response.Body = body
		return response, nil
	})
}

type watched func(*http.Request) (*http.Response, error)

func (w watched) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

func isForm(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "application/x-www-form-urlencoded")
}

func (t *Trace) requestText(r *http.Request) string {
	text := r.Method + " " + r.URL.Redacted() + "\n" + headers(r.Header) + "\n"
	switch {
	case isForm(r.Header):
		return text + "…\n" // a client's secret, or its assertion
	case r.GetBody != nil:
		if body, err := r.GetBody(); err == nil {
			defer body.Close()
			data, _ := io.ReadAll(io.LimitReader(body, mostBody))
			return text + hide(data) + "\n"
		}
	}
	return text
}

// watchedBody keeps what is read of a response.
type watchedBody struct {
	io.ReadCloser
	kept bytes.Buffer
	once sync.Once
	done func()
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.kept.Write(p[:min(n, max(0, mostBody-b.kept.Len()))])
	if err != nil {
		b.once.Do(b.done)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(b.done)
	return err
}

// secretHeaders prove who somebody is; of them only the first word is shown.
var secretHeaders = map[string]bool{
	"Authorization": true, "Proxy-Authorization": true, "Www-Authenticate": true, "Cookie": true, "Set-Cookie": true,
}

func headers(h http.Header) string {
	var names []string
	for name := range h {
		names = append(names, name)
	}
	sort.Strings(names)
	var b strings.Builder
	for _, name := range names {
		for _, value := range h[name] {
			if word, rest, _ := strings.Cut(value, " "); secretHeaders[name] && (rest != "" || strings.Contains(name, "Cookie")) {
				if strings.Contains(name, "Cookie") {
					word = ""
				}
				value = strings.TrimSpace(word + " …")
			}
			fmt.Fprintf(&b, "%s: %.500s\n", name, value)
		}
	}
	return b.String()
}

// confidential are what bodies may hold that is nobody's business: tokens, and what
// appointments are about.
var confidential = regexp.MustCompile(`(?s)("(?:access|refresh|id)_token"\s*:\s*")[^"]*|(<(?:\w+:)?(?:Subject|Location|ID)>)[^<]*`)

func hide(body []byte) string {
	return confidential.ReplaceAllString(strings.ToValidUTF8(string(body), "\ufffd"), "$1$2…")
}

func (t *Trace) add(e exchange) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.exchanges) < mostExchanges {
		t.exchanges = append(t.exchanges, e)
	}
}

// String returns everything that was written down.
func (t *Trace) String() string {
	if t == nil {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for i, e := range t.exchanges {
		fmt.Fprintf(&b, "=== %d, %s, %v\n>>> %s\n<<< %s\n", i+1, e.at.UTC().Format(time.RFC3339Nano), e.end.Sub(e.at).Round(time.Microsecond), e.request, e.response)
	}
	return b.String()
}

// forget lets proving and last tell of what comes from now on.
func (t *Trace) forget() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since = len(t.exchanges)
}

// proving is how long it took to prove who asks: until the last challenge or token
// had come.
func (t *Trace) proving() (took time.Duration) {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.exchanges[t.since:] {
		if e.unauthorized || e.token {
			took = e.end.Sub(t.exchanges[t.since].at)
		}
	}
	return took
}

// last is what came of the last exchange.
func (t *Trace) last() string {
	if t == nil {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.exchanges) == t.since {
		return ""
	}
	return "HTTP " + t.exchanges[len(t.exchanges)-1].status
}
