package access

import "time"

// bucket holds some tokens, and as many flow into it in a period. Of each that is in use
// one moment is kept: when it will be full again. The zero bucket is never empty.
type bucket struct {
	token time.Duration // in which one flows in
	whole time.Duration // in which all do
}

// newBucket returns a bucket of so many tokens in a period, the zero bucket if size is 0.
func newBucket(size int, period time.Duration) bucket {
	if size <= 0 {
		return bucket{}
	}
	token := max(1, period/time.Duration(size))
	return bucket{token, token * time.Duration(size)}
}

// longestDebt is in what time, at most, what was taken beyond an empty bucket flows in
// again, so that nobody is kept waiting for days.
const longestDebt = time.Hour

// wait returns how long it takes until n tokens can be taken from a bucket that will be
// full at that moment, 0 if they can at once. More than it holds can be taken when it is
// full: the rest is owed.
func (b bucket) wait(full, now time.Duration, n int) time.Duration {
	return max(0, max(full, now)+min(b.cost(n), b.whole)-b.whole-now)
}

// take returns when a bucket will be full once n tokens are taken.
func (b bucket) take(full, now time.Duration, n int) time.Duration {
	return min(max(full, now)+b.cost(n), now+b.whole+longestDebt)
}

// cost returns in what time n tokens flow in, or a time that is longer than all debts.
func (b bucket) cost(n int) time.Duration {
	most := b.whole + longestDebt
	if b.token > 0 && n > int(most/b.token) {
		return most
	}
	return b.token * time.Duration(n)
}
