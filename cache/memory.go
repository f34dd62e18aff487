package cache

import (
	"container/heap"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"fbgate/availability"

	gocache "github.com/patrickmn/go-cache"
)

// Memory is a Store in this process. Build it with NewMemory or [Budget.Memory].
type Memory struct {
	most    int
	budget  *Budget // nil if there is none
	bytes   atomic.Int64
	evicted atomic.Uint64
	now     func() time.Time

	// Of type *entry. They do not expire there, as go-cache knows only the wall
	// clock, and deletes nothing by itself: its janitor can be stopped only by the
	// garbage collector.
	cache *gocache.Cache

	// mu makes changes of cache, expiring and places one.
	mu       sync.Mutex
	expiring expiring
	places   places
	retired  bool // nothing is stored any more
}

var _ Store = (*Memory)(nil)

// entry is what is stored by one key. Only where it stands changes.
type entry struct {
	key     Key
	answers []availability.Answer
	expires time.Time
	bytes   int64
	index   int32 // in the heap
	place   int32 // in places
}

// expired reports whether e has, by either clock.
func (e *entry) expired(now time.Time) bool {
	return (&availability.Answer{Expires: e.expires}).TTL(now) <= 0
}

// NewMemory returns a Store for at most that many keys. When it is full, the one that
// expires next makes room. Failures are remembered for less long: they put out each
// other rather than what is known.
func NewMemory(most int) *Memory {
	return &Memory{most: max(1, most), now: time.Now, cache: gocache.New(gocache.NoExpiration, 0)}
}

// Get implements Store.
func (s *Memory) Get(k Key) ([]availability.Answer, bool) {
	stored, ok := s.cache.Get(k.String())
	if !ok || stored.(*entry).expired(s.now()) {
		return nil, false
	}
	return stored.(*entry).answers, true
}

// Set implements Store.
func (s *Memory) Set(k Key, answers []availability.Answer, ttl time.Duration) {
	if ttl <= 0 {
		return
	}
	e := &entry{key: k, answers: answers, expires: s.now().Add(ttl), bytes: size(k, answers)}
	s.put(e)
	s.budget.keep()
}

// put stores e in place of what has its key, if there is room for it at all.
func (s *Memory) put(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return
	}
	key := e.key.String()
	if old, ok := s.cache.Get(key); ok {
		s.unlist(old.(*entry))
	}
	if !s.budget.fits(e) {
		s.cache.Delete(key)
		return
	}
	for len(s.expiring) >= s.most {
		s.drop(s.expiring[0])
		s.evicted.Add(1)
	}
	heap.Push(&s.expiring, e)
	s.places.add(e)
	s.count(e.bytes)
	s.cache.Set(key, e, gocache.NoExpiration)
}

// drop forgets e. Its caller holds mu, and so does that of unlist.
func (s *Memory) drop(e *entry) {
	s.unlist(e)
	s.cache.Delete(e.key.String())
}

func (s *Memory) unlist(e *entry) {
	heap.Remove(&s.expiring, int(e.index))
	s.places.remove(e)
	s.count(-e.bytes)
}

func (s *Memory) count(bytes int64) {
	s.bytes.Add(bytes)
	s.budget.count(bytes)
}

// Delete implements Store.
func (s *Memory) Delete(k Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, ok := s.cache.Get(k.String())
	if !ok {
		return false
	}
	e := stored.(*entry)
	s.drop(e)
	return !e.expired(s.now())
}

// Clear implements Store.
func (s *Memory) Clear() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, now := 0, s.now()
	for _, e := range s.expiring {
		if !e.expired(now) {
			n++
		}
	}
	s.empty()
	return n
}

// empty forgets everything. Its caller holds mu.
func (s *Memory) empty() {
	s.cache.Flush()
	s.expiring, s.places = nil, places{}
	s.count(-s.bytes.Load())
}

// All implements Store. It copies the index of the store, not what is stored.
func (s *Memory) All() iter.Seq2[Key, []availability.Answer] {
	return func(yield func(Key, []availability.Answer) bool) {
		now := s.now()
		for _, item := range s.cache.Items() {
			if e := item.Object.(*entry); !e.expired(now) && !yield(e.key, e.answers) {
				return
			}
		}
	}
}

// Len implements Store. It counts what has expired since the last Sweep.
func (s *Memory) Len() int { return s.cache.ItemCount() }

// Bytes returns about how much memory is in use for what is stored.
func (s *Memory) Bytes() int64 { return s.bytes.Load() }

// Evicted returns how many keys have been forgotten so far to make room for others.
func (s *Memory) Evicted() uint64 { return s.evicted.Load() }

// Sweep frees what has expired. Call it now and then.
func (s *Memory) Sweep() {
	for s.sweepSome() {
	}
}

// sweepSome frees what it can in about a millisecond, during which the store takes
// nothing in, and reports whether there may be more.
func (s *Memory) sweepSome() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for range 1000 {
		if !s.evict(func(e *entry) bool { return e.expired(now) }) {
			return false
		}
	}
	return true
}

// evict forgets the entry that expires next, if it is to go, and reports whether it
// did. Its caller holds mu.
func (s *Memory) evict(goes func(*entry) bool) bool {
	if len(s.expiring) == 0 || !goes(s.expiring[0]) {
		return false
	}
	s.drop(s.expiring[0])
	return true
}
