package secure_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/davfb/secure"
)

// files are a certificate and its key.
type files struct{ certificate, key string }

func newFiles(t *testing.T) files {
	folder := t.TempDir()
	return files{filepath.Join(folder, "certificate.pem"), filepath.Join(folder, "key.pem")}
}

// write renews both, as a certificate for a name.
func (f files) write(t *testing.T, name string, key crypto.Signer, halves ...string) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]*pem.Block{f.certificate: {Type: "CERTIFICATE", Bytes: certificate}, f.key: {Type: "PRIVATE KEY", Bytes: private}}
	if halves == nil {
		halves = []string{f.certificate, f.key}
	}
	for _, path := range halves {
		if err := os.WriteFile(path, pem.EncodeToMemory(contents[path]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func newRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// serve answers "hello" by TLS and returns the address.
func serve(t *testing.T, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello by ", r.Proto)
	})}
	go server.Serve(tls.NewListener(l, config))
	t.Cleanup(func() { server.Close() })
	return l.Addr().String()
}

func TestVersionsAndSuites(t *testing.T) {
	f := newFiles(t)
	f.write(t, "mail.contoso.com", newRSA(t))
	address := map[uint16]string{}
	for _, version := range []uint16{0, tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		config, err := secure.New(secure.Config{CertificateFile: f.certificate, KeyFile: f.key, MinVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		address[version] = serve(t, config)
	}
	const (
		xp    = tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA // all that Windows XP and Server 2003 have beside RC4
		vista = tls.TLS_RSA_WITH_AES_128_CBC_SHA
	)
	for _, test := range []struct {
		server, client uint16
		suite          uint16 // 0: what Go likes
		want           bool
	}{
		{0, tls.VersionTLS10, xp, false},
		{0, tls.VersionTLS10, vista, false},
		{0, tls.VersionTLS12, xp, false},
		{0, tls.VersionTLS12, vista, false},
		{0, tls.VersionTLS12, 0, true},
		{0, tls.VersionTLS13, 0, true},
		{tls.VersionTLS10, tls.VersionTLS10, xp, true},
		{tls.VersionTLS10, tls.VersionTLS10, vista, true},
		{tls.VersionTLS10, tls.VersionTLS10, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, true},
		{tls.VersionTLS10, tls.VersionTLS10, tls.TLS_RSA_WITH_RC4_128_SHA, false},
		{tls.VersionTLS10, tls.VersionTLS12, 0, true},
		{tls.VersionTLS10, tls.VersionTLS13, 0, true},
		{tls.VersionTLS11, tls.VersionTLS10, xp, false},
		{tls.VersionTLS11, tls.VersionTLS11, xp, true},
		{tls.VersionTLS12, tls.VersionTLS11, vista, false},
		{tls.VersionTLS13, tls.VersionTLS12, 0, false},
		{tls.VersionTLS13, tls.VersionTLS13, 0, true},
	} {
		config := &tls.Config{InsecureSkipVerify: true, MinVersion: test.client, MaxVersion: test.client}
		if test.suite != 0 {
			config.CipherSuites = []uint16{test.suite}
		}
		c, err := tls.Dial("tcp", address[test.server], config)
		if (err == nil) != test.want {
			t.Errorf("a client of %s and %s, a server from %s: %v", tls.VersionName(test.client), tls.CipherSuiteName(test.suite), tls.VersionName(test.server), err)
		}
		if err == nil {
			c.Close()
		}
	}
}

// NTLM needs connections of HTTP/1.1.
func TestNoHTTP2(t *testing.T) {
	f := newFiles(t)
	f.write(t, "mail.contoso.com", newRSA(t))
	config, err := secure.New(secure.Config{CertificateFile: f.certificate, KeyFile: f.key})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get("https://" + serve(t, config))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "hello by HTTP/1.1" {
		t.Errorf("%q", body)
	}
}

// OpenSSL is a client that is not Go's own. Debian's has TLS 1.0 but no 3DES.
func TestOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	f := newFiles(t)
	f.write(t, "mail.contoso.com", newRSA(t))
	for minimum, want := range map[uint16]bool{tls.VersionTLS10: true, 0: false} {
		config, err := secure.New(secure.Config{CertificateFile: f.certificate, KeyFile: f.key, MinVersion: minimum})
		if err != nil {
			t.Fatal(err)
		}
		command := exec.Command("openssl", "s_client", "-connect", serve(t, config), "-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0", "-quiet", "-ign_eof")
		command.Stdin = strings.NewReader("GET / HTTP/1.0\r\n\r\n")
		out, err := command.CombinedOutput()
		if strings.Contains(string(out), "hello by HTTP/1.0") != want {
			t.Errorf("from version %x on: %v %s", minimum, err, out)
		}
	}
}

// shown returns the name of the certificate the next connection is shown.
func shown(t *testing.T, config *tls.Config) string {
	t.Helper()
	certificate, err := config.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return certificate.Leaf.Subject.CommonName
}

// Time is that of the bubble; files are changed in different lengths, so that it does
// not matter what time they bear.
func TestCertificateIsRenewed(t *testing.T) {
	first, second := newRSA(t), newRSA(t)
	f := newFiles(t)
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f.write(t, "first", first)
		config, err := secure.New(secure.Config{CertificateFile: f.certificate, KeyFile: f.key, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		expect := func(when, want, logged string) {
			t.Helper()
			time.Sleep(2 * time.Second)
			log.Reset()
			for range 3 {
				if got := shown(t, config); got != want {
					t.Errorf("%s: %s is shown, want %s", when, got, want)
				}
				time.Sleep(2 * time.Second)
			}
			if lines := strings.Count(log.String(), "\n"); logged == "" && lines > 0 || logged != "" && (lines != 1 || !strings.Contains(log.String(), logged)) {
				t.Errorf("%s: the log is %q, want one line %q", when, log.String(), logged)
			}
		}
		expect("at first", "first", "")
		f.write(t, "first-of-two", second, f.certificate)
		expect("the certificate alone", "first", "private key does not match public key")
		f.write(t, "first-of-two", second, f.key)
		f.write(t, "second", second)
		expect("both", "second", `level=INFO msg="new certificate"`)
		os.Remove(f.key)
		expect("no key", "second", "no such file")
		f.write(t, "second", second, f.key)
		time.Sleep(2 * time.Second)
		shown(t, config)
		os.WriteFile(f.certificate, []byte("rubbish"), 0o600)
		expect("rubbish", "second", "failed to find any PEM data")
		f.write(t, "the-third", first)
		expect("both again", "the-third", `level=INFO msg="new certificate"`)
	})
}

func TestNothingToBeginWith(t *testing.T) {
	f := newFiles(t)
	if _, err := secure.New(secure.Config{CertificateFile: f.certificate, KeyFile: f.key}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, "mail.contoso.com", key)
	if _, err := secure.New(secure.Config{CertificateFile: f.certificate, KeyFile: f.key}); err != nil {
		t.Error(err)
	}
	if _, err := secure.New(secure.Config{CertificateFile: f.certificate, KeyFile: f.key, MinVersion: tls.VersionTLS10}); err == nil || !strings.Contains(err.Error(), "need an RSA key") {
		t.Error(err)
	}
}
