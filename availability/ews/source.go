// Package ews is a Source that asks an Exchange server, 2007 to SE, or anything
// else that speaks Exchange Web Services, by GetUserAvailability.
//
// A Lookup is one call. It asks what it is told to: which mailboxes and what window
// one call may have is decided in front of it, by package plan.
package ews

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
	"fbgate/translate/ews"
)

// Config describes one server and how to ask it. Zero fields take the default named.
type Config struct {
	Organization string // its name in answers and logs
	Endpoint     Endpoint
	Client       *upstream.Client // default an empty one
	// ServerVersion is the RequestServerVersion, default "Exchange2007_SP1".
	ServerVersion string
	// Impersonate is the mailbox whose rights are asked with, empty for the
	// account's own. Applications that log in by OAuth have none themselves.
	Impersonate availability.Mailbox
	View        ews.View            // default FreeBusyMerged
	Digit4      availability.Status // see [ews.Request]
	Interval    time.Duration       // of a merged free/busy slot, default 15 minutes
	Log         *slog.Logger        // default slog.Default()
}

// Endpoint says where the organization's EWS is.
type Endpoint interface {
	// URL returns it, without credentials. Where it has to be found out, the
	// mailbox is the one to ask for. The error is a *availability.Reason.
	URL(ctx context.Context, q availability.Query, m availability.Mailbox) (string, error)
	// Failed says that what is there does not answer as EWS any more.
	Failed(url string)
}

// Pinned is an Endpoint that never changes.
type Pinned string

// URL returns p.
func (p Pinned) URL(context.Context, availability.Query, availability.Mailbox) (string, error) {
	return string(p), nil
}

// Failed does nothing: whoever pinned the URL has to correct it.
func (p Pinned) Failed(string) {}

// Source asks one server. It is safe for concurrent use.
type Source struct{ Config }

var _ availability.Source = (*Source)(nil)

// New returns a Source for the server c describes.
func New(c Config) *Source {
	c.ServerVersion = cmp.Or(c.ServerVersion, "Exchange2007_SP1")
	c.View = cmp.Or(c.View, ews.FreeBusyMerged)
	c.Interval = cmp.Or(c.Interval, 15*time.Minute)
	c.Log = cmp.Or(c.Log, slog.Default())
	c.Client = cmp.Or(c.Client, &upstream.Client{})
	return &Source{c}
}

// Lookup makes one call about q's mailboxes, 1 to 100, and exactly q's window, which
// is in whole hours or slots and as long as the server allows at most.
func (s *Source) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	if len(q.Mailboxes) == 0 {
		return nil
	}
	begun := time.Now()
	url, results := s.call(ctx, q)
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		answers[i] = availability.Answer{
			Mailbox: m, Window: q.Window, Schedule: results[i].Schedule, Reason: results[i].Reason,
			Organization: s.Organization, Source: url, At: begun,
		}
	}
	return answers
}
