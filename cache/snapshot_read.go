package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"fbgate/availability"
)

// readSnapshot reads what write wrote, whole and unchanged.
func readSnapshot(data []byte) (snapshot, error) {
	end := len(data) - sha256.Size
	if end < len(magic) || !bytes.HasPrefix(data, []byte(magic)) {
		return snapshot{}, fmt.Errorf("it does not begin with %q", magic)
	}
	if sum := sha256.Sum256(data[:end]); !bytes.Equal(sum[:], data[end:]) {
		return snapshot{}, errors.New("its checksum is wrong: it is not whole, or was changed")
	}
	r := &reader{rest: data[len(magic):end], sources: make(map[string]string)}
	s := r.snapshot()
	if r.bad || len(r.rest) > 0 {
		return snapshot{}, fmt.Errorf("its fields do not fit: %d bytes are left", len(r.rest))
	}
	return s, nil
}

// reader reads fields one after the other; bad is set by the first that does not fit.
type reader struct {
	rest    []byte
	bad     bool
	keys    uint64
	sources map[string]string // most answers have one of few
}

func (r *reader) snapshot() snapshot {
	s := snapshot{written: r.time()}
	for range r.number(uint64(len(r.rest))) {
		if r.bad {
			break
		}
		o := organization{name: r.text(), fingerprint: r.text(), byRequester: r.flag()}
		for r.flag() {
			r.keys++
			o.kept = append(o.kept, r.kept())
		}
		s.organizations = append(s.organizations, o)
	}
	if r.number(r.keys) != r.keys {
		r.bad = true
	}
	return s
}

// reads reports whether what is left is of one key.
func (r *reader) reads() bool {
	r.kept()
	return !r.bad && len(r.rest) == 0
}

func (r *reader) kept() kept {
	k := kept{key: Key{availability.Mailbox(r.text()), r.text()}}
	n := r.number(mostWindows)
	r.bad = r.bad || n == 0
	for range n {
		k.answers = append(k.answers, r.memory())
	}
	return k
}

func (r *reader) memory() memory {
	var m memory
	m.Source = r.source()
	m.age, m.left = r.length(), r.duration()
	m.Window = r.window()
	m.Schedule = r.schedule()
	if r.flag() {
		m.Reason = &availability.Reason{Code: availability.NoInformation, Detail: r.text()}
		r.bad = r.bad || m.Schedule.Known.Empty()
	} else {
		r.bad = r.bad || m.Window.Empty() || !m.Schedule.Covers(m.Window)
	}
	return m
}

func (r *reader) schedule() availability.Schedule {
	known := r.window()
	step := r.length()
	// Each span takes three bytes at least.
	n := r.number(uint64(min(maxSpans, len(r.rest)/3)))
	spans := make([]availability.Span, 0, n)
	at := known.Start
	for range n {
		from := at.Add(r.length())
		at = from.Add(r.length())
		spans = append(spans, availability.Span{Window: availability.Window{Start: from, End: at}, Status: r.status()})
	}
	if r.bad {
		return availability.Schedule{}
	}
	return availability.NewSchedule(known, step, spans)
}

func (r *reader) window() availability.Window {
	start := r.time()
	return availability.Window{Start: start, End: start.Add(r.length())}
}

// The years 1601 to 4500.
const earliest, latest = -11644473600, 79839129600

func (r *reader) time() time.Time {
	seconds := r.signed()
	nanoseconds := r.number(999_999_999)
	if seconds < earliest || seconds > latest {
		r.bad = true
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanoseconds)).UTC()
}

func (r *reader) length() time.Duration {
	n := r.number(uint64(maxAge)<<1 | 1)
	if n&1 == 1 {
		return time.Duration(n >> 1)
	}
	if n>>1 > uint64(maxAge/time.Minute) {
		r.bad = true
		return 0
	}
	return time.Duration(n>>1) * time.Minute
}

func (r *reader) duration() time.Duration {
	d := time.Duration(r.signed())
	if d < -maxAge || d > maxAge {
		r.bad = true
		return 0
	}
	return d
}

func (r *reader) status() availability.Status {
	return availability.Status(r.number(uint64(availability.Statuses) - 1))
}

func (r *reader) flag() bool { return r.number(1) == 1 }

func (r *reader) text() string { return string(r.bytes()) }

// source returns a text that is kept once, however many answers have it.
func (r *reader) source() string {
	b := r.bytes()
	s, ok := r.sources[string(b)]
	if !ok {
		s = string(b)
		if r.sources != nil && len(r.sources) < 1000 {
			r.sources[s] = s
		}
	}
	return s
}

func (r *reader) bytes() []byte {
	n := r.number(uint64(min(maxText, len(r.rest))))
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) signed() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// number reads one up to most.
func (r *reader) number(most uint64) uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > most {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}
