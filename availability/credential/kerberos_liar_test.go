package credential_test

import (
	"encoding/asn1"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"fbgate/availability"
	"fbgate/availability/credential"

	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// replies is a KDC that gives the same reply to everything.
type replies struct {
	address string
	asked   atomic.Int32
}

func newReplies(t *testing.T, reply []byte) *replies {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r, ended := &replies{address: listener.Addr().String()}, make(chan struct{})
	go func() {
		defer close(ended)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			r.asked.Add(1)
			var prefix [4]byte
			if _, err := io.ReadFull(connection, prefix[:]); err == nil {
				_, _ = io.CopyN(io.Discard, connection, int64(binary.BigEndian.Uint32(prefix[:])))
			}
			_, _ = connection.Write(reply)
			connection.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	return r
}

func (r *replies) login(t *testing.T) *availability.Reason {
	t.Helper()
	kind := credential.Kerberos{Username: "svc@KDC.TEST", Password: fixed("right"), KDCs: []string{r.address}}
	_, reason := postQuestion(t.Context(), of(kind), "http://127.0.0.1:1/", strings.NewReader(question))
	return reason
}

func withLength(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)
}

type element struct {
	Type  int    `asn1:"explicit,tag:1"`
	Value []byte `asn1:"explicit,tag:2"`
}

type keyInfo struct {
	Type   int    `asn1:"explicit,tag:0"`
	Params []byte `asn1:"explicit,optional,tag:2"`
}

// demand returns what asks for pre-authentication with keys made in some ways.
func demand(t *testing.T, ways ...keyInfo) []byte {
	t.Helper()
	info, err := asn1.Marshal(ways)
	if err != nil {
		t.Fatal(err)
	}
	data, err := asn1.Marshal([]element{{19, info}})
	if err != nil {
		t.Fatal(err)
	}
	refusal := messages.NewKRBError(types.NewPrincipalName(2, "krbtgt/KDC.TEST"), "KDC.TEST", errorcode.KDC_ERR_PREAUTH_REQUIRED, "")
	refusal.EData = data
	message, err := refusal.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return withLength(message)
}

// Whoever answers instead of the KDC gets nothing that was made with the password in
// a way that makes it easy to guess, or hard to make.
func TestKerberosLyingKDC(t *testing.T) {
	const aes, rc4 = 18, 23
	for name, test := range map[string]struct {
		ways   []keyInfo
		detail string
		asked  int32
	}{
		"AES":                 {[]keyInfo{{aes, nil}}, "", 2},
		"RC4":                 {[]keyInfo{{rc4, nil}}, "no AES key", 1},
		"RC4 first":           {[]keyInfo{{rc4, nil}, {aes, nil}}, "no AES key", 1},
		"none":                {nil, "no AES key", 1},
		"unknown":             {[]keyInfo{{-1, nil}}, "no AES key", 1},
		"a million":           {[]keyInfo{{aes, []byte{0, 16, 0, 1}}}, "iterations", 1},
		"2 to the 32nd":       {[]keyInfo{{aes, []byte{0, 0, 0, 0}}}, "iterations", 1},
		"nearly that":         {[]keyInfo{{aes, []byte{255, 255, 255, 255}}}, "iterations", 1},
		"as Windows":          {[]keyInfo{{aes, []byte{0, 0, 16, 0}}}, "", 2},
		"odd parameters":      {[]keyInfo{{aes, []byte{1}}}, "", 2},
		"AES first, then RC4": {[]keyInfo{{aes, nil}, {rc4, nil}}, "", 2},
	} {
		kdc := newReplies(t, demand(t, test.ways...))
		reason := kdc.login(t)
		if reason == nil || reason.Code != availability.CredentialFailed || !strings.Contains(reason.Detail, test.detail) {
			t.Errorf("%s: %v, want %q", name, reason, test.detail)
		}
		if asked := kdc.asked.Load(); asked != test.asked {
			t.Errorf("%s: asked %d times, want %d", name, asked, test.asked)
		}
	}
}

// What a KDC sends is a stranger's as long as nothing in it has been decrypted.
func FuzzKerberosReply(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x7e, 0x82, 0xff, 0xff})
	f.Add([]byte("~\x00"))
	f.Add([]byte("k\x00"))
	f.Fuzz(func(t *testing.T, message []byte) {
		if reason := newReplies(t, withLength(message)).login(t); reason == nil || reason.Code == availability.Internal && !strings.Contains(reason.Detail, "gokrb5") {
			t.Errorf("%v", reason)
		}
	})
}
