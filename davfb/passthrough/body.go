package passthrough

import (
	"cmp"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"sync/atomic"
	"time"
)

// linger is how long the rest of a request that was answered early is taken off the
// client before its connection is closed, as closing it at once could destroy the
// answer on its way (RFC 9112, 9.6).
const linger = time.Second

// clientBody is the body of a request.
type clientBody struct {
	io.ReadCloser
	exchange *exchange
	done     chan struct{} // closed at its end
	ended    chan struct{} // closed when the request is over
	expected bool          // the client waits to be told "100 Continue"
	invited  chan struct{} // closed when it has been told
	gone     chan struct{} // closed when the server's connection is
	answered atomic.Bool   // the server has said anything
	begun    bool          // it has been read from, which invites the client; for Read alone

	reading sync.Mutex // held as long as it is read

	mu      sync.Mutex
	failure error // to read it
	over    bool  // the deadlines are the http.Server's again
}

func newBody(x *exchange, r *http.Request) *clientBody {
	return &clientBody{ReadCloser: r.Body, exchange: x, expected: r.Header.Get("Expect") != "", gone: linkOf(r).gone,
		done: make(chan struct{}), ended: make(chan struct{}), invited: make(chan struct{})}
}

// trace learns what the server says before the body is sent.
func (b *clientBody) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotFirstResponseByte: func() { b.answered.Store(true) },
		// Called after that of the ReverseProxy, so the client knows it, too.
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			if code == http.StatusContinue && !isClosed(b.invited) {
				close(b.invited)
			}
			return nil
		},
	}
}

func (b *clientBody) Read(p []byte) (int, error) {
	if b.expected && !b.begun && b.answered.Load() {
		// If the server has refused the request without its body, a transport wants
		// to send it nevertheless, to use the connection again. But the client would
		// have to be invited first, and keeps it. An error at once would take the
		// place of the answer. After what was no answer, a transport closes the
		// connection, but waits for the body before it says so.
		select {
		case <-b.invited:
		case <-b.ended:
			return 0, errUninvited
		case <-b.gone:
			return 0, errUninvited
		}
	}
	b.begun = true
	if !b.setDeadline(time.Now().Add(b.exchange.idle)) {
		return 0, http.ErrBodyReadAfterClose
	}
	b.reading.Lock()
	defer b.reading.Unlock()
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		// The server may think for as long as HeaderTimeout lets it, and that the
		// client leaves is noticed by reading.
		b.setDeadline(time.Time{})
		if !b.complete() {
			close(b.done)
		}
	case err != nil:
		b.mu.Lock()
		b.failure = cmp.Or(b.failure, err)
		b.mu.Unlock()
	}
	return n, err
}

// setDeadline moves the deadline for what the client sends, unless the request is over.
func (b *clientBody) setDeadline(at time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		_ = b.exchange.client.SetReadDeadline(at)
	}
	return !b.over
}

// end gives the rest of the body, if there is any, a moment to come.
func (b *clientBody) end() {
	close(b.ended)
	if !b.complete() {
		b.setDeadline(time.Now().Add(linger))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// broken returns why the body could not be read, or nil.
func (b *clientBody) broken(left bool) error {
	if b == nil {
		return nil
	}
	if left {
		// Perhaps because it could not be read: net/http cancels a request before
		// it says so.
		b.reading.Lock()
		defer b.reading.Unlock()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failure
}

// complete reports whether the body has been read to its end.
func (b *clientBody) complete() bool { return isClosed(b.done) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// completeSoon waits a moment for the end of a body that is being sent.
func (b *clientBody) completeSoon() bool {
	if b.expected && !isClosed(b.invited) {
		return b.complete()
	}
	// As long as net/http waits before it gives up the connection.
	moment := time.NewTimer(50 * time.Millisecond)
	defer moment.Stop()
	select {
	case <-b.done:
		return true
	case <-moment.C:
		return false
	}
}

// errUninvited is that the client was not asked for the body.
var errUninvited = errors.New("the server answered without asking for the body")

// isTimeout reports whether an error is that of a deadline.
func isTimeout(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}
