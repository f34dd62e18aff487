package config_test

import (
	"encoding"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"fbgate/cmd/fbgate/config"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "42d": 42 * 24 * time.Hour, "1w": 7 * 24 * time.Hour, "1w2d3h": 9*24*time.Hour + 3*time.Hour,
		"1d12h": 36 * time.Hour, "1h30m": 90 * time.Minute, "1.5h": 90 * time.Minute, "250ms": 250 * time.Millisecond, "1µs": 1000,
	} {
		var d config.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%s: got %v, %v; want %v", text, d, err, want)
		}
	}
	for _, text := range []string{"", "d", "w", "15", "-1s", "-1d", "+1h", "1d-1h", "1d+1h", "2d1w", "1.5d", "1d1d", "1y", "s", "1 d", "99999999999999999999d", "106752d", "106751d24h", "15250w7d"} {
		var d config.Duration
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%s: got %v, want a fault", text, d)
		}
	}
}

func TestDurationIsShort(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "42d": 42 * 24 * time.Hour, "36h": 36 * time.Hour, "90m": 90 * time.Minute, "15s": 15 * time.Second, "1500ms": 1500 * time.Millisecond,
	} {
		if got := config.Duration(d).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]config.Size{"0": 0, "1000": 1000, "64KiB": 64 << 10, "16MiB": 16 << 20, "2GiB": 2 << 30} {
		var s config.Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s: got %d, %v; want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"", "KiB", "-1", "+1", "1.5MiB", "1MB", "1mib", "1 MiB", "9223372036854775807KiB"} {
		var s config.Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%s: got %v, want a fault", text, s)
		}
	}
}

// TestRoundTrip reads back what String writes, for numbers of every magnitude.
func TestRoundTrip(t *testing.T) {
	for range 10_000 {
		n := rand.Int64() >> rand.IntN(63)
		n -= n % []int64{1, 1000, 1024, int64(time.Hour), 24 * int64(time.Hour)}[rand.IntN(5)]
		d, s, p := config.Duration(n), config.Size(n), config.Prefetch(n)
		roundTrip(t, d, new(config.Duration))
		roundTrip(t, s, new(config.Size))
		roundTrip(t, p, new(config.Prefetch))
	}
	roundTrip(t, config.Duration(math.MaxInt64), new(config.Duration))
	roundTrip(t, config.Size(math.MaxInt64), new(config.Size))
	roundTrip(t, config.PrefetchOff, new(config.Prefetch))
}

func roundTrip[T interface {
	comparable
	String() string
}, P interface {
	*T
	encoding.TextUnmarshaler
}](t *testing.T, want T, got P) {
	t.Helper()
	if err := got.UnmarshalText([]byte(want.String())); err != nil || *got != want {
		t.Errorf("%v: read back as %v, %v", want, *got, err)
	}
}
