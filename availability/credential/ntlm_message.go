package credential

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"

	"github.com/Azure/go-ntlmssp"
)

// Bits of NegotiateFlags, [MS-NLMP] 2.2.2.5.
const (
	flagUnicode       = 1 << 0
	flagRequestTarget = 1 << 2
	flagLMKey         = 1 << 7
	flagTargetInfo    = 1 << 23
	flagVersion       = 1 << 25
	flagKeyExchange   = 1 << 30
)

// Kinds of AV_PAIR, [MS-NLMP] 2.2.2.1. Where a server sends a timestamp, a client
// should add a MIC over all three messages (3.1.5.1.2); the library writes none, and
// sets no flag that claims one. Samba does without, as the tests show; nothing is
// proven about a Windows that is set up to insist.
const (
	avEOL             = 0x0000
	avTimestamp       = 0x0007
	avTargetName      = 0x0009 // the service the client means to reach, HTTP/host
	avChannelBindings = 0x000A
)

const (
	negotiateFlagsAt = 12      // where a NEGOTIATE message has its flags
	challengeHeader  = 48      // bytes of a CHALLENGE message before its payload, without a version
	maxChallenge     = 8 << 10 // bytes; names of 255 characters make less than 3 KiB
)

// negotiateMessage returns a NEGOTIATE message. The library's lacks
// NTLMSSP_REQUEST_TARGET, which Windows always sends, and without which Samba
// leaves out TargetInfo: there would be no place for a channel binding.
func negotiateMessage() ([]byte, error) {
	message, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return nil, err
	}
	message[negotiateFlagsAt] |= flagRequestTarget
	return message, nil
}

// challenge is what the answer needs of a CHALLENGE message, [MS-NLMP] 2.2.1.2.
type challenge struct {
	flags uint32
	nonce [8]byte
	info  []avPair // TargetInfo, without its end
}

// avPair is a property of the server, or of the client in its answer.
type avPair struct {
	id    uint16
	value []byte
}

// parseChallenge reads a CHALLENGE message, and refuses one whose answer could not
// be a sound NTLMv2 response.
func parseChallenge(message []byte) (challenge, error) {
	switch {
	case len(message) > maxChallenge:
		return challenge{}, fmt.Errorf("a challenge of %d bytes is too long", len(message))
	case len(message) < challengeHeader || string(message[:8]) != "NTLMSSP\x00" || binary.LittleEndian.Uint32(message[8:]) != 2:
		return challenge{}, fmt.Errorf("that is no NTLM challenge: %.200q", message)
	}
	c := challenge{
		flags: binary.LittleEndian.Uint32(message[20:]),
		nonce: [8]byte(message[24:32]),
	}
	if err := c.check(); err != nil {
		return challenge{}, err
	}
	length, offset := uint64(binary.LittleEndian.Uint16(message[40:])), uint64(binary.LittleEndian.Uint32(message[44:]))
	if offset+length > uint64(len(message)) {
		return challenge{}, errors.New("the challenge's TargetInfo lies outside of it")
	}
	info, err := parsePairs(message[offset : offset+length])
	c.info = info
	return c, err
}

// check refuses what leads to less than NTLMv2 in Unicode: the library would answer
// without TargetInfo, too, with an LMv2 response that binds neither name nor time.
func (c challenge) check() error {
	switch {
	case c.flags&flagLMKey != 0:
		return errors.New("the server wants NTLM version 1 (NTLMSSP_NEGOTIATE_LM_KEY), and only version 2 is sent")
	case c.flags&flagTargetInfo == 0:
		return errors.New("the server's challenge has no TargetInfo, which version 2 of NTLM needs, and only that is sent")
	case c.flags&flagUnicode == 0:
		return errors.New("the server does not take Unicode")
	case c.flags&flagKeyExchange != 0:
		return errors.New("the server wants a key exchange (NTLMSSP_NEGOTIATE_KEY_EXCH) that it was not offered")
	}
	return nil
}

// parsePairs reads the AV_PAIRs of a TargetInfo up to its end.
func parsePairs(b []byte) ([]avPair, error) {
	var pairs []avPair
	for len(b) >= 4 {
		id, length := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		b = b[4:]
		switch {
		case id == avEOL:
			return pairs, nil
		case length > len(b):
			return nil, fmt.Errorf("AV pair %#04x of the challenge is cut short", id)
		case id == avTimestamp && length != 8:
			return nil, fmt.Errorf("AV pair %#04x of the challenge has %d bytes", id, length)
		}
		pairs = append(pairs, avPair{id, b[:length]})
		b = b[length:]
	}
	return nil, errors.New("the challenge's TargetInfo has no end")
}

// set puts a property of the client's into TargetInfo, in place of the server's. A
// nil value only takes that out.
func (c *challenge) set(id uint16, value []byte) {
	c.info = slices.DeleteFunc(c.info, func(p avPair) bool { return p.id == id })
	if value != nil {
		c.info = append(c.info, avPair{id, value})
	}
}

// marshal returns the CHALLENGE message for the library, which copies TargetInfo
// into the answer as it stands, covered by NTProofStr. The target's name, which the
// answer does not use, is left out.
func (c challenge) marshal() []byte {
	var info []byte
	for _, p := range append(c.info[:len(c.info):len(c.info)], avPair{id: avEOL}) {
		info = binary.LittleEndian.AppendUint16(info, p.id)
		info = binary.LittleEndian.AppendUint16(info, uint16(len(p.value)))
		info = append(info, p.value...)
	}
	b := make([]byte, challengeHeader, challengeHeader+len(info))
	copy(b, "NTLMSSP\x00\x02")
	binary.LittleEndian.PutUint32(b[20:], c.flags&^flagVersion)
	copy(b[24:], c.nonce[:])
	binary.LittleEndian.PutUint16(b[40:], uint16(len(info)))
	binary.LittleEndian.PutUint16(b[42:], uint16(len(info)))
	binary.LittleEndian.PutUint32(b[44:], challengeHeader)
	return append(b, info...)
}

func utf16le(s string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}
