package directory

import (
	"context"
	"slices"
	"time"

	"fbgate/availability"
)

// Source asks Next about the mailboxes behind the addresses it is asked about.
//
// An SMTP address the directory does not know goes on as it is, and so does every
// SMTP address while the directory fails: most are those of mailboxes. A
// legacyExchangeDN then has Reason NoRoute or DirectoryFailed.
//
// A distribution list is drawn as one calendar: what covers its members, see
// [availability.Cover]. If a member has a Reason, the list has.
type Source struct {
	// Directory knows the addresses.
	Directory Directory
	// Next is asked once for all mailboxes of a query, each of them once.
	Next availability.Source
	// MaxListMembers is how many members of a distribution list are asked about, 100
	// if it is 0. A list with more, those of lists in it included, has Reason
	// ListTooLarge, and nobody is asked.
	MaxListMembers int
}

var _ availability.Source = (*Source)(nil)

// longestResolution bounds how long it may take to find out whom a question is about:
// lists in lists are looked up one after the other.
const longestResolution = 10 * time.Second

// Lookup implements availability.Source.
func (s *Source) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	names := names(q.Mailboxes)
	found, err := s.Directory.Find(ctx, names)
	if changesNothing(q.Mailboxes, names, found) {
		return s.Next.Lookup(ctx, q)
	}
	r := newResolver(s.Directory, orDefault(s.MaxListMembers, defaultMaxListMembers))
	r.learn(names, found, err)
	resolving, cancel := context.WithTimeout(ctx, longestResolution)
	defer cancel()
	resolutions := r.resolve(resolving, q.Mailboxes)
	return s.answers(ctx, q, resolutions)
}

// names returns what the directory has to be asked to learn of mailboxes: the slice
// itself unless there are encapsulated names in it.
func names(mailboxes []availability.Mailbox) []availability.Mailbox {
	names, own := mailboxes, false
	for i, m := range mailboxes {
		name := nameOf(m)
		if name == m {
			continue
		}
		if !own {
			names, own = slices.Clone(mailboxes), true
		}
		names[i] = name
	}
	return names
}

// changesNothing reports whether Next can be asked about the mailboxes as they are,
// which most questions are about.
func changesNothing(mailboxes, names []availability.Mailbox, found map[availability.Mailbox]*Entry) bool {
	for i, m := range mailboxes {
		e := found[names[i]]
		if e == nil && m.IsLegacyDN() || e != nil && (e.list() || e.Mailbox != m) {
			return false
		}
	}
	return true
}

// answers asks Next about whom the resolutions name, and draws an answer from each.
func (s *Source) answers(ctx context.Context, q availability.Query, resolutions map[availability.Mailbox]*resolution) []availability.Answer {
	said := make(map[availability.Mailbox]availability.Answer)
	if ask := whoToAsk(q.Mailboxes, resolutions); len(ask) > 0 {
		for i, answer := range s.Next.Lookup(ctx, q.About(ask)) {
			said[ask[i]] = answer
		}
	}
	drawn := make(map[availability.Mailbox]availability.Answer, len(resolutions))
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		answer, ok := drawn[m]
		if !ok {
			answer = resolutions[m].answer(q, said)
			answer.Mailbox = m
			drawn[m] = answer
		}
		answers[i] = answer
	}
	return answers
}

// mostPeople bounds how many mailboxes one question may become by its lists.
const mostPeople = 2000

// whoToAsk returns the mailboxes the resolutions name, each once. Lists for whose
// members there is no room any more get their reason.
func whoToAsk(mailboxes []availability.Mailbox, resolutions map[availability.Mailbox]*resolution) []availability.Mailbox {
	var ask []availability.Mailbox
	listed := make(map[availability.Mailbox]bool)
	for _, m := range mailboxes {
		r := resolutions[m]
		if r.list && r.reason == nil && len(ask)+len(r.people) > mostPeople {
			r.reason = availability.Because(availability.ListTooLarge, "the distribution lists of one question have more than %d members together", mostPeople)
		}
		if r.reason != nil {
			continue
		}
		for _, p := range r.people {
			if p.reason == nil && !listed[p.mailbox] {
				listed[p.mailbox] = true
				ask = append(ask, p.mailbox)
			}
		}
	}
	return ask
}

func orDefault[T ~int | ~int64](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}
