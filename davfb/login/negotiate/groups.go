package negotiate

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/adtype"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/types"
)

// groups returns the security identifiers of a client's groups, in lower case, from the
// privilege attribute certificate (PAC) Active Directory puts into tickets. There are
// none if the ticket has no PAC, or one without that, as MIT's KDC makes them.
func (c *client) groups() (sids []string, err error) {
	defer func() {
		if p := recover(); p != nil {
			sids, err = nil, fmt.Errorf("panic: %.100v", p)
		}
	}()
	for _, entry := range c.data {
		if entry.ADType != adtype.ADIfRelevant {
			continue
		}
		var inner types.AuthorizationData
		if err := inner.Unmarshal(entry.ADData); err != nil {
			return nil, err
		}
		for _, e := range inner {
			if e.ADType == adtype.ADWin2KPAC {
				return pacGroups(e.ADData, c.key)
			}
		}
	}
	return nil, nil
}

// What a PAC is made of ([MS-PAC], 2.4), as far as it matters here.
const (
	pacLogOn           = 1
	pacServerSignature = 6
	pacKDCSignature    = 7
	mostPACParts       = 64
)

// pacGroups checks a PAC's signature before it reads on: a client may have put a PAC of
// its own into the ticket.
func pacGroups(pac []byte, key types.EncryptionKey) ([]string, error) {
	parts, err := pacParts(pac)
	if err != nil {
		return nil, err
	}
	// What is signed has zeros in place of both signatures ([MS-PAC], 2.8.1).
	signed := append([]byte(nil), pac...)
	kind, signature, err := parts[pacServerSignature].signature(signed)
	if err != nil {
		return nil, err
	}
	if _, _, err := parts[pacKDCSignature].signature(signed); err != nil {
		return nil, err
	}
	method, err := crypto.GetChksumEtype(kind)
	if err != nil {
		return nil, err
	}
	if !method.VerifyChecksum(key.KeyValue, signed, signature, keyusage.KERB_NON_KERB_CKSUM_SALT) {
		return nil, errors.New("the PAC is not signed by the KDC")
	}
	logOn, ok := parts[pacLogOn]
	if !ok {
		return nil, nil
	}
	return logOnGroups(logOn.of(pac))
}

// part is where one part of a PAC lies in it.
type part struct{ from, to uint64 }

func (p part) of(pac []byte) []byte { return pac[p.from:p.to] }

// pacParts returns the parts of a PAC by type, the first of each ([MS-PAC], 2.3).
func pacParts(pac []byte) (map[uint32]part, error) {
	if len(pac) < 8 || binary.LittleEndian.Uint32(pac) > mostPACParts || binary.LittleEndian.Uint32(pac[4:]) != 0 {
		return nil, errors.New("the PAC is malformed")
	}
	parts := make(map[uint32]part)
	count := int(binary.LittleEndian.Uint32(pac))
	if len(pac) < 8+16*count {
		return nil, errors.New("the PAC is cut short")
	}
	for i := range count {
		header := pac[8+16*i:]
		kind, size, offset := binary.LittleEndian.Uint32(header), uint64(binary.LittleEndian.Uint32(header[4:])), binary.LittleEndian.Uint64(header[8:])
		if offset > uint64(len(pac)) || size > uint64(len(pac))-offset {
			return nil, errors.New("the PAC is cut short")
		}
		if _, ok := parts[kind]; !ok {
			parts[kind] = part{offset, offset + size}
		}
	}
	return parts, nil
}

// signature returns a signature in a PAC and its kind, and puts zeros in its place.
func (p part) signature(pac []byte) (kind int32, signature []byte, err error) {
	content := p.of(pac)
	if len(content) < 4 {
		return 0, nil, errors.New("the PAC has no signature")
	}
	kind = int32(binary.LittleEndian.Uint32(content))
	method, err := crypto.GetChksumEtype(kind)
	if err != nil {
		return 0, nil, err
	}
	length := method.GetHMACBitLength() / 8
	if content = content[4:]; len(content) < length {
		return 0, nil, errors.New("a signature of the PAC is cut short")
	}
	signature = append(signature, content[:length]...)
	clear(content[:length])
	return kind, signature, nil
}
