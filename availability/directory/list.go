package directory

import (
	"fmt"
	"time"

	"fbgate/availability"
)

// answer draws the answer about whom r stands for from what was said of people. Its
// Mailbox is not that asked about.
func (r *resolution) answer(q availability.Query, said map[availability.Mailbox]availability.Answer) availability.Answer {
	switch {
	case r.reason != nil:
		return refusal(q, r.reason)
	case r.list && len(r.people) == 0:
		return refusal(q, availability.Because(availability.NoInformation, "the distribution list has no members that get mail"))
	case len(r.people) == 0:
		// Not reached: a mailbox that is no list stands for somebody.
		return refusal(q, availability.Because(availability.Internal, "the address led nowhere"))
	}
	answers := make([]availability.Answer, len(r.people))
	for i, p := range r.people {
		if p.reason != nil {
			answers[i] = refusal(q, p.reason)
			answers[i].Mailbox = p.mailbox
		} else {
			answers[i] = said[p.mailbox]
		}
	}
	if !r.list {
		return answers[0]
	}
	return together(q, answers)
}

func refusal(q availability.Query, reason *availability.Reason) availability.Answer {
	return availability.Answer{Window: q.Window, Reason: reason, At: time.Now()}
}

// together draws answers, at least one, as that of one mailbox.
func together(q availability.Query, answers []availability.Answer) availability.Answer {
	list := answers[0]
	list.Window, list.Reason = q.Window, nil
	var (
		spans   []availability.Span
		step    time.Duration
		concern int // members with a reason
	)
	for _, a := range answers {
		spans = append(spans, a.Schedule.Spans...)
		spans = append(spans, unknown(a.Schedule, q.Window)...)
		step = max(step, a.Schedule.Step)
		if a.Reason != nil {
			concern++
			if list.Reason == nil {
				list.Reason = of(a)
			}
		}
		if a.At.Before(list.At) {
			list.At = a.At
		}
		if a.Expires.IsZero() || !list.Expires.IsZero() && a.Expires.Before(list.Expires) {
			list.Expires = a.Expires
		}
		list.Cached = list.Cached && a.Cached
		list.Stale = list.Stale || a.Stale
		list.Waited = max(list.Waited, a.Waited)
		list.Organization = common(list.Organization, a.Organization)
		list.Source = common(list.Source, a.Source)
	}
	list.Schedule = availability.NewSchedule(q.Window, step, spans)
	if list.Reason != nil {
		list.Reason.Detail = fmt.Sprintf("%d of %d members: %s", concern, len(answers), list.Reason.Detail)
	}
	return list
}

// of returns the reason of a member as that of its list. A list is on no server.
func of(a availability.Answer) *availability.Reason {
	reason := *a.Reason
	reason.Scope = availability.OfMailbox
	if reason.Detail == "" {
		reason.Detail = string(a.Mailbox)
	} else if !a.Mailbox.IsLegacyDN() && a.Mailbox.Domain() != "" {
		reason.Detail = string(a.Mailbox) + ": " + reason.Detail
	}
	return &reason
}

// unknown returns what s does not know of w before and after Known. What it does not
// know within is among its Spans.
func unknown(s availability.Schedule, w availability.Window) []availability.Span {
	known := s.Known.Intersect(w)
	if known.Empty() {
		return []availability.Span{{Window: w, Status: availability.NoData}}
	}
	var gaps []availability.Span
	for _, gap := range []availability.Window{{Start: w.Start, End: known.Start}, {Start: known.End, End: w.End}} {
		if !gap.Empty() {
			gaps = append(gaps, availability.Span{Window: gap, Status: availability.NoData})
		}
	}
	return gaps
}

func common(a, b string) string {
	if a == b {
		return a
	}
	return ""
}
