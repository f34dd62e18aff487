package secure

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// clientCAs are those whose certificates clients may show, as the file has them.
type clientCAs struct {
	file string
	log  *slog.Logger
	base *tls.Config // for every client

	mu      sync.Mutex
	looked  time.Time // at the file
	state   fileState
	current *tls.Config // base with the CAs
}

// askClients makes config ask clients for a certificate of the CAs in file.
func askClients(config *tls.Config, file string, log *slog.Logger) error {
	c := &clientCAs{file: file, log: log, base: config.Clone(), looked: time.Now()}
	c.base.ClientAuth = tls.VerifyClientCertIfGiven
	c.state = c.stat()
	if err := c.read(); err != nil {
		return err
	}
	config.ClientAuth, config.ClientCAs = c.current.ClientAuth, c.current.ClientCAs
	config.GetConfigForClient = c.configuration
	return nil
}

// configuration is that for the next client. CAs that cannot be read leave those
// before in their place. Sessions begun under CAs that have gone are not resumed;
// crypto/tls looks at that.
func (c *clientCAs) configuration(*tls.ClientHelloInfo) (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= lookAgain {
		c.looked = now
		c.renew()
	}
	return c.current, nil
}

// renew reads the file if it has changed.
func (c *clientCAs) renew() {
	state := c.stat()
	if state == c.state {
		return
	}
	c.state = state // also of a file that cannot be used, which is logged once
	if err := c.read(); err != nil {
		c.log.Warn("the new CAs of clients cannot be used; those before still count", "error", err)
		return
	}
	c.log.Info("new CAs of clients", "file", c.file)
}

func (c *clientCAs) stat() fileState {
	if file, err := os.Stat(c.file); err == nil {
		return fileState{file.ModTime(), file.Size()}
	}
	return fileState{}
}

func (c *clientCAs) read() error {
	text, err := os.ReadFile(c.file)
	if err != nil {
		return err
	}
	cas := x509.NewCertPool()
	if !cas.AppendCertsFromPEM(text) {
		return fmt.Errorf("%s holds no certificate of a CA in PEM", c.file)
	}
	c.current = c.base.Clone()
	c.current.ClientCAs = cas
	return nil
}
