package login

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"fbgate/availability"
)

const (
	// mostRemembered bounds the checks that are remembered.
	mostRemembered = 10_000
	// provenFor is how long somebody whose password was right is not counted as a
	// stranger who guesses: a working day.
	provenFor = 12 * time.Hour
)

// proof stands for a client, a name and a password. It says nothing about them to
// somebody who does not have the key, which is this process's.
type proof [sha256.Size]byte

// memory holds which passwords were right, for a time, without the passwords. The
// client is part of what it remembers: it would otherwise tell strangers at any speed
// whether they have guessed what somebody else is logged in with.
type memory struct {
	key   [sha256.Size]byte
	fresh time.Duration

	mu     sync.Mutex
	checks map[proof]check
}

// check is one that succeeded.
type check struct {
	who availability.Requester
	at  time.Time
}

func newMemory(fresh time.Duration) *memory {
	m := &memory{fresh: fresh, checks: make(map[proof]check)}
	_, _ = rand.Read(m.key[:]) // never fails
	return m
}

// proof returns what stands for parts.
func (m *memory) proof(parts ...string) (p proof) {
	mac := hmac.New(sha256.New, m.key[:])
	buffer := make([]byte, 0, 256)
	for _, part := range parts {
		buffer = binary.BigEndian.AppendUint32(buffer[:0], uint32(len(part)))
		mac.Write(append(buffer, part...))
	}
	mac.Sum(p[:0])
	return p
}

// recall returns who was checked. It is fresh if nobody need ask again. Somebody is
// proven if he was right within the last hours, and only has to be asked about again.
func (m *memory) recall(p proof) (who availability.Requester, fresh, proven bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.checks[p]
	if !ok {
		return who, false, false
	}
	age := time.Since(c.at)
	return c.who, age < m.fresh, age < provenFor
}

// keep remembers that p was right just now.
func (m *memory) keep(p proof, who availability.Requester) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.checks[p]; !ok && len(m.checks) >= mostRemembered {
		m.makeRoom()
	}
	m.checks[p] = check{who, time.Now()}
}

// makeRoom forgets the oldest of some.
func (m *memory) makeRoom() {
	var victim proof
	var oldest time.Time
	n := 0
	for p, c := range m.checks { // in random order
		if n == 0 || c.at.Before(oldest) {
			victim, oldest = p, c.at
		}
		if n++; n == sampled {
			break
		}
	}
	delete(m.checks, victim)
}

// forget forgets what turned out not to be right any more.
func (m *memory) forget(p proof) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.checks, p)
}
