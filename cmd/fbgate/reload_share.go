package main

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"time"

	"fbgate/availability"
	"fbgate/availability/directory"
	"fbgate/availability/meter"
	"fbgate/availability/publisher"
	"fbgate/cache"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb/face"
	"fbgate/davfb/login"
	"fbgate/davfb/passthrough"
)

// What stays over a change of the configuration, and what it is made of.

// sharedOrganization is an organization with what it has learnt of its servers.
type sharedOrganization struct {
	*organization
	key    string
	source availability.Source
}

func (b *builder) organization(o *config.Organization) (*sharedOrganization, error) {
	// By its name alone: what is counted since the start stays whatever else changes.
	counts, err := share(b.parts, keyOf("meter", strings.ToLower(o.Name)), func() (*meter.Organization, func(), error) {
		return new(meter.Organization), nil, nil
	})
	if err != nil {
		return nil, err
	}
	key := keyOf("organization", o, contentOf(o.CAFile))
	return share(b.parts, key, func() (*sharedOrganization, func(), error) {
		var opened transports
		this, err := newOrganization(o, counts, b.log, func(transport http.RoundTripper) http.RoundTripper {
			return traceable(b.watch)(opened.add(transport))
		})
		if err != nil {
			return nil, nil, err
		}
		return &sharedOrganization{this, key, this.source()}, opened.end, nil
	})
}

// transports are those to an organization, which may become more at any time.
type transports struct {
	mu  sync.Mutex
	all []http.RoundTripper
}

func (t *transports) add(transport http.RoundTripper) http.RoundTripper {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, transport)
	return transport
}

// end closes connections that are idle. Others are closed when their calls end.
func (t *transports) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, transport := range t.all {
		if c, ok := transport.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	}
}

// sharedMemory is what is remembered of an organization.
type sharedMemory struct {
	*cache.Cache
	store *cache.Memory
}

// remember puts the memory round an organization.
func (b *builder) remember(o *sharedOrganization) (*sharedMemory, error) {
	c := b.config
	policy := cache.Policy{
		Known:       time.Duration(c.Cache.TTL),
		Lasting:     time.Duration(c.Cache.LastingFailureTTL),
		Passing:     time.Duration(c.Cache.PassingFailureTTL),
		Wait:        time.Duration(c.AnswerTimeout),
		Waiting:     max(1, c.Limits.Connections/4),
		Timeout:     time.Duration(max(c.Cache.LookupTimeout, o.Timeout)),
		Stale:       time.Duration(c.Cache.Stale),
		Patience:    time.Duration(c.Cache.StaleAfter),
		ByRequester: o.RequesterHeader != "",
	}
	key := keyOf("memory", o.key, policy, c.Cache.MaxMailboxes, b.budget.Most())
	m, err := share(b.parts, key, func() (*sharedMemory, func(), error) {
		store := b.budget.Memory(c.Cache.MaxMailboxes)
		remembered := cache.New(o.Name, o.source, store, policy)
		remembered.Meter = o.meter
		return &sharedMemory{remembered, store}, func() { b.budget.Retire(store) }, nil
	})
	if err == nil {
		b.stores, b.caches[o.Name] = append(b.stores, m.store), m.Cache
	}
	return m, err
}

func (b *builder) directoryKey() string {
	d := b.config.Directory
	if d == nil || d.LDAP == nil {
		return keyOf("directory", d)
	}
	return keyOf("directory", d, contentOf(d.LDAP.CAFile))
}

func (b *builder) openDirectory() (directory.Directory, error) {
	c := b.config.Directory
	return share(b.parts, b.directoryKey(), func() (directory.Directory, func(), error) {
		d, err := newDirectory(c, b.log)
		all, _ := d.(directory.Union)
		return d, func() {
			for _, one := range all {
				if server, ok := one.(*directory.LDAP); ok {
					hangUp(server, c.LDAP)()
				}
			}
		}, err
	})
}

// hangUp closes the connection to an LDAP server. A search that is still under way may
// have opened another one meanwhile: that is closed when it has ended.
func hangUp(server *directory.LDAP, c *config.LDAP) func() {
	return func() {
		server.Close()
		time.AfterFunc(2*time.Duration(c.Timeout), server.Close)
	}
}

// passthrough stays as it is: clients' connections belong to it.
func (b *builder) passthrough() (*passthrough.Handler, error) {
	return share(b.parts, "passthrough", func() (*passthrough.Handler, func(), error) {
		through, err := newPassthrough(b.config.Passthrough, b.name, trustedProxies(b.config), b.log)
		return through, nil, err
	})
}

// ways are how clients log in, with who is, and who has failed to.
type ways struct {
	plain, secure *way // secure is nil without tls
	writers       face.Authenticate
	passwords     *login.Passwords // nil without login
}

func (f *faces) ways() (*ways, error) {
	c := f.config
	of := []any{c.Login, c.TrustedProxies}
	if c.Login != nil {
		of = append(of, contentOf(c.Login.ClientCAFile))
		if c.Login.LDAP != nil {
			of = append(of, contentOf(c.Login.LDAP.CAFile))
		}
	}
	if c.TLS != nil {
		of = append(of, c.TLS.LoginMethods, c.TLS.LoginNetworks)
	}
	if c.Publishing != nil {
		of = append(of, c.Publishing.Publishers)
	}
	// Apart, so that publishers may come and go without an end to sessions.
	secret, err := share(f.parts, keyOf("cookies", c.Login), func() ([]byte, func(), error) {
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // which never fails
		return secret, nil, nil
	})
	if err != nil {
		return nil, err
	}
	return share(f.parts, keyOf("login", of...), func() (*ways, func(), error) {
		l, err := newLogins(c, f.through, secret, f.log)
		if err != nil {
			return nil, nil, err
		}
		w := &ways{writers: l.writers(), passwords: l.passwords}
		if w.plain, err = l.plain(); err == nil && c.TLS != nil {
			w.secure, err = l.secure()
		}
		return w, l.end, err
	})
}

// publishing is the publisher and whom it asks.
type publishing struct {
	*publisher.Publisher
	latest *latest
}

// share takes the publisher there is if it is the same, with another publication.
func (b *builder) share(p *publication) error {
	to := b.organizations[strings.ToLower(p.config.To)]
	s, err := share(b.parts, keyOf("publisher", p.config, to.key, b.directoryKey()), func() (*publishing, func(), error) {
		l := new(latest)
		l.Store(p)
		made, err := p.publisher(l)
		return &publishing{made, l}, nil, err
	})
	if err != nil {
		return err
	}
	b.publisher, b.latest = s.Publisher, func() { s.latest.Store(p) }
	return nil
}
