package forms

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
)

const (
	// minKey is the shortest key, in bytes.
	minKey = 32
	// format is how sessions are written. Exchange 2003 began cadata with it, too.
	format = "2,"
	// maxSealed is the longest cadata, in bytes. Browsers forget cookies of more than
	// 4096, and some of them less than all their other cookies together.
	maxSealed = 3 << 10
)

// vault encrypts sessions, so that nobody can read, change or make one, nor hand one on
// under another sessionid.
type vault struct {
	key func() ([]byte, error)

	mu   sync.Mutex
	last []byte // what aead was made from
	aead cipher.AEAD
}

// cipher returns that of the present key.
func (v *vault) cipher() (cipher.AEAD, error) {
	key, err := v.key()
	if err != nil {
		return nil, fmt.Errorf("read the key of log-ins: %w", err)
	}
	if len(key) < minKey {
		return nil, fmt.Errorf("the key of log-ins has %d bytes: expected at least %d, and random ones", len(key), minKey)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.aead != nil && bytes.Equal(key, v.last) {
		return v.aead, nil
	}
	if v.aead, err = newCipher(key); err != nil {
		return nil, err
	}
	v.last = bytes.Clone(key)
	return v.aead, nil
}

// newCipher returns AES-256-GCM with a key made from key for this purpose (RFC 5869),
// and a random nonce in front of each text, which is good for four thousand million
// cookies (NIST SP 800-38D, 8.3).
func newCipher(key []byte) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, "fbgate forms-based authentication", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal returns the cadata of s, which may be too long.
func (v *vault) seal(s session) (string, error) {
	aead, err := v.cipher()
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	return format + base64.StdEncoding.EncodeToString(aead.Seal(nil, nil, text, bound(s.id))), nil
}

// open returns the session whose cookies these are; ok is false if they are not what
// was sealed under the present key. The error is that there is none.
func (v *vault) open(id, cadata string) (s session, ok bool, err error) {
	if len(cadata) > maxSealed || len(cadata) < len(format) || cadata[:len(format)] != format {
		return session{}, false, nil
	}
	text := cadata[len(format):]
	sealed, err := base64.StdEncoding.DecodeString(text)
	// The same bytes can be written in several ways, of which one was.
	if err != nil || base64.StdEncoding.EncodeToString(sealed) != text {
		return session{}, false, nil
	}
	aead, err := v.cipher()
	if err != nil {
		return session{}, false, err
	}
	opened, err := aead.Open(nil, nil, sealed, bound(id))
	if err != nil || json.Unmarshal(opened, &s) != nil {
		return session{}, false, nil
	}
	s.id = id
	return s, true, nil
}

// bound is what a session cannot be parted from.
func bound(id string) []byte { return []byte(format + id) }
