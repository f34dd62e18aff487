package cache_test

import (
	"fmt"
	"slices"
	"testing"

	"fbgate/availability"
	"fbgate/cache"
)

func TestCachesListInPages(t *testing.T) {
	caches := cache.Caches{"contoso": over(&upstream{}), "fabrikam": over(&upstream{})}
	for i := range 5 {
		for _, c := range caches { // as with a mailbox that moved
			c.Lookup(t.Context(), days(0, 1, user(i)))
			c.Lookup(t.Context(), days(5, 6, user(i)))
		}
	}
	var listed []string
	pages, after := 0, availability.Mailbox("")
	for {
		entries, total := caches.Entries(func(m availability.Mailbox) bool { return m > after }, 5)
		if total != 10 {
			t.Errorf("total %d", total)
		}
		if len(entries) == 0 {
			break
		}
		pages++
		for _, a := range entries {
			listed = append(listed, fmt.Sprintf("%s %s", a.Mailbox, a.Window.Start.Format("02")))
			after = a.Mailbox
		}
	}
	if len(listed) != 20 || !slices.IsSorted(listed) || pages != 3 {
		t.Errorf("%d pages list %v", pages, listed)
	}
}

func TestCachesFlush(t *testing.T) {
	caches := cache.Caches{"contoso": over(&upstream{}), "fabrikam": over(&upstream{})}
	caches["contoso"].Lookup(t.Context(), days(0, 1, mary))
	caches["fabrikam"].Lookup(t.Context(), days(0, 1, mary, joe))
	if n := caches.FlushMailbox(mary); n != 2 {
		t.Errorf("%d answers about mary flushed, want 2", n)
	}
	if n := caches.Flush(); n != 1 {
		t.Errorf("%d flushed, want 1", n)
	}
}
