package cache

import "slices"

// Retire takes a Store that is not needed any more out of the budget. It forgets what it
// holds and remembers nothing from now on: lookups that are still under way end in it.
func (b *Budget) Retire(s *Memory) {
	s.mu.Lock()
	s.retired = true
	s.empty()
	s.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stores = slices.DeleteFunc(b.stores, func(other *Memory) bool { return other == s })
}
