// Package upstream makes single HTTP calls to organizations' servers: bounded in
// size, never redirected unseen, and with an [availability.Reason] for whatever
// goes wrong.
package upstream

import (
	"cmp"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fbgate/availability"
)

// DefaultMaxBytes is the longest reply a Client without MaxBytes reads.
const DefaultMaxBytes = 16 << 20

// Client makes calls. Its zero value calls by http.DefaultTransport.
type Client struct {
	// Transport sends the requests and proves who asks.
	Transport http.RoundTripper
	// Secrets returns what of the proof must not be shown, for [Client.Clean]. Nil:
	// nothing.
	Secrets   func() []string
	UserAgent string // default "fbgate"
	// RequesterHeader is the name of a header that tells the server the address of
	// who asks, where that is known; empty does not.
	RequesterHeader string
	MaxBytes        int64 // of one reply, default DefaultMaxBytes
	// Timeout is how long a call may take, default 25 seconds.
	Timeout time.Duration
	// Certificates remembers those that servers show. It may be nil.
	Certificates *Certificates
}

// Reply is what came back, read to its end.
type Reply struct {
	URL    *url.URL // of the request
	Status int
	Header http.Header
	Body   []byte // of a refusal it may be missing
}

// Do sends r, on behalf of whoever asked q, and reads the reply. Redirects are
// replies like any other. The error is an *availability.Reason.
func (c *Client) Do(q availability.Query, r *http.Request) (*Reply, error) {
	r.Header.Set("User-Agent", cmp.Or(c.UserAgent, "fbgate"))
	if q.RequestID != "" {
		// Exchange writes it into its own log, and returns it when asked to.
		r.Header.Set("client-request-id", q.RequestID)
		r.Header.Set("return-client-request-id", "true")
	}
	if c.RequesterHeader != "" && q.Requester.Mailbox.Domain() != "" {
		r.Header.Set(c.RequesterHeader, string(q.Requester.Mailbox))
	}
	timeout := cmp.Or(c.Timeout, 25*time.Second)
	late := availability.Because(availability.Timeout, "no complete reply from %s within %v", r.URL.Redacted(), timeout)
	late.Scope = availability.OfServer
	ctx, cancel := context.WithTimeoutCause(r.Context(), timeout, late)
	defer cancel()
	client := http.Client{
		Transport:     c.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(r.WithContext(ctx))
	if err != nil {
		return nil, transportReason(ctx, err)
	}
	defer response.Body.Close()
	c.Certificates.note(r.URL.Host, response.TLS)
	if !tells(response) {
		return &Reply{r.URL, response.StatusCode, response.Header, nil}, nil
	}
	body, err := c.read(ctx, response)
	if err != nil {
		return nil, err
	}
	return &Reply{r.URL, response.StatusCode, response.Header, body}, nil
}

// tells reports whether to read the body: that of a refusal only if its end is known,
// so that the connection can be used again.
func tells(response *http.Response) bool {
	if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusInternalServerError {
		return true
	}
	return 0 <= response.ContentLength && response.ContentLength <= 64<<10
}

func (c *Client) read(ctx context.Context, response *http.Response) ([]byte, error) {
	most := cmp.Or(c.MaxBytes, DefaultMaxBytes)
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	target := response.Request.URL.Redacted()
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		reason := availability.Because(availability.BadResponse, "the reply of %s was cut short after %d bytes", target, len(body))
		reason.Scope, reason.Again = availability.OfCall, true
		return nil, reason
	case err != nil && isGarbled(err):
		reason := availability.Because(availability.BadResponse, "the reply of %s cannot be decoded: %.200s", target, err)
		reason.Scope, reason.Again = availability.OfServer, true
		return nil, reason
	case err != nil:
		return nil, transportReason(ctx, err)
	case int64(len(body)) > most:
		reason := availability.Because(availability.BadResponse, "the reply of %s is longer than %d bytes", target, most)
		reason.Scope = availability.OfCall
		return nil, reason
	}
	return body, nil
}

// isGarbled reports whether a body is not what its header says of it: it is not
// compressed, or not in chunks. The connection is as it should be.
func isGarbled(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) ||
		strings.Contains(err.Error(), "chunk") // net/http has no type for those
}

// IsHTML reports whether a web page came, as log-in pages and proxies send.
func (r *Reply) IsHTML() bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind == "text/html"
}
