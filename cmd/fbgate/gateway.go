package main

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/directory"
	"fbgate/availability/published"
	"fbgate/availability/publisher"
	"fbgate/availability/route"
	"fbgate/availability/upstream"
	"fbgate/cache"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb/admin"
	"fbgate/davfb/passthrough"
)

// gateway is the parts of fbgate put together as a configuration says.
type gateway struct {
	clients   http.Handler
	operators func(ready func() bool) http.Handler
	stores    []*cache.Memory
	through   *passthrough.Handler // nil if nothing is handed on
	publisher *publisher.Publisher // nil if nothing is published
}

// newGateway puts the gateway together. Store keeps what clients publish; with nil
// nobody may.
func newGateway(c *config.Config, store *published.Store, log *slog.Logger) (*gateway, error) {
	return newWatchedGateway(c, store, log, unwatched)
}

// newWatchedGateway is newGateway with the transports to organizations watched by watch.
func newWatchedGateway(c *config.Config, store *published.Store, log *slog.Logger, watch func(http.RoundTripper) http.RoundTripper) (*gateway, error) {
	router, caches := route.New(), make(cache.Caches)
	var stores []*cache.Memory
	sources := make(map[string]availability.Source)
	organizations := make(map[string]*organization)
	for i := range c.Organizations {
		o, err := newOrganization(&c.Organizations[i], log, watch)
		if err != nil {
			return nil, fmt.Errorf("organization %s: %w", c.Organizations[i].Name, err)
		}
		memory := cache.NewMemory(c.Cache.MaxMailboxes)
		remembered := cache.New(o.Name, o.source(), memory, cache.Policy{
			Known:   time.Duration(c.Cache.TTL),
			Lasting: time.Duration(c.Cache.LastingFailureTTL),
			Passing: time.Duration(c.Cache.PassingFailureTTL),
			Wait:    time.Duration(c.AnswerTimeout),
			Waiting: max(1, c.Limits.Connections/4),
			Timeout: time.Duration(max(c.Cache.LookupTimeout, o.Timeout)),
		})
		stores, caches[o.Name] = append(stores, memory), remembered
		sources[strings.ToLower(o.Name)], organizations[strings.ToLower(o.Name)] = remembered, o
	}
	chains := make(map[string]availability.Source)
	for _, o := range c.Organizations {
		whole := chain(c, sources, o)
		router.Add(whole, o.Domains...)
		chains[strings.ToLower(o.Name)] = whole
	}
	who, err := newDirectory(c.Directory, log)
	if err != nil {
		return nil, err
	}
	f := &faces{config: c, name: strings.ToLower(rand.Text()[:8]), source: router, directory: who, log: log}
	if store != nil {
		f.publisher = published.Named{Store: store, Names: f.names}
		f.source = published.Source{Store: store, Next: f.source}
	}
	if who != nil {
		f.source = &directory.Source{Directory: who, Next: f.source, MaxListMembers: c.Directory.MaxListMembers}
		if store != nil { // there is more in it than the directory knows, such as a legacyExchangeDN
			f.source = published.Source{Store: store, Next: f.source}
		}
	}
	var publishes *publisher.Publisher
	if c.Publish != nil {
		p := &publication{config: c.Publish, to: organizations[strings.ToLower(c.Publish.To)], router: router, source: f.source,
			asked: &publisher.Asked{Next: f.source}, name: f.name, log: log}
		for _, name := range c.Publish.Organizations {
			p.of = append(p.of, chains[strings.ToLower(name)])
		}
		p.roll, _ = who.(directory.Roll)
		if publishes, err = p.publisher(); err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
		f.source = p.asked
	}
	if f.through, err = newPassthrough(c.Passthrough, f.name, trustedProxies(c), log); err != nil {
		return nil, fmt.Errorf("passthrough: %w", err)
	}
	clients, err := f.handler()
	if err != nil {
		return nil, err
	}

	token := c.Admin.Token
	if c.Admin.TokenFile == "" {
		token = nil
	}
	return &gateway{
		clients: clients,
		operators: func(ready func() bool) http.Handler {
			return admin.New(admin.Config{Caches: caches, Token: token, Ready: ready, Publisher: publishes, Log: log})
		},
		stores:    stores,
		through:   f.through,
		publisher: publishes,
	}, nil
}

// chain is the Source of an organization and of those to ask next.
func chain(c *config.Config, sources map[string]availability.Source, o config.Organization) availability.Source {
	first := sources[strings.ToLower(o.Name)]
	for _, next := range c.Organizations {
		if o.Then != "" && strings.EqualFold(next.Name, o.Then) {
			return route.Chain{First: first, Then: chain(c, sources, next), Wait: time.Duration(c.AnswerTimeout)}
		}
	}
	return first
}

// newDirectory returns nil if none is configured.
func newDirectory(d *config.Directory, log *slog.Logger) (directory.Directory, error) {
	if d == nil {
		return nil, nil
	}
	var all directory.Union
	if d.File != "" {
		file, err := directory.OpenFile(d.File)
		if err != nil {
			return nil, fmt.Errorf("directory: %w", err)
		}
		file.MaxListMembers, file.Log = d.MaxListMembers, log
		all = append(all, file)
	}
	if l := d.LDAP; l != nil {
		cas, err := l.CAs()
		if err != nil {
			return nil, fmt.Errorf("directory.ldap.ca_file: %w", err)
		}
		server, err := directory.NewLDAP(directory.LDAPConfig{
			URL: l.URL, StartTLS: l.StartTLS, TLS: upstream.Connections{CAs: cas}.TLS(),
			BaseDN: l.BaseDN, BindDN: l.BindDN, Password: l.Password,
			Timeout: time.Duration(l.Timeout), CacheTTL: time.Duration(l.TTL), MaxListMembers: d.MaxListMembers, Log: log,
		})
		if err != nil {
			return nil, fmt.Errorf("directory.ldap: %w", err)
		}
		all = append(all, server)
	}
	return all, nil
}

// drawnAs are the values of working_elsewhere.
var drawnAs = map[string]availability.Status{
	"free":      availability.Free,
	"tentative": availability.Tentative,
	"busy":      availability.Busy,
	"oof":       availability.OOF,
}

// tlsVersions are the values of min_tls.
var tlsVersions = map[string]uint16{
	"1.0": tls.VersionTLS10,
	"1.1": tls.VersionTLS11,
	"1.2": tls.VersionTLS12,
	"1.3": tls.VersionTLS13,
}
