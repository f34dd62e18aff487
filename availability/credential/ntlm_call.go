package credential

import (
	"context"
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
)

// ntlmCall is one request on its way over a lane.
type ntlmCall struct {
	lane    *lane
	schemes *schemes
	host    string

	request *http.Request // without its Body
	body    replay

	username, password string
	secret             [sha256.Size]byte
}

// lostConnection is an error that another try may mend: the connection that
// carried the handshake, or was authenticated, went away.
type lostConnection struct{ error }

// roundTrip sends the request as it is over a connection that is authenticated, and
// with a handshake otherwise. One that was lost is replaced once.
//
// The request may then reach the server twice, even if it is a POST: what fbgate
// asks changes nothing there.
func (c *ntlmCall) roundTrip() (*http.Response, error) {
	if c.ready() {
		response, err := c.plain()
		_, lost := errors.AsType[lostConnection](err)
		switch {
		case lost:
		case err != nil || !wantsNTLM(response):
			return response, err
		default:
			// The server has forgotten the connection, or there is a new one. A
			// refusal that cannot be drained costs the connection and no more.
			if _, err := drain(response); err != nil && c.done() {
				return nil, err
			}
		}
		delete(c.lane.ready, c.host)
	}
	response, err := c.handshake()
	lost, again := errors.AsType[lostConnection](err)
	if again {
		response, err = c.handshake()
		lost, again = errors.AsType[lostConnection](err)
	}
	if again {
		return nil, lost.error
	}
	return response, err
}

// ready reports whether the lane has had an authenticated connection to the host.
// The transport may have replaced it; that shows only when the request is sent.
func (c *ntlmCall) ready() bool {
	proof, ok := c.lane.ready[c.host]
	return ok && proof.secret == c.secret
}

// remember notes that a connection needs no handshake.
func (c *ntlmCall) remember(conn net.Conn, response *http.Response) {
	if response.StatusCode == http.StatusUnauthorized || response.Close {
		delete(c.lane.ready, c.host)
		return
	}
	c.lane.ready[c.host] = proof{conn, c.secret}
}

// plain sends the request without a proof.
func (c *ntlmCall) plain() (*http.Response, error) {
	response, conn, err := c.send(c.request.Clone(c.request.Context()), c.body)
	if err != nil {
		if proof, ok := c.lane.ready[c.host]; ok && conn == proof.conn && !c.done() && !timedOut(err) {
			err = lostConnection{err}
		}
		return nil, err
	}
	c.remember(conn, response)
	return response, nil
}

// send sends r, which is the caller's to change, with a body, and returns the
// connection it was sent over last; nil if there was none.
func (c *ntlmCall) send(r *http.Request, body replay) (*http.Response, net.Conn, error) {
	r.Body, r.GetBody, r.ContentLength = nil, body.open, body.length
	if body.open != nil {
		opened, err := body.open()
		if err != nil {
			return nil, nil, err
		}
		r.Body = opened
	}
	var conn net.Conn
	trace := &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) { conn = got.Conn }}
	response, err := c.lane.transport.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	return response, conn, err
}

// done reports whether nobody waits for the answer any more.
func (c *ntlmCall) done() bool { return c.request.Context().Err() != nil }

func timedOut(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}
