package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"fbgate/availability"
	"fbgate/availability/directory"
	"fbgate/availability/published"
	"fbgate/availability/upstream"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb"
	"fbgate/davfb/face"
	"fbgate/davfb/folder"
	"fbgate/davfb/internet"
	"fbgate/davfb/passthrough"
	"fbgate/translate/davxml"
	"fbgate/translate/merged"
)

// faces are what clients see of the gateway.
type faces struct {
	config    *config.Config
	name      string
	source    availability.Source
	directory directory.Directory                                 // nil if there is none
	listed    func(availability.Requester, *directory.Entry) bool // whom a folder shows; nil for everybody
	publisher published.Named                                     // its Store is nil if nobody may publish
	writers   face.Authenticate                                   // who may
	loggingIn *ways                                               // how clients do
	through   *passthrough.Handler
	requests  *face.Requests
	lookups   *face.Lookups // what clients have asked, for operators
	parts     *tenancy
	log       *slog.Logger
}

// handlers are those of listen and of tls.listen.
func (f *faces) handlers() (plain, secure http.Handler, err error) {
	ways, err := f.ways()
	if err != nil {
		return nil, nil, err
	}
	f.writers, f.loggingIn = ways.writers, ways
	if plain, err = f.handler(ways.plain); err != nil || f.config.TLS == nil {
		return plain, nil, err
	}
	secure, err = f.handler(ways.secure)
	return plain, secure, err
}

// handler is that of a listener of clients, which log in so.
func (f *faces) handler(way *way) (http.Handler, error) {
	c := f.config
	files, err := f.internet()
	if err != nil {
		return nil, fmt.Errorf("internet_free_busy: %w", err)
	}
	var parts []davfb.Part
	if way.pages != nil {
		parts = append(parts, davfb.Part{Name: "logon", Matches: way.pages.Matches, Handler: way.pages})
	}
	if c.Passthrough == nil || !c.Passthrough.ScheduleFolder {
		parts = append(parts, davfb.Part{Name: "folder", Matches: folder.Holds, Handler: way.guard(f.folder())})
	}
	parts = append(parts, davfb.Part{Name: "internet", Matches: files.Matches, Handler: way.guard(files)})
	if f.through != nil { // where the server behind asks for a log-in
		parts = append(parts, davfb.Part{Name: "passthrough", Matches: f.through.Matches, Handler: f.through})
	}
	return trustedProxies(c).Handler(davfb.New(davfb.Config{
		Source: f.source,
		Name:   f.name,
		Limits: davxml.Limits{
			Attendees: c.Limits.Attendees,
			Window:    time.Duration(c.Limits.Window),
			Digits:    c.Limits.Digits,
		},
		MaxURL: int(c.Limits.URLBytes),
		Digits: merged.Digits{WorkingElsewhere: drawnAs[c.WorkingElsewhere]},
		Guard:  way.guard,
		Parts:  parts, Requests: f.requests, Lookups: f.lookups,
		Log: f.log,
	})), nil
}

// internet is Outlook's Internet Free/Busy.
func (f *faces) internet() (*internet.Handler, error) {
	c := f.config.InternetFreeBusy
	handler := internet.Config{
		Source: f.source, Patterns: c.Patterns, DefaultDomain: c.DefaultDomain,
		MonthsBefore: c.MonthsBefore, MonthsAfter: c.MonthsAfter,
		WorkingElsewhere: drawnAs[f.config.WorkingElsewhere], Proxies: trustedProxies(f.config), Lookups: f.lookups, Log: f.log,
	}
	if f.publisher.Store != nil {
		handler.Publisher, handler.Authenticate, handler.Keep = f.publisher, f.writers, time.Duration(f.config.Publishing.Keep)
	}
	return internet.New(handler)
}

// folder is the public folder SCHEDULE+ FREE BUSY.
func (f *faces) folder() http.Handler {
	c := f.config.Folder
	handler := folder.Config{
		Source: f.source, Name: f.name, MonthsBefore: c.MonthsBefore, MonthsAfter: c.MonthsAfter,
		WorkingElsewhere: drawnAs[f.config.WorkingElsewhere], MaxURL: int(f.config.Limits.URLBytes), Origin: trustedProxies(f.config).BaseURL, Lookups: f.lookups, Log: f.log,
	}
	if handler.MonthsBefore == 0 {
		handler.MonthsBefore = -1 // none, where 0 stands for the default
	}
	if roll, ok := f.directory.(directory.Roll); ok {
		handler.Recipients = recipients{roll, f.listed}
	}
	if f.publisher.Store != nil {
		handler.Publisher, handler.MayPublish, handler.Keep = f.publisher, f.writers, time.Duration(f.config.Publishing.Keep)
	}
	return folder.New(handler)
}

// newPassthrough returns nil if nothing is to be handed on.
func newPassthrough(p *config.Passthrough, name string, proxies face.TrustedProxies, log *slog.Logger) (*passthrough.Handler, error) {
	if p == nil {
		return nil, nil
	}
	cas, err := p.CAs()
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	return passthrough.New(passthrough.Config{
		URL: p.URL, TLS: upstream.Connections{CAs: cas, MinTLS: tlsVersions[p.MinTLS]}.TLS(), Paths: p.Paths,
		MaxConnections: p.Connections, HeaderTimeout: time.Duration(p.HeaderTimeout), IdleTimeout: time.Duration(p.IdleTimeout),
		Forward: p.Forward, TrustedProxies: proxies, FrontEndHTTPS: p.FrontEndHTTPS, Name: name, Log: log,
	})
}

// trustedProxies are those in front.
func trustedProxies(c *config.Config) face.TrustedProxies { return networks(c.TrustedProxies) }

// recipients lists a folder from a directory.
type recipients struct {
	roll   directory.Roll
	listed func(availability.Requester, *directory.Entry) bool // nil for everybody
}

// Recipients implements folder.Recipients.
func (r recipients) Recipients(ctx context.Context, who availability.Requester, after availability.Mailbox, most int) (page []folder.Recipient, more bool, err error) {
	for e, err := range r.roll.All(ctx, after) {
		if err != nil {
			return page, false, err
		}
		if r.listed != nil && !r.listed(who, e) {
			if ctx.Err() != nil { // as many may have to be passed over
				return page, false, ctx.Err()
			}
			continue
		}
		if len(page) == most {
			return page, true, nil
		}
		page = append(page, folder.Recipient{LegacyDN: string(e.LegacyDN)})
	}
	return page, false, nil
}
