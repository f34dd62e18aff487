package cache

import (
	"container/heap"
	"iter"
	"sync"
	"time"

	"fbgate/availability"

	gocache "github.com/patrickmn/go-cache"
)

// Memory is a Store in this process. Build it with NewMemory.
type Memory struct {
	most  int
	cache *gocache.Cache

	// mu makes changes of cache, expiring and places one.
	mu       sync.Mutex
	expiring expiring
	places   map[availability.Mailbox]*place
}

var _ Store = (*Memory)(nil)

// NewMemory returns a Store for at most that many mailboxes. When it is full, the
// one that expires next makes room. Failures are remembered for less long: they put
// out each other rather than what is known.
func NewMemory(most int) *Memory {
	s := &Memory{
		most: max(1, most),
		// No janitor: go-cache's can be stopped only by the garbage collector.
		// Sweep takes its place.
		cache:  gocache.New(gocache.NoExpiration, 0),
		places: make(map[availability.Mailbox]*place),
	}
	s.cache.OnEvicted(func(key string, _ any) { s.forget(availability.Mailbox(key)) })
	return s
}

// forget follows a deletion of the cache. The caller of that deletion holds mu.
func (s *Memory) forget(m availability.Mailbox) {
	if p, ok := s.places[m]; ok {
		heap.Remove(&s.expiring, p.index)
		delete(s.places, m)
	}
}

// Get implements Store.
func (s *Memory) Get(m availability.Mailbox) ([]availability.Answer, bool) {
	stored, ok := s.cache.Get(string(m))
	if !ok {
		return nil, false
	}
	return stored.([]availability.Answer), true
}

// Set implements Store.
func (s *Memory) Set(m availability.Mailbox, answers []availability.Answer, ttl time.Duration) {
	if ttl <= 0 { // which go-cache would take for "for ever"
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(m)
	for len(s.expiring) >= s.most {
		s.cache.Delete(string(s.expiring[0].mailbox))
	}
	p := &place{mailbox: m, expires: time.Now().Add(ttl)}
	s.places[m] = p
	heap.Push(&s.expiring, p)
	s.cache.Set(string(m), answers, ttl)
}

// Delete implements Store.
func (s *Memory) Delete(m availability.Mailbox) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, stored := s.cache.Get(string(m))
	s.cache.Delete(string(m))
	return stored
}

// Clear implements Store.
func (s *Memory) Clear() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.cache.Items())
	s.cache.Flush() // calls no OnEvicted
	s.expiring = nil
	clear(s.places)
	return n
}

// All implements Store. It copies the index of the store, not what is stored.
func (s *Memory) All() iter.Seq2[availability.Mailbox, []availability.Answer] {
	return func(yield func(availability.Mailbox, []availability.Answer) bool) {
		for m, item := range s.cache.Items() {
			if !yield(availability.Mailbox(m), item.Object.([]availability.Answer)) {
				return
			}
		}
	}
}

// Len implements Store. It counts what has expired since the last Sweep.
func (s *Memory) Len() int { return s.cache.ItemCount() }

// Sweep frees what has expired. Call it now and then: it stops the store for about
// a millisecond for each 100,000 mailboxes.
func (s *Memory) Sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cache.DeleteExpired()
}

// expiring is a heap of the stored mailboxes, the one that expires next on top.
type expiring []*place

type place struct {
	mailbox availability.Mailbox
	expires time.Time
	index   int // in the heap
}

func (e expiring) Len() int           { return len(e) }
func (e expiring) Less(i, j int) bool { return e[i].expires.Before(e[j].expires) }

func (e expiring) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].index, e[j].index = i, j
}

func (e *expiring) Push(p any) {
	p.(*place).index = len(*e)
	*e = append(*e, p.(*place))
}

func (e *expiring) Pop() any {
	last := len(*e) - 1
	p := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return p
}
