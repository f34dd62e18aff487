package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"fbgate/cache"
	"fbgate/cmd/fbgate/config"
)

// budget is how many bytes may be remembered.
func budget(configured config.Budget) int64 {
	if configured == 0 {
		return cache.DefaultBudget()
	}
	return int64(configured)
}

// load remembers what was remembered when the gateway ended. A snapshot that cannot be
// used costs no more than to ask again.
func (s *server) load() {
	file := s.config().Cache.SnapshotFile
	if file == "" {
		return
	}
	switch n, err := s.gateway().caches.Load(file, fingerprints(s.config())); {
	case err != nil:
		s.log.Warn("nothing is remembered from before the start", "cache.snapshot_file", file, "error", err)
	default:
		s.log.Info("remembered from before the start", "mailboxes", n)
	}
}

// save keeps what is remembered until the next start.
func (s *server) save() {
	if s.gateway() == nil {
		return
	}
	file := s.config().Cache.SnapshotFile
	if file == "" {
		return
	}
	if err := s.gateway().caches.Save(file, fingerprints(s.config())); err != nil {
		s.log.Warn("what is remembered could not be kept", "cache.snapshot_file", file, "error", err)
	}
}

// fingerprints change when an organization is asked in another way, and what it said may
// not be what it would say now.
func fingerprints(c *config.Config) map[string]string {
	all := make(map[string]string)
	for _, o := range c.Organizations {
		text, err := json.Marshal(o)
		if err != nil {
			panic(err) // it is a plain struct
		}
		sum := sha256.Sum256(text)
		all[o.Name] = hex.EncodeToString(sum[:])
	}
	return all
}
