// Package negotiate lets users log in by Negotiate authentication (RFC 4559) with
// Kerberos tickets, which browsers and Outlook get from a domain controller without
// asking anybody for a password. What has to be known of the realm here is a keytab.
package negotiate

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/davfb/login"
)

// defaultSkew is that of RFC 4120 and of Active Directory.
const defaultSkew = 5 * time.Minute

// Config says whose tickets are taken.
type Config struct {
	// Keytab returns the content of a keytab file that holds the keys of the account
	// the service principal HTTP/HOST belongs to. It is called for each log-in, so
	// that new keys are used at once; while what it returns cannot be read, the keys
	// it returned last serve on.
	Keytab func() ([]byte, error)
	// Realms are those whose users are let in beside the users of the realm the
	// service is in, written as they are in tickets: "FABRIKAM.COM".
	Realms []string
	// Accounts, if not nil, says who user@REALM is: mailbox and groups. Somebody
	// they do not know is let in as well.
	Accounts login.Accounts
	// DefaultDomain is the mail domain of users of whom Accounts know no mailbox: with
	// "contoso.com" that of joe@CONTOSO.COM is joe@contoso.com. Users of Realms have
	// none then, as their joe is somebody else.
	DefaultDomain string
	// MaxClockSkew is how far a client's clock may be off, 5 min if it is 0.
	MaxClockSkew time.Duration
	// Log is told of keytabs that cannot be read. The default logger if it is nil.
	Log *slog.Logger
}

// Method is Negotiate authentication. Each request has to bring a token of its own, as
// RFC 4559 has it: nobody is logged in for a whole connection, which may be that of a
// proxy. NTLM, the other thing Negotiate may hold, is not taken, and neither are channel
// bindings looked at, as TLS may end before. Tokens are remembered against replays in
// this process alone. Build it with New.
type Method struct {
	config  Config
	keys    keys
	replays replays
}

var _ login.Method = (*Method)(nil)

// New returns a Method. Its error says why there are no keys to begin with.
func New(c Config) (*Method, error) {
	if c.Keytab == nil {
		return nil, errors.New("negotiate: there is no keytab")
	}
	if c.MaxClockSkew <= 0 {
		c.MaxClockSkew = defaultSkew
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	m := &Method{config: c, keys: keys{read: c.Keytab, log: c.Log}}
	// An authenticator of a clock that is fast is good until ours is past it by as much
	// again.
	m.replays.keep, m.replays.most = 2*c.MaxClockSkew, mostReplays
	if err := m.keys.refresh(); err != nil {
		return nil, fmt.Errorf("negotiate: %w", err)
	}
	return m, nil
}

// Challenge implements login.Method. A client that has answered it with NTLM is not
// asked again, so that it takes another method instead of asking for a password over
// and over.
func (m *Method) Challenge(header http.Header, r *http.Request) (status int) {
	if token, given := credentials(r); given {
		if _, err := read(token); errors.Is(err, errNTLM) {
			return 0
		}
	}
	header.Add("WWW-Authenticate", "Negotiate")
	return 0
}

// Identify implements login.Method. The text of its error is for the log and says what
// to do; what a client is told is a *face.Refusal in its chain.
func (m *Method) Identify(w http.ResponseWriter, r *http.Request) (who availability.Requester, ok bool, err error) {
	token, given := credentials(r)
	if !given {
		return availability.Requester{}, false, nil
	}
	offered, err := read(token)
	if err != nil {
		return availability.Requester{}, false, refuse(err)
	}
	client, err := m.verify(offered.request, face.Requester(r).Address)
	if err != nil {
		return availability.Requester{}, false, refuse(err)
	}
	reply, err := offered.accept(client)
	if err != nil {
		return availability.Requester{}, false, refuse(fmt.Errorf("no reply to the ticket of %.300q can be made: %w", client.name(), err))
	}
	who, err = m.requester(r, client)
	if err != nil {
		return availability.Requester{}, false, err
	}
	if reply != "" {
		w.Header().Set("WWW-Authenticate", "Negotiate "+reply)
	}
	return who, true, nil
}

// requester returns what is known of a client.
func (m *Method) requester(r *http.Request, c *client) (who availability.Requester, err error) {
	if m.config.Accounts != nil {
		if who, _, err = login.FindProven(r.Context(), m.config.Accounts, c.name()); err != nil {
			return availability.Requester{}, &refused{
				detail: fmt.Sprintf("%.300q has a good ticket, but who that is cannot be found out: %v", c.name(), err),
				told: &face.Refusal{Status: http.StatusServiceUnavailable, RetryAfter: time.Minute,
					Text: "Who you are cannot be looked up at the moment."},
			}
		}
	}
	who.Name = c.name()
	if domain := m.config.DefaultDomain; who.Mailbox == "" && domain != "" && !slices.Contains(m.config.Realms, c.realm) {
		who.Mailbox = availability.ParseMailbox(c.user + "@" + domain)
	}
	groups, err := c.groups()
	if err != nil {
		m.config.Log.DebugContext(r.Context(), "the groups in a Kerberos ticket cannot be read", "name", who.Name, "error", err)
	}
	who.Groups = slices.Concat(who.Groups, groups)
	return who, nil
}
