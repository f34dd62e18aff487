package login

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"

	"fbgate/availability"
)

// Certificate is a client certificate that the TLS listener has verified, as that of
// secure.Config with a ClientCAFile does. Whether it has been revoked is not asked.
type Certificate struct {
	// Accounts, nil if there are none, know more of the name in the certificate than
	// what it is.
	Accounts Accounts
}

var _ Method = Certificate{}

// Identify implements Method.
func (c Certificate) Identify(_ http.ResponseWriter, r *http.Request) (who availability.Requester, ok bool, err error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.VerifiedChains[0]) == 0 {
		return who, false, nil
	}
	name, err := holder(r.TLS.VerifiedChains[0][0])
	if err != nil {
		return who, false, err
	}
	who, err = Resolve(r.Context(), c.Accounts, name)
	return who, err == nil, err
}

// Challenge implements Method. The listener has asked for a certificate already.
func (c Certificate) Challenge(http.Header, *http.Request) (status int) { return 0 }

// holder returns the name of a certificate's holder: the address, the user principal
// name that Windows knows a smart card by, or the common name.
func holder(certificate *x509.Certificate) (name string, err error) {
	switch principal := principalName(certificate); {
	case len(certificate.EmailAddresses) > 0:
		name = certificate.EmailAddresses[0]
	case principal != "":
		name = principal
	default:
		name = certificate.Subject.CommonName
	}
	switch wrong := unfit(name); {
	case name == "":
		return "", errors.New("the client certificate has no address, no user principal name and no common name")
	case wrong != "":
		return "", fmt.Errorf("the name in the client certificate %s", wrong)
	case !utf8.ValidString(name):
		return "", errors.New("the name in the client certificate is not UTF-8")
	}
	return name, nil
}

var (
	subjectAltName    = asn1.ObjectIdentifier{2, 5, 29, 17}
	userPrincipalName = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3} // Microsoft's szOID_NT_PRINCIPAL_NAME
)

// maxAltNames bounds the extension that is read, in bytes.
const maxAltNames = 16 << 10

func principalName(certificate *x509.Certificate) string {
	for _, extension := range certificate.Extensions {
		if extension.Id.Equal(subjectAltName) && len(extension.Value) <= maxAltNames {
			return readPrincipalName(extension.Value)
		}
	}
	return ""
}

// readPrincipalName returns the user principal name among the GeneralNames of a
// certificate (RFC 5280, 4.2.1.6), "" if there is none. crypto/x509 skips names of that
// kind.
func readPrincipalName(der cryptobyte.String) string {
	var names cryptobyte.String
	if !der.ReadASN1(&names, tag.SEQUENCE) || !der.Empty() {
		return ""
	}
	other := tag.Tag(0).ContextSpecific().Constructed()
	for !names.Empty() {
		var name, value, text cryptobyte.String
		var kind tag.Tag
		if !names.ReadAnyASN1(&name, &kind) {
			return ""
		}
		var id asn1.ObjectIdentifier
		if kind != other || !name.ReadASN1ObjectIdentifier(&id) || !id.Equal(userPrincipalName) {
			continue
		}
		if name.ReadASN1(&value, other) && name.Empty() && value.ReadASN1(&text, tag.UTF8String) && value.Empty() {
			return string(text)
		}
	}
	return ""
}
