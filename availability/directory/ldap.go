package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"fbgate/availability"
)

// Defaults of LDAPConfig.
const (
	defaultTimeout   = 5 * time.Second
	defaultCacheTTL  = 15 * time.Minute
	defaultMissTTL   = time.Minute
	defaultMaxCached = 100_000
)

// LDAPConfig says which LDAP server to ask, and how.
type LDAPConfig struct {
	// URL is ldaps://HOST or ldap://HOST, with a port if it is not 636 or 389. The
	// global catalog of Active Directory, which knows the whole forest, is at 3269
	// and 3268.
	URL string
	// StartTLS makes a connection to ldap:// a secure one before anything is asked.
	StartTLS bool
	// Insecure allows ldap:// without StartTLS to hosts other than this one.
	// Passwords and answers can then be read and forged on the way.
	Insecure bool
	// TLS is how to connect securely: the system's certificate authorities and
	// TLS 1.2 or later if it is nil.
	TLS *tls.Config
	// BaseDN is where to search, with all below it. It may be empty for a global
	// catalog.
	BaseDN string
	// BindDN is the account that asks: a distinguished name or, with Active
	// Directory, user@domain. If it is empty nobody logs in, which Active Directory
	// does not like.
	BindDN string
	// Password returns the password of BindDN. It is called whenever a connection
	// is made, so that a new password is used from the next one on.
	Password func() (string, error)
	// Timeout is how long a Find may take, a new connection included; 5 s if it is
	// 0.
	Timeout time.Duration
	// CacheTTL is how long a recipient is remembered, 15 min if it is 0. An address
	// that is not known is remembered for a minute or CacheTTL, whichever is less.
	// While the server fails, older memories serve.
	CacheTTL time.Duration
	// MaxCached is how many recipients are remembered at most, and as many unknown
	// addresses; 100,000 if it is 0.
	MaxCached int
	// MaxListMembers is how many members of a distribution list are read, 100 if it
	// is 0. It should be that of the Source.
	MaxListMembers int
	// Log is told when the server fails, and of addresses that several recipients
	// have. The default logger if it is nil.
	Log *slog.Logger
}

// LDAP is a Directory on an LDAP server with the attributes of Active Directory and
// Exchange: mail, proxyAddresses, targetAddress, legacyExchangeDN, displayName, member.
// Build it with NewLDAP.
//
// It needs an account that may read, no more. It keeps one connection for all that
// ask at the same time and opens a new one when that breaks. An account the server
// refused is not tried again for a minute, or until its password changes, so as not to
// lock it. Referrals are not followed.
type LDAP struct {
	config LDAPConfig
	link   link
	roll   roll

	mu      sync.Mutex
	cache   cache
	flights map[availability.Mailbox]*flight
}

var _ Directory = (*LDAP)(nil)

// flight is a search several may wait for. The rest is set before done is closed.
type flight struct {
	done   chan struct{}
	found  map[availability.Mailbox]*Entry
	failed map[availability.Mailbox]error // names whose entry could not be read
	err    error                          // of all names
}

// NewLDAP returns a Directory on a server. Its error is that of the configuration: the
// server is not asked yet.
func NewLDAP(c LDAPConfig) (*LDAP, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return nil, errors.New("the URL of the LDAP server is malformed: write ldaps://HOST")
	case u.Scheme != "ldap" && u.Scheme != "ldaps", u.Hostname() == "", u.User != nil, strings.Trim(u.Path, "/") != "", u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("the URL of the LDAP server has to be ldaps://HOST or ldap://HOST, optionally with a port, and nothing else")
	case u.Scheme == "ldaps" && c.StartTLS:
		return nil, errors.New("StartTLS is for ldap://: a connection to ldaps:// is secure already")
	case u.Scheme == "ldap" && !c.StartTLS && !c.Insecure && !loopback(u.Hostname()):
		return nil, fmt.Errorf("ldap://%s would send the password in the clear: use ldaps:// or StartTLS", u.Host)
	case c.BindDN != "" && c.Password == nil:
		return nil, fmt.Errorf("%s has no password", c.BindDN)
	}
	c.Timeout = orDefault(c.Timeout, defaultTimeout)
	c.CacheTTL = orDefault(c.CacheTTL, defaultCacheTTL)
	c.MaxCached = orDefault(c.MaxCached, defaultMaxCached)
	c.MaxListMembers = orDefault(c.MaxListMembers, defaultMaxListMembers)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &LDAP{
		config:  c,
		link:    link{config: c, url: u},
		roll:    roll{link: link{config: c, url: u}},
		cache:   newCache(c.MaxCached, c.CacheTTL, min(c.CacheTTL, defaultMissTTL)),
		flights: make(map[availability.Mailbox]*flight),
	}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Close closes the connection. A Find that follows opens another.
func (d *LDAP) Close() { d.link.close() }

// Check connects and reports whether the server lets the account search BaseDN. Its
// error is an *availability.Reason.
func (d *LDAP) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	if _, err := d.link.search(ctx, baseOf(d.config.BaseDN)); err != nil {
		return d.failure(err)
	}
	return nil
}

// Find implements Directory. Questions that are under way or were answered lately are
// not asked again.
func (d *LDAP) Find(ctx context.Context, mailboxes []availability.Mailbox) (map[availability.Mailbox]*Entry, error) {
	found, waiting := d.begin(ctx, mailboxes)
	var failed error
	for f, names := range waiting {
		ended := d.wait(ctx, f)
		d.mu.Lock()
		for _, m := range names {
			e, err := f.entry(m, ended)
			if err != nil {
				e = d.cache.stale(m)
			}
			if e != nil {
				found[m] = e
			} else if err != nil {
				failed = err
			}
		}
		d.mu.Unlock()
	}
	return found, failed
}

// entry returns what a flight that ended so has found. One that has not must not be
// looked into.
func (f *flight) entry(m availability.Mailbox, ended error) (*Entry, error) {
	if ended != nil {
		return nil, ended
	}
	return f.found[m], f.failed[m]
}

// wait returns when f is over, or the caller has to leave.
func (d *LDAP) wait(ctx context.Context, f *flight) error {
	select {
	case <-f.done:
	default:
		select {
		case <-f.done:
		case <-ctx.Done():
			return d.failure(context.Cause(ctx))
		}
	}
	return f.err
}

// begin returns what is known already, and the flights that will tell the rest. It
// starts one for what nobody has asked yet.
func (d *LDAP) begin(ctx context.Context, mailboxes []availability.Mailbox) (found map[availability.Mailbox]*Entry, waiting map[*flight][]availability.Mailbox) {
	found = make(map[availability.Mailbox]*Entry)
	waiting = make(map[*flight][]availability.Mailbox)
	var mine []availability.Mailbox
	own := &flight{done: make(chan struct{})}
	now := time.Now()

	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range mailboxes {
		if e, known := d.cache.get(m, now); known || !searchable(m) {
			if e != nil {
				found[m] = e
			}
			continue
		}
		f := d.flights[m]
		if f == nil {
			f, mine = own, append(mine, m)
			d.flights[m] = own
		}
		waiting[f] = append(waiting[f], m)
	}
	if len(mine) > 0 {
		go d.fly(context.WithoutCancel(ctx), own, mine)
	}
	return found, waiting
}

// fly asks the server about names, for all who wait.
func (d *LDAP) fly(ctx context.Context, f *flight, names []availability.Mailbox) {
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	found, failed, err := d.guarded(ctx, names)
	if err != nil {
		f.err = d.failure(err)
		level := slog.LevelWarn
		if rests := (*restingError)(nil); errors.As(err, &rests) {
			level = slog.LevelDebug // it was told when it began
		}
		d.config.Log.Log(ctx, level, "the directory could not be asked", "server", d.config.URL, "names", len(names), "reason", f.err)
	}
	for name, err := range failed {
		failed[name] = d.failure(err)
	}
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	f.found, f.failed = found, failed
	for _, name := range names {
		delete(d.flights, name)
		if err == nil && failed[name] == nil {
			d.cache.put(name, found[name], now)
		}
	}
	close(f.done)
}

// guarded is ask, but a panic is a failure like others: it reads what a server sent.
func (d *LDAP) guarded(ctx context.Context, names []availability.Mailbox) (found map[availability.Mailbox]*Entry, failed map[availability.Mailbox]error, err error) {
	defer func() {
		if p := recover(); p != nil {
			d.config.Log.Error("panic in a search", "server", d.config.URL, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %.200v", p)
		}
	}()
	return d.ask(ctx, names)
}

// failure returns err as a Reason.
func (d *LDAP) failure(err error) *availability.Reason {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = fmt.Errorf("no answer in time (%w)", err)
	}
	reason := availability.Because(availability.DirectoryFailed, "%s: %.500s", d.config.URL, err.Error())
	reason.Scope = availability.OfServer
	var rests *restingError
	if errors.As(err, &rests) {
		reason.RetryAfter = max(0, time.Until(rests.until))
	}
	return reason
}
