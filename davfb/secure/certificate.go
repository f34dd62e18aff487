package secure

import (
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// pair is the certificate and its key, as the files have them.
type pair struct {
	Config

	mu      sync.Mutex
	looked  time.Time // at the files
	state   [2]fileState
	current *tls.Certificate
}

// fileState tells whether a file has changed.
type fileState struct {
	modified time.Time
	size     int64
}

// lookAgain is how often the files are looked at, at most.
const lookAgain = time.Second

// certificate returns the certificate. One that cannot be loaded leaves the one before
// in its place: files are rarely changed both at once.
func (p *pair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.looked) >= lookAgain {
		p.looked = now
		p.renew()
	}
	return p.current, nil
}

// renew loads the files if they have changed.
func (p *pair) renew() {
	state := p.stat()
	if state == p.state {
		return
	}
	p.state = state // also of files that cannot be used, which is logged once
	if err := p.read(); err != nil {
		p.Log.Warn("the new certificate cannot be used; the one before is still shown", "error", err)
		return
	}
	p.Log.Info("new certificate", "file", p.CertificateFile, "not_after", p.current.Leaf.NotAfter)
}

// stat describes both files; one that is missing has no size.
func (p *pair) stat() (state [2]fileState) {
	for i, name := range []string{p.CertificateFile, p.KeyFile} {
		if file, err := os.Stat(name); err == nil {
			state[i] = fileState{file.ModTime(), file.Size()}
		}
	}
	return state
}

func (p *pair) read() error {
	read, err := tls.LoadX509KeyPair(p.CertificateFile, p.KeyFile)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", p.CertificateFile, p.KeyFile, err)
	}
	if _, ok := read.PrivateKey.(*rsa.PrivateKey); !ok && p.MinVersion != 0 && p.MinVersion < tls.VersionTLS12 {
		return fmt.Errorf("%s: clients of TLS 1.0 and 1.1 need an RSA key", p.KeyFile)
	}
	p.current = &read
	return nil
}
