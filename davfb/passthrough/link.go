package passthrough

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// link is a client's connection, and the one to the server that goes with it.
type link struct {
	handler   *Handler
	client    net.Conn
	transport *http.Transport
	watched   atomic.Bool   // ConnState is called
	gone      chan struct{} // closed when there has been a server, and it is gone

	mu      sync.Mutex
	server  *serverConn // nil before there is one
	proof               // what has been shown on it
	owner   string      // the address of whoever sent the last request
	claimed bool        // somebody has
	idle    bool        // the client is between two requests
	lost    bool        // gone is closed
	ended   bool        // the client is gone
}

var (
	// errLost is that the server closed the connection since the last request. A new
	// one would know nothing of who has logged in on the old one.
	errLost = errors.New("the server closed the connection that goes with the client's")
	errFull = errors.New("there are MaxConnections connections to the server")
	errGone = errors.New("the client is gone")
)

type linkKey struct{}

func linkOf(r *http.Request) *link {
	l, _ := r.Context().Value(linkKey{}).(*link)
	return l
}

// ConnContext is for the http.Server's field of that name.
func (h *Handler) ConnContext(ctx context.Context, client net.Conn) context.Context {
	l := &link{handler: h, client: client, gone: make(chan struct{})}
	l.transport = h.transport(l.dial)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.links[client] = l
	return context.WithValue(ctx, linkKey{}, l)
}

// ConnState is for the http.Server's field of that name.
func (h *Handler) ConnState(client net.Conn, state http.ConnState) {
	h.mu.Lock()
	l := h.links[client]
	if state == http.StateClosed || state == http.StateHijacked {
		delete(h.links, client)
	}
	h.mu.Unlock()
	if l == nil {
		return
	}
	switch state {
	case http.StateNew:
		l.watched.Store(true)
	case http.StateClosed, http.StateHijacked:
		l.end()
	default:
		l.setIdle(state == http.StateIdle)
	}
}

// setIdle notes whether the client is between two requests. If the server has gone
// meanwhile, the client learns it as it would without us in between.
func (l *link) setIdle(idle bool) {
	l.mu.Lock()
	l.idle = idle
	hangUp := l.idle && l.lost
	l.mu.Unlock()
	if hangUp {
		_ = l.client.Close()
	}
}

// end closes the server's connection, as the client's is closed.
func (l *link) end() {
	l.mu.Lock()
	l.ended = true
	server := l.server
	l.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
	l.transport.CloseIdleConnections()
}

// detach forgets the server's connection, which the caller then closes: the next
// request opens another one, that knows nothing of this one. It returns nil if there is
// none, or if it is closed already.
func (l *link) detach() *serverConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost {
		return nil
	}
	server := l.server
	l.server, l.proof = nil, proof{}
	return server
}

// leave closes the server's connection, between two requests, if it may have been
// authenticated.
func (l *link) leave() {
	l.mu.Lock()
	bound := l.bound
	l.mu.Unlock()
	if !bound {
		return
	}
	if server := l.detach(); server != nil {
		l.transport.CloseIdleConnections()
		_ = server.Close()
	}
}

// lose notes that the server's connection is closed, by whomever.
func (l *link) lose(server *serverConn) {
	l.mu.Lock()
	if l.server != server { // detached
		l.mu.Unlock()
		return
	}
	l.lost, l.proof = true, proof{}
	close(l.gone)
	hangUp := l.idle && !l.ended
	l.mu.Unlock()
	if hangUp {
		_ = l.client.Close()
	}
}

// dial opens the one connection to the server there is for this client.
func (l *link) dial(_ context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	had := l.server != nil
	l.mu.Unlock()
	if had {
		return nil, errLost
	}
	h := l.handler
	select {
	case h.slots <- struct{}{}:
	default:
		return nil, errFull
	}
	conn, err := h.config.Dial(network, address)
	if err != nil {
		<-h.slots
		return nil, err
	}
	server := &serverConn{Conn: conn, link: l, limit: max(h.config.HeaderTimeout, h.config.IdleTimeout)}
	l.mu.Lock()
	l.server = server
	ended := l.ended
	l.mu.Unlock()
	if ended {
		_ = server.Close()
		return nil, errGone
	}
	return server, nil
}

// serverConn is the server's connection. It ends when nothing has moved on it for
// limit.
type serverConn struct {
	net.Conn
	link  *link
	limit time.Duration
	once  sync.Once
}

func (c *serverConn) Read(p []byte) (int, error) {
	_ = c.SetReadDeadline(time.Now().Add(c.limit))
	return c.Conn.Read(p)
}

func (c *serverConn) Write(p []byte) (int, error) {
	// A read waits for the answer meanwhile; it has to last longer than what is sent.
	_ = c.SetDeadline(time.Now().Add(c.limit))
	return c.Conn.Write(p)
}

func (c *serverConn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = c.Conn.Close()
		<-c.link.handler.slots
		c.link.lose(c)
	})
	return err
}
