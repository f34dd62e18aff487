package negotiate_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/directory"
	"fbgate/davfb/face"
	"fbgate/davfb/login"
	"fbgate/davfb/login/negotiate"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"
)

func TestAccepted(t *testing.T) {
	old := principal{service, realm, "former", 2, etypeID.AES256_CTS_HMAC_SHA1_96}
	account := principal{"svc-fbgate", realm, "secret", 1, etypeID.AES256_CTS_HMAC_SHA1_96}
	for name, test := range map[string]struct {
		config func(*negotiate.Config)
		change func(*forged)
		want   string // name and mailbox
	}{
		"as usual":               {nil, nil, "joe@KDC.TEST "},
		"raw":                    {nil, func(f *forged) { f.raw = true }, "joe@KDC.TEST "},
		"Windows' list":          {nil, func(f *forged) { f.mechs = []asn1.ObjectIdentifier{oidMSKerberos, oidKerberos, oidNegoEx, oidNTLM} }, "joe@KDC.TEST "},
		"NTLM first":             {nil, func(f *forged) { f.mechs = []asn1.ObjectIdentifier{oidNTLM, oidKerberos} }, "joe@KDC.TEST "},
		"an alias of the server": {nil, func(f *forged) { f.service = "http/MAIL" }, "joe@KDC.TEST "},
		"no version":             {nil, func(f *forged) { f.version = 0 }, "joe@KDC.TEST "},
		"a wrong version in the keytab": {func(c *negotiate.Config) {
			wrong := own
			wrong.version = 1
			c.Keytab = fixed(keytabOf(wrong))
		}, nil, "joe@KDC.TEST "},
		"a keytab of the account": {func(c *negotiate.Config) { c.Keytab = fixed(keytabOf(account)) }, func(f *forged) { f.key = account }, "joe@KDC.TEST "},
		"the key before":          {func(c *negotiate.Config) { c.Keytab = fixed(keytabOf(own, old)) }, func(f *forged) { f.key, f.version = old, 2 }, "joe@KDC.TEST "},
		"a keytab of all types": {func(c *negotiate.Config) {
			rc4 := own
			rc4.kind = etypeID.RC4_HMAC
			c.Keytab = fixed(keytabOf(rc4, own))
		}, func(f *forged) { f.Key = sessionKey(etypeID.RC4_HMAC) }, "joe@KDC.TEST "},
		"RC4": {func(c *negotiate.Config) {
			rc4 := own
			rc4.kind = etypeID.RC4_HMAC
			c.Keytab = fixed(keytabOf(rc4))
		}, func(f *forged) { f.key.kind = etypeID.RC4_HMAC }, "joe@KDC.TEST "},
		"SHA-2": {func(c *negotiate.Config) {
			sha2 := own
			sha2.kind = etypeID.AES256_CTS_HMAC_SHA384_192
			c.Keytab = fixed(keytabOf(sha2))
		}, func(f *forged) { f.key.kind = etypeID.AES256_CTS_HMAC_SHA384_192 }, "joe@KDC.TEST "},
		"its address":          {nil, func(f *forged) { f.CAddr = addresses(10, 0, 0, 1, 192, 0, 2, 7) }, "joe@KDC.TEST "},
		"just expired":         {nil, func(f *forged) { f.EndTime = time.Now().Add(-4 * time.Minute).UTC() }, "joe@KDC.TEST "},
		"a clock somewhat off": {nil, func(f *forged) { f.authenticator.CTime = time.Now().Add(4 * time.Minute).UTC() }, "joe@KDC.TEST "},
		"a machine":            {nil, func(f *forged) { as(f, "MAIL01$", realm) }, "MAIL01$@KDC.TEST "},
		"no start":             {nil, func(f *forged) { f.StartTime = time.Time{} }, "joe@KDC.TEST "},
		"a domain": {func(c *negotiate.Config) { c.DefaultDomain = "Contoso.com" },
			func(f *forged) { as(f, "Joe", realm) }, "Joe@KDC.TEST joe@contoso.com"},
		"another realm": {func(c *negotiate.Config) {
			c.Realms, c.DefaultDomain = []string{"FABRIKAM.COM"}, "contoso.com"
		}, func(f *forged) { as(f, "joe", "FABRIKAM.COM") }, "joe@FABRIKAM.COM "},
		"through checked realms": {func(c *negotiate.Config) { c.Realms = []string{"FABRIKAM.COM"} }, func(f *forged) {
			as(f, "joe", "FABRIKAM.COM")
			f.Transited.Contents = []byte("X.COM,Y.")
			types.SetFlag(&f.Flags, flags.TransitedPolicyChecked)
		}, "joe@FABRIKAM.COM "},
		"through let-in realms": {func(c *negotiate.Config) { c.Realms = []string{"FABRIKAM.COM", "X.COM"} }, func(f *forged) {
			as(f, "joe", "FABRIKAM.COM")
			f.Transited.Contents = []byte("X.COM")
		}, "joe@FABRIKAM.COM "},
	} {
		t.Run(name, func(t *testing.T) {
			who, _, err := logIn(newMethod(t, test.config), joe(test.change))
			if err != nil {
				t.Fatal(err)
			}
			if got := who.Name + " " + string(who.Mailbox); got != test.want || len(who.Groups) != 0 || who.Address.IsValid() {
				t.Errorf("%+v, want %q", who, test.want)
			}
		})
	}
}

// as makes a ticket that of somebody else.
func as(f *forged, user, realm string) {
	f.CName, f.CRealm = types.NewPrincipalName(1, user), realm
	f.authenticator.CName, f.authenticator.CRealm = f.CName, realm
}

func addresses(bytes ...byte) (all types.HostAddresses) {
	for four := range slices.Chunk(bytes, 4) {
		all = append(all, types.HostAddress{AddrType: 2, Address: four})
	}
	return all
}

func TestRefused(t *testing.T) {
	moment := func(d time.Duration) time.Time { return time.Now().Add(d).UTC() }
	for name, test := range map[string]struct {
		change func(*forged)
		detail string
	}{
		"expired":          {func(f *forged) { f.EndTime = moment(-time.Hour) }, `"joe@KDC.TEST": the ticket has expired: it was good until `},
		"not yet":          {func(f *forged) { f.StartTime = moment(time.Hour) }, `"joe@KDC.TEST": the ticket is good from `},
		"not validated":    {func(f *forged) { types.SetFlag(&f.Flags, flags.Invalid) }, "has not been validated by the KDC"},
		"slow clock":       {func(f *forged) { f.authenticator.CTime = moment(-time.Hour) }, `"joe@KDC.TEST": the client's clock shows `},
		"fast clock":       {func(f *forged) { f.authenticator.CTime = moment(time.Hour) }, "more than 5m0s off"},
		"microseconds":     {func(f *forged) { f.authenticator.Cusec = 1 << 40 }, "more than 5m0s off"},
		"another service":  {func(f *forged) { f.service = "cifs/mail.kdc.test" }, `the ticket is for the service "cifs/mail.kdc.test": it has to be for HTTP/ and the name of this server`},
		"new password":     {func(f *forged) { f.key.password, f.version = "new", 4 }, "under key version 4 of type AES256-SHA1; the keytab has HTTP/mail.kdc.test@KDC.TEST (key version 3) of type AES256-SHA1: the account's password was changed"},
		"old password":     {func(f *forged) { f.key.password, f.version = "old", 2 }, "the client has an old ticket"},
		"wrong key":        {func(f *forged) { f.key.password = "typo" }, "the key in the keytab is not that of the account"},
		"another account":  {func(f *forged) { f.service, f.key.password = "HTTP/other.kdc.test", "other" }, `the ticket is for "HTTP/other.kdc.test" in the realm "KDC.TEST"`},
		"another type":     {func(f *forged) { f.key.kind = etypeID.RC4_HMAC }, "under key version 3 of type RC4; the keytab has HTTP/mail.kdc.test@KDC.TEST (key version 3) of type AES256-SHA1: add a key of that type"},
		"user to user":     {func(f *forged) { f.options = flags.APOptionUseSessionKey }, "encrypted for a user"},
		"another's ticket": {func(f *forged) { f.authenticator.CName = types.NewPrincipalName(1, "boss") }, `the client says that it is "boss@KDC.TEST"`},
		"a realm of his own": {func(f *forged) {
			f.authenticator.CRealm = "FABRIKAM.COM"
		}, `the client says that it is "joe@FABRIKAM.COM": the ticket is somebody else's`},
		"another realm":      {func(f *forged) { as(f, "joe", "NORTHWIND.COM") }, `users of the realm "NORTHWIND.COM" are not let in: it is neither KDC.TEST, that of the keytab, nor among realms`},
		"another realm's":    {func(f *forged) { f.realm = "NORTHWIND.COM"; as(f, "joe", "NORTHWIND.COM") }, "are not let in"},
		"its realm in small": {func(f *forged) { as(f, "joe", "kdc.test") }, "are not let in"},
		"through others": {func(f *forged) {
			as(f, "joe", "FABRIKAM.COM")
			f.Transited.Contents = []byte("FABRIKAM.COM,X.COM")
		}, `the ticket came through the realms "FABRIKAM.COM,X.COM", which the KDC has not checked`},
		"through others, in short": {func(f *forged) {
			as(f, "joe", "FABRIKAM.COM")
			f.Transited.Contents = []byte(",")
		}, "which the KDC has not checked"},
		"another address": {func(f *forged) { f.CAddr = addresses(10, 0, 0, 1) }, "1 other addresses than 192.0.2.7"},
		"short address":   {func(f *forged) { f.CAddr = types.HostAddresses{{AddrType: 2, Address: []byte{1}}} }, "1 other addresses than 192.0.2.7"},
		"a NetBIOS name":  {func(f *forged) { f.CAddr = types.HostAddresses{{AddrType: 20, Address: []byte{192, 0, 2, 7}}} }, "1 other addresses than 192.0.2.7"},
		"a service":       {func(f *forged) { as(f, "HTTP/web", realm) }, `"HTTP/web@KDC.TEST": it is a service, not a user`},
		"anonymous":       {func(f *forged) { as(f, "WELLKNOWN/ANONYMOUS", realm) }, "not a user"},
		"an address in it": {func(f *forged) {
			as(f, "x", realm)
			f.CName.NameString = []string{"boss@contoso.com"}
			f.authenticator.CName = f.CName
		}, `"boss@contoso.com@KDC.TEST": it is not the name of a user`},
		"a line in it":    {func(f *forged) { as(f, "joe\nboss", realm) }, `"joe\nboss@KDC.TEST": it is not the name of a user`},
		"no name":         {func(f *forged) { f.CName.NameString = nil }, "not a user"},
		"an empty name":   {func(f *forged) { as(f, "", realm) }, "not the name of a user"},
		"no service":      {func(f *forged) { f.service = "" }, "the ticket is for the service"},
		"a very long one": {func(f *forged) { f.service = "HTTP/" + strings.Repeat("a", 10_000); f.key.password = "x" }, "another account"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMethod(t, func(c *negotiate.Config) { c.Realms = []string{"FABRIKAM.COM"} })
			_, reply, err := logIn(m, joe(test.change))
			refused(t, err, http.StatusUnauthorized, test.detail)
			if reply != "" {
				t.Errorf("the reply is %q", reply)
			}
		})
	}
}

// refused checks an error that should be a refusal.
func refused(t *testing.T, err error, status int, detail string) {
	t.Helper()
	var told *face.Refusal
	if !errors.As(err, &told) || told.Status != status {
		t.Fatalf("%v, want a refusal with status %d", err, status)
	}
	if !strings.Contains(err.Error(), detail) || len(err.Error()) > 1500 {
		t.Errorf("%v\nwant %q", err, detail)
	}
	if strings.Contains(told.Text, "joe") || strings.Contains(told.Text, realm) {
		t.Errorf("a stranger is told %q", told.Text)
	}
}

func TestTokens(t *testing.T) {
	m := newMethod(t, nil)
	encode := base64.StdEncoding.EncodeToString
	kerberos := []asn1.ObjectIdentifier{oidKerberos}
	for name, test := range map[string]struct{ token, detail string }{
		"none":             {"", "there is no token"},
		"spaces":           {"  ", "there is no token"},
		"no base64":        {"Zm9v*", "not in base64"},
		"base64 of URLs":   {"-_-_", "not in base64"},
		"too long":         {strings.Repeat("A", 100_000), "longer than 64 KiB"},
		"nonsense":         {"Zm9v", "none of GSS-API"},
		"NTLM":             {encode([]byte("NTLMSSP\x00\x01\x00\x00\x00")), "the client sent NTLM, as it has no Kerberos ticket: setspn -Q"},
		"NTLM inside":      {encode(wrapped([]asn1.ObjectIdentifier{oidNTLM}, []byte("NTLMSSP\x00\x01"))), "the client sent NTLM"},
		"NTLM in Kerberos": {encode(wrapped([]asn1.ObjectIdentifier{oidKerberos, oidNTLM}, []byte("NTLMSSP\x00\x01"))), "the client sent NTLM"},
		"NTLM or NegoEx":   {encode(wrapped([]asn1.ObjectIdentifier{oidNegoEx, oidNTLM}, []byte("NEGOEXTS"))), "the client sent NTLM"},
		"NegoEx":           {encode(wrapped([]asn1.ObjectIdentifier{oidNegoEx}, []byte("NEGOEXTS"))), "does not offer Kerberos but [1.3.6.1.4.1.311.2.2.30]"},
		"many mechanisms":  {encode(wrapped(slices.Repeat([]asn1.ObjectIdentifier{oidNegoEx}, 1000), nil)), "does not offer Kerberos"},
		"no mechanism":     {encode(wrapped(nil, nil)), "does not offer Kerberos but []"},
		"no ticket":        {encode(wrapped(kerberos, nil)), "offers Kerberos without a ticket"},
		"another token":    {encode(wrapped(kerberos, framed(oidNTLM, []byte{1, 0}))), "not of Kerberos"},
		"an error":         {encode(wrapped(kerberos, framed(oidKerberos, []byte{3, 0}))), "something else than a ticket"},
		"no request":       {encode(wrapped(kerberos, framed(oidKerberos, []byte{1, 0}))), "the ticket is malformed"},
		"SPNEGO, empty":    {encode(framed(oidSPNEGO, nil)), "SPNEGO is malformed"},
		"NegTokenResp":     {encode(framed(oidSPNEGO, []byte{0xa1, 0})), "no NegTokenInit"},
		"cut short":        {encode(joeToken(nil)[:200]), "none of GSS-API"},
		"and more":         {encode(append(joeToken(nil), 0)), "none of GSS-API"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := logIn(m, test.token)
			refused(t, err, http.StatusUnauthorized, test.detail)
		})
	}
	token := joe(nil)
	for name, authorization := range map[string]string{
		"no padding":        "Negotiate " + strings.TrimRight(joe(nil), "="),
		"more padding":      "Negotiate " + joe(nil) + "==",
		"scheme in capital": "NEGOTIATE " + joe(nil),
		"space":             "negotiate \t" + token[:100] + " " + token[100:] + " ",
	} {
		if who, ok, err := m.Identify(httptest.NewRecorder(), request(authorization)); !ok || who.Name != "joe@KDC.TEST" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, other := range []string{"", "Basic am9lOnNlY3JldA==", "NTLM TlRMTVNTUAABAAAA", "Negotiator x"} {
		if _, ok, err := m.Identify(httptest.NewRecorder(), request(other)); ok || err != nil {
			t.Errorf("%q: %t, %v", other, ok, err)
		}
	}
}

func TestChallenge(t *testing.T) {
	m := newMethod(t, nil)
	for authorization, want := range map[string]string{
		"": "Negotiate", "Basic am9lOnNlY3JldA==": "Negotiate", "Negotiate Zm9v": "Negotiate",
		"Negotiate TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw==": "",
	} {
		header := http.Header{"Www-Authenticate": {`Basic realm="fbgate"`}}
		status := m.Challenge(header, request(authorization))
		if got := strings.Join(header["Www-Authenticate"][1:], ","); got != want || status != 0 {
			t.Errorf("%q: %q and %d", authorization, got, status)
		}
	}
}

func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMethod(t, nil)
		token := joe(func(f *forged) { f.authenticator.CTime = time.Now().Add(4*time.Minute + 30*time.Second).UTC() })
		if _, _, err := logIn(m, token); err != nil {
			t.Fatal(err)
		}
		for range 9 { // it is good for 9:30 min from now
			_, _, err := logIn(m, token)
			refused(t, err, http.StatusUnauthorized, `"joe@KDC.TEST": the same token came before`)
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Minute)
		_, _, err := logIn(m, token)
		refused(t, err, http.StatusUnauthorized, "the client's clock")

		// Memories do not stay for ever, and others are not concerned.
		time.Sleep(time.Hour)
		for range 3 {
			if _, _, err := logIn(m, joe(nil)); err != nil {
				t.Error(err)
			}
		}
	})
}

// What cannot be remembered is not let in, but may come again.
func TestTooManyToRemember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMethod(t, nil)
		m.RememberAtMost(2)
		for range 2 {
			if _, _, err := logIn(m, joe(nil)); err != nil {
				t.Error(err)
			}
		}
		_, _, err := logIn(m, joe(nil))
		refused(t, err, http.StatusServiceUnavailable, "more log-ins than can be remembered")
		time.Sleep(10 * time.Minute)
		if _, _, err := logIn(m, joe(nil)); err != nil {
			t.Error(err)
		}
	})
}

// Requests sent at the same time have authenticators of their own, some of the same
// microsecond; the same one sent many times at once is good once.
func TestParallel(t *testing.T) {
	m := newMethod(t, nil)
	moment := time.Now().UTC()
	var running sync.WaitGroup
	var once, own atomic.Int32
	token := joe(nil)
	for range 50 {
		running.Go(func() {
			if _, _, err := logIn(m, token); err == nil {
				once.Add(1)
			}
			if _, _, err := logIn(m, joe(func(f *forged) { f.authenticator.CTime, f.authenticator.Cusec = moment, 7 })); err == nil {
				own.Add(1)
			}
		})
	}
	running.Wait()
	if once.Load() != 1 || own.Load() != 50 {
		t.Errorf("%d times the same token, %d of their own", once.Load(), own.Load())
	}
}

// Whoever demands it sees that the server knows the session key.
func TestMutual(t *testing.T) {
	m := newMethod(t, nil)
	for _, kind := range []int32{etypeID.AES256_CTS_HMAC_SHA1_96, etypeID.AES128_CTS_HMAC_SHA1_96, etypeID.RC4_HMAC} {
		var f *forged
		token := joe(func(forged *forged) {
			f = forged
			f.Key, f.options = sessionKey(kind), flags.APOptionMutualRequired
			f.mechs = []asn1.ObjectIdentifier{oidMSKerberos, oidKerberos}
		})
		_, reply, err := logIn(m, token)
		if err != nil {
			t.Fatal(err)
		}
		var resp spnego.NegTokenResp
		if err := resp.Unmarshal(must(base64.StdEncoding.DecodeString(reply))); err != nil {
			t.Fatal(err)
		}
		if resp.State() != spnego.NegStateAcceptCompleted || !resp.SupportedMech.Equal(oidMSKerberos) {
			t.Errorf("%+v", resp)
		}
		proof(t, f, resp.ResponseToken)

		token = joe(func(forged *forged) {
			f = forged
			f.raw, f.options = true, flags.APOptionMutualRequired
		})
		if _, reply, err = logIn(m, token); err != nil {
			t.Fatal(err)
		}
		proof(t, f, must(base64.StdEncoding.DecodeString(reply)))
	}
	if _, reply, err := logIn(m, joe(nil)); err != nil || reply != "oRQwEqADCgEAoQsGCSqGSIb3EgECAg==" {
		t.Errorf("%q, %v, want accept-completed alone", reply, err)
	}
	if _, reply, err := logIn(m, joe(func(f *forged) { f.raw = true })); err != nil || reply != "" {
		t.Errorf("%q, %v, want nothing", reply, err)
	}
}

// proof checks a KRB_AP_REP.
func proof(t *testing.T, f *forged, token []byte) {
	t.Helper()
	var mech spnego.KRB5Token
	if err := mech.Unmarshal(token); err != nil || !mech.IsAPRep() {
		t.Fatalf("%v: % x", err, token)
	}
	plain, err := crypto.DecryptEncPart(mech.APRep.EncPart, f.Key, keyusage.AP_REP_ENCPART)
	if err != nil {
		t.Fatal(err)
	}
	var part messages.EncAPRepPart
	if err := part.Unmarshal(plain); err != nil {
		t.Fatal(err)
	}
	if !part.CTime.Equal(f.authenticator.CTime.Truncate(time.Second)) || part.Cusec != f.authenticator.Cusec {
		t.Errorf("%+v does not tell the time of %+v", part, f.authenticator)
	}
}

// A keytab that changes is read again; one that is broken changes nothing, and is told
// of once.
func TestKeytabChanges(t *testing.T) {
	next := own
	next.password, next.version = "next", 4
	content, readable := keytabOf(own), error(nil)
	var log bytes.Buffer
	m := newMethod(t, func(c *negotiate.Config) {
		c.Keytab = func() ([]byte, error) { return content, readable }
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	shows := func(p principal) error {
		_, _, err := logIn(m, joe(func(f *forged) { f.key, f.version = p, int(p.version) }))
		return err
	}
	if err := shows(own); err != nil {
		t.Error(err)
	}
	content = keytabOf(own, next)
	for _, p := range []principal{own, next} {
		if err := shows(p); err != nil {
			t.Error(err)
		}
	}
	content = keytabOf(next)
	refused(t, shows(own), http.StatusUnauthorized, "the client has an old ticket")
	for _, broken := range [][]byte{nil, []byte("x"), {5, 2}, content[:30], make([]byte, 2<<20)} {
		content = broken
		log.Reset()
		for range 2 {
			if err := shows(next); err != nil {
				t.Error(err)
			}
		}
		if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "the keys it held before serve on") {
			t.Errorf("%d lines in the log: %s", lines, &log)
		}
		if strings.Contains(log.String(), "next") {
			t.Errorf("the log shows a key: %s", &log)
		}
		content = keytabOf(next)
		if err := shows(next); err != nil {
			t.Error(err)
		}
	}
	log.Reset()
	readable = errors.New("open keytab: permission denied")
	if err := shows(next); err != nil || !strings.Contains(log.String(), "permission denied") {
		t.Errorf("%v, %s", err, &log)
	}
}

func TestNoKeytab(t *testing.T) {
	for want, read := range map[string]func() ([]byte, error){
		"negotiate: there is no keytab":                                                  nil,
		"negotiate: reading the keytab: gone":                                            func() ([]byte, error) { return nil, errors.New("gone") },
		"negotiate: it is no keytab, or only a part of one":                              fixed([]byte("x")),
		"negotiate: there is no key in the keytab that can be used: it needs an AES key": fixed([]byte{5, 2, 0, 0, 0, 0}),
		"negotiate: the keytab is longer than 1 MiB":                                     fixed(make([]byte, 2<<20)),
	} {
		if m, err := negotiate.New(negotiate.Config{Keytab: read}); m != nil || err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

var _ login.Accounts = (*directory.Accounts)(nil)

// accounts knows one by each name.
type accounts map[string]availability.Requester

func (a accounts) Find(_ context.Context, name string) (availability.Requester, bool, error) {
	if name == "broken@KDC.TEST" {
		return availability.Requester{}, false, errors.New("directory: ldaps://dc is down")
	}
	who, ok := a[name]
	return who, ok, nil
}

func (a accounts) Check(context.Context, string, string) (availability.Requester, bool, error) {
	panic("nobody has shown a password")
}

func TestAccounts(t *testing.T) {
	m := newMethod(t, func(c *negotiate.Config) {
		c.Accounts = accounts{
			"joe@KDC.TEST": {Name: "JOE", Mailbox: "joe.doe@contoso.com", Groups: []string{"staff"}},
			"ann@KDC.TEST": {Name: "ann"},
		}
		c.DefaultDomain = "contoso.com"
	})
	for user, want := range map[string]availability.Requester{
		"joe": {Name: "joe@KDC.TEST", Mailbox: "joe.doe@contoso.com", Groups: []string{"staff"}},
		"ann": {Name: "ann@KDC.TEST", Mailbox: "ann@contoso.com"},
		"bob": {Name: "bob@KDC.TEST", Mailbox: "bob@contoso.com"},
	} {
		who, _, err := logIn(m, joe(func(f *forged) { as(f, user, realm) }))
		if err != nil || who.Name != want.Name || who.Mailbox != want.Mailbox || !slices.Equal(who.Groups, want.Groups) {
			t.Errorf("%+v, %v, want %+v", who, err, want)
		}
	}
	_, reply, err := logIn(m, joe(func(f *forged) { as(f, "broken", realm) }))
	refused(t, err, http.StatusServiceUnavailable, "\"broken@KDC.TEST\" has a good ticket, but who that is cannot be found out: directory: ldaps://dc is down")
	if reply != "" {
		t.Error(reply)
	}
}

// What is told to a client goes through the faces as it is.
func TestRefusalIsServed(t *testing.T) {
	m := newMethod(t, nil)
	w := httptest.NewRecorder()
	face.Serve(slog.New(slog.DiscardHandler), func(w http.ResponseWriter, r *http.Request, _ string) error {
		_, _, err := m.Identify(w, r)
		return err
	}).ServeHTTP(w, request("Negotiate TlRMTVNTUAABAAAA"))
	if w.Code != 401 || !strings.HasPrefix(w.Body.String(), "Your program has no Kerberos ticket") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
