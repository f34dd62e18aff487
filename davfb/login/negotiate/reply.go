package negotiate

import (
	"encoding/asn1"
	"encoding/base64"
	"math/rand/v2"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana"
	"github.com/jcmturner/gokrb5/v8/iana/asnAppTag"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/msgtype"
	"github.com/jcmturner/gokrb5/v8/types"
)

// negTokenResp is the answer of SPNEGO (RFC 4178, 4.2.2).
type negTokenResp struct {
	State asn1.Enumerated       `asn1:"explicit,tag:0"` // 0: accept-completed
	Mech  asn1.ObjectIdentifier `asn1:"explicit,tag:1"`
	Token []byte                `asn1:"explicit,optional,omitempty,tag:2"`
}

// apReply is KRB_AP_REP (RFC 4120, 5.5.2), by which a client that demands it sees that
// the server can read its ticket.
type apReply struct {
	Version int                 `asn1:"explicit,tag:0"`
	Type    int                 `asn1:"explicit,tag:1"`
	Part    types.EncryptedData `asn1:"explicit,tag:2"`
}

type encryptedReply struct {
	Time     time.Time `asn1:"generalized,explicit,tag:0"`
	Micros   int       `asn1:"explicit,tag:1"`
	Sequence int64     `asn1:"explicit,tag:3"`
}

// accept returns the token that tells a client that it is logged in, in base64. It is
// empty if the client expects none.
func (o *offer) accept(c *client) (string, error) {
	var reply []byte
	var err error
	if c.mutual {
		if reply, err = c.reply(); err != nil {
			return "", err
		}
	}
	if o.spnego {
		reply, err = asn1.MarshalWithParams(negTokenResp{Mech: o.mech, Token: reply}, "explicit,tag:1")
	}
	return base64.StdEncoding.EncodeToString(reply), err
}

// reply returns a token of the Kerberos mechanism with a KRB_AP_REP.
func (c *client) reply() ([]byte, error) {
	plain, err := asn1.MarshalWithParams(encryptedReply{
		Time:     c.authenticator.CTime.UTC(),
		Micros:   c.authenticator.Cusec,
		Sequence: rand.Int64N(1 << 30), // of messages that never follow
	}, application(asnAppTag.EncAPRepPart))
	if err != nil {
		return nil, err
	}
	part, err := crypto.GetEncryptedData(plain, c.session, keyusage.AP_REP_ENCPART, 0)
	if err != nil {
		return nil, err
	}
	message, err := asn1.MarshalWithParams(apReply{iana.PVNO, msgtype.KRB_AP_REP, part}, application(asnAppTag.APREP))
	if err != nil {
		return nil, err
	}
	content, err := asn1.Marshal(kerberos)
	if err != nil {
		return nil, err
	}
	content = append(append(content, 2, 0), message...)
	return asn1.Marshal(asn1.RawValue{Class: asn1.ClassApplication, Tag: 0, IsCompound: true, Bytes: content})
}
