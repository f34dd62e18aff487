package directory

import (
	"context"
	"iter"
	"sort"

	"fbgate/availability"
)

// Roll is a Directory that can call everybody it knows.
type Roll interface {
	// All yields the recipients that have a legacyExchangeDN, in its order, from the
	// first one after that on. An error ends it.
	All(ctx context.Context, after availability.Mailbox) iter.Seq2[*Entry, error]
}

var _ Roll = (*File)(nil)

// All implements Roll. What it yields is what the file held when it began.
func (f *File) All(ctx context.Context, after availability.Mailbox) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		t := f.current(ctx)
		from := max(after, "/") // where legacyExchangeDNs begin
		first := sort.Search(len(t.index), func(i int) bool { return t.mailbox(t.index[i].address) > from })
		for _, k := range t.index[first:] {
			m := t.mailbox(k.address)
			if !m.IsLegacyDN() {
				return
			}
			if r := &t.recipients[k.row]; t.mailbox(r.legacyDN) == m && !yield(t.entry(r, 0), nil) {
				return
			}
		}
	}
}
