package doctor

import (
	"context"
	"fmt"
	"time"

	"fbgate/availability"
	"fbgate/availability/directory"
)

// resolve asks the directory whose mailbox is meant, as a gateway does. It reports
// false if the way ends here.
//
// A gateway whose directory fails takes SMTP addresses as they are. To the doctor
// that is a failure all the same, as those of contacts and lists are then wrong.
func (d *Doctor) resolve(ctx context.Context, q availability.Query, yield func(Hop) bool) (availability.Mailbox, bool) {
	m := q.Mailboxes[0]
	if d.Directory == nil {
		return m, true
	}
	begun := time.Now()
	found, err := d.Directory.Find(ctx, q.Mailboxes)
	if err != nil && found[m] == nil {
		return m, end(Hop{Name: Directory, Took: time.Since(begun), Reason: availability.ReasonFor(err)}, Member{}, yield)
	}
	var asked bystander
	answer := (&directory.Source{Directory: d.Directory, Next: &asked}).Lookup(ctx, q)[0] // what is found there leads on

	hop := Hop{Name: Directory, Took: time.Since(begun)}
	switch {
	case len(asked) > 1:
		hop.Reason = availability.Because(availability.ListTooLarge, "%s is a distribution list of %d mailboxes", m, len(asked))
		hop.Remedy = fmt.Sprintf("Ask about one of its members, such as %s: the doctor goes one way at a time.", asked[0])
	case answer.Reason != nil:
		hop.Reason = answer.Reason
	case asked[0] != m:
		m = asked[0]
		hop.Found = "the mailbox is " + string(m)
	case found[m] == nil:
		hop.Found = "not there, and taken as it is"
	default:
		hop.Found = "the mailbox is there by this address"
	}
	return m, end(hop, Member{}, yield)
}

// bystander is a Source that notes whom it is asked about.
type bystander []availability.Mailbox

var _ availability.Source = (*bystander)(nil)

// Lookup answers nothing.
func (b *bystander) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	*b = q.Mailboxes
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		answers[i] = availability.Answer{Mailbox: m, Window: q.Window}
	}
	return answers
}

func (d *Doctor) route(m availability.Mailbox, yield func(Hop) bool) (name string, ok bool) {
	hop := Hop{Name: Route}
	name, hop.Reason = d.Route(m)
	hop.Found = "organization " + name
	return name, end(hop, Member{}, yield)
}
