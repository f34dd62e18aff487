package autodiscover_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability/autodiscover"
	"fbgate/availability/upstream"
)

// internet is hosts, their services, and a DNS.
type internet struct {
	services map[string]http.Handler // by scheme and host, "https://fabrikam.com"
	records  map[string][]*net.SRV   // by domain
	stranger string                  // a host whose certificate nobody trusts

	mu    sync.Mutex
	asked []string // scheme and host of all requests
	shown []string // of those that proved who asks
}

func newInternet() *internet {
	return &internet{services: make(map[string]http.Handler), records: make(map[string][]*net.SRV)}
}

func (n *internet) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if service != "autodiscover" || proto != "tcp" || n.records[name] == nil {
		return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return name, n.records[name], nil
}

func (n *internet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	place := "http://" + r.Host
	if r.TLS != nil {
		place = "https://" + r.Host
	}
	n.mu.Lock()
	n.asked = append(n.asked, place)
	if r.Header.Get("Authorization") != "" {
		n.shown = append(n.shown, place)
	}
	n.mu.Unlock()
	n.services[place].ServeHTTP(w, r)
}

func (n *internet) visited() (asked, shown []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.asked), slices.Clone(n.shown)
}

// RoundTrip answers without a network, which tests with synctest could not wait for.
func (n *internet) RoundTrip(r *http.Request) (*http.Response, error) {
	if n.services[r.URL.Scheme+"://"+r.URL.Host] == nil {
		return nil, noHost(r.URL.Host)
	}
	incoming := r.Clone(r.Context())
	incoming.Host = r.URL.Host
	if r.Body == nil {
		incoming.Body = http.NoBody
	}
	if r.URL.Scheme == "https" {
		incoming.TLS = new(tls.ConnectionState)
	}
	recorder, done := httptest.NewRecorder(), make(chan bool, 1)
	go func() {
		defer func() { done <- recover() == nil }()
		n.ServeHTTP(recorder, incoming)
	}()
	if ok := <-done; !ok {
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		return nil, io.ErrUnexpectedEOF
	}
	response := recorder.Result()
	response.Request = r
	return response, nil
}

func noHost(name string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}}
}

// transport returns one that reaches the hosts by TCP and TLS, as upstream makes it but
// for the way to them.
func (n *internet) transport(t *testing.T) *http.Transport {
	authority, foreign := newAuthority(t), newAuthority(t)
	secure := httptest.NewUnstartedServer(n)
	secure.TLS = &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == n.stranger {
			return foreign.issue(hello.ServerName)
		}
		return authority.issue(hello.ServerName)
	}}
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	secure.StartTLS()
	plain := httptest.NewServer(n)
	roots := x509.NewCertPool()
	roots.AddCert(authority.certificate)
	transport := upstream.Connections{CAs: roots}.Transport(0).(*http.Transport)
	transport.Proxy = nil
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, _ := net.SplitHostPort(address)
		scheme, server := "https", secure
		if port == "80" {
			scheme, server = "http", plain
		}
		if n.services[scheme+"://"+host] == nil || port != "80" && port != "443" {
			return nil, noHost(host)
		}
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		secure.Close()
		plain.Close()
	})
	return transport
}

// basic proves who asks to whatever host it is given.
type basic struct{ base http.RoundTripper }

func (b basic) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth("fbgate", "s3same")
	return b.base.RoundTrip(r)
}

// config returns that of an organization whose hosts are reached by a transport and
// which trusts the given other hosts.
func (n *internet) config(transport http.RoundTripper, trusted ...string) autodiscover.Config {
	return autodiscover.Config{
		Organization: "fabrikam",
		Transport:    basic{transport},
		Plain:        transport,
		Trusted:      func(u *url.URL) bool { return slices.Contains(trusted, u.Hostname()) },
		Resolver:     n,
		Log:          slog.New(slog.DiscardHandler),
	}
}

// did draws steps as "URL operation", without the scheme where it is https.
func did(steps []autodiscover.Step) []string {
	var all []string
	for _, s := range steps {
		all = append(all, strings.TrimPrefix(s.URL, "https://")+" "+s.Did)
	}
	return all
}

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key}
}

func (a authority) issue(host string) (*tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}, nil
}
