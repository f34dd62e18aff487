package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/access"
	"fbgate/availability/directory"
	"fbgate/availability/meter"
	"fbgate/availability/published"
	"fbgate/availability/publisher"
	"fbgate/availability/route"
	"fbgate/availability/upstream"
	"fbgate/cache"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb/admin"
	"fbgate/davfb/admin/page"
	"fbgate/davfb/face"
	"fbgate/davfb/passthrough"
)

// gateway is the parts of fbgate put together as a configuration says.
type gateway struct {
	lease
	config    *config.Config
	plain     http.Handler // of listen
	secure    http.Handler // of tls.listen, nil if there is none
	operators func(ready func() bool) http.Handler
	stores    []*cache.Memory
	caches    cache.Caches
	through   *passthrough.Handler // nil if nothing is handed on
	publisher *publisher.Publisher // nil if nothing is published
	latest    func()               // lets the publisher ask this gateway
	operating *operating
	reloading reloading
	replaced  chan struct{} // closed when another one is in force

	handshakes *tls.Config  // of tls.listen, nil if there is none
	console    http.Handler // of admin.listen
	loaded     time.Time    // the configuration
	changed    string       // by what was loaded then
}

// newGateway puts the gateway together. Store keeps what clients publish; with nil
// nobody may.
func newGateway(c *config.Config, store *published.Store, log *slog.Logger) (*gateway, error) {
	return newWatchedGateway(c, store, log, unwatched)
}

// newWatchedGateway is newGateway with the transports to organizations watched by watch.
func newWatchedGateway(c *config.Config, store *published.Store, log *slog.Logger, watch func(http.RoundTripper) http.RoundTripper) (*gateway, error) {
	return nextGateway(c, store, log, watch, new(parts))
}

// nextGateway is newWatchedGateway with the parts there are already.
func nextGateway(c *config.Config, store *published.Store, log *slog.Logger, watch func(http.RoundTripper) http.RoundTripper, there *parts) (_ *gateway, err error) {
	used := &tenancy{parts: there}
	defer func() {
		if err != nil {
			used.end()
		}
	}()
	b := &builder{
		config: c, store: store, log: log, watch: watch, parts: used,
		router: route.New(), caches: make(cache.Caches),
		organizations: make(map[string]*sharedOrganization), chains: make(map[string]availability.Source),
	}
	for _, step := range []func() error{b.begin, b.rule, b.organize, b.stack, b.publish} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	f := &faces{
		config: c, name: b.name, directory: b.directory, listed: b.listed, publisher: b.named, parts: used, requests: b.operating.requests, log: log,
		source: meter.Source{Meter: b.operating.clients, Next: access.Limit(b.source, access.Limits{
			MailboxesPerMinute: c.Limits.MailboxesPerMinute, UnknownAddresses: c.Limits.UnknownAddresses,
			Exempt: networks(c.Limits.ExemptNetworks), Statistics: b.statistics, Log: log,
		})},
		lookups: &face.Lookups{Journal: b.operating.journal, Redactor: redactor(c.Log, log)},
	}
	if f.through, err = b.passthrough(); err != nil {
		return nil, fmt.Errorf("passthrough: %w", err)
	}
	plain, secure, err := f.handlers()
	if err != nil {
		return nil, err
	}
	visitors, err := visitors(c, used)
	if err != nil {
		return nil, err
	}
	g := &gateway{
		config:    c,
		plain:     plain,
		secure:    secure,
		stores:    b.stores,
		caches:    b.caches,
		through:   f.through,
		publisher: b.publisher,
		latest:    b.latest,
		operating: b.operating,
		replaced:  make(chan struct{}),
	}
	g.operators = func(ready func() bool) http.Handler {
		meters := b.meters()
		meters.Reloads = g.reloading.last
		console := admin.Config{
			Caches: b.caches, Publisher: b.publisher, Source: asOperator{b.source}, Organizations: b.status, Meters: meters,
			Journal: b.operating.journal, Followers: &b.operating.followers, Replaced: g.replaced, Redactor: f.lookups.Redactor, Doctor: b.consult,
			Configuration: g.reloading.configuration, Reload: g.reloading.reload,
			Changes: b.operating.changes, Version: version(), Started: b.operating.started,
			Ready: ready, Log: log,
		}
		signIn(&console, c, f.loggingIn, log)
		return trustedProxies(c).Handler(page.New(console, visitors))
	}
	g.begin(used.end)
	return g, nil
}

// builder puts the Sources of a gateway together, the innermost first.
type builder struct {
	config *config.Config
	store  *published.Store // nil if nobody may publish
	log    *slog.Logger
	watch  func(http.RoundTripper) http.RoundTripper // sees what organizations are asked
	parts  *tenancy
	name   string

	statistics    *access.Statistics
	rules         *access.Rules
	router        *route.Router
	caches        cache.Caches
	stores        []*cache.Memory
	budget        *cache.Budget
	inOrder       []*sharedOrganization                               // as configured
	organizations map[string]*sharedOrganization                      // by name, in lower case, as chains
	chains        map[string]availability.Source                      // of an organization and those to ask next
	directory     directory.Directory                                 // nil if there is none
	listed        func(availability.Requester, *directory.Entry) bool // whom a folder shows; nil for everybody
	named         published.Named                                     // its Store is nil if nobody may publish
	publisher     *publisher.Publisher                                // nil if nothing is published
	latest        func()                                              // lets the publisher ask this gateway
	source        availability.Source                                 // all so far
	operating     *operating
}

// begin sets up what belongs to no part of the configuration.
func (b *builder) begin() (err error) {
	b.latest = func() {}
	b.name, _ = share(b.parts, "name", func() (string, func(), error) { return strings.ToLower(rand.Text()[:8]), nil, nil })
	b.statistics, _ = share(b.parts, "statistics", func() (*access.Statistics, func(), error) { return new(access.Statistics), nil, nil })
	most := budget(b.config.Cache.MaxBytes)
	b.budget, err = share(b.parts, keyOf("budget", most), func() (*cache.Budget, func(), error) { return cache.NewBudget(most), nil, nil })
	if err == nil {
		b.operating, err = share(b.parts, "operating", func() (*operating, func(), error) { return newOperating(), nil, nil })
	}
	return err
}

func (b *builder) rule() (err error) {
	if b.rules, err = newRules(b.config.AccessRules, b.statistics); err != nil {
		return fmt.Errorf("access_rules: %w", err)
	}
	return nil
}

// organize sets up each organization with its memory, and who is asked after it.
func (b *builder) organize() error {
	c := b.config
	guarded := make(map[string]availability.Source)
	for i := range c.Organizations {
		o, err := b.organization(&c.Organizations[i])
		if err != nil {
			return fmt.Errorf("organization %s: %w", c.Organizations[i].Name, err)
		}
		remembered, err := b.remember(o)
		if err != nil {
			return err
		}
		b.inOrder, b.organizations[strings.ToLower(o.Name)] = append(b.inOrder, o), o
		// Outside of the memory, which everybody shares.
		guarded[strings.ToLower(o.Name)] = b.rules.Guard(o.Name, remembered.Cache)
	}
	for _, o := range c.Organizations {
		whole := chain(c, guarded, o)
		b.router.Add(whole, o.Domains...)
		b.chains[strings.ToLower(o.Name)] = whole
	}
	b.source = b.router
	return nil
}

// stack puts round the organizations what knows of mailboxes before them.
func (b *builder) stack() (err error) {
	if b.directory, err = b.openDirectory(); err != nil {
		return err
	}
	owners := &owners{directory: b.directory, router: b.router, names: make(map[availability.Source]string)}
	for _, o := range b.config.Organizations {
		owners.names[b.chains[strings.ToLower(o.Name)]] = o.Name
	}
	b.listed = owners.listed(b.rules, len(b.config.AccessRules))
	if b.store != nil {
		b.named = published.Named{Store: b.store, Names: b.names}
		b.source = published.Source{Store: b.store, Next: b.source, Denied: b.rules.Denied(owners.of)}
	}
	if b.directory == nil {
		return nil
	}
	b.source = b.rules.Veil(owners.of, &directory.Source{Directory: b.directory, Next: b.source, MaxListMembers: b.config.Directory.MaxListMembers})
	if b.store != nil { // there is more in it than the directory knows, such as a legacyExchangeDN
		b.source = published.Source{Store: b.store, Next: b.source, Denied: b.rules.Denied(owners.of)}
	}
	return nil
}

// publish sets up what writes into a folder. It may see everybody: whom it shows whom
// is the folder's to say.
func (b *builder) publish() (err error) {
	c := b.config.Publish
	if c == nil {
		return nil
	}
	p := &publication{
		config: c, to: b.organizations[strings.ToLower(c.To)].organization, router: b.router, source: access.Unrestricted(b.source),
		asked: &publisher.Asked{Next: b.source}, name: b.name, log: b.log,
	}
	for _, name := range c.Organizations {
		p.of = append(p.of, b.chains[strings.ToLower(name)])
	}
	p.roll, _ = b.directory.(directory.Roll)
	if err = b.share(p); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	b.source = p.asked
	return nil
}

// names are those by which a mailbox is asked about once the directory has been: none
// if it knows nothing of it.
func (b *builder) names(ctx context.Context, m availability.Mailbox) ([]availability.Mailbox, error) {
	if b.directory == nil {
		return nil, nil
	}
	found, err := b.directory.Find(ctx, []availability.Mailbox{m})
	e := found[m]
	if err != nil || e == nil || e.Members != nil {
		return nil, err
	}
	return []availability.Mailbox{e.Mailbox, e.Primary, e.LegacyDN}, nil
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
	if d.LDAP != nil {
		server, err := newLDAP(d.LDAP, d.MaxListMembers, log)
		if err != nil {
			return nil, fmt.Errorf("directory.ldap: %w", err)
		}
		all = append(all, server)
	}
	return all, nil
}

// tlsFor is how servers are reached whose certificates are of these CAs, nil for those
// this machine trusts.
func tlsFor(cas *x509.CertPool) *tls.Config { return upstream.Connections{CAs: cas}.TLS() }

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
