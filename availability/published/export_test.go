package published

// Careless makes a store that need not survive its machine fast.
func Careless(s *Store) {
	s.db.NoSync = true
	s.db.MaxBatchDelay = 0
}
