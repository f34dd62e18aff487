package credential

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"fbgate/availability"
)

// ClientCertificate returns what tls.Config.GetClientCertificate takes. Both PEM
// files, the certificate with those of its issuers first to last and the private
// key, are read for each handshake and parsed when they have changed; connections
// that are open go on with the certificate they began with. As long as the two do
// not belong together, handshakes fail; one file that holds both and is replaced by
// renaming never is in that state.
//
// The errors are *availability.Reason with CredentialFailed, and remain so in the
// error of an http.Client. A certificate outside its validity is one.
func ClientCertificate(certificate, key Secret) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	var (
		mu     sync.Mutex
		known  [sha256.Size]byte
		parsed *tls.Certificate
	)
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pem, err := readPair(certificate, key)
		if err != nil {
			return nil, failed(availability.CredentialFailed, "client certificate: %.200v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		if sum := sha256.Sum256([]byte(pem)); parsed == nil || sum != known {
			pair, err := parsePair(pem)
			if err != nil {
				return nil, failed(availability.CredentialFailed, "client certificate: %.200v", err)
			}
			known, parsed = sum, pair
		}
		if err := inDate(parsed); err != nil {
			return nil, failed(availability.CredentialFailed, "client certificate: %.200v", err)
		}
		return parsed, nil
	}
}

// readPair returns the certificate, followed by its key.
func readPair(certificate, key Secret) (string, error) {
	if certificate == nil || key == nil {
		return "", fmt.Errorf("a certificate needs a key, and a key a certificate")
	}
	first, err := certificate()
	if err != nil {
		return "", err
	}
	second, err := key()
	return first + "\n" + second, err
}

// parsePair parses what readPair returned.
func parsePair(pem string) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair([]byte(pem), []byte(pem))
	if err != nil {
		return nil, err
	}
	return &pair, nil
}

// inDate returns an error unless the certificate is valid today.
func inDate(pair *tls.Certificate) error {
	switch leaf, now := pair.Leaf, time.Now(); {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("%.100q expired on %s", leaf.Subject, leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("%.100q is not valid before %s", leaf.Subject, leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}
