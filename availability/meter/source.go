package meter

import (
	"context"

	"fbgate/availability"
)

// Source is a Source that counts the mailboxes another is asked about. It does not know
// whether an organization was asked for this question or for another one: both are Asked,
// and so is what nobody had to be asked for.
type Source struct {
	Next  availability.Source
	Meter *Organization
}

var _ availability.Source = Source{}

// Lookup is that of Next.
func (s Source) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	answers := s.Next.Lookup(ctx, q)
	var looked Looked
	for i := range answers {
		switch {
		case answers[i].Stale:
			looked.Stale++
		case answers[i].Cached:
			looked.Remembered++
		default:
			looked.Asked++
		}
	}
	s.Meter.Told(looked, answers)
	return answers
}
