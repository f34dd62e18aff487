package access

import (
	"cmp"
	"context"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"fbgate/availability"
)

// Limits are how much a client may ask: each address, and each account. Zero limits do
// not limit.
type Limits struct {
	// MailboxesPerMinute is about how many mailboxes questions may be, those that are
	// answered from memory included. As many may come at once; a question about more
	// than that is answered, too, but the next one has to wait the longer.
	MailboxesPerMinute int
	// UnknownAddresses is how many addresses a client may ask about, in ten minutes, of
	// which an organization says that it does not have them, and which were not
	// remembered. Whoever asks about more is looking for those that exist. As many may
	// come at once.
	UnknownAddresses int
	// Exempt are networks without limits.
	Exempt []netip.Prefix
	// MaxClients is how many addresses and accounts are remembered. Default 100,000, for
	// which about 8 MB are needed. If there are more, those who have asked least are
	// forgotten.
	MaxClients int
	// Statistics are where questions are counted; it may be nil.
	Statistics *Statistics
	Log        *slog.Logger // default slog.Default()
}

// Limiter is a Source that asks another unless too much is asked. Its answers then have
// the reason RateLimited, which says when to ask again, and no Organization.
type Limiter struct {
	Limits
	next    availability.Source
	mailbox bucket
	unknown bucket
	start   time.Time

	mu      sync.Mutex
	clients clients
}

var _ availability.Source = (*Limiter)(nil)

// Limit returns a Limiter around next, or next itself if nothing is limited. It belongs
// outside everything that clients ask.
func Limit(next availability.Source, l Limits) availability.Source {
	if l.MailboxesPerMinute <= 0 && l.UnknownAddresses <= 0 {
		return next
	}
	l.Log = cmp.Or(l.Log, slog.Default())
	l.Statistics = cmp.Or(l.Statistics, new(Statistics))
	l.Exempt = slices.Clone(l.Exempt)
	for i, network := range l.Exempt {
		l.Exempt[i] = unmapped(network)
	}
	if l.MaxClients <= 0 {
		l.MaxClients = 100_000
	}
	return &Limiter{
		Limits:  l,
		next:    next,
		mailbox: newBucket(l.MailboxesPerMinute, time.Minute),
		unknown: newBucket(l.UnknownAddresses, 10*time.Minute),
		start:   time.Now(),
		clients: clients{seed: maphash.MakeSeed(), most: l.MaxClients, of: make(map[key]*client)},
	}
}

// Lookup asks next, or nobody: a question is answered as a whole or not at all.
func (l *Limiter) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	if len(q.Mailboxes) == 0 || l.exempt(q.Requester.Address) {
		return l.next.Lookup(ctx, q)
	}
	keys := l.clients.keys(q.Requester)
	if reason := l.admit(&keys, q); reason != nil {
		return availability.Fail(q, reason)
	}
	answers := l.next.Lookup(ctx, q)
	if unknown := unknown(answers); unknown > 0 && l.UnknownAddresses > 0 {
		l.charge(ctx, &keys, q, unknown)
	}
	return answers
}

func (l *Limiter) exempt(address netip.Addr) bool {
	if len(l.Exempt) == 0 {
		return false
	}
	address = plain(address)
	for _, network := range l.Exempt {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// unknown counts the answers that say, not from memory, that there is no such mailbox.
func unknown(answers []availability.Answer) (n int) {
	for i := range answers {
		if a := &answers[i]; a.Reason != nil && a.Reason.Code == availability.UnknownMailbox && !a.Cached {
			n++
		}
	}
	return n
}

// admit takes tokens for a question, or returns why it is not answered. Then nothing is
// taken.
func (l *Limiter) admit(keys *keys, q availability.Query) *availability.Reason {
	n := len(q.Mailboxes)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Since(l.start)
	var both [len(keys.all)]*client
	for i, k := range keys.list() {
		one := l.clients.find(k)
		both[i] = one
		if wait := l.unknown.wait(one.unknown, now, 1); wait > 0 {
			l.Statistics.Slowed.Add(1)
			return tooMuch(wait, "%s has asked about too many unknown addresses: limits.unknown_addresses are %d in ten minutes", q, l.UnknownAddresses)
		}
		if wait := l.mailbox.wait(one.asked, now, n); wait > 0 {
			l.Statistics.Limited.Add(1)
			return tooMuch(wait, "%s has asked about too many mailboxes: limits.mailboxes_per_minute are %d", q, l.MailboxesPerMinute)
		}
	}
	if l.MailboxesPerMinute > 0 {
		for i, k := range keys.list() {
			both[i].asked = l.mailbox.take(both[i].asked, now, n)
			l.clients.keep(k, both[i], now)
		}
	}
	return nil
}

func tooMuch(wait time.Duration, format string, q availability.Query, limit int) *availability.Reason {
	reason := availability.Because(availability.RateLimited, format, describe(q.Requester), limit)
	reason.RetryAfter = wait
	return reason
}

// silence is how long nothing is reported again of a client.
const silence = 10 * time.Minute

// charge takes tokens for unknown addresses, and reports a client that has none left.
func (l *Limiter) charge(ctx context.Context, keys *keys, q availability.Query, n int) {
	asked := l.take(keys, n)
	if asked == 0 {
		return
	}
	l.Statistics.Reports.Add(1)
	l.Log.LogAttrs(ctx, slog.LevelWarn, "somebody asks about many unknown addresses",
		slog.String("request_id", q.RequestID),
		slog.String("client", q.Requester.Address.String()),
		slog.String("account", q.Requester.Name),
		slog.Int("unknown", asked),
	)
}

// take returns how many unknown addresses have been asked about if that is to be reported,
// and otherwise 0.
func (l *Limiter) take(keys *keys, n int) (report int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Since(l.start)
	for _, k := range keys.list() {
		one := l.clients.find(k)
		if one.unknown <= now {
			one.count = 0
		}
		one.count += n
		one.unknown = l.unknown.take(one.unknown, now, n)
		if l.unknown.wait(one.unknown, now, 1) > 0 && one.reported <= now {
			one.reported = now + silence
			report = max(report, one.count)
		}
		l.clients.keep(k, one, now)
	}
	return report
}
