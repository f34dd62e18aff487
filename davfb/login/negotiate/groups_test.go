package negotiate_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"fbgate/davfb/login/negotiate"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/pac"
	"github.com/jcmturner/gokrb5/v8/test/testdata"
	"github.com/jcmturner/gokrb5/v8/types"
)

// real is log-on information as Active Directory sent it, in hexadecimal digits: the
// example of [MS-PAC], one of a domain, and one with groups of another domain.
var real = []string{testdata.MarshaledPAC_Kerb_Validation_Info_MS, testdata.MarshaledPAC_Kerb_Validation_Info, testdata.MarshaledPAC_Kerb_Validation_Info_Trust}

func TestLogOnGroups(t *testing.T) {
	for i, digits := range real {
		content := must(hex.DecodeString(digits))
		got, err := negotiate.LogOnGroups(content)
		if err != nil {
			t.Fatal(err)
		}
		var info pac.KerbValidationInfo
		if err := info.Unmarshal(content); err != nil {
			t.Fatal(err)
		}
		want := info.GetGroupMembershipSIDs()
		for j := range want {
			want[j] = strings.ToLower(want[j])
		}
		if len(want) < 3 || !slices.Equal(got, want) {
			t.Errorf("%d: %v\nwant %v", i, got, want)
		}
		for n := range content {
			// What follows the last group is padding.
			if _, err := negotiate.LogOnGroups(content[:n]); err == nil && len(content)-n > 8 {
				t.Errorf("%d: nobody notices that only %d bytes of %d are there", i, n, len(content))
			}
		}
	}
}

// The PAC of a real ticket, with the keytab that opens it.
func TestPAC(t *testing.T) {
	var data types.AuthorizationData
	if err := data.Unmarshal(must(hex.DecodeString(testdata.MarshaledPAC_AuthorizationData_GOKRB5))); err != nil {
		t.Fatal(err)
	}
	table := keytab.New()
	if err := table.Unmarshal(must(hex.DecodeString(testdata.KEYTAB_SYSHTTP_TEST_GOKRB5))); err != nil {
		t.Fatal(err)
	}
	key, _, err := table.GetEncryptionKey(types.NewPrincipalName(1, "sysHTTP"), "TEST.GOKRB5", 2, etypeID.AES256_CTS_HMAC_SHA1_96)
	if err != nil {
		t.Fatal(err)
	}
	got, err := negotiate.Groups(data, key)
	want := []string{"s-1-5-21-3167651404-3865080224-2280184895-513", "s-1-5-21-3167651404-3865080224-2280184895-1108"}
	if err != nil || len(got) != 7 || !slices.Equal(got[:2], want) {
		t.Errorf("%v, %v", got, err)
	}
	key.KeyValue = bytes.Clone(key.KeyValue)
	key.KeyValue[0] ^= 1
	if got, err := negotiate.Groups(data, key); got != nil || err == nil || err.Error() != "the PAC is not signed by the KDC" {
		t.Errorf("%v, %v", got, err)
	}
}

// buffer is one part of a PAC.
type buffer struct {
	kind    uint32
	content []byte
}

// pacOf makes a PAC, and signs it with a key.
func pacOf(key types.EncryptionKey, buffers ...buffer) []byte {
	buffers = append(buffers, buffer{6, signature(chksumtype.HMAC_SHA1_96_AES256, 12)}, buffer{7, signature(chksumtype.KERB_CHECKSUM_HMAC_MD5, 16)})
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(buffers)))
	head = binary.LittleEndian.AppendUint32(head, 0)
	var body []byte
	var signed int
	for _, b := range buffers {
		at := 8 + 16*len(buffers) + len(body)
		if b.kind == 6 {
			signed = at + 4
		}
		head = binary.LittleEndian.AppendUint32(head, b.kind)
		head = binary.LittleEndian.AppendUint32(head, uint32(len(b.content)))
		head = binary.LittleEndian.AppendUint64(head, uint64(at))
		body = append(body, b.content...)
		body = append(body, make([]byte, -len(body)&7)...)
	}
	all := append(head, body...)
	method := must(crypto.GetChksumEtype(chksumtype.HMAC_SHA1_96_AES256))
	copy(all[signed:], must(method.GetChecksumHash(key.KeyValue, all, 17)))
	return all
}

func signature(kind int32, length int) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(kind)), make([]byte, length)...)
}

// carrying puts authorization data into a ticket, where it need not be heeded.
func carrying(f *forged, kind int32, data []byte) {
	inner := must(asn1.Marshal(types.AuthorizationData{{ADType: kind, ADData: data}}))
	f.AuthorizationData = append(f.AuthorizationData, types.AuthorizationDataEntry{ADType: 1, ADData: inner})
}

func TestGroups(t *testing.T) {
	info := must(hex.DecodeString(real[1]))
	var log bytes.Buffer
	m := newMethod(t, func(c *negotiate.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Accounts = accounts{"joe@KDC.TEST": {Groups: []string{"staff"}}}
	})
	other := own
	other.password = "other"
	huge := binary.LittleEndian.AppendUint32(nil, 1<<32-1)
	for name, test := range map[string]struct {
		pac    []byte
		groups int
		fault  string
	}{
		"of the KDC":          {pacOf(own.key(), buffer{1, info}), 8, ""},
		"as MIT makes them":   {pacOf(own.key(), buffer{10, make([]byte, 16)}), 1, ""},
		"two of a kind":       {pacOf(own.key(), buffer{1, info}, buffer{1, nil}), 8, ""},
		"of somebody else":    {pacOf(other.key(), buffer{1, info}), 1, "not signed by the KDC"},
		"signed, but wrong":   {pacOf(own.key(), buffer{1, info[:100]}), 1, "malformed"},
		"empty":               {nil, 1, "malformed"},
		"very many parts":     {append(huge, make([]byte, 100)...), 1, "malformed"},
		"many parts":          {append([]byte{64, 0, 0, 0}, make([]byte, 100)...), 1, "cut short"},
		"cut short":           {pacOf(own.key(), buffer{1, info})[:300], 1, "cut short"},
		"without a signature": {append([]byte{0, 0, 0, 0}, make([]byte, 100)...), 1, "no signature"},
	} {
		t.Run(name, func(t *testing.T) {
			log.Reset()
			who, _, err := logIn(m, joe(func(f *forged) { carrying(f, 128, test.pac) }))
			if err != nil {
				t.Fatal(err)
			}
			if len(who.Groups) != test.groups || who.Groups[0] != "staff" {
				t.Errorf("%v", who.Groups)
			}
			if logged := log.String(); (logged == "") != (test.fault == "") || !strings.Contains(logged, test.fault) {
				t.Errorf("%s", logged)
			}
		})
	}
	t.Run("nonsense", func(t *testing.T) {
		who, _, err := logIn(m, joe(func(f *forged) {
			carrying(f, 4, nil)
			f.AuthorizationData = append(f.AuthorizationData, types.AuthorizationDataEntry{ADType: 1, ADData: []byte("x")})
		}))
		if err != nil || fmt.Sprint(who.Groups) != "[staff]" {
			t.Errorf("%v, %v", who, err)
		}
	})
}

// Groups that count nowhere, or only where something is denied, are not told.
func TestGroupsThatCount(t *testing.T) {
	content := must(hex.DecodeString(real[1]))
	all := must(negotiate.LogOnGroups(content))
	// The first of GroupIds: 513 and its attributes.
	at := bytes.Index(content, []byte{1, 2, 0, 0, 7, 0, 0, 0})
	for _, attributes := range []byte{0, 3, 0x17} {
		changed := bytes.Clone(content)
		changed[at+4] = attributes
		if got := must(negotiate.LogOnGroups(changed)); !slices.Equal(got, all[1:]) {
			t.Errorf("%x: %v", attributes, got)
		}
	}
}
