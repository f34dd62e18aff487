package negotiate_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
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
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Nobody gets in without the key, and nothing breaks.
func FuzzToken(f *testing.F) {
	m := newMethod(f, nil)
	f.Add([]byte{})
	f.Add([]byte("NTLMSSP\x00\x01"))
	f.Add(wrapped([]asn1.ObjectIdentifier{oidNTLM, oidKerberos}, []byte("NTLMSSP\x00\x01")))
	for _, change := range []func(*forged){
		func(f *forged) { f.EndTime = time.Unix(0, 0).UTC() },
		func(f *forged) { f.raw, f.key.password = true, "wrong" },
		func(f *forged) { f.service, f.key.password = "", "wrong" },
	} {
		f.Add(joeToken(change))
	}
	f.Fuzz(func(t *testing.T, token []byte) {
		who, reply, err := logIn(m, base64.StdEncoding.EncodeToString(token))
		if err == nil || who.Name != "" || reply != "" {
			t.Errorf("%+v is let in", who)
		}
		if err != nil && len(err.Error()) > 2000 {
			t.Errorf("%d bytes for the log", len(err.Error()))
		}
	})
}

// What is in a ticket and its authenticator is the work of a KDC and a client, either
// of which may be odd.
func FuzzTicket(f *testing.F) {
	m := newMethod(f, nil)
	session := types.EncryptionKey{KeyType: etypeID.AES256_CTS_HMAC_SHA1_96, KeyValue: make([]byte, 32)}
	user := types.NewPrincipalName(1, "joe")
	now := time.Now().UTC()
	far := time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	ticket := messages.EncTicketPart{
		Flags: types.NewKrbFlags(), Key: session, CRealm: realm, CName: user, Transited: messages.TransitedEncoding{TRType: 1},
		AuthTime: now, EndTime: far,
	}
	authenticator := must(types.NewAuthenticator(realm, user))
	f.Add(asn1tools.AddASNAppTag(must(asn1.Marshal(ticket)), asnAppTag.EncTicketPart), must(authenticator.Marshal()))
	f.Fuzz(func(t *testing.T, part, proof []byte) {
		if len(part)+len(proof) > 40_000 {
			return
		}
		request := messages.APReq{
			PVNO: 5, MsgType: 14, APOptions: types.NewKrbFlags(),
			Ticket: messages.Ticket{
				TktVNO: 5, Realm: realm, SName: types.NewPrincipalName(2, service),
				EncPart: must(crypto.GetEncryptedData(part, own.key(), keyusage.KDC_REP_TICKET, 3)),
			},
			EncryptedAuthenticator: must(crypto.GetEncryptedData(proof, session, keyusage.AP_REQ_AUTHENTICATOR, 0)),
		}
		token := framed(oidKerberos, append([]byte{1, 0}, must(request.Marshal())...))
		who, _, err := logIn(m, base64.StdEncoding.EncodeToString(token))
		if err == nil && (!strings.HasSuffix(who.Name, "@"+realm) || strings.Count(who.Name, "@") != 1 || strings.ContainsAny(who.Name, " /\\\n\x00")) {
			t.Errorf("%q is let in", who.Name)
		}
	})
}

func FuzzLogOnGroups(f *testing.F) {
	for _, digits := range real {
		f.Add(must(hex.DecodeString(digits)))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		groups, err := negotiate.LogOnGroups(content)
		for _, g := range groups {
			if !strings.HasPrefix(g, "s-1-") || err != nil {
				t.Errorf("%q, %v", g, err)
			}
		}
	})
}

func BenchmarkLogIn(b *testing.B) {
	m := newMethod(b, nil)
	tokens := make([]string, b.N)
	for i := range tokens {
		tokens[i] = joe(nil)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, token := range tokens {
		if _, _, err := logIn(m, token); err != nil {
			b.Fatal(err)
		}
	}
}

// The most a stranger's token can cost: as long as can be, and tried with all keys.
func BenchmarkHostileToken(b *testing.B) {
	var lines []principal
	for version := range uint8(20) {
		lines = append(lines, principal{service, realm, strings.Repeat("x", int(version)), version, etypeID.AES256_CTS_HMAC_SHA1_96})
	}
	m := newMethod(b, func(c *negotiate.Config) { c.Keytab = fixed(keytabOf(lines...)) })
	token := joe(func(f *forged) {
		carrying(f, 128, make([]byte, 47_000))
	})
	b.ReportAllocs()
	for b.Loop() {
		var who availability.Requester
		if who, _, _ = logIn(m, token); who.Name != "" {
			b.Fatal("let in")
		}
	}
}
