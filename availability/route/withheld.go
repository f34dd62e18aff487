package route

import (
	"context"

	"fbgate/availability"
)

// Withheld is the Source of an organization, by its name, none of whose free/busy
// may be given out.
type Withheld string

var _ availability.Source = Withheld("")

// Lookup tells nothing about anybody.
func (w Withheld) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	answers := availability.Fail(q, availability.Because(availability.Withheld, "free_busy_access_level of %s is none", string(w)))
	for i := range answers {
		answers[i].Organization = string(w)
	}
	return answers
}
