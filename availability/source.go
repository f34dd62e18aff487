package availability

import (
	"context"
	"time"
)

// Query asks for the schedules of mailboxes.
type Query struct {
	// RequestID names the client's request in logs, here and upstream. It may
	// be empty.
	RequestID string
	// Via lists the gateways the question has passed, this one last, as the header
	// [ViaHeader] does. It may be empty.
	Via string
	// Requester is who asks.
	Requester Requester
	// Mailboxes are whom the query is about. The same may come twice.
	Mailboxes []Mailbox
	// Window is the time asked about. It is not empty.
	Window Window
	// Interval is the slot length the client will draw; a Source that gets
	// exact times has no use for it.
	Interval time.Duration
}

// ViaHeader is the HTTP header by which gateways tell each other whom a question has
// passed: names, with commas between them. It is not Via: IIS may take a request with
// that for one of a proxy, whose connections are not authenticated for long.
const ViaHeader = "X-Fbgate-Via"

// About returns q narrowed to the given mailboxes.
func (q Query) About(mailboxes []Mailbox) Query {
	q.Mailboxes = mailboxes
	return q
}

// Select returns q narrowed to its mailboxes with these indexes.
func (q Query) Select(indexes []int) Query {
	mailboxes := make([]Mailbox, len(indexes))
	for i, at := range indexes {
		mailboxes[i] = q.Mailboxes[at]
	}
	return q.About(mailboxes)
}

// Published is the Organization of an Answer for which nobody was asked, as it was published
// here.
const Published = "published"

// Answer is what a Source says of one mailbox.
type Answer struct {
	Mailbox Mailbox
	// Window is the time the answer speaks about. It contains the one asked
	// about and may be wider.
	Window Window
	// Schedule is what is known; of times in Window it does not know, Reason
	// says why.
	Schedule Schedule
	// Reason is nil if all of Window is known.
	Reason *Reason
	// Organization is the name of the one that answered, empty if none was asked, or
	// several were about the members of a list; or it is [Published].
	Organization string
	// Source is where the answer came from, for people to read: a URL, without
	// credentials.
	Source string
	// At is when the source said so.
	At time.Time
	// Expires is until when a cache will repeat the answer, zero if none will.
	Expires time.Time
	// Cached is true if the answer was remembered rather than asked for.
	Cached bool
	// Stale is true if the answer was repeated after Expires, as there is no newer one
	// to be had.
	Stale bool
	// Waited is how long this question waited for organizations: 0 if it had not to.
	Waited time.Duration
	// For is whom a cache repeats the answer to, where the organization answers by who
	// asks: their mail domain, or "?" for those of whom none is known. It is empty
	// where everybody gets the same.
	For string
}

// Age returns how long ago the source said so, never less than 0. Of the wall clock,
// which may be set back, and the monotonic clock, which stands still while a machine
// is suspended, the one counts by which it is longer ago.
func (a *Answer) Age(now time.Time) time.Duration {
	return max(0, now.Sub(a.At), now.Round(0).Sub(a.At.Round(0)))
}

// TTL returns how long it is until the answer expires, less than 0 if it has, by the
// clock that leaves it less time: see [Answer.Age].
func (a *Answer) TTL(now time.Time) time.Duration {
	return min(a.Expires.Sub(now), a.Expires.Round(0).Sub(now.Round(0)))
}

// Source knows schedules: an organization's server, or a router, guard or cache
// around other Sources.
//
// Lookup returns exactly one Answer for each of q.Mailboxes, in their order. It
// has no error result because a failure always belongs to mailboxes: theirs
// alone carry a Reason, and no other mailbox is worse off. Lookup returns soon
// after ctx is done, with what it has by then. It may be called from several
// goroutines at once.
type Source interface {
	Lookup(ctx context.Context, q Query) []Answer
}

// Fail answers every mailbox of q with the same reason.
func Fail(q Query, reason *Reason) []Answer {
	answers := make([]Answer, len(q.Mailboxes))
	now := time.Now()
	for i, m := range q.Mailboxes {
		answers[i] = Answer{Mailbox: m, Window: q.Window, Reason: reason, At: now}
	}
	return answers
}
