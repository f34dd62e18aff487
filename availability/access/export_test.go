package access

import "time"

// Remembered returns how many addresses and accounts l remembers.
func Remembered(l *Limiter) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.clients.of)
}

// Bucket is a bucket with its moment, for tests of it alone.
type Bucket struct {
	bucket
	full time.Duration
}

// NewBucket returns a full one.
func NewBucket(size int, period time.Duration) *Bucket {
	return &Bucket{bucket: newBucket(size, period)}
}

// Wait returns how long n tokens have to be waited for.
func (b *Bucket) Wait(now time.Duration, n int) time.Duration { return b.wait(b.full, now, n) }

// Take takes them.
func (b *Bucket) Take(now time.Duration, n int) { b.full = b.take(b.full, now, n) }
