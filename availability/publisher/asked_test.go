package publisher_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"fbgate/availability"
	"fbgate/availability/publisher"
)

type silent struct{}

func (silent) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	return make([]availability.Answer, len(q.Mailboxes))
}

func TestAskedRemembersTheLast(t *testing.T) {
	a := &publisher.Asked{Next: silent{}}
	if got := slices.Collect(a.Recent()); len(got) != 0 {
		t.Errorf("before anything was asked: %v", got)
	}
	ask := func(mailboxes ...availability.Mailbox) {
		if got := a.Lookup(t.Context(), availability.Query{Mailboxes: mailboxes}); len(got) != len(mailboxes) {
			t.Errorf("%d answers", len(got))
		}
	}
	for n := range 30_000 {
		ask("mary@contoso.com", availability.Mailbox(fmt.Sprintf("u%d@contoso.com", n)))
	}
	got := slices.Collect(a.Recent())
	slices.Sort(got)
	if len(got) > 10_000 || len(got) < 5_000 || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("%d are remembered", len(got))
	}
	for _, m := range []availability.Mailbox{"mary@contoso.com", "u29999@contoso.com", "u25100@contoso.com"} {
		if _, ok := slices.BinarySearch(got, m); !ok {
			t.Errorf("%s is forgotten", m)
		}
	}
	if _, ok := slices.BinarySearch(got, "u10@contoso.com"); ok {
		t.Error("the first is still remembered")
	}
}
