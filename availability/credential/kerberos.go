package credential

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"

	"fbgate/availability"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Kerberos is Negotiate authentication (RFC 4559) with a Kerberos ticket, which goes
// along with each request, unasked. There is neither mutual authentication nor
// channel binding; a server whose Extended Protection is "Require" refuses it.
type Kerberos struct {
	// Username is user@REALM, or user of Realm.
	Username string
	// Realm is by default that of Username, or else the default realm of Config. It
	// is taken in upper case, as Active Directory's always are, unless Config has
	// KDCs of the realm as it is written here.
	Realm string
	// Password or Keytab has to be given, not both. Keytab returns the content of a
	// keytab file with an AES key of the user.
	Password, Keytab Secret
	// SPN names the service, by default HTTP/ and the host of the URL in lower case,
	// without its port.
	SPN string
	// KDCs are host:port, usually port 88. They are asked by TCP.
	KDCs []string
	// Config is the path of the krb5.conf that is used if there are no KDCs, default
	// /etc/krb5.conf. A realm without KDCs there is looked up in DNS. Its include
	// lines have no effect.
	Config string
}

var _ Kind = Kerberos{}

func (k Kerberos) account() string {
	if k.Realm == "" || strings.Contains(k.Username, "@") {
		return k.Username
	}
	return k.Username + "@" + k.Realm
}

func (k Kerberos) secret() (string, error) {
	secret := k.Password
	switch {
	case k.Password != nil && k.Keytab != nil:
		return "", errors.New("there is both a password and a keytab")
	case k.Password == nil && k.Keytab == nil:
		return "", errors.New("there is neither a password nor a keytab")
	case k.Password == nil:
		secret = k.Keytab
	}
	content, err := secret()
	if err == nil && content == "" {
		err = errors.New("it is empty")
	}
	return content, err
}

// manyConnections is more than are ever open; asking for so many asks for HTTP/1.1,
// as IIS has no Windows authentication over HTTP/2.
const manyConnections = 1 << 16

func (k Kerberos) prove(connect Connect) http.RoundTripper {
	return &bearer[*ticket]{
		kind:    k,
		base:    connect(manyConnections),
		passes:  passes[*ticket]{what: "Kerberos ticket for " + k.account(), obtain: k.ticket},
		service: k.service,
		show:    (*ticket).show,
	}
}

// service returns the principal of the server that r goes to.
func (k Kerberos) service(r *http.Request) string {
	if k.SPN != "" {
		return k.SPN
	}
	return "HTTP/" + strings.TrimSuffix(strings.ToLower(r.URL.Hostname()), ".")
}

// ticket is what proves a client to one service.
type ticket struct {
	client *credentials.Credentials // the name alone
	ticket messages.Ticket
	key    types.EncryptionKey

	// mu lets authenticators be made one after the other: a server takes two with the
	// same microsecond for a replay (RFC 4120, 3.2.3), and making one takes longer.
	mu sync.Mutex
}

// show puts the ticket and a new authenticator into a request's header.
func (t *ticket) show(in http.Header) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	initial, err := spnego.NewNegTokenInitKRB5(&client.Client{Credentials: t.client}, t.ticket, t.key)
	if err != nil {
		return failed(availability.CredentialFailed, "make an authenticator for %s: %.200v", t.ticket.SName.PrincipalNameString(), err)
	}
	token := spnego.SPNEGOToken{Init: true, NegTokenInit: initial}
	raw, err := token.Marshal()
	if err != nil {
		return failed(availability.CredentialFailed, "make a token for %s: %.200v", t.ticket.SName.PrincipalNameString(), err)
	}
	in.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(raw))
	return nil
}
