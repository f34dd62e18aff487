package login_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/davfb/login"
)

// altNames is a subjectAltName extension of names, as they stand in DER.
func altNames(t testing.TB, names ...asn1.RawValue) pkix.Extension {
	t.Helper()
	der, err := asn1.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: der}
}

// otherName is a name of a kind of its own.
func otherName(t testing.TB, id asn1.ObjectIdentifier, text string) asn1.RawValue {
	t.Helper()
	der, err := asn1.Marshal(struct {
		ID    asn1.ObjectIdentifier
		Value string `asn1:"utf8,explicit,tag:0"`
	}{id, text})
	if err != nil {
		t.Fatal(err)
	}
	var sequence asn1.RawValue
	if _, err := asn1.Unmarshal(der, &sequence); err != nil {
		t.Fatal(err)
	}
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: sequence.Bytes}
}

var (
	upnID   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}
	otherID = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 5}
)

func rfc822Name(address string) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, Bytes: []byte(address)}
}

func TestCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name       string
		common     string
		alternates []asn1.RawValue
		who, mail  string
		fails      string
	}{
		{"common name", "joe", nil, "joe", "joe@contoso.com", ""},
		{"address", "joe", []asn1.RawValue{otherName(t, upnID, "joe@ad.contoso.com"), rfc822Name("Mary@contoso.com")}, "Mary@contoso.com", "mary@contoso.com", ""},
		{"principal name", "joe", []asn1.RawValue{otherName(t, otherID, "no"), otherName(t, upnID, "mary@ad.contoso.com")}, "mary@ad.contoso.com", "mary@ad.contoso.com", ""},
		{"another kind of name", "jane", []asn1.RawValue{otherName(t, otherID, "no")}, "jane", "", ""},
		{"no name", "", []asn1.RawValue{otherName(t, otherID, "no")}, "", "", "no address, no user principal name and no common name"},
		{"long name", "", []asn1.RawValue{otherName(t, upnID, strings.Repeat("j", 257))}, "", "", "longer than 256 bytes"},
		{"control characters", "", []asn1.RawValue{otherName(t, upnID, "joe\n")}, "", "", "control characters"},
	} {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: test.common}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
		if test.alternates != nil {
			template.ExtraExtensions = []pkix.Extension{altNames(t, test.alternates...)}
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		method := login.Certificate{Accounts: newDirectory("joe:x")}
		r := from("192.0.2.1")
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate}, VerifiedChains: [][]*x509.Certificate{{certificate}}}
		who, ok, err := method.Identify(nil, r)
		if ok != (test.who != "") || who.Name != test.who || string(who.Mailbox) != test.mail {
			t.Errorf("%s: %+v %t %v", test.name, who, ok, err)
		}
		if (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("%s: %v", test.name, err)
		}
		r.TLS.VerifiedChains = nil // nobody has verified it
		if who, ok, err := method.Identify(nil, r); ok || err != nil {
			t.Errorf("%s, not verified: %+v %t %v", test.name, who, ok, err)
		}
	}
	if _, ok, err := (login.Certificate{}).Identify(nil, httptest.NewRequest("GET", "http://x/", nil)); ok || err != nil {
		t.Errorf("%t %v", ok, err)
	}
}

func FuzzPrincipalName(f *testing.F) {
	f.Add(altNames(f, otherName(f, upnID, "mary@contoso.com")).Value)
	f.Add(altNames(f, rfc822Name("mary@contoso.com"), otherName(f, otherID, "x")).Value)
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, der []byte) {
		name := login.ReadPrincipalName(der)
		if name != "" && !strings.Contains(string(der), name) {
			t.Errorf("%q is not in it", name)
		}
	})
}
