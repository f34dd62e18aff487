package config

import (
	"strings"
	"time"
)

// Prefetch is how much time after the whole weeks of a question is asked about
// along with it, or [PrefetchOff].
type Prefetch time.Duration

// PrefetchOff asks what the client asked, rounded to whole hours only.
const PrefetchOff Prefetch = -1

// String writes p as UnmarshalText reads it.
func (p Prefetch) String() string {
	if p == PrefetchOff {
		return "off"
	}
	return Duration(p).String()
}

// UnmarshalText reads a duration, or "off" in any case.
func (p *Prefetch) UnmarshalText(text []byte) error {
	if strings.EqualFold(string(text), "off") {
		*p = PrefetchOff
		return nil
	}
	length, c := parseDuration(string(text))
	if c != nil {
		return &complaint{c.problem, c.instead + ", or off"}
	}
	*p = Prefetch(length)
	return nil
}
