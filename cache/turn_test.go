package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/cache"
)

// One lists at a time, also of those who list some of the Caches of others, as after a
// reload.
func TestTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		contoso, fabrikam, northwind := cache.New("contoso", nil, cache.NewMemory(1), cache.Policy{}), cache.New("fabrikam", nil, cache.NewMemory(1), cache.Policy{}), cache.New("northwind", nil, cache.NewMemory(1), cache.Policy{})
		before := cache.Caches{"contoso": contoso, "fabrikam": fabrikam}
		after := cache.Caches{"fabrikam": fabrikam, "northwind": northwind}
		takes := func(ctx context.Context, c cache.Caches, want time.Duration, ok bool) (done func()) {
			t.Helper()
			begun := time.Now()
			done, got := c.Turn(ctx)
			if waited := time.Since(begun); got != ok || waited != want {
				t.Errorf("%v after %v, want %v after %v", got, waited, ok, want)
			}
			return done
		}
		done := takes(t.Context(), before, 0, true)
		takes(t.Context(), before, 5*time.Second, false)
		takes(t.Context(), after, 5*time.Second, false)
		leaving, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		takes(leaving, after, time.Second, false)
		time.AfterFunc(3*time.Second, done)
		done = takes(t.Context(), after, 3*time.Second, true)
		takes(t.Context(), before, 5*time.Second, false) // which waits for fabrikam, and has contoso meanwhile
		done()
		done()
		takes(t.Context(), before, 0, true)()
		takes(t.Context(), after, 0, true)()
		takes(t.Context(), nil, 0, true)()
	})
}
