package main

import (
	"context"
	"iter"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"fbgate/availability"
	"fbgate/availability/directory"
	"fbgate/availability/publisher"
	"fbgate/availability/route"
	"fbgate/availability/upstream"
	"fbgate/cmd/fbgate/config"
)

// publication is whose free/busy is published, and where.
type publication struct {
	config *config.Publish
	to     *organization // whose folder
	of     []availability.Source
	router *route.Router
	roll   directory.Roll
	source availability.Source
	asked  *publisher.Asked
	name   string
	log    *slog.Logger
}

// latest is the publication of the gateway in force, which the publisher asks: it goes on
// when the configuration is read anew.
type latest struct{ atomic.Pointer[publication] }

// Lookup implements availability.Source.
func (l *latest) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	return l.Load().source.Lookup(ctx, q)
}

// All implements [publisher.Recipients].
func (l *latest) All(ctx context.Context) iter.Seq2[publisher.Recipient, error] {
	return l.Load().All(ctx)
}

// Recent is for [publisher.Config].
func (l *latest) Recent() iter.Seq[availability.Mailbox] { return l.Load().asked.Recent() }

// publisher returns one that asks the latest publication, which need not be p.
func (p *publication) publisher(l *latest) (*publisher.Publisher, error) {
	m := p.to.members[0]
	return publisher.New(publisher.Config{
		Organization: p.to.Name, Root: m.url,
		Client: &upstream.Client{
			Transport: m.transport, Secrets: m.secrets, UserAgent: p.to.UserAgent,
			MaxBytes: int64(p.to.MaxResponseBytes), Timeout: time.Duration(p.to.Timeout),
		},
		Source: l, Recipients: l, Recent: l.Recent, Via: p.name,
		Every: time.Duration(p.config.Every), Months: p.config.Months, Behind: p.config.MonthsBefore,
		Concurrency: p.config.Concurrency, Keep: time.Duration(p.config.Keep), State: p.config.State, Log: p.log,
	})
}

// All implements [publisher.Recipients]: those of the directory whose mailboxes one of
// the organizations has.
func (p *publication) All(ctx context.Context) iter.Seq2[publisher.Recipient, error] {
	return func(yield func(publisher.Recipient, error) bool) {
		for e, err := range p.roll.All(ctx, "") {
			if err != nil {
				yield(publisher.Recipient{}, err)
				return
			}
			if e.LegacyDN == "" || e.Mailbox == "" || e.Members != nil || !p.concerns(e.Mailbox) {
				continue
			}
			if !yield(publisher.Recipient{LegacyDN: string(e.LegacyDN), Mailbox: e.Mailbox}, nil) {
				return
			}
		}
	}
}

func (p *publication) concerns(m availability.Mailbox) bool {
	source, reason := p.router.Find(m)
	return reason == nil && slices.Contains(p.of, source)
}
