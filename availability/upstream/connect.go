package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

// Connections says how connections to an organization's servers are made.
type Connections struct {
	CAs *x509.CertPool // that may issue a server's certificate; nil: those this machine trusts
	// MinTLS is the oldest version of TLS that will do; 0 is TLS 1.2.
	MinTLS uint16
	// Certificate proves who asks, if the server wants to see one. It may be nil.
	Certificate func(*tls.CertificateRequestInfo) (*tls.Certificate, error)
	Idle        int // connections kept for each host, default 2
}

// TLS returns the client's side of a handshake.
func (c Connections) TLS() *tls.Config {
	config := &tls.Config{RootCAs: c.CAs, MinVersion: max(c.MinTLS, tls.VersionTLS10), GetClientCertificate: c.Certificate}
	if c.MinTLS == 0 {
		config.MinVersion = tls.VersionTLS12
	}
	if config.MinVersion < tls.VersionTLS12 {
		// Servers that old may offer no suite that Go would by itself.
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			config.CipherSuites = append(config.CipherSuites, suite.ID)
		}
	}
	return config
}

// Transport returns a transport of its own connections. With most, which is not 0,
// it has at most so many for each host and speaks HTTP/1.1 only, for proofs that
// hold for one connection.
func (c Connections) Transport(most int) http.RoundTripper {
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:        c.TLS(),
		TLSHandshakeTimeout:    10 * time.Second,
		MaxConnsPerHost:        most,
		MaxIdleConnsPerHost:    c.Idle,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      most == 0,
	}
	if most > 0 {
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP1(true)
	}
	return t
}
