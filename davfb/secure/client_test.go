package secure_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/davfb/secure"
)

// authority is a CA of clients.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{key: key}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}))
}

// issue returns a client's certificate.
func (a authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestClientCertificates(t *testing.T) {
	f := newFiles(t)
	f.write(t, "mail.contoso.com", newRSA(t))
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	cas := filepath.Join(t.TempDir(), "cas.pem")
	if err := os.WriteFile(cas, []byte(ours.pem()), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := secure.New(secure.Config{CertificateFile: f.certificate, KeyFile: f.key, ClientCAFile: cas, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "nobody"
		if len(r.TLS.VerifiedChains) > 0 {
			name = r.TLS.VerifiedChains[0][0].Subject.CommonName
		}
		fmt.Fprint(w, name, " by ", r.Proto)
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.TLS = config
	server.StartTLS()
	defer server.Close()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, test := range []struct {
			name  string
			shown []tls.Certificate
			want  string // "" for a connection that is refused
		}{
			{"none", nil, "nobody by HTTP/1.1"},
			{"ours", []tls.Certificate{ours.issue(t, "joe")}, "joe by HTTP/1.1"},
			{"theirs", []tls.Certificate{theirs.issue(t, "mallory")}, ""},
		} {
			client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: version,
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { // whatever CAs the server names
					if test.shown == nil {
						return &tls.Certificate{}, nil
					}
					return &test.shown[0], nil
				}}}}
			response, err := client.Get(server.URL)
			var got []byte
			if err == nil {
				got, _ = io.ReadAll(response.Body)
				response.Body.Close()
			}
			if string(got) != test.want {
				t.Errorf("%s, %s: %q %v", tls.VersionName(version), test.name, got, err)
			}
			client.CloseIdleConnections()
		}
	}
}

func TestClientCAsAreRenewed(t *testing.T) {
	f := newFiles(t)
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs of a longer name")
	key := newRSA(t)
	cas := filepath.Join(t.TempDir(), "cas.pem")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(cas, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f.write(t, "mail.contoso.com", key)
		write(ours.pem())
		config, err := secure.New(secure.Config{CertificateFile: f.certificate, KeyFile: f.key, ClientCAFile: cas, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		expect := func(when string, want authority, logged string) {
			t.Helper()
			time.Sleep(2 * time.Second)
			log.Reset()
			for range 3 {
				c, err := config.GetConfigForClient(nil)
				pool := x509.NewCertPool()
				pool.AddCert(want.certificate)
				if err != nil || c.ClientAuth != tls.VerifyClientCertIfGiven || !c.ClientCAs.Equal(pool) || c.GetCertificate == nil || c.NextProtos[0] != "http/1.1" {
					t.Errorf("%s: %+v %v", when, c, err)
				}
				time.Sleep(2 * time.Second)
			}
			if n := strings.Count(log.String(), "\n"); n > 1 || logged == "" && n > 0 || !strings.Contains(log.String(), logged) {
				t.Errorf("%s: the log is %q, want one line %q", when, &log, logged)
			}
		}
		expect("at first", ours, "")
		write(theirs.pem())
		expect("others", theirs, "new CAs of clients")
		write("rubbish")
		expect("rubbish", theirs, "holds no certificate of a CA")
		os.Remove(cas)
		expect("no file", theirs, "no such file")
		write(ours.pem() + "\n")
		expect("mended", ours, "new CAs of clients")
	})
	write("rubbish")
	if _, err := secure.New(secure.Config{CertificateFile: f.certificate, KeyFile: f.key, ClientCAFile: cas}); err == nil || !strings.Contains(err.Error(), "no certificate of a CA") {
		t.Error(err)
	}
}
