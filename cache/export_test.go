package cache

import (
	"bytes"
	"time"

	"fbgate/availability"
)

// SetClock makes c, and its store if that is a Memory, read another clock.
func (c *Cache) SetClock(now func() time.Time) {
	c.now = now
	if s, ok := c.store.(*Memory); ok {
		s.now = now
	}
}

// ReadSnapshot reads a snapshot and returns it as it would be written again.
func ReadSnapshot(data []byte) ([]byte, error) {
	s, err := readSnapshot(data)
	if err != nil {
		return nil, err
	}
	var again bytes.Buffer
	err = s.write(&again)
	return again.Bytes(), err
}

// Answers returns those of a snapshot.
func Answers(data []byte) (all []availability.Answer) {
	s, _ := readSnapshot(data)
	for _, o := range s.organizations {
		for _, k := range o.kept {
			for _, a := range k.answers {
				all = append(all, a.Answer)
			}
		}
	}
	return all
}

// Snapshot returns what Save writes.
func (c Caches) Snapshot(fingerprints map[string]string) []byte {
	s := c.snapshot(fingerprints, time.Now())
	var data bytes.Buffer
	if err := s.write(&data); err != nil {
		panic(err)
	}
	return data.Bytes()
}
