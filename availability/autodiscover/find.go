package autodiscover

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"fbgate/availability"
)

// find searches, remembers what came of it, and lets those go on who wait.
func (l *Locator) find(ctx context.Context, q availability.Query, m availability.Mailbox, done chan struct{}) {
	begun := time.Now()
	s, reason := l.guarded(ctx, q, m)
	rest := pause
	if reason != nil {
		rest = max(rest, min(reason.RetryAfter, longestPause))
	}
	l.log(ctx, q, m, s.found, reason, time.Since(begun))

	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	switch {
	case reason == nil:
		l.url, l.since, l.failed = s.found.EWS, now, false
		clear(l.failures)
	case l.url == "":
		l.failures.add(m, reason, now, rest)
	}
	l.searched, l.rest, l.underWay = now, rest, nil
	close(done)
}

// guarded is search, but a panic is a failure like others.
func (l *Locator) guarded(ctx context.Context, q availability.Query, m availability.Mailbox) (s *search, reason *availability.Reason) {
	defer func() {
		if p := recover(); p != nil {
			l.config.Log.ErrorContext(ctx, "panic in a search", "request_id", q.RequestID, "panic", p, "stack", string(debug.Stack()))
			s, reason = new(search), availability.Because(availability.Internal, "panic: %v", p)
		}
	}()
	s, reason = l.search(ctx, q, m)
	return s, l.client.Clean(reason)
}

func (l *Locator) log(ctx context.Context, q availability.Query, m availability.Mailbox, found Found, reason *availability.Reason, took time.Duration) {
	level, attributes := slog.LevelInfo, []slog.Attr{
		slog.String("request_id", q.RequestID),
		slog.String("organization", l.config.Organization),
		slog.String("domain", m.Domain()),
		slog.Duration("took", took),
	}
	if reason != nil {
		level = slog.LevelWarn
		attributes = append(attributes, slog.String("reason", string(reason.Code)), slog.String("detail", reason.Detail), slog.String("remedy", reason.Remedy()))
	} else {
		attributes = append(attributes, slog.String("url", found.EWS), slog.String("from", found.From), slog.String("server_version", found.ServerVersion))
	}
	l.config.Log.LogAttrs(ctx, level, "Autodiscover", attributes...)
}

// failures are those of searches, under what they are about: a mailbox, a domain, or
// "" if the account was refused or rests, which concerns all.
type failures map[string]failure

type failure struct {
	reason *availability.Reason
	until  time.Time
}

// of returns why not to search on behalf of m, the last search having ended at the
// time searched.
func (f failures) of(m availability.Mailbox, searched, now time.Time) *availability.Reason {
	for about, failed := range f {
		if !now.Before(failed.until) {
			delete(f, about)
		}
	}
	for _, about := range []string{"", m.Domain(), string(m)} {
		if failed, ok := f[about]; ok {
			return failed.reason
		}
	}
	if len(f) < manyFailures || now.Sub(searched) >= breath {
		return nil
	}
	reason := availability.Because(availability.NotDiscovered, "%d searches for others have failed within %v", len(f), pause)
	reason.Scope = availability.OfServer
	return reason
}

// After manyFailures there is a breath between searches: whoever asks about mailboxes
// that do not exist must not make the organization's servers suffer, nor keep those
// that do exist from being found.
const (
	manyFailures = 16
	breath       = 2 * time.Second
)

// add remembers a failure for rest.
func (f failures) add(m availability.Mailbox, reason *availability.Reason, now time.Time, rest time.Duration) {
	about := m.Domain()
	switch {
	case reason.Code == availability.Unauthorized:
		about = ""
	case reason.Scope == availability.OfMailbox:
		about = string(m)
	}
	f[about] = failure{reason, now.Add(rest)}
}
