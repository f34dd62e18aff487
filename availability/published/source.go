package published

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"fbgate/availability"

	"go.etcd.io/bbolt"
)

// Source answers about mailboxes of which something is published, and has not expired,
// from a Store, and asks Next about all others, in one Lookup.
//
// Such an answer speaks about the window asked about; what the publication does not cover
// of it has the reason NoInformation, and Next is not asked for it. Its Source is who
// published, its At is when.
//
// If the store cannot be read, Next is asked about everybody, and that is logged. Those
// Next does not know are answered with Internal, as they may be published.
type Source struct {
	Store *Store
	Next  availability.Source
	// Denied returns, for each mailbox of a question, why whoever asks must not see what
	// is published of it, nil if they may. It is asked about those of which something is
	// published, each once. If it is nil everybody may see everything.
	Denied func(ctx context.Context, q availability.Query) []*availability.Reason
}

var _ availability.Source = Source{}

// Lookup costs next to nothing as long as nothing is published.
func (s Source) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	if s.Store.kept.Load() == 0 {
		return s.Next.Lookup(ctx, q)
	}
	found, err := s.Store.lookup(q)
	switch {
	case err != nil:
		s.Store.options.Log.LogAttrs(ctx, slog.LevelError, "the store of publications cannot be read",
			slog.String("request_id", q.RequestID), slog.String("error", err.Error()))
		return unread(s.Next.Lookup(ctx, q), err)
	case len(found) == 0:
		return s.Next.Lookup(ctx, q)
	}
	if s.Denied != nil {
		s.hide(ctx, q, found)
	}
	answers := make([]availability.Answer, len(q.Mailboxes))
	var missing []int
	for i, m := range q.Mailboxes {
		if a, ok := found[m]; ok {
			answers[i] = a
		} else {
			missing = append(missing, i)
		}
	}
	if len(missing) > 0 {
		for i, answer := range s.Next.Lookup(ctx, q.Select(missing)) {
			answers[missing[i]] = answer
		}
	}
	return answers
}

// hide replaces the answers whoever asks must not see by ones that tell nothing, not even
// that something is published.
func (s Source) hide(ctx context.Context, q availability.Query, found map[availability.Mailbox]availability.Answer) {
	q = q.About(slices.Sorted(maps.Keys(found)))
	reasons := s.Denied(ctx, q)
	for i, m := range q.Mailboxes {
		if reasons[i] != nil {
			found[m] = availability.Fail(q.About(q.Mailboxes[i:i+1]), reasons[i])[0]
		}
	}
}

// lookup returns answers about those of q's mailboxes of which something is published.
func (s *Store) lookup(q availability.Query) (found map[availability.Mailbox]availability.Answer, err error) {
	now := time.Now()
	err = s.read(func(tx *bbolt.Tx) error {
		for _, m := range q.Mailboxes {
			if _, done := found[m]; done {
				continue
			}
			p, ok := s.live(tx, m, now)
			if !ok {
				continue
			}
			if found == nil {
				found = make(map[availability.Mailbox]availability.Answer)
			}
			found[m] = answer(p, q.Window, now)
		}
		return nil
	})
	return found, err
}

// answer says of w what was published.
func answer(p availability.Publication, w availability.Window, now time.Time) availability.Answer {
	a := availability.Answer{
		Mailbox:      p.Mailbox,
		Window:       w,
		Schedule:     p.Schedule.Clip(w),
		Organization: availability.Published,
		Source:       p.By,
		At:           p.At,
	}
	if now.Before(a.At) {
		a.At = now // the clock was set back since: nothing is younger than now
	}
	if !p.Schedule.Covers(w) {
		a.Reason = availability.Because(availability.NoInformation, "%.100q published free/busy from %s to %s, and not all of what was asked about",
			p.By, p.Schedule.Known.Start.Format(time.RFC3339), p.Schedule.Known.End.Format(time.RFC3339))
	}
	return a
}

// unread corrects what cannot be said while the store cannot be read. Who is denied a
// mailbox is told the same as of one that nobody has.
func unread(answers []availability.Answer, err error) []availability.Answer {
	for i := range answers {
		r := answers[i].Reason
		if r == nil || r.Code != availability.NoRoute && r.Code != availability.UnknownMailbox && r.Code != availability.NotAllowed {
			continue
		}
		unread := availability.Because(availability.Internal, "it may be published, but the store cannot be read: %.200s", err)
		if r.Code == availability.NotAllowed {
			unread.Organization, unread.Detail = r.Organization, unread.Detail+"; and it is not allowed: "+r.Detail
		}
		answers[i].Reason = unread
	}
	return answers
}
