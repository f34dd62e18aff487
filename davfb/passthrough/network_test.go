package passthrough_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/davfb/passthrough"
)

// network is one without a kernel in between: what is written has been read, and time
// is that of the bubble a test runs in. A bubble does not end while anything in it
// lives on, so every test that has one is a test for what is left behind.
type network struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

func newNetwork() *network {
	return &network{connections: make(chan net.Conn), closed: make(chan struct{})}
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.connections:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

func (n *network) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// dial connects to whoever accepts.
func (n *network) dial(string, string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case n.connections <- there:
		return here, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// pair is a gateway between a client and a server.
type pair struct {
	clients, server *network
	log             *journal
	handler         *passthrough.Handler
}

// between returns a gateway. The server is played by serve, once for each connection.
func between(t *testing.T, c passthrough.Config, serve func(net.Conn)) *pair {
	t.Helper()
	p := &pair{clients: newNetwork(), server: newNetwork(), log: &journal{}}
	c.URL, c.Dial = "http://exchange", p.server.dial
	c.Log = slog.New(slog.NewTextHandler(p.log, nil))
	handler, err := passthrough.New(c)
	if err != nil {
		t.Fatal(err)
	}
	p.handler = handler
	gateway := &http.Server{Handler: handler, ConnContext: handler.ConnContext, ConnState: handler.ConnState,
		ReadTimeout: 20 * time.Second, WriteTimeout: 40 * time.Second, IdleTimeout: time.Hour}
	var servers sync.WaitGroup
	servers.Go(func() { _ = gateway.Serve(p.clients) })
	servers.Go(func() {
		for {
			c, err := p.server.Accept()
			if err != nil {
				return
			}
			servers.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		gateway.Close()
		p.server.Close()
		servers.Wait()
	})
	return p
}

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// client is a connection to the gateway.
type client struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (p *pair) connect(t *testing.T) *client {
	t.Helper()
	c, err := p.clients.dial("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &client{c, t, bufio.NewReader(c)}
}

// send writes lines that end with \r\n where the text has \n.
func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		c.t.Fatal(err)
	}
}

// answer reads a response and its body.
func (c *client) answer(method string) (*http.Response, string) {
	c.t.Helper()
	response, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response, string(body)
}

// ended reports how the connection ended, without a byte more.
func (c *client) ended() {
	c.t.Helper()
	if n, err := c.r.Read(make([]byte, 1)); n != 0 || err == nil {
		c.t.Errorf("%d bytes, %v, instead of the end", n, err)
	}
}

// speaks serves HTTP on one connection.
func speaks(handler http.HandlerFunc) func(net.Conn) {
	return func(c net.Conn) {
		one := &single{conn: c, closed: make(chan struct{})}
		server := &http.Server{Handler: handler, ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				one.Close()
			}
		}}
		_ = server.Serve(one)
	}
}

// single is a listener of one connection.
type single struct {
	conn   net.Conn
	closed chan struct{}
	once   sync.Once
}

func (s *single) Accept() (net.Conn, error) {
	if c := s.conn; c != nil {
		s.conn = nil
		return c, nil
	}
	<-s.closed
	return nil, net.ErrClosed
}

func (s *single) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *single) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// request reads one, on a connection of a server that is no http.Server.
func request(t *testing.T, r *bufio.Reader) *http.Request {
	q, err := http.ReadRequest(r)
	if err != nil {
		t.Error(err)
		return &http.Request{Body: http.NoBody}
	}
	return q.WithContext(context.Background())
}
