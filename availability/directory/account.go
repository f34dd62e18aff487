package directory

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"fbgate/availability"

	"github.com/go-ldap/ldap/v3"
)

const (
	// checksAtOnce is how many names and passwords are checked, and names looked for, at
	// the same time. Others wait.
	checksAtOnce = 16
	// accountTTL is how long is remembered whose a name is, or that it is nobody's. A
	// password is not.
	accountTTL = time.Minute
	// mostAccounts is how many names are remembered, and as many that are nobody's.
	mostAccounts = 10_000
	// longestPassword is the longest password that is shown to the server, in bytes.
	longestPassword = 1024
)

// Accounts are the users of an LDAP server, who log in by a password that the server
// checks. They are found by the account the LDAP is configured with, on its connection,
// and then log in themselves (a simple bind), each on a connection of its own, so that
// nobody's rights are lent to anybody. Referrals are not followed.
//
// Somebody's mailbox is the primary one of proxyAddresses, and mail if there is none;
// where users may write that themselves, who has no mailbox can name anybody's. Groups
// are those in memberOf, each by its distinguished name and its common name, in lower
// case: no primary group, and no groups of groups.
//
// An account is disabled if userAccountControl says so, as in Active Directory.
//
// Everybody who can log in to the directory is let in. A password that is wrong counts
// there: several lock the account, so whoever asks again and again should be stopped
// before.
type Accounts struct {
	// Domains are the NetBIOS names of the Windows domains whose users these are: Find
	// takes CONTOSO\joe for joe if CONTOSO is one. Set it before the first Check.
	Domains []string

	ldap  *LDAP
	slots chan struct{}

	mu     sync.Mutex
	known  map[string]*knownAccount // by loginName.key
	nobody map[string]time.Time     // names that are none, until then; strangers can fill it
}

// knownAccount is an account until it has to be looked for again.
type knownAccount struct {
	account
	disabled bool
	until    time.Time
}

// severalError says that a name is that of several accounts, which is no fault of the server.
type severalError struct{ error }

// Accounts returns the users of the server.
func (d *LDAP) Accounts() *Accounts {
	return &Accounts{ldap: d, slots: make(chan struct{}, checksAtOnce), known: make(map[string]*knownAccount), nobody: make(map[string]time.Time)}
}

// Check returns whose name and password these are; ok is false if there is no such
// account or its password is another, or the server does not let it in: the log then
// tells why. A name is DOMAIN\user, of which DOMAIN does not count, nor is it part of the
// requester's name unless it is of Domains; user@domain, a user
// principal name or one of the addresses; or user, a sAMAccountName or uid. The error
// is an *availability.Reason: the server cannot say it now or, with the scope OfMailbox,
// several accounts have the name. It comes after Timeout at the latest.
func (a *Accounts) Check(ctx context.Context, name, password string) (who availability.Requester, ok bool, err error) {
	if password == "" || len(password) > longestPassword {
		// RFC 4513 5.1.2: the server takes one who shows an empty password for somebody
		// who does not log in, and says yes.
		return availability.Requester{}, false, nil
	}
	err = a.within(ctx, func(ctx context.Context) error {
		found, err := a.find(ctx, name)
		if err != nil || found == nil {
			return err
		}
		ok, err = a.bind(ctx, name, found.dn, password)
		switch {
		case ok && found.disabled: // Active Directory would not have let it in
			ok = false
			a.ldap.config.Log.Info("the directory refused a log-in", "server", a.ldap.config.URL, "name", name, "reason", "the account is disabled")
		case ok:
			who = found.requester(a.proven(name))
		}
		return err
	})
	if err != nil {
		return availability.Requester{}, false, err
	}
	return who, ok, nil
}

// Find returns whose name this is, for somebody who has shown its password before; ok is
// false if there is no such account, or it is disabled. Names are those of Check, except
// that DOMAIN has to be one of Domains; a Kerberos principal user@REALM of Active Directory
// is found, too, even if the user principal name is another. Errors are those of Check.
func (a *Accounts) Find(ctx context.Context, name string) (who availability.Requester, ok bool, err error) {
	found, err := a.own(ctx, name)
	if err != nil || found == nil || found.disabled {
		return availability.Requester{}, false, err
	}
	return found.requester(name), true, nil
}

// FindDisabled is Find, for disabled accounts, too.
func (a *Accounts) FindDisabled(ctx context.Context, name string) (who availability.Requester, ok bool, err error) {
	found, err := a.own(ctx, name)
	if err != nil || found == nil {
		return availability.Requester{}, false, err
	}
	return found.requester(name), true, nil
}

// own returns the account of that name, nil if there is none or it is of a foreign domain.
func (a *Accounts) own(ctx context.Context, name string) (found *knownAccount, err error) {
	if !a.isOwn(name) {
		return nil, nil
	}
	err = a.within(ctx, func(ctx context.Context) error {
		found, err = a.find(ctx, name)
		return err
	})
	return found, err
}

// Canonical returns the distinguished name, in lower case, of the account that Check
// would take for that of name; ok is false if there is none. Errors are those of Check.
func (a *Accounts) Canonical(ctx context.Context, name string) (key string, ok bool, err error) {
	err = a.within(ctx, func(ctx context.Context) error {
		found, err := a.find(ctx, name)
		if err == nil && found != nil {
			key, ok = strings.ToLower(found.dn), true
		}
		return err
	})
	return key, ok, err
}

// isOwn reports whether a name is of no Windows domain, or of one of these users'.
func (a *Accounts) isOwn(name string) bool {
	domain, _, ok := strings.Cut(name, `\`)
	return !ok || slices.ContainsFunc(a.Domains, func(own string) bool { return strings.EqualFold(own, domain) })
}

// proven is what a password proves of a name: not that the Windows domain in it is
// somebody's.
func (a *Accounts) proven(name string) string {
	if a.isOwn(name) {
		return name
	}
	n, _ := parseLoginName(name)
	return n.address()
}

// within calls do when it is its turn, and in any case returns after the Timeout. Its
// error is a Reason.
func (a *Accounts) within(ctx context.Context, do func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, a.ldap.config.Timeout)
	defer cancel()
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return a.ldap.failure(fmt.Errorf("too many log in at once: %w", context.Cause(ctx)))
	}
	defer func() {
		if p := recover(); p != nil { // it reads what a server sent
			a.ldap.config.Log.Error("panic in a log-in", "server", a.ldap.config.URL, "panic", p, "stack", string(debug.Stack()))
			err = a.ldap.failure(fmt.Errorf("panic: %.200v", p))
		}
	}()
	if err := do(ctx); err != nil {
		reason := a.ldap.failure(err)
		if errors.As(err, new(severalError)) {
			reason.Scope = availability.OfMailbox
		}
		return reason
	}
	return nil
}

// find returns the account of that name, nil if there is none.
func (a *Accounts) find(ctx context.Context, name string) (*knownAccount, error) {
	n, ok := parseLoginName(name)
	if !ok {
		return nil, nil
	}
	if known, ok := a.remembered(n); ok {
		return known, nil
	}
	request := n.request(a.ldap.config.BaseDN)
	request.Attributes = append(slices.Clip(request.Attributes), attrControl)
	entries, err := a.ldap.link.search(ctx, request)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
		return nil, severalError{fmt.Errorf("more than %d entries have the name: names have to be those of one", mostNamesakes)}
	}
	if err != nil {
		return nil, err
	}
	best := n.best(entries)
	if len(best) == 0 {
		a.rememberNobody(n)
		return nil, nil
	}
	if len(best) > 1 {
		a.ldap.config.Log.Warn("a name is that of several accounts, so that it is nobody's", "name", name, "one", best[0].dn, "another", best[1].dn)
		return nil, severalError{errNamesakes}
	}
	found := &knownAccount{account: *best[0], disabled: isDisabled(entries, best[0].dn)}
	if found.left > 0 {
		a.ldap.config.Log.Warn("an account is in more groups than are heeded", "name", name, "most", mostMemberships, "not_heeded", found.left)
	}
	a.remember(n, found)
	return found, nil
}

// remembered returns the account of a name, nil if there is none; ok is false if that has
// to be looked for.
func (a *Accounts) remembered(n loginName) (found *knownAccount, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if known, ok := a.known[n.key()]; ok && now.Before(known.until) {
		return known, true
	}
	until, ok := a.nobody[n.key()]
	return nil, ok && now.Before(until)
}

func (a *Accounts) remember(n loginName, found *knownAccount) {
	found.until = time.Now().Add(accountTTL)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= mostAccounts {
		clear(a.known) // which costs a search for each, no more
	}
	a.known[n.key()] = found
}

func (a *Accounts) rememberNobody(n loginName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.nobody) >= mostAccounts {
		clear(a.nobody)
	}
	a.nobody[n.key()] = time.Now().Add(accountTTL)
}

// bind logs in as an account. It is false if the server says that it must not.
func (a *Accounts) bind(ctx context.Context, name, dn, password string) (bool, error) {
	conn, err := a.ldap.config.dial(ctx, a.ldap.link.url, dn, password)
	if err == nil {
		go conn.Close() // which may wait for the server
		return true, nil
	}
	var refused *refusedError
	if !errors.As(err, &refused) {
		return false, err
	}
	why, final := explain(refused.err)
	if !final {
		return false, fmt.Errorf("the log-in was refused: %w; %s", refused.err, why)
	}
	a.ldap.config.Log.Info("the directory refused a log-in", "server", a.ldap.config.URL, "name", name, "reason", why)
	return false, nil
}
