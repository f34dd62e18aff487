package cache_test

import (
	"testing"

	"fbgate/cache"
)

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
