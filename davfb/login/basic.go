package login

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"fbgate/availability"
	"fbgate/davfb/face"
)

// maxCredentials bounds an Authorization header that is decoded, in bytes: as long as
// name and password may be, and then some.
const maxCredentials = 4 << 10

// Basic is Basic authentication (RFC 7617). It is only offered where passwords cannot
// be read on the way.
type Basic struct {
	// Realm names the gateway to people who are asked for a password; "fbgate" if it
	// is empty.
	Realm     string
	Passwords *Passwords
}

var _ Method = Basic{}

// Identify implements Method.
func (b Basic) Identify(_ http.ResponseWriter, r *http.Request) (who availability.Requester, ok bool, err error) {
	name, password, given, err := credentials(r.Header["Authorization"])
	if err != nil || !given {
		return who, false, err
	}
	who, err = b.Passwords.Check(r, name, password)
	return who, err == nil, err
}

// credentials reads the Authorization header. It is not given if that is of another
// scheme.
func credentials(header []string) (name, password string, given bool, err error) {
	if len(header) == 0 {
		return "", "", false, nil
	}
	scheme, encoded, _ := strings.Cut(header[0], " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false, nil
	}
	unreadable := func(why string) error {
		return &face.Refusal{Status: http.StatusUnauthorized, Text: "The Authorization header " + why + "."}
	}
	if len(header) > 1 {
		return "", "", false, unreadable("came more than once")
	}
	if len(encoded) > maxCredentials {
		return "", "", false, unreadable("is too long")
	}
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(encoded), "="))
	if err != nil {
		return "", "", false, unreadable("is not in base64")
	}
	name, password, found := strings.Cut(string(decoded), ":")
	if !found {
		return "", "", false, unreadable(`has no ":" between name and password`)
	}
	return name, password, true, nil
}

// Challenge implements Method. It does not say charset="UTF-8": clients of 2003 read
// the realm and some stumble over what follows.
func (b Basic) Challenge(header http.Header, r *http.Request) (status int) {
	if b.withheld(r) == nil {
		header.Add("WWW-Authenticate", b.challenge())
	}
	return 0
}

func (b Basic) challenge() string {
	realm := b.Realm
	if realm == "" {
		realm = "fbgate"
	}
	return `Basic realm="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(realm) + `"`
}

// withheld says why a way that others can listen on is not one to log in on.
func (b Basic) withheld(r *http.Request) *face.Refusal {
	if b.Passwords.Transport.Confidential(r) {
		return nil
	}
	return sslRequired()
}

var _ withheld = Basic{}

// Publisher returns which of the accounts sent a request that writes. It is a
// [face.Authenticate].
func (b Basic) Publisher(r *http.Request) (who string, err error) {
	requester, ok, err := b.Identify(nil, r)
	switch {
	case ok:
		return requester.Name, nil
	case err == nil:
		if refusal := b.withheld(r); refusal != nil {
			return "", refusal
		}
	case statusOf(err) != http.StatusUnauthorized:
		return "", err
	}
	var reason *face.Refusal
	return "", &face.Refusal{Status: http.StatusUnauthorized, Challenge: b.challenge(), Usual: errors.As(err, &reason) && reason.Usual,
		Text: "Only publishers may write free/busy, and they have to log in."}
}

var _ face.Authenticate = Basic{}.Publisher
