package cache

import (
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"

	"fbgate/availability"
)

// Budget bounds the memory that several organizations' Stores use together, so that
// one with long calendars may take what others leave. Build it with NewBudget.
type Budget struct {
	most int64
	used atomic.Int64

	// mu is taken before that of a Memory, never after it.
	mu     sync.Mutex
	stores []*Memory
}

// NewBudget returns a Budget of about that many bytes.
func NewBudget(most int64) *Budget { return &Budget{most: most} }

// DefaultBudget returns half of the memory limit that the environment variable
// GOMEMLIMIT sets, or 512 MiB if it sets none, in bytes.
func DefaultBudget() int64 {
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		return limit / 2
	}
	return 512 << 20
}

// Memory returns a Store for at most that many keys, as NewMemory does, that keeps
// within the budget together with the others there are. When it is used up, of the
// store that uses most the key makes room that expires next.
func (b *Budget) Memory(most int) *Memory {
	s := NewMemory(most)
	s.budget = b
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stores = append(b.stores, s)
	return s
}

// Bytes returns about how much memory the stores use.
func (b *Budget) Bytes() int64 { return b.used.Load() }

// Most returns how much memory they may use, in bytes.
func (b *Budget) Most() int64 { return b.most }

func (b *Budget) count(bytes int64) {
	if b != nil {
		b.used.Add(bytes)
	}
}

// fits reports whether e can be stored if nothing else is.
func (b *Budget) fits(e *entry) bool { return b == nil || e.bytes <= b.most }

// keep makes room until the budget is kept.
func (b *Budget) keep() {
	if b == nil || b.used.Load() <= b.most {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.used.Load() > b.most {
		largest := b.stores[0]
		for _, s := range b.stores[1:] {
			if s.Bytes() > largest.Bytes() {
				largest = s
			}
		}
		if !largest.giveUp() {
			return
		}
	}
}

// giveUp forgets the entry that expires next, if there is one.
func (s *Memory) giveUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	evicted := s.evict(func(*entry) bool { return true })
	if evicted {
		s.evicted.Add(1)
	}
	return evicted
}

// overhead is about what an entry takes in go-cache's map, which is three quarters
// full on average, and in the heap and the places, whose slices have grown by a quarter too
// much.
const overhead = (int64(unsafe.Sizeof(""))+24+1)*4/3*9/8 + 10 + 10

// size returns about how much memory an entry takes: what it holds and its place in
// the indexes. Strings of a Source and Reasons may be shared with others, and are
// counted all the same.
func size(k Key, answers []availability.Answer) int64 {
	bytes := overhead + int64(unsafe.Sizeof(entry{})) + int64(len(k.Mailbox))
	if k.Domain != "" {
		bytes += int64(len(k.Mailbox) + 1 + len(k.Domain)) // the key in go-cache
	}
	bytes += int64(cap(answers)) * int64(unsafe.Sizeof(availability.Answer{}))
	for i := range answers {
		a := &answers[i]
		bytes += int64(cap(a.Schedule.Spans))*int64(unsafe.Sizeof(availability.Span{})) + int64(len(a.Source))
		if a.Reason != nil {
			bytes += int64(unsafe.Sizeof(*a.Reason)) + int64(len(a.Reason.Detail))
		}
	}
	return bytes
}
