package login

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// longestToken is the longest token that is looked into, in bytes: what Windows makes at
// most (MaxTokenSize), and some.
const longestToken = 64 << 10

// shownName is the name in an Authorization that its server has accepted, as far as it
// can be read: of Negotiate, only if NTLM is in it.
func shownName(authorization string) string {
	request := http.Request{Header: http.Header{"Authorization": {authorization}}}
	if name, _, ok := request.BasicAuth(); ok {
		return name
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	token = strings.TrimSpace(token)
	if len(token) > base64.StdEncoding.EncodedLen(longestToken) {
		return ""
	}
	message, err := base64.StdEncoding.DecodeString(token)
	switch {
	case err != nil:
		return ""
	case strings.EqualFold(scheme, "NTLM"):
		return ntlmName(message)
	case !strings.EqualFold(scheme, "Negotiate"):
		return ""
	case !bytes.HasPrefix(message, []byte(ntlmSignature)): // as which Negotiate may carry it
		message = responseToken(message)
	}
	return ntlmName(message)
}

// responseToken returns what SPNEGO's second and later tokens carry (RFC 4178, 4.2.2), nil
// if that cannot be read. A name is in these alone: the first one, a NegTokenInit, holds
// the beginning of NTLM's handshake. Nothing is read that two readers might take for
// different things: each field has to be there once and in its order, and nothing else.
func responseToken(token []byte) (response []byte) {
	sequence, ok := inside(token, asn1.ClassContextSpecific, 1)
	if !ok {
		return nil
	}
	rest, ok := inside(sequence, asn1.ClassUniversal, asn1.TagSequence)
	if !ok {
		return nil
	}
	const responseAt, last = 2, 3 // of negState, supportedMech, responseToken, mechListMIC
	for before := -1; len(rest) > 0; {
		var field asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &field); err != nil || !field.IsCompound ||
			field.Class != asn1.ClassContextSpecific || field.Tag <= before || field.Tag > last {
			return nil
		}
		before = field.Tag
		if field.Tag != responseAt {
			continue
		}
		if more, err := asn1.Unmarshal(field.Bytes, &response); err != nil || len(more) > 0 {
			return nil
		}
	}
	return response
}

// inside returns the content of an element that is all of der.
func inside(der []byte, class, tag int) (content []byte, ok bool) {
	var element asn1.RawValue
	rest, err := asn1.Unmarshal(der, &element)
	return element.Bytes, err == nil && len(rest) == 0 && element.Class == class && element.Tag == tag && element.IsCompound
}

const ntlmSignature = "NTLMSSP\x00"

// ntlmName reads DOMAIN\user from an AUTHENTICATE_MESSAGE ([MS-NLMP] 2.2.1.3), "" if
// that is none or has a name that is none anywhere.
func ntlmName(message []byte) string {
	const typeAt, domainAt, userAt, flagsAt, unicodeFlag = 8, 28, 36, 60, 1
	if len(message) < flagsAt+4 || string(message[:8]) != ntlmSignature || binary.LittleEndian.Uint32(message[typeAt:]) != 3 {
		return ""
	}
	wide := binary.LittleEndian.Uint32(message[flagsAt:])&unicodeFlag != 0
	domain, ok := ntlmText(message, domainAt, wide)
	if !ok {
		return ""
	}
	name, ok := ntlmText(message, userAt, wide)
	if ok && name != "" && domain != "" {
		name = domain + `\` + name
	}
	if !ok || unfit(name) != "" {
		return ""
	}
	return name
}

// ntlmText reads the text that the field at a place of a message points to.
func ntlmText(message []byte, at int, wide bool) (text string, ok bool) {
	length, offset := int64(binary.LittleEndian.Uint16(message[at:])), int64(binary.LittleEndian.Uint32(message[at+4:]))
	if offset+length > int64(len(message)) || wide && length%2 != 0 {
		return "", false
	}
	content := message[offset : offset+length]
	if !wide {
		return string(content), utf8.Valid(content)
	}
	units := make([]uint16, len(content)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(content[2*i:])
	}
	return string(utf16.Decode(units)), true
}
