package credential

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/iana/patype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// login is one user's two exchanges with a KDC (RFC 4120, 3.1 and 3.3). The
// library's own client is not used: it knows no context, believes any length and any
// encryption type a KDC names, shows a password that is wrong again, and renews in
// the background, for ever. Its messages and cryptography are.
type login struct {
	user     *credentials.Credentials
	realm    string
	settings *config.Config
}

const (
	// mostIterations bounds the work a KDC may ask for to make a key of a password;
	// 4096 and 32768 are usual.
	mostIterations = 1 << 20
	// mostReferrals bounds how many realms are in between.
	mostReferrals = 5
)

var (
	errSecret = errors.New("the secret does not decrypt the reply")
	errWeak   = errors.New("no encryption type in common")
)

// grantingTicket logs in.
func (l login) grantingTicket(ctx context.Context) (reply messages.ASRep, err error) {
	request, err := messages.NewASReqForTGT(l.realm, l.settings, l.user.CName())
	if err != nil {
		return reply, err
	}
	raw, err := l.exchange(ctx, l.realm, &request)
	var (
		refusal messages.KRBError
		hint    types.PADataSequence
	)
	if errors.As(err, &refusal) && refusal.ErrorCode == errorcode.KDC_ERR_PREAUTH_REQUIRED {
		if request.PAData, hint, err = l.proof(refusal); err != nil {
			return reply, err
		}
		raw, err = l.exchange(ctx, l.realm, &request)
	}
	if err != nil {
		return reply, err
	}
	if err := reply.Unmarshal(raw); err != nil {
		return reply, err
	}
	if later, _, err := l.hint(reply.PAData); err == nil {
		hint = later
	}
	if !l.asked(reply.EncPart.EType) {
		return reply, errWeak
	}
	reply.PAData = hint // all that the library may make a key from
	if _, err := reply.DecryptEncPart(l.user); err != nil {
		return reply, errSecret
	}
	if ok, err := reply.Verify(l.settings, l.user, request); !ok {
		return reply, invalid(err)
	}
	return reply, nil
}

// proof returns the encrypted time of day (RFC 4120, 5.2.7.2), and the hint it was
// made by.
func (l login) proof(refusal messages.KRBError) (proof, hint types.PADataSequence, err error) {
	var offer types.PADataSequence
	if err := offer.Unmarshal(refusal.EData); err != nil {
		return nil, nil, err
	}
	hint, encryption, err := l.hint(offer)
	if err != nil {
		return nil, nil, err
	}
	key, version, err := l.key(encryption, hint)
	if err != nil {
		return nil, nil, err
	}
	now, err := types.GetPAEncTSEncAsnMarshalled()
	if err != nil {
		return nil, nil, err
	}
	encrypted, err := crypto.GetEncryptedData(now, key, keyusage.AS_REQ_PA_ENC_TIMESTAMP, version)
	if err != nil {
		return nil, nil, err
	}
	raw, err := encrypted.Marshal()
	return types.PADataSequence{{PADataType: patype.PA_ENC_TIMESTAMP, PADataValue: raw}}, hint, err
}

func (l login) key(encryption int32, hint types.PADataSequence) (key types.EncryptionKey, version int, err error) {
	if l.user.HasKeytab() {
		return l.user.Keytab().GetEncryptionKey(l.user.CName(), l.realm, 0, encryption)
	}
	key, _, err = crypto.GetKeyFromPassword(l.user.Password(), l.user.CName(), l.realm, encryption, hint)
	return key, 0, err
}

// hint returns the one element of what a KDC sent that says how to make a key of the
// password, and the encryption type it names. Nothing has proven by then that it is
// the KDC who speaks, so it is held to the types that were asked for and to a bounded
// amount of work. The library looks at the first entry, and at all elements.
func (l login) hint(offer types.PADataSequence) (hint types.PADataSequence, encryption int32, err error) {
	for _, data := range offer {
		if entries, err := data.GetETypeInfo2(); err == nil && len(entries) > 0 {
			if n := entries[0].S2KParams; len(n) == 4 && binary.BigEndian.Uint32(n)-1 >= mostIterations { // 0 is 2 to the 32nd
				return nil, 0, fmt.Errorf("the KDC asks for %d iterations to make a key", binary.BigEndian.Uint32(n))
			}
			hint, encryption = types.PADataSequence{data}, entries[0].EType
			break
		}
		if entries, err := data.GetETypeInfo(); err == nil && len(entries) > 0 { // Windows 2000 and 2003
			hint, encryption = types.PADataSequence{data}, entries[0].EType
		}
	}
	if hint == nil || !l.asked(encryption) {
		return nil, 0, errWeak
	}
	return hint, encryption, nil
}

func (l login) asked(encryption int32) bool {
	return slices.Contains(l.settings.LibDefaults.DefaultTktEnctypeIDs, encryption)
}

// serviceTicket gets a ticket for a service, from another realm if the KDC refers to
// it (RFC 6806, 8).
func (l login) serviceTicket(ctx context.Context, granting messages.ASRep, spn string) (reply messages.TGSRep, err error) {
	service := types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, spn)
	// Before the log-in, it would let the KDC return the user by another name.
	l.settings.LibDefaults.Canonicalize = true
	realm, ticket, key := l.realm, granting.Ticket, granting.DecryptedEncPart.Key
	for range mostReferrals + 1 {
		request, err := messages.NewTGSReq(l.user.CName(), realm, l.settings, ticket, key, service, false)
		if err != nil {
			return reply, err
		}
		raw, err := l.exchange(ctx, realm, &request)
		if err != nil {
			return reply, err
		}
		reply = messages.TGSRep{}
		if err := reply.Unmarshal(raw); err != nil {
			return reply, err
		}
		if err := reply.DecryptEncPart(key); err != nil {
			return reply, err
		}
		if ok, err := reply.Verify(l.settings, request); !ok {
			return reply, invalid(err)
		}
		name := reply.Ticket.SName.NameString
		if len(name) != 2 || name[0] != "krbtgt" {
			return reply, nil
		}
		realm, ticket, key = name[1], reply.Ticket, reply.DecryptedEncPart.Key
	}
	return reply, fmt.Errorf("more than %d realms in between", mostReferrals)
}

// invalid is err, or an error if the library gives none for what it does not accept.
func invalid(err error) error {
	if err == nil {
		return errors.New("the KDC's reply is not valid")
	}
	return err
}
