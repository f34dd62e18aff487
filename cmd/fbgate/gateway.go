package main

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"fbgate/availability"
	"fbgate/availability/credential"
	"fbgate/availability/ews"
	"fbgate/availability/route"
	"fbgate/cache"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb"
	"fbgate/davfb/admin"
	"fbgate/translate/davxml"
	wire "fbgate/translate/ews"
	"fbgate/translate/merged"
)

// gateway is the parts of fbgate put together as a configuration says.
type gateway struct {
	clients   http.Handler
	operators func(ready func() bool) http.Handler
	stores    []*cache.Memory
}

func newGateway(c *config.Config, log *slog.Logger) (*gateway, error) {
	router, caches := route.New(), make(cache.Caches)
	var stores []*cache.Memory
	for i := range c.Organizations {
		o := &c.Organizations[i]
		source, err := newOrganization(o, log)
		if err != nil {
			return nil, fmt.Errorf("organization %s: %w", o.Name, err)
		}
		store := cache.NewMemory(c.Cache.MaxMailboxes)
		remembered := cache.New(o.Name, source, store, cache.Policy{
			Known:   time.Duration(c.Cache.TTL),
			Lasting: time.Duration(c.Cache.LastingFailureTTL),
			Passing: time.Duration(c.Cache.PassingFailureTTL),
			Wait:    time.Duration(c.AnswerTimeout),
			Timeout: time.Duration(max(c.Cache.LookupTimeout, o.Timeout)),
		})
		stores, caches[o.Name] = append(stores, store), remembered
		router.Add(remembered, o.Domains...)
	}

	token := c.Admin.Token
	if c.Admin.TokenFile == "" {
		token = nil
	}
	return &gateway{
		clients: davfb.New(davfb.Config{
			Source: router,
			Limits: davxml.Limits{
				Attendees: c.Limits.Attendees,
				Window:    time.Duration(c.Limits.Window),
				Digits:    c.Limits.Digits,
			},
			MaxURL: int(c.Limits.URLBytes),
			Digits: merged.Digits{WorkingElsewhere: drawnAs[c.WorkingElsewhere]},
			Log:    log,
		}),
		operators: func(ready func() bool) http.Handler {
			return admin.New(admin.Config{Caches: caches, Token: token, Ready: ready, Log: log})
		},
		stores: stores,
	}, nil
}

// drawnAs are the values of working_elsewhere.
var drawnAs = map[string]availability.Status{
	"free":      availability.Free,
	"tentative": availability.Tentative,
	"busy":      availability.Busy,
	"oof":       availability.OOF,
}

func newOrganization(o *config.Organization, log *slog.Logger) (availability.Source, error) {
	endpoint, err := url.Parse(o.TargetSharingEPR)
	if err != nil {
		return nil, err
	}
	transport, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	if o.Credential != nil {
		transport = credential.Basic(transport, endpoint, o.Credential.Username, o.Credential.Password)
	}
	digit4 := availability.NoData
	if o.Digit4 == "working-elsewhere" {
		digit4 = availability.WorkingElsewhere
	}
	return ews.New(ews.Config{
		Organization:  o.Name,
		URL:           o.TargetSharingEPR,
		Transport:     transport,
		UserAgent:     cmp.Or(o.UserAgent, "fbgate/"+version()),
		ServerVersion: o.RequestServerVersion,
		View:          wire.View(o.RequestedView),
		Digit4:        digit4,
		Interval:      time.Duration(o.MergedFreeBusyInterval),
		MaxMailboxes:  o.MaxMailboxes,
		MaxWindow:     time.Duration(o.MaxWindow),
		MaxResponse:   int64(o.MaxResponseBytes),
		Concurrency:   o.Concurrency,
		Timeout:       time.Duration(o.Timeout),
		Prefetch:      ews.Prefetch{Off: o.Prefetch == config.PrefetchOff, Ahead: max(0, time.Duration(o.Prefetch))},
		Log:           log,
	}), nil
}

// newTransport verifies certificates always, by the organization's own CAs if it
// names some.
func newTransport(o *config.Organization) (http.RoundTripper, error) {
	cas, err := o.CAs()
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: cas, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    o.Concurrency,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}, nil
}
