package negotiate

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jcmturner/gokrb5/v8/iana/addrtype"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// longestName is the longest name of a user, in bytes; Windows has 20 characters, or 64
// in a user principal name.
const longestName = 256

// client is somebody with a good ticket.
type client struct {
	user, realm   string
	mutual        bool // the server has to prove itself, too
	key, session  types.EncryptionKey
	authenticator types.Authenticator
	data          types.AuthorizationData
}

// name is the principal. In texts it stands in quotes, by which it is found and hidden in the
// log, whatever is in it.
func (c *client) name() string { return c.user + "@" + c.realm }

// verify returns who sent a KRB_AP_REQ (RFC 4120, 3.2.3), from an address that may not
// be known. gokrb5 reads and decrypts; what is checked is checked here, as its own check
// lets a client write its realm itself, and keeps no good record of replays.
func (m *Method) verify(request []byte, from netip.Addr) (c *client, err error) {
	defer func() {
		if p := recover(); p != nil { // of the library, whose strangers' lengths are not all checked
			c, err = nil, fmt.Errorf("the ticket is malformed: %.100v", p)
		}
	}()
	var r messages.APReq
	if err := r.Unmarshal(request); err != nil {
		return nil, fmt.Errorf("the ticket is malformed: %.200w", err)
	}
	service := r.Ticket.SName.NameString
	switch {
	case len(service) == 0 || !strings.EqualFold(service[0], "HTTP"):
		return nil, fmt.Errorf("the ticket is for the service %.200q: it has to be for HTTP/ and the name of this server", strings.Join(service, "/"))
	case r.APOptions.At(flags.APOptionUseSessionKey) == 1:
		return nil, errors.New("the ticket is encrypted for a user and not for a service: there are only keys of services here")
	}
	key, realm, err := open(&r.Ticket, m.keys.current())
	if err != nil {
		return nil, err
	}
	ticket := &r.Ticket.DecryptedEncPart
	c = &client{
		user: strings.Join(ticket.CName.NameString, "/"), realm: ticket.CRealm,
		mutual: r.APOptions.At(flags.APOptionMutualRequired) == 1,
		key:    key, session: ticket.Key, data: ticket.AuthorizationData,
	}
	if err := r.DecryptAuthenticator(ticket.Key); err != nil {
		return nil, fmt.Errorf("%.300q shows a ticket, but not that it is its own: %.200w", c.name(), err)
	}
	c.authenticator = r.Authenticator
	for _, check := range []error{
		isUser(ticket.CName), m.inTime(ticket), fromHere(ticket.CAddr, from), m.belongs(&r.Authenticator, ticket), m.mayCome(ticket, realm),
	} {
		if check != nil {
			return nil, fmt.Errorf("%.300q: %w", c.name(), check)
		}
	}
	if err := m.replays.add(c.session, r.EncryptedAuthenticator.Cipher); err != nil {
		return nil, fmt.Errorf("%.300q: %w", c.name(), err)
	}
	return c, nil
}

// isUser returns an error for a name that is not that of a user or a machine. Services,
// such as HTTP/host, and the anonymous have two parts.
func isUser(name types.PrincipalName) error {
	if len(name.NameString) != 1 {
		return errors.New("it is a service, not a user: let a user log in")
	}
	user := name.NameString[0]
	odd := func(r rune) bool {
		return r == '@' || r == '/' || r == '\\' || unicode.IsSpace(r) || !unicode.IsPrint(r)
	}
	if user == "" || len(user) > longestName || !utf8.ValidString(user) || strings.ContainsFunc(user, odd) {
		return errors.New("it is not the name of a user")
	}
	return nil
}

// inTime checks a ticket's times, which are the KDC's.
func (m *Method) inTime(ticket *messages.EncTicketPart) error {
	now, skew := time.Now(), m.config.MaxClockSkew
	switch {
	case ticket.Flags.At(flags.Invalid) == 1:
		return errors.New("the ticket has not been validated by the KDC: get another one")
	case ticket.StartTime.After(now.Add(skew)):
		return fmt.Errorf("the ticket is good from %s, and it is %s here: set the clock of this machine, or of the KDC", stamp(ticket.StartTime), stamp(now))
	case ticket.EndTime.Before(now.Add(-skew)):
		return fmt.Errorf("the ticket has expired: it was good until %s, and it is %s here: if the clocks are right, klist purge or logging on anew helps", stamp(ticket.EndTime), stamp(now))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// fromHere checks that a client is where its ticket says, if it does.
func fromHere(addresses []types.HostAddress, from netip.Addr) error {
	if len(addresses) == 0 {
		return nil
	}
	for _, a := range addresses {
		there, ok := netip.AddrFromSlice(a.Address)
		if ok && (a.AddrType == addrtype.IPv4 || a.AddrType == addrtype.IPv6) && there.Unmap() == from.Unmap().WithZone("") {
			return nil
		}
	}
	return fmt.Errorf("the ticket is for %d other addresses than %v, from where it came: a proxy in between has to be a trusted one, or tickets without addresses (noaddresses) be asked for", len(addresses), from)
}

// belongs checks that an authenticator is that of the ticket's client, and new.
func (m *Method) belongs(a *types.Authenticator, ticket *messages.EncTicketPart) error {
	if !a.CName.Equal(ticket.CName) || a.CRealm != ticket.CRealm {
		return fmt.Errorf("the client says that it is %.300q: the ticket is somebody else's", a.CName.PrincipalNameString()+"@"+a.CRealm)
	}
	sent, now := a.CTime.Add(time.Duration(a.Cusec)*time.Microsecond), time.Now()
	if off := now.Sub(sent).Abs(); off > m.config.MaxClockSkew {
		return fmt.Errorf("the client's clock shows %s and the one here %s, which is more than %v off: set the one that is wrong", stamp(sent), stamp(now), m.config.MaxClockSkew)
	}
	return nil
}

// mayCome checks whether users of a realm are let in by a service in another one, or in
// the same. A ticket that came through further realms has been looked at by a KDC, or
// these have to be let in, too (RFC 4120, 2.7 and 3.3.3.2).
func (m *Method) mayCome(ticket *messages.EncTicketPart, service string) error {
	let := func(realm string) bool { return realm == service || slices.Contains(m.config.Realms, realm) }
	if !let(ticket.CRealm) {
		return fmt.Errorf("users of the realm %.100q are not let in: it is neither %s, that of the keytab, nor among realms", ticket.CRealm, service)
	}
	through := string(ticket.Transited.Contents)
	if through == "" || ticket.CRealm == service || ticket.Flags.At(flags.TransitedPolicyChecked) == 1 {
		return nil
	}
	for realm := range strings.SplitSeq(through, ",") { // a realm written in short is let in by nobody
		if !let(realm) {
			return fmt.Errorf("the ticket came through the realms %.200q, which the KDC has not checked: add them to realms if they may say who is who", through)
		}
	}
	return nil
}

// application is the tag a Kerberos message begins with.
func application(tag int) string { return fmt.Sprintf("application,explicit,tag:%d", tag) }
