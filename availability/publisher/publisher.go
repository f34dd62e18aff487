// Package publisher keeps free/busy in the public folder SCHEDULE+ FREE BUSY of Exchange
// 2000 to 2007, where Outlook of that time reads it over MAPI and nobody can answer in
// between. Exchange 2010 did the same with what its availability service learnt.
//
// An item that lies is worse than none: Outlook draws a mailbox without an item as "no
// information". So what is not known is never written, and an item that could not be
// confirmed for a day is removed.
package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
)

// DefaultUserAgent says MSIE, as all programs did that are known to have written into
// these folders over WebDAV.
const DefaultUserAgent = "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.2; fbgate)"

// maxMonths is how many months an item can hold (PidTagFreeBusyCountMonths).
const maxMonths = 36

// Recipient is one whose free/busy is published.
type Recipient struct {
	// LegacyDN is the legacyExchangeDN of the recipient as the readers' Exchange has it;
	// it says where the item is.
	LegacyDN string
	// Mailbox is whom the Source is asked about.
	Mailbox availability.Mailbox
}

// Recipients knows those whose free/busy is published.
type Recipients interface {
	// All yields all of them. An error ends the iteration, and means that there may be
	// more: then nobody is taken for one who left. Where none is published any more it
	// yields nothing, and all items are removed.
	All(ctx context.Context) iter.Seq2[Recipient, error]
}

// Config describes one folder and what is kept in it. Zero fields take the default named.
type Config struct {
	// Organization is whose folder it is, for logs.
	Organization string
	// Root is the URL of the public folders' root, such as
	// https://mail2003.contoso.com/public/, without credentials.
	Root string
	// Client makes the calls; its Transport proves who asks. If it has no UserAgent it
	// gets DefaultUserAgent. It may be nil.
	Client *upstream.Client
	// Source is where the free/busy comes from, and Recipients whose.
	Source     availability.Source
	Recipients Recipients
	// Recent yields mailboxes that clients have asked about lately, by either name:
	// they come first. At most 10,000 are taken. It may be nil.
	Recent func() iter.Seq[availability.Mailbox]
	// Via is the name of this gateway in [availability.Query.Via]. It may be empty.
	Via string
	// Every is the time from the start of a round to that of the next. Default: 15
	// minutes, at least 1 second.
	Every time.Duration
	// Months is how many months are published, the present one included, and Behind how
	// many before it. Months are UTC's. Default: 3 and 0; together at most 36.
	Months, Behind int
	// Concurrency is how many calls are made at the same time at most. Until one has
	// succeeded in a round there is only one. Default: 4.
	Concurrency int
	// Keep is how long an item stays that cannot be confirmed. Default: 24 hours.
	Keep time.Duration
	// Rewrite is how long after it was written an item is written again though nothing
	// has changed, in case somebody else removed it or restored an old one. Default: 24
	// hours, less up to a quarter, so that not all are due at once.
	Rewrite time.Duration
	// State is the file that remembers what was written, so that only what changes is
	// written, also after a restart. Each Publisher needs one of its own; it is made if
	// there is none, but its folder is not.
	State string
	Log   *slog.Logger // default slog.Default()
}

// Publisher keeps one folder. Make one with New.
type Publisher struct {
	config Config
	folder folder
	status tracker
}

// New returns a Publisher for c, or an error that names all that is wrong with it.
func New(c Config) (*Publisher, error) {
	c.Every = cmp.Or(c.Every, 15*time.Minute)
	c.Months = cmp.Or(c.Months, 3)
	c.Concurrency = cmp.Or(c.Concurrency, 4)
	c.Keep = cmp.Or(c.Keep, 24*time.Hour)
	c.Rewrite = cmp.Or(c.Rewrite, 24*time.Hour)
	c.Log = cmp.Or(c.Log, slog.Default()).With("organization", c.Organization)
	root, err := parseRoot(c.Root)
	errs := []error{err}
	for _, c := range []struct {
		wrong bool
		what  string
	}{
		{c.Source == nil, "no Source"},
		{c.Recipients == nil, "no Recipients"},
		{c.State == "", "no State"},
		{c.Every < time.Second, "Every is less than a second"},
		{c.Concurrency < 1 || c.Concurrency > 100, "Concurrency is not 1 to 100"},
		{c.Keep < c.Every || c.Rewrite < c.Every, "Keep or Rewrite is less than Every"},
		{c.Months < 1 || c.Behind < 0 || c.Months > maxMonths || c.Behind > maxMonths-c.Months, "Months and Behind are not 1 to 36 together"},
	} {
		if c.wrong {
			errs = append(errs, errors.New(c.what))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("publish for %s: %w", c.Organization, err)
	}
	return &Publisher{config: c, folder: newFolder(root, c.Client)}, nil
}

func parseRoot(root string) (*url.URL, error) {
	u, err := url.Parse(root)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the URL of public folders: %w", err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("the URL of public folders, %s, is not of the form https://HOST/public/", u.Redacted())
	}
	if !strings.HasSuffix(u.Path, "/") {
		u = u.JoinPath("/")
	}
	return u, nil
}

// Run keeps the folder until ctx is done, one round after the other, and returns nil then.
// The error says that State cannot be used: another process has it, or it cannot be
// made. A damaged one is moved away, with a warning. Run may be called again then.
func (p *Publisher) Run(ctx context.Context) error {
	s, err := openState(p.config.State, p.folder.root.String(), p.config.Log)
	if err != nil {
		err = fmt.Errorf("publish for %s: %w", p.config.Organization, err)
	}
	p.status.run(err)
	if err != nil {
		return err
	}
	defer s.close()
	// Gateways that start together should not ask together.
	wait := rand.N(min(p.config.Every/10, 5*time.Second))
	pace := pace{every: p.config.Every}
	for p.rest(ctx, wait) {
		begun := time.Now()
		stopped, succeeded := p.round(ctx, s)
		wait = pace.next(time.Since(begun), stopped, succeeded)
	}
	return nil
}

// rest waits and reports whether to go on.
func (p *Publisher) rest(ctx context.Context, wait time.Duration) bool {
	p.status.next(time.Now().Add(wait))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// window returns the months to publish.
func (p *Publisher) window(now time.Time) availability.Window {
	year, month, _ := now.UTC().Date()
	first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	return availability.Window{Start: first.AddDate(0, -p.config.Behind, 0), End: first.AddDate(0, p.config.Months, 0)}
}
