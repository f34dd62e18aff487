package cache_test

import (
	"testing"
	"time"

	"fbgate/cache"
)

// What is retired takes no room from the others, even if somebody still writes into it.
func TestRetire(t *testing.T) {
	budget := cache.NewBudget(1 << 20)
	kept, gone := budget.Memory(100), budget.Memory(100)
	kept.Set(cache.Key{Mailbox: "mary@contoso.com"}, answers("mary@contoso.com", 10), time.Hour)
	bytes := budget.Bytes()
	gone.Set(cache.Key{Mailbox: "joe@contoso.com"}, answers("joe@contoso.com", 10), time.Hour)
	if budget.Bytes() <= bytes {
		t.Fatalf("%d bytes, after %d", budget.Bytes(), bytes)
	}

	budget.Retire(gone)
	gone.Set(cache.Key{Mailbox: "ann@contoso.com"}, answers("ann@contoso.com", 10), time.Hour)
	if budget.Bytes() != bytes || gone.Len() != 0 || gone.Bytes() != 0 || kept.Len() != 1 {
		t.Errorf("%d bytes, want %d; the retired one has %d entries of %d bytes, the other %d", budget.Bytes(), bytes, gone.Len(), gone.Bytes(), kept.Len())
	}
	budget.Retire(kept)
	if kept.Set(cache.Key{Mailbox: "ann@contoso.com"}, answers("ann@contoso.com", 10), time.Hour); budget.Bytes() != 0 {
		t.Errorf("%d bytes without a store", budget.Bytes())
	}
}
