package cache

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// longestTurn is how long anybody waits to list what is remembered.
const longestTurn = 5 * time.Second

// Turn waits until nobody else lists what any of these Caches remember, and is to be taken
// before [Caches.Page]: that takes a processor for itself, and many at once would leave
// none for clients. It gives up, and ok is false, when ctx ends or after 5 seconds.
// Whoever has called done, which does no harm again, lets the next one list.
func (c Caches) Turn(ctx context.Context) (done func(), ok bool) {
	ctx, cancel := context.WithTimeout(ctx, longestTurn)
	defer cancel()
	var taken []chan struct{}
	done = sync.OnceFunc(func() {
		for _, turn := range taken {
			<-turn
		}
	})
	// All take them in the same order, so that no two wait for each other. Each Cache has
	// its own because a reload puts it among others.
	for _, name := range slices.Sorted(maps.Keys(c)) {
		select {
		case c[name].turn <- struct{}{}:
			taken = append(taken, c[name].turn)
		case <-ctx.Done():
			done()
			return nil, false
		}
	}
	return done, true
}
