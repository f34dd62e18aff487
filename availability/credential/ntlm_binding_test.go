package credential_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"fbgate/availability/credential"
	"fbgate/availability/exchangetest/authtest"
)

// certificate makes a self-signed one.
func certificate(t *testing.T, key crypto.Signer, algorithm x509.SignatureAlgorithm) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "EX1"}, SignatureAlgorithm: algorithm,
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// serveTLS starts a server and returns the root that trusts it.
func serveTLS(t *testing.T, server *httptest.Server, cert tls.Certificate) *httptest.Server {
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func tlsTransport(t *testing.T, certs ...tls.Certificate) http.RoundTripper {
	roots := x509.NewCertPool()
	for _, cert := range certs {
		roots.AddCert(cert.Leaf)
	}
	account := credential.New(ntlm("svc", "secret"), func(*url.URL) bool { return true })
	return account.Transport(func(most int) http.RoundTripper {
		return own(t, &http.Transport{MaxConnsPerHost: most, TLSClientConfig: &tls.Config{RootCAs: roots}})
	})
}

// binding computes MsvAvChannelBindings anew, from the documents: the lengths of RFC
// 2744's structure are written out by hand.
func binding(cert tls.Certificate, hash crypto.Hash) []byte {
	digest := hash.New()
	digest.Write(cert.Certificate[0])
	structure, _ := hex.DecodeString("00000000" + "00000000" + "00000000" + "00000000" +
		map[int]string{32: "35000000", 48: "45000000", 64: "55000000"}[hash.Size()])
	structure = append(structure, "tls-server-end-point:"...)
	sum := md5.Sum(digest.Sum(structure))
	return sum[:]
}

func TestNTLMChannelBinding(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key       crypto.Signer
		algorithm x509.SignatureAlgorithm
		hash      crypto.Hash // 0: nothing is defined
	}{
		{p256, x509.ECDSAWithSHA1, crypto.SHA256},
		{p256, x509.ECDSAWithSHA256, crypto.SHA256},
		{p256, x509.ECDSAWithSHA384, crypto.SHA384},
		{p256, x509.ECDSAWithSHA512, crypto.SHA512},
		{edwards, x509.PureEd25519, 0},
	} {
		t.Run(c.algorithm.String(), func(t *testing.T) {
			cert := certificate(t, c.key, c.algorithm)
			var seen verifier
			handler := authtest.NTLM(echoBody, func() (authtest.Verifier, error) { return &seen, nil })
			server := httptest.NewUnstartedServer(handler)
			server.Config.ConnContext = handler.ConnContext
			serveTLS(t, server, cert)
			if status, _, err := post(t.Context(), tlsTransport(t, cert), server.URL, ""); status != http.StatusOK {
				t.Fatal(status, err)
			}
			got, sent := seen.answer.pairs[10]
			if c.hash == 0 && sent {
				t.Errorf("the binding is %x where nothing is defined", got)
			}
			if c.hash != 0 && !bytes.Equal(got, binding(cert, c.hash)) {
				t.Errorf("the binding is %x, want %x", got, binding(cert, c.hash))
			}
			if name := seen.answer.pairs[9]; !bytes.Equal(name, wide("HTTP/127.0.0.1")) {
				t.Errorf("the service's name is %q", name)
			}
			if _, kept := seen.answer.pairs[1]; !kept {
				t.Error("the server's own name is missing")
			}
		})
	}
}

// Where TLS ends at a proxy, the server behind it gets the binding of the proxy's
// certificate, and sees that somebody is in between.
func TestNTLMChannelBindingShowsAProxy(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	own, others := certificate(t, key, x509.ECDSAWithSHA256), certificate(t, key, x509.ECDSAWithSHA256)
	var seen verifier
	handler := authtest.NTLM(echoBody, func() (authtest.Verifier, error) { return &seen, nil })
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnContext = handler.ConnContext
	serveTLS(t, server, own)

	behind, _ := url.Parse(server.URL)
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(behind) },
		Transport: tlsBase(t, own), // one connection, as there is one client
	}
	front := serveTLS(t, httptest.NewUnstartedServer(proxy), others)
	if status, _, err := post(t.Context(), tlsTransport(t, others), front.URL, ""); status != http.StatusOK {
		t.Fatal(status, err)
	}
	got := seen.answer.pairs[10]
	if !bytes.Equal(got, binding(others, crypto.SHA256)) || bytes.Equal(got, binding(own, crypto.SHA256)) {
		t.Errorf("the binding is %x; want the proxy's %x, not the server's %x", got, binding(others, crypto.SHA256), binding(own, crypto.SHA256))
	}
}

func tlsBase(t *testing.T, cert tls.Certificate) http.RoundTripper {
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	return own(t, &http.Transport{MaxConnsPerHost: 1, TLSClientConfig: &tls.Config{RootCAs: roots}})
}

// Without TLS there is no binding, whatever the server puts in its place; its own
// name for the service does not count either.
func TestNTLMWithoutTLSHasNoBinding(t *testing.T) {
	seen := verifier{challenge: challengeMessage(0xa28a8205, pair(10, make([]byte, 16)), pair(9, wide("HTTP/evil")), pair(0, nil))}
	server := serveNTLM(t, authtest.NTLM(echoBody, func() (authtest.Verifier, error) { return &seen, nil }))
	if status, _, err := post(t.Context(), transport(t, ntlm("svc", "secret")), server.URL, ""); status != http.StatusOK {
		t.Fatal(status, err)
	}
	if _, sent := seen.answer.pairs[10]; sent || !bytes.Equal(seen.answer.pairs[9], wide("HTTP/127.0.0.1")) {
		t.Errorf("%x", seen.answer.pairs)
	}
}
