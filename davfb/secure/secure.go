// Package secure is the server's side of TLS for listeners of old clients: certificates
// that are renewed without a restart, and, only where that is wished for, versions and
// cipher suites of Windows XP and Windows Server 2003.
package secure

import (
	"cmp"
	"crypto/tls"
	"log/slog"
)

// Config says as whom a listener presents itself, and to whom.
type Config struct {
	// CertificateFile holds the certificate and those of the CAs between it and the
	// root, KeyFile its key, both in PEM. They may be the same file. Both are read
	// again when one of them has changed.
	CertificateFile, KeyFile string
	// MinVersion is the oldest version of TLS, as tls.VersionTLS10; 0 is
	// tls.VersionTLS12. Below that, the cipher suites of that time are taken, too:
	// those with RSA key exchange, AES-CBC and 3DES. RC4 never is (RFC 7465); schannel
	// of Windows XP has 3DES beside it.
	MinVersion uint16
	// ClientCAFile holds, in PEM, the CAs whose certificates clients may show; one
	// that is shown has to be theirs. It is read again when it has changed. Clients are
	// not asked for a certificate if it is empty.
	ClientCAFile string
	Log          *slog.Logger // default slog.Default()
}

// New returns the configuration of a TLS listener. It speaks HTTP/1.1 only, because
// NTLM needs connections that serve one request at a time. The error is that there is
// no certificate to begin with, or one that old clients cannot use, or that there are
// no CAs of clients.
func New(c Config) (*tls.Config, error) {
	p := &pair{Config: c}
	p.Log = cmp.Or(p.Log, slog.Default())
	p.state = p.stat()
	if err := p.read(); err != nil {
		return nil, err
	}
	config := &tls.Config{
		GetCertificate: p.certificate,
		MinVersion:     cmp.Or(c.MinVersion, tls.VersionTLS12),
		NextProtos:     []string{"http/1.1"},
	}
	if config.MinVersion < tls.VersionTLS12 {
		config.CipherSuites = oldSuites()
	}
	if c.ClientCAFile != "" {
		if err := askClients(config, c.ClientCAFile, p.Log); err != nil {
			return nil, err
		}
	}
	return config, nil
}

// oldSuites are Go's own and, behind them, those that clients before TLS 1.2 may have
// nothing better than. Go would have left them out, whatever MinVersion says.
func oldSuites() []uint16 {
	var ids []uint16
	for _, suite := range tls.CipherSuites() {
		ids = append(ids, suite.ID)
	}
	return append(ids,
		tls.TLS_RSA_WITH_AES_128_CBC_SHA,
		tls.TLS_RSA_WITH_AES_256_CBC_SHA,
		tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
	)
}
