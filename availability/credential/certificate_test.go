package credential_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/credential"
)

const day = 24 * time.Hour

// fixed is a secret that does not change.
func fixed(secret string) credential.Secret { return func() (string, error) { return secret, nil } }

var quiet = log.New(io.Discard, "", 0)

// issued is a certificate somebody made for himself.
type issued struct {
	certificate *x509.Certificate
	pem, key    string
}

// newCertificate returns an RSA certificate that ends after a time, which may be past.
func newCertificate(t *testing.T, name string, end time.Duration) *issued {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return issue(t, key, name, time.Now().Add(-time.Hour), time.Now().Add(end))
}

func newECCertificate(t *testing.T) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issue(t, key, "ec", time.Now().Add(-time.Hour), time.Now().Add(day))
}

func issue(t *testing.T, key crypto.Signer, name string, start, end time.Time) *issued {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(start.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: start, NotAfter: end,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return &issued{certificate, block("CERTIFICATE", der), block("PRIVATE KEY", private)}
}

// client holds a certificate that can be exchanged, and a client that shows it.
type client struct {
	*http.Client
	held atomic.Pointer[issued]
}

func newClient(t *testing.T, server *httptest.Server, http2 bool, first *issued) *client {
	t.Helper()
	c := new(client)
	c.held.Store(first)
	get := credential.ClientCertificate(
		func() (string, error) { return c.held.Load().pem, nil },
		func() (string, error) { return c.held.Load().key, nil })
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, GetClientCertificate: get},
		DisableKeepAlives: true, // a handshake for each request
		ForceAttemptHTTP2: http2,
	}
	t.Cleanup(transport.CloseIdleConnections)
	c.Client = &http.Client{Transport: transport}
	return c
}

// wants returns a server that demands a certificate and says whose came.
func wants(t *testing.T, http2 bool, accepted ...*issued) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	clients := x509.NewCertPool()
	for _, one := range accepted {
		clients.AddCert(one.certificate)
	}
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	server.EnableHTTP2 = http2
	server.Config.ErrorLog = quiet
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestClientCertificateIsRotated(t *testing.T) {
	first, second := newCertificate(t, "first", day), newCertificate(t, "second", day)
	server := wants(t, false, first, second)
	c := newClient(t, server, false, first)
	for _, want := range []*issued{first, second, first} {
		c.held.Store(want)
		response, err := c.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if string(name) != want.certificate.Subject.CommonName {
			t.Errorf("the server saw %q, want %q", name, want.certificate.Subject.CommonName)
		}
	}
}

func TestClientCertificateFailures(t *testing.T) {
	good, expired := newCertificate(t, "good", day), newCertificate(t, "old", -time.Minute)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	early := issue(t, key, "early", time.Now().Add(day), time.Now().Add(2*day))
	for name, test := range map[string]struct {
		held   *issued
		detail string
	}{
		"expired":    {expired, `CN=old" expired on `},
		"early":      {early, `CN=early" is not valid before `},
		"mismatched": {&issued{pem: good.pem, key: expired.key}, "private key does not match public key"},
		"no key":     {&issued{pem: good.pem}, "found a certificate rather than a key"},
		"no PEM":     {&issued{pem: "x", key: "secret text"}, "failed to find any PEM data in certificate input"},
	} {
		for _, http2 := range []bool{false, true} {
			server := wants(t, http2, good)
			_, err := newClient(t, server, http2, test.held).Get(server.URL)
			var reason *availability.Reason
			if !errors.As(err, &reason) || reason.Code != availability.CredentialFailed || reason.Scope != availability.OfServer {
				t.Errorf("%s, HTTP/2 %t: %v", name, http2, err)
				continue
			}
			if !strings.Contains(reason.Detail, test.detail) || strings.Contains(reason.Detail, "secret") {
				t.Errorf("%s: %q, want %q", name, reason.Detail, test.detail)
			}
		}
	}
	unreadable := credential.ClientCertificate(fixed(good.pem), func() (string, error) { return "", errors.New("permission denied") })
	if _, err := unreadable(nil); availability.ReasonFor(err).Code != availability.CredentialFailed || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("%v", err)
	}
	if _, err := credential.ClientCertificate(fixed(good.pem), nil)(nil); availability.ReasonFor(err).Code != availability.CredentialFailed {
		t.Errorf("%v", err)
	}
}

// One file may hold both; what is parsed once is not parsed again.
func TestClientCertificateIsKept(t *testing.T) {
	good := newCertificate(t, "good", day)
	both := fixed(good.key + good.pem)
	get := credential.ClientCertificate(both, both)
	first, err := get(nil)
	if err != nil {
		t.Fatal(err)
	}
	var handshakes sync.WaitGroup
	for range 8 {
		handshakes.Go(func() {
			if again, err := get(nil); again != first || err != nil {
				t.Errorf("%p is not %p: %v", again, first, err)
			}
		})
	}
	handshakes.Wait()
}
