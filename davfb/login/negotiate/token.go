package negotiate

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// longestToken is the longest token that is read, in bytes. Windows makes tickets of
// 48,000 bytes at most (MaxTokenSize).
const longestToken = 64 << 10

// The mechanisms that occur (RFC 4121, RFC 4178, [MS-SPNG]).
var (
	spnego     = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2}
	kerberos   = asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
	msKerberos = asn1.ObjectIdentifier{1, 2, 840, 48018, 1, 2, 2} // what Windows 2000 made of it, still listed first today
	ntlm       = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}
)

var errNTLM = errors.New("the client sent NTLM, as it has no Kerberos ticket: " +
	"setspn -Q HTTP/HOST has to find the account of the keytab under each name clients use for this server, " +
	"they have to use a name and not an address, which has to be in their Local intranet zone (browsers: AuthServerAllowlist, network.negotiate-auth.trusted-uris), " +
	"and they have to reach a domain controller")

// offer is what a client sends to log in.
type offer struct {
	request []byte                // KRB_AP_REQ
	spnego  bool                  // it came in a token of SPNEGO
	mech    asn1.ObjectIdentifier // what the client calls Kerberos there
}

// credentials returns the token of a request. It is not given if the request has no
// Authorization or one of another scheme.
func credentials(r *http.Request) (token string, given bool) {
	scheme, token, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	return token, strings.EqualFold(scheme, "Negotiate")
}

// read reads a token.
func read(token string) (*offer, error) {
	raw, err := decode(token)
	if err != nil {
		return nil, err
	}
	if isNTLM(raw) {
		return nil, errNTLM
	}
	mech, content, err := unframe(raw)
	switch {
	case err != nil:
		return nil, err
	case mech.Equal(spnego):
		return readSPNEGO(content)
	}
	request, err := apRequest(raw)
	return &offer{request: request}, err
}

// decode reads base64. Space in it and a wrong number of "=" after it do no harm.
func decode(token string) ([]byte, error) {
	if len(token) > base64.StdEncoding.EncodedLen(longestToken) {
		return nil, fmt.Errorf("the token is longer than %d KiB", longestToken>>10)
	}
	token = strings.TrimRight(strings.Join(strings.Fields(token), ""), "=")
	if token == "" {
		return nil, errors.New("there is no token")
	}
	raw, err := base64.RawStdEncoding.DecodeString(token)
	if err != nil {
		return nil, fmt.Errorf("the token is not in base64: %w", err)
	}
	return raw, nil
}

func isNTLM(token []byte) bool { return bytes.HasPrefix(token, []byte("NTLMSSP\x00")) }

// unframe takes off what every first token of GSS-API begins with (RFC 2743, 3.1).
func unframe(token []byte) (mech asn1.ObjectIdentifier, content []byte, err error) {
	var frame asn1.RawValue
	rest, err := asn1.Unmarshal(token, &frame)
	if err == nil && (frame.Class != asn1.ClassApplication || frame.Tag != 0 || !frame.IsCompound || len(rest) > 0) {
		err = errors.New("it does not begin as it should")
	}
	if err == nil {
		content, err = asn1.Unmarshal(frame.Bytes, &mech)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the token is none of GSS-API: %.200w", err)
	}
	return mech, content, nil
}

// negTokenInit is the first message of SPNEGO (RFC 4178, 4.2.1).
type negTokenInit struct {
	MechTypes []asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
	ReqFlags  asn1.BitString          `asn1:"explicit,optional,tag:1"`
	MechToken []byte                  `asn1:"explicit,optional,tag:2"`
}

// readSPNEGO reads a NegTokenInit. Which mechanism the token in it is of, it says
// itself: the list beside it may begin with another one.
func readSPNEGO(content []byte) (*offer, error) {
	var choice asn1.RawValue
	var init negTokenInit
	_, err := asn1.Unmarshal(content, &choice)
	if err == nil && (choice.Class != asn1.ClassContextSpecific || choice.Tag != 0) {
		err = errors.New("it is no NegTokenInit")
	}
	if err == nil {
		_, err = asn1.Unmarshal(choice.Bytes, &init)
	}
	if err != nil {
		return nil, fmt.Errorf("the token of SPNEGO is malformed: %.200w", err)
	}
	isKerberos := func(m asn1.ObjectIdentifier) bool { return m.Equal(kerberos) || m.Equal(msKerberos) }
	first := slices.IndexFunc(init.MechTypes, isKerberos)
	switch {
	case isNTLM(init.MechToken), first < 0 && slices.ContainsFunc(init.MechTypes, ntlm.Equal):
		return nil, errNTLM
	case first < 0:
		return nil, fmt.Errorf("the client does not offer Kerberos but %.200s", fmt.Sprint(init.MechTypes))
	case len(init.MechToken) == 0:
		return nil, errors.New("the client offers Kerberos without a ticket")
	}
	request, err := apRequest(init.MechToken)
	return &offer{request: request, spnego: true, mech: init.MechTypes[first]}, err
}

// apRequest returns the KRB_AP_REQ in a token of the Kerberos mechanism (RFC 4121, 4.1).
func apRequest(token []byte) ([]byte, error) {
	mech, content, err := unframe(token)
	switch {
	case err != nil:
		return nil, err
	case !mech.Equal(kerberos) && !mech.Equal(msKerberos):
		return nil, fmt.Errorf("the token is one of the mechanism %.100s, not of Kerberos", mech)
	case !bytes.HasPrefix(content, []byte{1, 0}):
		return nil, errors.New("the Kerberos token holds something else than a ticket")
	}
	return content[2:], nil
}
