package negotiate

import (
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/jcmturner/gokrb5/v8/types"
)

// mostReplays is how many authenticators are remembered for each of two times keep:
// 1,700 log-ins a second for ten minutes, and less than 100 MiB.
const mostReplays = 1 << 20

var (
	errReplay = errors.New("the same token came before: a proxy or the client sends requests twice, or somebody has recorded one")
	errFull   = errors.New("there are more log-ins than can be remembered against replays")
)

// replays remembers the authenticators that were good, each for keep at least, as each
// is good once (RFC 4120, 3.2.3), and takes no more than most of them in that time. It knows them by what they are encrypted to, so that
// two of one user and the same microsecond are two.
//
// The one of gokrb5 is not used: it lets the same authenticator in twice if both come
// at once, or if the client's clock is fast; it takes users of two realms for one; and
// it never ends.
type replays struct {
	keep time.Duration
	most int

	mu          sync.Mutex
	now, before map[[16]byte]struct{}
	began       time.Time // of now
}

// add remembers an authenticator under a session key, and fails if it has come before.
func (r *replays) add(session types.EncryptionKey, authenticator []byte) error {
	hash := sha256.New()
	hash.Write(session.KeyValue)
	hash.Write(authenticator)
	seen := [16]byte(hash.Sum(nil))

	r.mu.Lock()
	defer r.mu.Unlock()
	if age := time.Since(r.began); age >= 2*r.keep {
		r.now, r.before, r.began = make(map[[16]byte]struct{}), nil, time.Now()
	} else if age >= r.keep {
		r.now, r.before, r.began = make(map[[16]byte]struct{}), r.now, time.Now()
	}
	_, again := r.now[seen]
	_, earlier := r.before[seen]
	switch {
	case again || earlier:
		return errReplay
	case len(r.now) >= r.most:
		return errFull
	}
	r.now[seen] = struct{}{}
	return nil
}
