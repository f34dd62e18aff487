package negotiate_test

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/davfb/login/negotiate"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/asnAppTag"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"
)

const (
	realm   = "KDC.TEST"
	service = "HTTP/mail.kdc.test"
)

var (
	oidKerberos   = asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
	oidMSKerberos = asn1.ObjectIdentifier{1, 2, 840, 48018, 1, 2, 2}
	oidNTLM       = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}
	oidNegoEx     = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 30}
	oidSPNEGO     = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2}
)

// must stands for what cannot fail in a test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// principal is a line of a keytab whose key comes from a password.
type principal struct {
	name, realm, password string
	version               uint8
	kind                  int32
}

var own = principal{service, realm, "secret", 3, etypeID.AES256_CTS_HMAC_SHA1_96}

func keytabOf(lines ...principal) []byte {
	table := keytab.New()
	for _, l := range lines {
		if err := table.AddEntry(l.name, l.realm, l.password, time.Unix(0, 0), l.version, l.kind); err != nil {
			panic(err)
		}
	}
	return must(table.Marshal())
}

func fixed(content []byte) func() ([]byte, error) {
	return func() ([]byte, error) { return content, nil }
}

func newMethod(t testing.TB, change func(*negotiate.Config)) *negotiate.Method {
	t.Helper()
	c := negotiate.Config{Keytab: fixed(keytabOf(own)), Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&c)
	}
	m, err := negotiate.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var made sync.Map // keys by principal, as making one takes long

func (p principal) key() types.EncryptionKey {
	if key, ok := made.Load(p); ok {
		return key.(types.EncryptionKey)
	}
	key, _, err := crypto.GetKeyFromPassword(p.password, types.NewPrincipalName(1, p.name), p.realm, p.kind, nil)
	if err != nil {
		panic(err)
	}
	made.Store(p, key)
	return key
}

// forged is a ticket no KDC had to make, and how it is shown.
type forged struct {
	messages.EncTicketPart
	authenticator  types.Authenticator
	key            principal // it is encrypted for
	service, realm string
	version        int
	options        int // of KRB_AP_REQ, by number
	mechs          []asn1.ObjectIdentifier
	raw            bool // without SPNEGO
}

// joe is the token of joe@KDC.TEST, all right but for what change does to it.
func joe(change func(*forged)) string { return base64.StdEncoding.EncodeToString(joeToken(change)) }

func joeToken(change func(*forged)) []byte {
	now := time.Now().UTC()
	user := types.NewPrincipalName(1, "joe")
	f := &forged{
		EncTicketPart: messages.EncTicketPart{
			Flags: types.NewKrbFlags(), Key: sessionKey(etypeID.AES256_CTS_HMAC_SHA1_96), CRealm: realm, CName: user,
			Transited: messages.TransitedEncoding{TRType: 1},
			AuthTime:  now.Add(-time.Hour), StartTime: now.Add(-time.Hour), EndTime: now.Add(time.Hour),
		},
		authenticator: must(types.NewAuthenticator(realm, user)),
		key:           own, service: service, realm: realm, version: 3,
		mechs: []asn1.ObjectIdentifier{oidKerberos},
	}
	if change != nil {
		change(f)
	}
	return f.token()
}

func sessionKey(kind int32) types.EncryptionKey {
	return must(types.GenerateEncryptionKey(must(crypto.GetEtype(kind))))
}

func (f *forged) token() []byte {
	key := f.key.key()
	plain := asn1tools.AddASNAppTag(must(asn1.Marshal(f.EncTicketPart)), asnAppTag.EncTicketPart)
	ticket := messages.Ticket{
		TktVNO: 5, Realm: f.realm, SName: types.NewPrincipalName(2, f.service),
		EncPart: must(crypto.GetEncryptedData(plain, key, keyusage.KDC_REP_TICKET, f.version)),
	}
	request := must(messages.NewAPReq(ticket, f.Key, f.authenticator))
	if f.options > 0 {
		types.SetFlag(&request.APOptions, f.options)
	}
	token := framed(oidKerberos, append([]byte{1, 0}, must(request.Marshal())...))
	if f.raw {
		return token
	}
	return wrapped(f.mechs, token)
}

// wrapped puts a token of a mechanism into one of SPNEGO.
func wrapped(mechs []asn1.ObjectIdentifier, token []byte) []byte {
	t := spnego.SPNEGOToken{Init: true, NegTokenInit: spnego.NegTokenInit{MechTypes: mechs, MechTokenBytes: token}}
	return must(t.Marshal())
}

func framed(mech asn1.ObjectIdentifier, content []byte) []byte {
	return asn1tools.AddASNAppTag(append(must(asn1.Marshal(mech)), content...), 0)
}

// request returns one from 192.0.2.7 with an Authorization.
func request(authorization string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://mail.kdc.test/public/", nil)
	r.RemoteAddr = "192.0.2.7:4711"
	r.Header.Set("Authorization", authorization)
	return r
}

// logIn shows a token, and returns the reply in the header, too.
func logIn(m *negotiate.Method, token string) (who availability.Requester, reply string, err error) {
	w := httptest.NewRecorder()
	who, ok, err := m.Identify(w, request("Negotiate "+token))
	if ok != (err == nil) {
		panic("ok and an error, or neither")
	}
	reply, _ = strings.CutPrefix(w.Header().Get("WWW-Authenticate"), "Negotiate ")
	return who, reply, err
}
