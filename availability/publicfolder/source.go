// Package publicfolder is a Source that asks Exchange 2000 to 2007 for the free/busy
// it keeps in public folders, by its own web client's
//
//	GET /public/?Cmd=freebusy&start=…&end=…&interval=15&u=SMTP:mary@contoso.com
//
// It is the access method PublicFolder of Exchange's availability address spaces.
package publicfolder

import (
	"cmp"
	"context"
	"log/slog"
	"net/url"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
	"fbgate/translate/davxml"
)

// DefaultUserAgent says MSIE, since Exchange 2003 answers with XML to nobody but
// Internet Explorer, and with a web page to all others.
const DefaultUserAgent = "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.2; fbgate)"

// DefaultMaxQuery stays below the 2,048 bytes at which URLScan, usual on servers of
// that time, cuts a client off. IIS 6 alone takes 16 KiB of request line and headers.
const DefaultMaxQuery = 2000

// Config describes one organization's server. Zero fields take the default named.
type Config struct {
	Organization string // its name in answers and logs
	// URL is that of the public folders' root, such as http://mail.contoso.com/public/,
	// without credentials.
	URL string
	// Client makes the calls; its Transport proves who asks. If it has no UserAgent
	// it gets DefaultUserAgent. It may be nil.
	Client *upstream.Client
	// Referrals reports whether a server may refer to a URL of another host, port or
	// scheme: one without a replica of the free/busy names another server, by a
	// redirect. With nil it may not. From https a referral never leads to http.
	Referrals func(*url.URL) bool
	// Interval is the length of the slots asked for: whole minutes, 1 to 1440.
	// Default: 15 minutes.
	Interval time.Duration
	MaxQuery int          // of a URL, in bytes, default DefaultMaxQuery
	Log      *slog.Logger // default slog.Default()
}

// Source asks one server. It is safe for concurrent use.
type Source struct{ config Config }

var _ availability.Source = (*Source)(nil)

// New returns a Source for the server c describes.
func New(c Config) *Source {
	var client upstream.Client
	if c.Client != nil {
		client = *c.Client
	}
	client.UserAgent = cmp.Or(client.UserAgent, DefaultUserAgent)
	c.Client = &client
	c.Interval = min(max(cmp.Or(c.Interval, 15*time.Minute).Truncate(time.Minute), time.Minute), 24*time.Hour)
	c.MaxQuery = cmp.Or(c.MaxQuery, DefaultMaxQuery)
	c.Log = cmp.Or(c.Log, slog.Default())
	return &Source{c}
}

// Room returns how many bytes the mailboxes of one lookup may take in the URL, each
// of them its [Weight].
func (s *Source) Room() int {
	return s.config.MaxQuery - len(davxml.Request{Interval: s.config.Interval}.Query())
}

// Weight returns how many bytes of a URL m takes.
func Weight(m availability.Mailbox) int { return len(attendee(m).AppendQuery(nil)) }

// attendee returns how to ask about m. That servers take a legacyExchangeDN as "EX:"
// is likely, as they name the folder's messages so, but was never documented.
func attendee(m availability.Mailbox) davxml.Attendee {
	kind := "SMTP"
	if m.IsLegacyDN() {
		kind = "EX"
	}
	return davxml.Attendee{Type: kind, Address: string(m), Mailbox: m}
}

// Lookup makes one call, and those to which a referral leads, about all mailboxes
// and the window of q, widened to whole slots. Mailboxes that take more than
// [Source.Room] are refused without a call.
func (s *Source) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	if len(q.Mailboxes) == 0 {
		return nil
	}
	request := s.request(q)
	begun := time.Now()
	rows, from, err := s.ask(ctx, q, request)
	if err != nil {
		err = s.config.Client.Clean(availability.ReasonFor(err))
	}
	s.log(ctx, q, request, from, err, time.Since(begun))

	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		a := availability.Answer{Mailbox: m, Window: request.Window, Organization: s.config.Organization, Source: from, At: begun}
		if err != nil {
			a.Reason = availability.ReasonFor(err)
		} else {
			a.Schedule, a.Reason = rows.of(m)
			a.Reason = s.config.Client.Clean(a.Reason)
		}
		answers[i] = a
	}
	return answers
}

// request asks once about a mailbox that comes twice.
func (s *Source) request(q availability.Query) davxml.Request {
	r := davxml.Request{Window: align(q.Window, s.config.Interval), Interval: s.config.Interval}
	seen := make(map[availability.Mailbox]bool, len(q.Mailboxes))
	for _, m := range q.Mailboxes {
		if !seen[m] {
			seen[m] = true
			r.Attendees = append(r.Attendees, attendee(m))
		}
	}
	return r
}

// align widens w to whole multiples of unit.
func align(w availability.Window, unit time.Duration) availability.Window {
	start, end := w.Start.UTC().Truncate(unit), w.End.UTC().Truncate(unit)
	if end.Before(w.End) {
		end = end.Add(unit)
	}
	return availability.Window{Start: start, End: end}
}

func (s *Source) log(ctx context.Context, q availability.Query, r davxml.Request, from string, err error, took time.Duration) {
	level, attributes := slog.LevelInfo, []slog.Attr{
		slog.String("request_id", q.RequestID),
		slog.String("organization", s.config.Organization),
		slog.String("url", from),
		slog.Int("mailboxes", len(r.Attendees)),
		slog.Time("start", r.Window.Start),
		slog.Time("end", r.Window.End),
		slog.Duration("took", took),
	}
	if err != nil {
		reason := availability.ReasonFor(err)
		level = slog.LevelWarn
		attributes = append(attributes, slog.String("reason", string(reason.Code)), slog.String("detail", reason.Detail), slog.String("remedy", reason.Remedy()))
	}
	s.config.Log.LogAttrs(ctx, level, "public folder free/busy", attributes...)
}
