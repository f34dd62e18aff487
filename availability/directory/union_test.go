package directory_test

import (
	"context"
	"errors"
	"testing"

	"fbgate/availability"
	"fbgate/availability/directory"
)

// shelf is a directory of fixed entries that may fail besides.
type shelf struct {
	entries map[availability.Mailbox]*directory.Entry
	err     error
	asked   []availability.Mailbox
}

func (s *shelf) Find(_ context.Context, mailboxes []availability.Mailbox) (map[availability.Mailbox]*directory.Entry, error) {
	s.asked = append(s.asked, mailboxes...)
	found := make(map[availability.Mailbox]*directory.Entry)
	for _, m := range mailboxes {
		if e := s.entries[m]; e != nil {
			found[m] = e
		}
	}
	return found, s.err
}

func TestUnion(t *testing.T) {
	mary, joe := &directory.Entry{Mailbox: "mary@contoso.com"}, &directory.Entry{Mailbox: "joe@fabrikam.com"}
	first := &shelf{entries: map[availability.Mailbox]*directory.Entry{"mary": mary}}
	second := &shelf{entries: map[availability.Mailbox]*directory.Entry{"mary": {Mailbox: "another@contoso.com"}, "joe": joe}}
	union := directory.Union{first, second}
	found, err := union.Find(t.Context(), []availability.Mailbox{"mary", "joe", "ann"})
	if err != nil || len(found) != 2 || found["mary"] != mary || found["joe"] != joe {
		t.Errorf("%v, %v", found, err)
	}
	if len(second.asked) != 2 {
		t.Errorf("the second was asked for %v", second.asked)
	}
	if found, err := union.Find(t.Context(), []availability.Mailbox{"mary"}); err != nil || found["mary"] != mary || len(second.asked) != 2 {
		t.Errorf("%v, %v; the second was asked for %v", found, err, second.asked)
	}
	first.err = errors.New("down")
	if found, err := union.Find(t.Context(), []availability.Mailbox{"mary", "joe"}); err == nil || found["mary"] != mary {
		t.Errorf("with the first failing: %v, %v", found, err)
	}
	if found, err := union.Find(t.Context(), []availability.Mailbox{"mary"}); err != nil && found["mary"] != mary {
		t.Errorf("%v, %v", found, err)
	}
}
