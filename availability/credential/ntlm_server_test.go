package credential_test

import (
	"encoding/binary"
	"errors"
	"unicode/utf16"

	"fbgate/availability/exchangetest/authtest"
)

// accepting starts a Verifier that takes any password, for tests of what goes on
// around a handshake.
func accepting() (authtest.Verifier, error) { return &verifier{}, nil }

// verifier answers with a challenge and keeps the answer to it.
type verifier struct {
	challenge []byte // nil: that of a server named EX1
	answer    authenticate
	err       error
}

func (v *verifier) Challenge(negotiate []byte) ([]byte, error) {
	if v.challenge != nil {
		return v.challenge, nil
	}
	return challengeMessage(0xa28a8205, pair(1, wide("EX1")), pair(7, make([]byte, 8)), pair(0, nil)), nil
}

func (v *verifier) Authenticate(message []byte) (string, error) {
	v.answer, v.err = readAuthenticate(message)
	return v.answer.user, v.err
}

// challengeMessage writes a CHALLENGE message with the AV pairs given.
func challengeMessage(flags uint32, pairs ...[]byte) []byte {
	var info []byte
	for _, p := range pairs {
		info = append(info, p...)
	}
	b := append([]byte("NTLMSSP\x00\x02\x00\x00\x00"), 6, 0, 6, 0, 56, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = append(b, "nonce678"...)
	b = append(b, make([]byte, 8)...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(info)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(info)))
	b = binary.LittleEndian.AppendUint32(b, 62)
	b = append(b, 6, 1, 0, 0, 0, 0, 0, 15)
	b = append(b, wide("EX1")...)
	return append(b, info...)
}

func pair(id uint16, value []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, id)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

func wide(s string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

// authenticate is what a server reads in an AUTHENTICATE message.
type authenticate struct {
	user  string
	pairs map[uint16][]byte // the client's TargetInfo, in the signed part of the response
	order []uint16
}

// readAuthenticate reads a message with an NTLMv2 response, [MS-NLMP] 2.2.1.3 and
// 2.2.2.7, and refuses any other.
func readAuthenticate(b []byte) (authenticate, error) {
	field := func(at int) []byte {
		length, offset := int(binary.LittleEndian.Uint16(b[at:])), int(binary.LittleEndian.Uint32(b[at+4:]))
		return b[offset : offset+length]
	}
	if len(b) < 64 || string(b[:12]) != "NTLMSSP\x00\x03\x00\x00\x00" {
		return authenticate{}, errors.New("this is no AUTHENTICATE message")
	}
	if len(field(12)) != 0 {
		return authenticate{}, errors.New("there is an LM response")
	}
	response := field(20)
	if len(response) < 16+28+4 || response[16] != 1 || response[17] != 1 {
		return authenticate{}, errors.New("the response is not NTLMv2")
	}
	var user []uint16
	for name := field(36); len(name) >= 2; name = name[2:] {
		user = append(user, binary.LittleEndian.Uint16(name))
	}
	a := authenticate{user: string(utf16.Decode(user)), pairs: make(map[uint16][]byte)}
	for info := response[16+28:]; len(info) >= 4; {
		id, length := binary.LittleEndian.Uint16(info), int(binary.LittleEndian.Uint16(info[2:]))
		if id == 0 {
			return a, nil
		}
		if _, twice := a.pairs[id]; 4+length > len(info) || twice && (id == 9 || id == 10) {
			break
		}
		a.pairs[id], a.order = info[4:4+length], append(a.order, id)
		info = info[4+length:]
	}
	return a, errors.New("TargetInfo is broken")
}
