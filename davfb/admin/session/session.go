// Package session remembers who has signed in to the operators' pages, and how often it
// was tried.
package session

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"
)

const (
	// Idle is how long a session lasts after its last use, Longest how long at all.
	Idle    = 30 * time.Minute
	Longest = 12 * time.Hour
	// Most is how many there are at the same time. One more ends the one used least
	// recently.
	Most = 100
)

// Session is one sign-in. It does not change once it has begun.
type Session struct {
	// ID is the secret of the browser's cookie.
	ID string
	// Name is for logs and tells nothing of the ID.
	Name string
	// Form is the secret in each of its forms. A page of another site cannot know it.
	Form string
	// Who is the name of whoever signed in by a password, and empty if that was by the
	// token, which all have in common.
	Who string

	proof [sha256.Size]byte // of the token, if it was by that
	begun time.Time
}

// New returns a Session nobody has signed in to, for forms that are open to all.
func New() *Session { return &Session{ID: rand.Text(), Name: rand.Text()[:6], Form: rand.Text()} }

// Posted reports whether a form was one of this session's.
func (s *Session) Posted(form string) bool {
	return subtle.ConstantTimeCompare([]byte(form), []byte(s.Form)) == 1
}

// Sessions are those under way. The zero value is ready.
type Sessions struct {
	mu sync.Mutex
	by map[[sha256.Size]byte]*use // by the ID's hash, so that finding it tells nothing of the ID
}

type use struct {
	*Session
	last time.Time
}

// Begin returns a new session of somebody who has shown this token.
func (s *Sessions) Begin(token string) *Session {
	one := New()
	one.proof = sha256.Sum256([]byte(token))
	return s.add(one)
}

// BeginAs returns a new session of somebody who has shown the password of a name, which
// is not empty.
func (s *Sessions) BeginAs(who string) *Session {
	one := New()
	one.Who = who
	return s.add(one)
}

func (s *Sessions) add(one *Session) *Session {
	now := time.Now()
	one.begun = now
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = make(map[[sha256.Size]byte]*use)
	}
	s.sweep(now)
	s.by[sha256.Sum256([]byte(one.ID))] = &use{one, now}
	return one
}

// sweep ends the sessions that are over and, if there is no room for one more, the one
// used least recently.
func (s *Sessions) sweep(now time.Time) {
	var oldest [sha256.Size]byte
	for key, u := range s.by {
		if u.over(now) {
			delete(s.by, key)
		} else if o, ok := s.by[oldest]; !ok || u.last.Before(o.last) {
			oldest = key
		}
	}
	if len(s.by) >= Most {
		delete(s.by, oldest)
	}
}

func (u *use) over(now time.Time) bool {
	return now.Sub(u.last) >= Idle || now.Sub(u.begun) >= Longest
}

// Find returns the session with that ID, nil if there is none. Used is that somebody uses
// it, and so it goes on. One that was begun by the token is over, too, once token returns
// another one, and cannot be found while that fails.
func (s *Sessions) Find(id string, used bool, token func() (string, error)) (*Session, error) {
	one := s.get(id, used)
	if one == nil || one.Who != "" {
		return one, nil
	}
	now, err := token()
	if err != nil {
		return nil, err
	}
	if one.proof != sha256.Sum256([]byte(now)) {
		s.End(id)
		return nil, nil
	}
	return one, nil
}

func (s *Sessions) get(id string, used bool) *Session {
	key, now := sha256.Sum256([]byte(id)), time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.by[key]
	if u == nil {
		return nil
	}
	if u.over(now) {
		delete(s.by, key)
		return nil
	}
	if used {
		u.last = now
	}
	return u.Session
}

// End forgets a session.
func (s *Sessions) End(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, sha256.Sum256([]byte(id)))
}
