package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/autodiscover"
	"fbgate/availability/credential"
	"fbgate/availability/ews"
	"fbgate/availability/guard"
	"fbgate/availability/meter"
	"fbgate/availability/plan"
	"fbgate/availability/publicfolder"
	"fbgate/availability/route"
	"fbgate/availability/upstream"
	"fbgate/cmd/fbgate/config"
	wire "fbgate/translate/ews"
)

// organization is one of the configuration and the ways to ask it.
type organization struct {
	*config.Organization
	log     *slog.Logger
	watch   func(http.RoundTripper) http.RoundTripper // sees all that goes over the wire
	members []member
	meter   *meter.Organization
	guard   *guard.Guard // nil if nobody is asked
}

// unwatched is for transports nobody looks at.
func unwatched(transport http.RoundTripper) http.RoundTripper { return transport }

// member is one server of an organization, asked with one account.
type member struct {
	name        string
	credential  string // its type, empty without one
	url         string // empty if Autodiscover finds it
	connections upstream.Connections
	transport   http.RoundTripper
	secrets     func() []string  // nil without an account
	rested      func() time.Time // the same
	endpoint    ews.Endpoint
	source      availability.Source

	certificates *upstream.Certificates
	token        *tokenEnd // of its account
}

// newOrganization puts the members together, their transports watched by watch and their
// calls counted by counts.
func newOrganization(o *config.Organization, counts *meter.Organization, log *slog.Logger, watch func(http.RoundTripper) http.RoundTripper) (*organization, error) {
	cas, err := o.CAs()
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	connections := upstream.Connections{CAs: cas, MinTLS: tlsVersions[o.MinTLS], Idle: o.Concurrency}
	this := &organization{Organization: o, log: log, watch: watch, meter: counts}
	accounts := o.Credential
	if len(accounts) == 0 {
		accounts = []config.Credential{{}}
	}
	urls := o.URLs()
	if len(urls) == 0 {
		urls = []string{""}
	}
	for i := range accounts {
		token := new(tokenEnd)
		transport, account, own := this.prove(&accounts[i], connections, token)
		for _, target := range urls {
			m := member{name: cmp.Or(target, "Autodiscover"), credential: accounts[i].Type, url: target, connections: own, transport: transport,
				certificates: new(upstream.Certificates), token: token}
			if account != nil {
				m.name += " as " + account.Name()
				m.secrets, m.rested = account.Secrets, func() time.Time { return account.Rested(target) }
			}
			this.ask(&m)
			this.members = append(this.members, m)
		}
	}
	return this, nil
}

// prove returns a transport that proves who asks by a credential, its account if it has
// one, and how its connections are made.
func (o *organization) prove(c *config.Credential, connections upstream.Connections, token *tokenEnd) (transport http.RoundTripper, account *credential.Account, own upstream.Connections) {
	var kind credential.Kind
	switch c.Type {
	case "basic":
		kind = credential.Basic{Username: c.Username, Password: c.Password}
	case "ntlm":
		kind = credential.NTLM{Username: c.Username, Password: c.Password, Connections: o.Concurrency}
	case "kerberos":
		kind = newKerberos(c)
	case "oauth2":
		kind = o.newOAuth2(c, token)
	case "certificate":
		connections.Certificate = credential.ClientCertificate(c.Certificate, c.Key)
		fallthrough
	default:
		return o.watch(connections.Transport(0)), nil, connections
	}
	account = credential.New(kind, o.trusted)
	connect := func(most int) http.RoundTripper { return o.watch(connections.Transport(most)) }
	return account.Transport(connect), account, connections
}

func newKerberos(c *config.Credential) credential.Kind {
	k := credential.Kerberos{Username: c.Username, SPN: c.SPN, KDCs: c.KDC, Config: c.Krb5Config}
	if c.KeytabFile != "" {
		k.Keytab = c.Keytab
	} else {
		k.Password = c.Password
	}
	return k
}

func (o *organization) newOAuth2(c *config.Credential, token *tokenEnd) credential.Kind {
	k := credential.OAuth2{
		TokenURL: c.TokenURL, ClientID: c.ClientID, Scope: c.Scope, Resource: c.Resource,
		// The server of tokens is seldom the organization's own.
		Transport: o.watch(upstream.Connections{}.Transport(0)),
		Obtained:  token.set,
	}
	if c.CertificateFile != "" {
		k.Certificate, k.Key = c.Certificate, c.Key
	} else {
		k.Secret = c.Password
	}
	return k
}

// ask gives m the Source that asks it.
func (o *organization) ask(m *member) {
	client := &upstream.Client{
		Transport: m.transport, Secrets: m.secrets, UserAgent: o.UserAgent,
		MaxBytes: int64(o.MaxResponseBytes), Timeout: time.Duration(o.Timeout), RequesterHeader: o.RequesterHeader,
		Certificates: m.certificates,
	}
	interval := time.Duration(o.MergedFreeBusyInterval)
	if o.AccessMethod == "PublicFolder" {
		m.source = publicfolder.New(publicfolder.Config{
			Organization: o.Name, URL: m.url, Client: client, Referrals: o.trusted, Interval: interval, Log: o.log,
		})
		return
	}
	client.UserAgent = cmp.Or(o.UserAgent, "fbgate/"+version())
	digit4 := availability.NoData
	if o.Digit4 == "working-elsewhere" {
		digit4 = availability.WorkingElsewhere
	}
	m.endpoint = o.endpoint(m, client.UserAgent)
	m.source = ews.New(ews.Config{
		Organization: o.Name, Endpoint: m.endpoint, Client: client,
		ServerVersion: o.RequestServerVersion, Impersonate: availability.ParseMailbox(o.Impersonate),
		View: wire.View(o.RequestedView), Digit4: digit4, Interval: interval, Log: o.log,
	})
}

func (o *organization) endpoint(m *member, userAgent string) ews.Endpoint {
	if m.url != "" {
		return ews.Pinned(m.url)
	}
	return autodiscover.New(autodiscover.Config{
		Organization: o.Name, Domains: o.ownDomains(), EPR: o.TargetAutodiscoverEPR, UserAgent: userAgent,
		Transport: m.transport, Secrets: m.secrets, Plain: o.watch(upstream.Connections{CAs: m.connections.CAs, MinTLS: m.connections.MinTLS}.Transport(0)),
		Trusted: o.trusted, AllowHTTP: o.mayDiscoverPlain, Log: o.log,
	})
}

// source puts an organization's members together.
func (o *organization) source() availability.Source {
	if o.FreeBusyAccessLevel == "none" {
		return route.Withheld(o.Name)
	}
	o.guard = guard.New(o.guarded())
	return plan.New(o.guard, o.planned())
}

func (o *organization) guarded() guard.Config {
	c := guard.Config{Organization: o.Name, Concurrency: o.Concurrency, Called: o.meter.Called, Log: o.log}
	for _, m := range o.members {
		c.Members = append(c.Members, guard.Member{Name: m.name, Source: m.source, Rested: m.rested})
	}
	return c
}

func (o *organization) planned() plan.Config {
	c := plan.Config{
		Organization: o.Name,
		MaxMailboxes: o.MaxMailboxes,
		MaxWindow:    time.Duration(o.MaxWindow),
		Interval:     time.Duration(o.MergedFreeBusyInterval),
		Prefetch:     plan.Prefetch{Off: o.Prefetch == config.PrefetchOff, Ahead: max(0, time.Duration(o.Prefetch))},
		Log:          o.log,
	}
	if folder, ok := o.members[0].source.(*publicfolder.Source); ok {
		c.Weight, c.MaxWeight = publicfolder.Weight, folder.Room()
	}
	return c
}

// trusted reports whether u is on a host that may be shown the organization's
// credential: one its configuration names, or, where Autodiscover looks for it, one
// in its domains.
func (o *organization) trusted(u *url.URL) bool {
	for _, named := range append(slices.Clone(o.URLs()), o.TargetAutodiscoverEPR) {
		if n, err := url.Parse(named); err == nil && named != "" && n.Scheme == u.Scheme && strings.EqualFold(n.Host, u.Host) {
			return true
		}
	}
	if u.Scheme != "https" && !o.maySendPlain(u) {
		return false
	}
	hosts := slices.Clone(o.TrustedHosts)
	if len(o.URLs()) == 0 && o.AccessMethod == "OrgWideFB" {
		for _, domain := range o.ownDomains() {
			hosts = append(hosts, domain, "*."+domain)
		}
	}
	host := strings.ToLower(u.Hostname())
	for _, h := range hosts {
		if below, wild := strings.CutPrefix(h, "*"); h == host || wild && strings.HasSuffix(host, below) {
			return true
		}
	}
	return false
}

// ownDomains are those of the organization by name, without "*" and "*.com", which
// are not its own.
func (o *organization) ownDomains() (domains []string) {
	for _, domain := range o.Domains {
		domain = strings.TrimPrefix(domain, "*.")
		if strings.Contains(domain, ".") {
			domains = append(domains, domain)
		}
	}
	return domains
}

// maySendPlain reports whether u may be asked by http.
func (o *organization) maySendPlain(u *url.URL) bool {
	return o.InsecureHTTP || config.IsLoopback(u.Hostname())
}

// mayDiscoverPlain reports whether Autodiscover may ask u by http: nobody but the host
// that is named so.
func (o *organization) mayDiscoverPlain(u *url.URL) bool {
	named, err := url.Parse(o.TargetAutodiscoverEPR)
	return config.IsLoopback(u.Hostname()) || o.InsecureHTTP && err == nil && named.Scheme == "http" && strings.EqualFold(named.Host, u.Host)
}
