// Package ews is a Source that asks an Exchange server, 2007 to SE, or anything
// else that speaks Exchange Web Services, by GetUserAvailability.
//
// A lookup becomes as few calls as the server's limits allow: mailboxes in
// batches, the window in pieces, all of them at once up to a cap, and the answers
// put together again without a seam.
package ews

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"fbgate/availability"
	"fbgate/translate/ews"
)

// Config describes one organization's server. Zero fields take the default named.
type Config struct {
	Organization string // its name in answers and logs
	URL          string // of EWS itself, without credentials
	// Transport sends the requests and proves who asks. Redirects are not
	// followed. Default: http.DefaultTransport.
	Transport http.RoundTripper
	UserAgent string // default "fbgate"
	// ServerVersion is the RequestServerVersion, default "Exchange2007_SP1".
	ServerVersion string
	View          ews.View            // default FreeBusyMerged
	Digit4        availability.Status // see [ews.Request]
	Interval      time.Duration       // of a merged free/busy slot, default 15 minutes
	MaxMailboxes  int                 // in one call, default 100
	MaxWindow     time.Duration       // of one call, in whole hours, default 42 days
	MaxResponse   int64               // bytes of one reply, default 16 MiB
	Concurrency   int                 // calls at once, default 5
	Timeout       time.Duration       // of one call, default 25 seconds
	// Prefetch is how the window is widened.
	Prefetch Prefetch
	Log      *slog.Logger // default slog.Default()
}

// Source asks one server. It is safe for concurrent use.
type Source struct {
	Config
	client *http.Client
	slots  chan struct{} // one for each call under way
}

var _ availability.Source = (*Source)(nil)

// New returns a Source for the server c describes.
func New(c Config) *Source {
	c.UserAgent = cmp.Or(c.UserAgent, "fbgate")
	c.ServerVersion = cmp.Or(c.ServerVersion, "Exchange2007_SP1")
	c.View = cmp.Or(c.View, ews.FreeBusyMerged)
	c.Interval = cmp.Or(c.Interval, 15*time.Minute)
	c.MaxMailboxes = cmp.Or(c.MaxMailboxes, 100)
	c.MaxWindow = cmp.Or(c.MaxWindow, 42*day)
	c.MaxResponse = cmp.Or(c.MaxResponse, 16<<20)
	c.Concurrency = cmp.Or(c.Concurrency, 5)
	c.Timeout = cmp.Or(c.Timeout, 25*time.Second)
	c.Log = cmp.Or(c.Log, slog.Default())
	client := &http.Client{
		Transport:     c.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Source{c, client, make(chan struct{}, c.Concurrency)}
}

// Lookup asks for the window of q widened by Prefetch; answers speak about that
// wider window.
func (s *Source) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	window := s.Prefetch.widen(q.Window, s.MaxWindow, s.Interval)
	pieces := split(window, s.MaxWindow)
	batches := slices.Collect(slices.Chunk(q.Mailboxes, s.MaxMailboxes))
	begun := time.Now()

	outcomes := make([][]outcome, len(batches)*len(pieces))
	var calls sync.WaitGroup
	for b, batch := range batches {
		for p, piece := range pieces {
			calls.Go(func() { outcomes[b*len(pieces)+p] = s.ask(ctx, q.About(batch), piece) })
		}
	}
	calls.Wait()

	answers := make([]availability.Answer, 0, len(q.Mailboxes))
	for b, batch := range batches {
		for i, m := range batch {
			a := availability.Answer{Mailbox: m, Window: window, Organization: s.Organization, Source: s.URL, At: begun}
			var whole outcome
			for _, piece := range outcomes[b*len(pieces) : (b+1)*len(pieces)] {
				whole.add(piece[i].Result)
				if piece[i].narrowed {
					a.Window = q.Window // there may be more, which nobody asked about
				}
			}
			a.Schedule, a.Reason = whole.Schedule, whole.Reason
			answers = append(answers, a)
		}
	}
	return answers
}
