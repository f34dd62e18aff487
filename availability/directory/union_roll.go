package directory

import (
	"context"
	"iter"

	"fbgate/availability"
)

var _ Roll = Union(nil)

// All yields whom any of the directories knows that can call their roll, in order. Of one
// that several know the first directory's word counts, as with Find.
func (u Union) All(ctx context.Context, after availability.Mailbox) iter.Seq2[*Entry, error] {
	var rolls iter.Seq2[*Entry, error] = func(func(*Entry, error) bool) {}
	for i := len(u) - 1; i >= 0; i-- {
		if roll, ok := u[i].(Roll); ok {
			rolls = merge(roll.All(ctx, after), rolls)
		}
	}
	return rolls
}

// merge yields what is in either, in order, and of two with one LegacyDN that of first. An
// error of either ends it.
func merge(first, second iter.Seq2[*Entry, error]) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		next, stop := iter.Pull2(second)
		defer stop()
		other, err, more := next()
		for e, failed := range first {
			for more && failed == nil && (err != nil || other.LegacyDN < e.LegacyDN) {
				if !yield(other, err) || err != nil {
					return
				}
				other, err, more = next()
			}
			if !yield(e, failed) || failed != nil {
				return
			}
			if more && err == nil && other.LegacyDN == e.LegacyDN {
				other, err, more = next()
			}
		}
		for more && yield(other, err) && err == nil {
			other, err, more = next()
		}
	}
}
