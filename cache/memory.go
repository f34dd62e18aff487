package cache

import (
	"container/list"
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

	// mu makes changes of cache, order and places one.
	mu     sync.Mutex
	order  list.List // of place, roughly by when they expire
	places map[availability.Mailbox]*list.Element
}

var _ Store = (*Memory)(nil)

// place is a mailbox in the order.
type place struct {
	mailbox availability.Mailbox
	expires time.Time
}

// NewMemory returns a Store for at most that many mailboxes. When it is full, one
// that expires soon makes room, so that failures, which are remembered for less
// long, put out other failures rather than what is known.
func NewMemory(most int) *Memory {
	s := &Memory{
		most: max(1, most),
		// No janitor: go-cache's can be stopped only by the garbage collector.
		// Sweep takes its place.
		cache:  gocache.New(gocache.NoExpiration, 0),
		places: make(map[availability.Mailbox]*list.Element),
	}
	s.cache.OnEvicted(func(key string, _ any) { s.forget(availability.Mailbox(key)) })
	return s
}

// forget follows a deletion of the cache. The caller of that deletion holds mu.
func (s *Memory) forget(m availability.Mailbox) {
	if place, ok := s.places[m]; ok {
		s.order.Remove(place)
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
	for s.order.Len() >= s.most {
		s.cache.Delete(string(s.order.Front().Value.(place).mailbox))
	}
	s.insert(place{m, time.Now().Add(ttl)})
	s.cache.Set(string(m), answers, ttl)
}

// insert puts p at the end of the order it belongs to. With one ttl for what is
// known and a shorter one for failures that is near enough.
func (s *Memory) insert(p place) {
	if front := s.order.Front(); front != nil && p.expires.Before(front.Value.(place).expires) {
		s.places[p.mailbox] = s.order.PushFront(p)
	} else {
		s.places[p.mailbox] = s.order.PushBack(p)
	}
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
	s.order.Init()
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
