package directory

import (
	"context"
	"iter"

	"fbgate/availability"
)

var _ Roll = Union(nil)

// All yields those of the first directory that can call its roll, nobody if none can.
func (u Union) All(ctx context.Context, after availability.Mailbox) iter.Seq2[*Entry, error] {
	for _, d := range u {
		if roll, ok := d.(Roll); ok {
			return roll.All(ctx, after)
		}
	}
	return func(func(*Entry, error) bool) {}
}
