package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// network is one in memory, so that all of the gateway and its partners can live in a
// bubble of synctest: names, ports, connections that break, and net/http and crypto/tls
// at both ends of them.
type network struct {
	world *universe

	mu         sync.Mutex
	hosts      map[string]*host // by name and port
	transports []*http.Transport
}

// host is a server by its name.
type host struct {
	name     string
	server   *http.Server
	accepted chan net.Conn
	closed   chan struct{}
	down     atomic.Bool               // refuses connections
	lies     atomic.Pointer[lie]       // nil: it shows the certificate it should
	until    atomic.Pointer[time.Time] // when its certificate ends; nil: in some days
	secure   bool
}

var _ net.Listener = (*host)(nil)

// serve makes handler the server of a name and port.
func (n *network) serve(name string, secure bool, handler http.Handler) *host {
	h := &host{name: name, accepted: make(chan net.Conn), closed: make(chan struct{}), secure: secure}
	h.server = &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	var l net.Listener = h
	if secure {
		l = tls.NewListener(h, &tls.Config{GetCertificate: h.certificate})
	}
	n.hosts[name] = h
	go func() { _ = h.server.Serve(l) }() // it ends with ErrServerClosed only
	return h
}

// watch makes a transport of the gateway dial here.
func (n *network) watch(transport http.RoundTripper) http.RoundTripper {
	t := transport.(*http.Transport)
	t.Proxy, t.DialContext = nil, n.dial
	if t.TLSClientConfig.RootCAs == nil { // those this machine trusts
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		t.TLSClientConfig.RootCAs.AddCert(modelCA.certificate)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.transports = append(n.transports, t)
	return t
}

func (n *network) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: kind, Err: err}
	}
	h := n.hosts[address]
	if h == nil {
		return fail(&net.DNSError{Err: "no such host", Name: address, IsNotFound: true})
	}
	switch fault := n.world.dialFault(h); {
	case h.down.Load(), fault == refuses:
		return fail(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	case fault == unnamed:
		return fail(&net.DNSError{Err: "server misbehaving", Name: address, IsTemporary: true})
	case fault == silent:
		<-ctx.Done()
		return fail(ctx.Err())
	case fault == lying && h.secure:
		h.lies.Store(new(n.world.anyLie(h)))
	default:
		h.lies.Store(nil)
	}
	near, far := newCord(address)
	select {
	case h.accepted <- far:
		return near, nil
	case <-h.closed:
		return fail(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	case <-ctx.Done():
		return fail(ctx.Err())
	}
}

// hangUp closes the connections that nothing goes over.
func (n *network) hangUp() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, t := range n.transports {
		t.CloseIdleConnections()
	}
}

// close ends all servers and connections.
func (n *network) close() {
	for _, h := range n.hosts {
		_ = h.server.Close()
	}
	n.hangUp()
}

// Accept implements net.Listener.
func (h *host) Accept() (net.Conn, error) {
	select {
	case conn := <-h.accepted:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *host) Close() error {
	close(h.closed) // net/http closes a listener once
	return nil
}

// Addr implements net.Listener.
func (h *host) Addr() net.Addr { return &net.UnixAddr{Name: h.name, Net: "memory"} }

// resetConnection breaks the connection of a reply under way.
func resetConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	switch conn := conn.(type) {
	case *cord:
		conn.reset()
	case *net.TCPConn:
		_ = conn.SetLinger(0)
	}
	_ = conn.Close()
}

// lie is what is wrong with a certificate.
type lie string

const (
	expired    lie = "expired"
	unknownCA  lie = "of an unknown CA"
	otherHost  lie = "of another host"
	notYetTrue lie = "not valid yet"
)

// certificate returns what the host shows: one of a week around now, unless it lies.
func (h *host) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	name, _, _ := net.SplitHostPort(h.name)
	ca, from, to := modelCA, time.Now().Add(-24*time.Hour), time.Now().Add(6*24*time.Hour)
	if until := h.until.Load(); until != nil {
		to = *until
	}
	if l := h.lies.Load(); l != nil {
		switch *l {
		case expired:
			to = time.Now().Add(-time.Minute)
		case notYetTrue:
			from = time.Now().Add(time.Minute)
		case unknownCA:
			ca = strangeCA
		case otherHost:
			name = "www." + name
		}
	}
	return ca.issue(name, from, to), nil
}

// issuer is a CA. One key does for all: what is tested is who believes whom.
type issuer struct {
	certificate *x509.Certificate
	pem         []byte
}

var (
	modelKey  = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	modelCA   = newIssuer("Model CA")
	strangeCA = newIssuer("Strange CA")
	serial    atomic.Int64
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func newIssuer(name string) *issuer {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Unix(0, 0), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, modelKey.Public(), modelKey))
	return &issuer{must(x509.ParseCertificate(der)), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue returns a certificate of a host: a name or an address.
func (a *issuer) issue(name string, from, to time.Time) *tls.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial.Add(1) + 1), Subject: pkix.Name{CommonName: name},
		NotBefore: from, NotAfter: to, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der := must(x509.CreateCertificate(rand.Reader, template, a.certificate, modelKey.Public(), modelKey))
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: modelKey}
}

// String names the host in stories.
func (h *host) String() string { return fmt.Sprintf("%s, down %v", h.name, h.down.Load()) }
