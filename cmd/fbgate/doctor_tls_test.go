package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
)

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	issuers     [][]byte // of its own certificate, and that itself, but for the root
}

const day = 24 * time.Hour

// issue signs a certificate for localhost, as far as change leaves it. a may be nil.
func (a *authority) issue(t *testing.T, name string, change func(*x509.Certificate)) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-day), NotAfter: time.Now().Add(100*day + time.Hour),
		DNSNames: []string{"localhost"}, BasicConstraintsValid: true,
	}
	if change != nil {
		change(template)
	}
	issued := &authority{key: key}
	parent, signer := template, key
	if a != nil {
		parent, signer = a.certificate, a.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	if issued.certificate, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	if a != nil {
		issued.issuers = append([][]byte{raw}, a.issuers...)
	}
	return issued
}

// ca makes it one of an authority, which outlives those it issues.
func ca(c *x509.Certificate) {
	c.IsCA, c.KeyUsage, c.DNSNames = true, x509.KeyUsageCertSign, nil
	c.NotAfter = c.NotAfter.Add(day)
}

// pair is what a server or client shows.
func (a *authority) pair() tls.Certificate {
	return tls.Certificate{Certificate: a.issuers, PrivateKey: a.key}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// serveTLS returns the URL of EWS on localhost.
func serveTLS(t *testing.T, config *tls.Config) string {
	t.Helper()
	server := httptest.NewUnstartedServer(pretendCalendar(availability.Busy, mary))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are to fail
	server.TLS = config
	server.StartTLS()
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + exchangetest.Path
}

const allSecure = "route dns tcp tls authentication call decoding mailbox digits"

func TestDoctorTLS(t *testing.T) {
	root := (*authority)(nil).issue(t, "Contoso Root", ca)
	issuing := root.issue(t, "Contoso Issuing", ca)
	good := issuing.issue(t, "mail", nil)
	trusted := "ca_file: " + writeFile(t, root.pem())
	with := func(change func(*x509.Certificate)) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{issuing.issue(t, "mail", change).pair()}}
	}
	old := &tls.Config{Certificates: []tls.Certificate{good.pair()}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	for _, test := range []struct {
		name     string
		server   *tls.Config
		settings string
		fails    string // at the TLS hop
		says     []string
	}{
		{"all is well", with(nil), trusted, "",
			[]string{"TLS 1.3, a certificate for localhost, by Contoso Issuing, by Contoso Root, 100 days left ok"}},
		{"it ends soon", with(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(29*day + time.Hour) }), trusted, "",
			[]string{"only 29 days left: renew it"}},
		{"its issuer ends soon", &tls.Config{Certificates: []tls.Certificate{root.issue(t, "Old Issuing", func(c *x509.Certificate) {
			ca(c)
			c.NotAfter = time.Now().Add(day + time.Hour)
		}).issue(t, "mail", nil).pair()}}, trusted, "", []string{"only 1 day left: renew it of Old Issuing"}},
		{"a CA nobody knows", with(nil), "", "tls",
			[]string{"the server shows a certificate for localhost, by Contoso Issuing, by Contoso Root, 100 days left", "→ Name the CA that issued it in the organization's ca_file"}},
		{"an intermediate certificate is missing", &tls.Config{Certificates: []tls.Certificate{{Certificate: good.issuers[:1], PrivateKey: good.key}}}, trusted, "tls",
			[]string{"have the server send its intermediate certificates"}},
		{"expired", with(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(-9*day), time.Now().Add(-day) }), trusted, "tls",
			[]string{"expired on " + time.Now().Add(-day).UTC().Format(time.DateOnly), "→ Renew the certificate of mail there (New-ExchangeCertificate"}},
		{"not yet valid", with(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(day) }), trusted, "tls",
			[]string{"→ Correct the clock of this machine or of that one: the certificate is valid only from "}},
		{"another name", with(func(c *x509.Certificate) { c.DNSNames = []string{"cas1.contoso.com", "cas1"} }), trusted, "tls",
			[]string{"a certificate for cas1.contoso.com, cas1,", "→ Ask by a name the certificate has, or give the server one for localhost"}},
		{"a common name only", with(func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = nil, "localhost" }), trusted, "tls",
			[]string{"without a name that counts"}},
		{"too old", old, trusted, "tls",
			[]string{"→ Let the server speak TLS 1.2, or lower the organization's min_tls to what it speaks."}},
		{"as old as is allowed", old, trusted + `, min_tls: "1.0"`, "", []string{"TLS 1.1, a certificate for localhost"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			settings := "target_sharing_epr: " + serveTLS(t, test.server)
			if test.settings != "" {
				settings += ", " + test.settings
			}
			hops := allSecure
			if test.fails != "" {
				hops = "route dns tcp tls!" + test.fails
			}
			examine(t, contoso("%s", settings), mary).expect(t, hops, test.says...)
		})
	}
	plain := strings.Replace(startExchange(t, pretendCalendar(availability.Busy, mary)), "http:", "https:", 1)
	examine(t, contoso("target_sharing_epr: %s", plain), mary).
		expect(t, "route tcp tls!tls", "→ Correct the port in the URL: what answers there does not speak TLS, but plain http, say.")

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			connection, err := silent.Accept()
			if err != nil {
				return
			}
			connection.Close()
		}
	}()
	t.Cleanup(func() { silent.Close() })
	examine(t, contoso("target_sharing_epr: https://%s/EWS/Exchange.asmx", silent.Addr()), mary).expect(t, "route tcp tls!tls")
}

// What a server has against the client's certificate is no fault of its own one.
func TestDoctorClientCertificate(t *testing.T) {
	root := (*authority)(nil).issue(t, "Contoso Root", ca)
	client := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	accepted, stranger := root.issue(t, "fbgate", client), (*authority)(nil).issue(t, "stranger", ca).issue(t, "fbgate", client)
	clients := x509.NewCertPool()
	clients.AddCert(root.certificate)
	const without = "→ Name an account in credential: the server answers nobody without one."
	for version, name := range map[uint16]string{tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"} {
		t.Run(name, func(t *testing.T) {
			settings := "target_sharing_epr: " + serveTLS(t, &tls.Config{
				Certificates: []tls.Certificate{root.issue(t, "mail", nil).pair()},
				ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: clients, MaxVersion: version,
			}) + ", ca_file: " + writeFile(t, root.pem())
			const refused = "route dns tcp tls authentication!unauthorized"
			examine(t, contoso("%s", settings), mary).expect(t, refused, without)
			examine(t, contoso("%s, %s", settings, certificate(t, stranger)), mary).
				expect(t, refused, "→ Check that the server trusts the CA of the certificate")
			examine(t, contoso("%s, %s", settings, certificate(t, accepted)), mary).
				expect(t, allSecure, "certificate was not refused")
			expired := root.issue(t, "fbgate", func(c *x509.Certificate) {
				client(c)
				c.NotBefore, c.NotAfter = time.Now().Add(-2*day), time.Now().Add(-day)
			})
			examine(t, contoso("%s, %s", settings, certificate(t, expired)), mary).
				expect(t, "route dns tcp tls authentication!credential", `"CN=fbgate" expired on`)
		})
	}
}

// certificate returns the keys of a credential.
func certificate(t *testing.T, a *authority) string {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		t.Fatal(err)
	}
	var chain bytes.Buffer
	for _, raw := range a.issuers {
		chain.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
	}
	pair := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	return "credential: {type: certificate, certificate_file: " + writeFile(t, chain.Bytes()) + ", key_file: " + writeFile(t, pair) + "}"
}
