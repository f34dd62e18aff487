package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// Duration is a time.Duration written as Go writes it, or with w and d for
// weeks and days of 24 hours: 42d, 1w, 1d12h, 90s. It is never negative.
type Duration time.Duration

// units are those String chooses from; all of them can be read back.
var units = []struct {
	name   string
	length time.Duration
}{
	{"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second},
	{"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", 1},
}

// String writes d in the largest unit that measures it exactly: 42d, 90m, 0s.
func (d Duration) String() string {
	if d == 0 {
		return "0s"
	}
	for _, u := range units {
		if time.Duration(d)%u.length == 0 {
			return strconv.FormatInt(int64(d)/int64(u.length), 10) + u.name
		}
	}
	return time.Duration(d).String()
}

// UnmarshalText reads what String and time.Duration's String write.
func (d *Duration) UnmarshalText(text []byte) error {
	length, c := parseDuration(string(text))
	if c != nil {
		return c
	}
	*d = Duration(length)
	return nil
}

func parseDuration(text string) (time.Duration, *complaint) {
	if isBare(text) {
		return 0, &complaint{quote(text) + " has no unit", "write for example 15m, 90s or 42d"}
	}
	if strings.HasPrefix(text, "-") {
		return 0, &complaint{quote(text) + " is negative", "write for example 15m, 90s or 42d"}
	}
	length, ok := readDuration(text)
	if !ok {
		return 0, &complaint{quote(text) + " is not a duration", "write for example 15m, 90s or 42d"}
	}
	return length, nil
}

// isBare reports whether text is a number, which a duration is not unless it is 0.
func isBare(text string) bool {
	_, err := strconv.ParseUint(text, 10, 64)
	return err == nil && text != "0"
}

// readDuration takes weeks and days off the front and leaves the rest to the
// standard library, whose units contain neither letter.
func readDuration(text string) (length time.Duration, ok bool) {
	rest := text
	for _, u := range []struct {
		name   string
		length time.Duration
	}{{"w", week}, {"d", day}} {
		count, after, found := strings.Cut(rest, u.name)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(count, 10, 64)
		if err != nil || n < 0 || n > int64((math.MaxInt64-length)/u.length) {
			return 0, false
		}
		length, rest, ok = length+time.Duration(n)*u.length, after, true
	}
	if rest == "" {
		return length, ok
	}
	if rest[0] == '+' || rest[0] == '-' {
		return 0, false
	}
	hours, err := time.ParseDuration(rest)
	if err != nil || hours < 0 || length+hours < length {
		return 0, false
	}
	return length + hours, true
}
