package credential_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"

	"fbgate/availability/credential"
	"fbgate/availability/exchangetest/authtest"
)

// inNetwork runs a test within a bubble of synctest, with a server that is reached
// by pipes. The bubble does not end before every goroutine has: what leaks fails.
func inNetwork(t *testing.T, test func(t *testing.T, n *network)) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{accept: make(chan net.Conn), closed: make(chan struct{})}
		test(t, n)
		for _, transport := range n.transports {
			transport.CloseIdleConnections()
		}
		n.server.Close()
	})
}

// network is a listener, and what dials it.
type network struct {
	accept chan net.Conn
	closed chan struct{}
	close  sync.Once
	server *http.Server

	transports []*http.Transport

	mu     sync.Mutex
	served []net.Conn // the server's ends
}

// client serves a handler and returns an account's way to it, with n lanes.
func (n *network) client(t *testing.T, handler *authtest.Handler, outer func(http.Handler) http.Handler, lanes int) http.RoundTripper {
	n.server = &http.Server{Handler: outer(handler), ConnContext: handler.ConnContext}
	go n.server.Serve(n)
	kind := ntlm("svc", "secret")
	kind.Connections = lanes
	return credential.New(kind, func(*url.URL) bool { return true }).Transport(func(most int) http.RoundTripper {
		base := own(t, &http.Transport{MaxConnsPerHost: most, DialContext: n.dial})
		n.transports = append(n.transports, base)
		return base
	})
}

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case n.accept <- server:
		n.mu.Lock()
		n.served = append(n.served, server)
		n.mu.Unlock()
		return client, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// breakAll ends all connections, as a restart of the server does.
func (n *network) breakAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, conn := range n.served {
		conn.Close()
	}
	n.served = nil
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case conn := <-n.accept:
		return conn, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	n.close.Do(func() { close(n.closed) })
	return nil
}

func (n *network) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }
