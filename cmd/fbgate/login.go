package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"fbgate/availability/directory"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb/face"
	"fbgate/davfb/login"
	"fbgate/davfb/login/forms"
	"fbgate/davfb/login/negotiate"
	"fbgate/davfb/passthrough"
)

// way is how clients of a listener log in. The zero value lets everybody in.
type way struct {
	gate  *login.Gate
	pages *forms.Handler // nil without a log-in page
}

func (w *way) guard(next http.Handler) http.Handler {
	if w.gate == nil {
		return next
	}
	return w.gate.Handler(next)
}

// logins are the ways to log in there are, and the accounts for them.
type logins struct {
	config    *config.Config
	through   *passthrough.Handler
	log       *slog.Logger
	transport login.Transport
	accounts  login.Chain    // of names and passwords
	found     login.Accounts // who is known by name alone; nil if nobody
	passwords *login.Passwords
	key       func() ([]byte, error) // of cookies
	end       func()                 // of connections to accounts
}

// newLogins opens what there is of accounts. Secret is the key of cookies if no file has
// one.
func newLogins(c *config.Config, through *passthrough.Handler, secret []byte, log *slog.Logger) (*logins, error) {
	l := &logins{config: c, through: through, log: log, transport: login.Transport{Proxies: trustedProxies(c)}, end: func() {}}
	if c.Login == nil {
		return l, nil
	}
	l.transport.InsecureHTTP = c.Login.InsecureHTTP
	var known login.Chain
	if file := c.Login.HtpasswdFile; file != "" {
		accounts, err := login.OpenFile(file, c.Login.GroupFile)
		if err != nil {
			return nil, fmt.Errorf("login.htpasswd_file: %w", err)
		}
		accounts.DefaultDomain, accounts.Domains, accounts.Log = c.Login.DefaultDomain, c.Login.NetBIOSDomains, log
		known = append(known, accounts)
	}
	if c.Login.LDAP != nil {
		server, err := newLDAP(c.Login.LDAP, 0, log)
		if err != nil {
			return nil, fmt.Errorf("login.ldap: %w", err)
		}
		accounts := server.Accounts()
		accounts.Domains = c.Login.NetBIOSDomains
		known, l.end = append(known, accounts), hangUp(server, c.Login.LDAP)
	}
	if known != nil {
		l.found = known
	}
	all := slices.Clone(known)
	if publishers := l.publishers(); publishers != nil { // who write may ask as well
		all = append(all, publishers)
	}
	l.accounts = all
	l.passwords = &login.Passwords{
		Accounts: all, Transport: l.transport, AccountFailures: c.Login.MaxFailures, ClientFailures: c.Login.MaxClientFailures, Log: log,
	}
	l.key = func() ([]byte, error) { return secret, nil }
	if c.Login.CookieKeyFile != "" {
		l.key = func() ([]byte, error) {
			key, err := c.Login.CookieKey()
			return []byte(key), err
		}
	}
	return l, nil
}

// publishers are the accounts that may publish.
func (l *logins) publishers() (accounts login.Static) {
	if l.config.Publishing == nil {
		return nil
	}
	for i := range l.config.Publishing.Publishers {
		p := &l.config.Publishing.Publishers[i]
		accounts = append(accounts, login.Account{Username: p.Username, Password: p.Password})
	}
	return accounts
}

// writers finds out which publisher sent a request. Failures count by themselves, as
// one who may ask, but not write, is no failure there.
func (l *logins) writers() face.Authenticate {
	passwords := &login.Passwords{Accounts: l.publishers(), Transport: l.transport, Log: l.log}
	if c := l.config.Login; c != nil {
		passwords.AccountFailures, passwords.ClientFailures = c.MaxFailures, c.MaxClientFailures
	}
	return login.Basic{Passwords: passwords}.Publisher
}

// plain is how clients of listen log in, and secure those of tls.listen.
func (l *logins) plain() (*way, error) {
	if l.config.Login == nil {
		return &way{}, nil
	}
	return l.way(l.config.Login.Methods, l.config.Login.Networks)
}

func (l *logins) secure() (*way, error) {
	if l.config.Login == nil {
		return &way{}, nil
	}
	return l.way(secureMethods(l.config), secureNetworks(l.config))
}

// secureMethods are those of tls.listen.
func secureMethods(c *config.Config) []string {
	if c.TLS.LoginMethods != nil {
		return c.TLS.LoginMethods
	}
	return c.Login.Methods
}

func secureNetworks(c *config.Config) []string {
	if c.TLS.LoginNetworks != nil {
		return c.TLS.LoginNetworks
	}
	return c.Login.Networks
}

// order is that in which methods are tried. What is silent comes before what asks a
// person, and the server behind last: it has to be asked.
var order = []string{"certificate", "header", "negotiate", "forms", "basic", "passthrough"}

// way puts methods together.
func (l *logins) way(methods, from []string) (*way, error) {
	w := &way{}
	var tried []login.Method
	for _, name := range order {
		if !slices.Contains(methods, name) {
			continue
		}
		switch name {
		case "certificate":
			tried = append(tried, login.Certificate{Accounts: l.found})
		case "header":
			tried = append(tried, login.Header{Name: l.config.Login.Header, Proxies: trustedProxies(l.config), Accounts: l.found})
		case "negotiate":
			method, err := l.negotiate()
			if err != nil {
				return nil, fmt.Errorf("login.keytab_file: %w", err)
			}
			tried = append(tried, method)
		case "forms":
			pages, err := l.forms(len(methods) == 1)
			if err != nil {
				return nil, fmt.Errorf("login.cookie_key_file: %w", err)
			}
			w.pages, tried = pages, append(tried, pages)
		case "basic":
			tried = append(tried, login.Basic{Passwords: l.passwords})
		case "passthrough":
			tried = append(tried, login.Behind{Ask: l.through.Ask, Knows: l.through.Knows, Timeout: time.Duration(l.config.AnswerTimeout), Accounts: l.found})
		}
	}
	w.gate = login.New(login.Config{Methods: tried, Networks: networks(from), Anonymous: l.config.Login.Anonymous, Log: l.log})
	return w, nil
}

func (l *logins) negotiate() (*negotiate.Method, error) {
	return negotiate.New(negotiate.Config{
		Keytab: func() ([]byte, error) {
			keytab, err := l.config.Login.Keytab()
			return []byte(keytab), err
		},
		Realms: l.config.Login.Realms, Accounts: l.found, DefaultDomain: l.config.Login.DefaultDomain, Log: l.log,
	})
}

func (l *logins) forms(only bool) (*forms.Handler, error) {
	c := l.config.Login
	return forms.New(forms.Config{
		Check: l.passwords.Check, Find: l.accounts.Find, Key: l.key, Only: only,
		Public:       forms.Lifetime{Idle: time.Duration(c.PublicTimeout)},
		Private:      forms.Lifetime{Idle: time.Duration(c.PrivateTimeout)},
		Confidential: l.transport.Confidential, Proxies: l.transport.Proxies, Log: l.log,
	})
}

// newLDAP returns a directory on a server.
func newLDAP(l *config.LDAP, maxListMembers int, log *slog.Logger) (*directory.LDAP, error) {
	cas, err := l.CAs()
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	return directory.NewLDAP(directory.LDAPConfig{
		URL: l.URL, StartTLS: l.StartTLS, TLS: tlsFor(cas),
		BaseDN: l.BaseDN, BindDN: l.BindDN, Password: l.Password,
		Timeout: time.Duration(l.Timeout), CacheTTL: time.Duration(l.TTL), MaxListMembers: maxListMembers, Log: log,
	})
}
