package published

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"fbgate/availability"
)

// version is the first byte of a record. Change it when the fields below do.
const version = 1

// maxSpans bounds a record. A calendar of a year with something every half-hour has fewer.
const maxSpans = 20_000

// maxBy is how much is kept of who published, in bytes.
const maxBy = 200

var checksum = crc32.MakeTable(crc32.Castagnoli)

// appendRecord appends p as it is kept:
//
//	version    1 byte
//	At         seconds since 1970, nanoseconds
//	Expires    seconds since 1970, nanoseconds
//	By         length, bytes
//	Known      start: seconds since 1970, nanoseconds; length
//	Step       length
//	Spans      how many; of each: from the end of the last one, length, status
//	CRC-32C    of the mailbox and all before, 4 bytes, big endian
//
// Numbers are varints. The mailbox is the key, and part of the checksum, so that a record
// which lies in the wrong place is not taken for somebody's.
func appendRecord(dst []byte, p availability.Publication) []byte {
	begin := len(dst)
	dst = append(dst, version)
	dst = appendTime(dst, p.At)
	dst = appendTime(dst, p.Expires)
	dst = binary.AppendUvarint(dst, uint64(len(p.By)))
	dst = append(dst, p.By...)
	dst = appendTime(dst, p.Schedule.Known.Start)
	dst = appendLength(dst, p.Schedule.Known.Duration())
	dst = appendLength(dst, p.Schedule.Step)
	dst = binary.AppendUvarint(dst, uint64(len(p.Schedule.Spans)))
	at := p.Schedule.Known.Start
	for _, span := range p.Schedule.Spans {
		dst = appendLength(dst, span.Start.Sub(at))
		dst = appendLength(dst, span.Duration())
		dst = append(dst, byte(span.Status))
		at = span.End
	}
	return binary.BigEndian.AppendUint32(dst, sum(p.Mailbox, dst[begin:]))
}

func sum(m availability.Mailbox, record []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(m), checksum), checksum, record)
}

func appendTime(dst []byte, t time.Time) []byte {
	return binary.AppendUvarint(binary.AppendVarint(dst, t.Unix()), uint64(t.Nanosecond()))
}

// appendLength appends d, which is not negative: whole minutes as an even number, anything
// else as an odd one.
func appendLength(dst []byte, d time.Duration) []byte {
	if d%time.Minute == 0 {
		return binary.AppendUvarint(dst, uint64(d/time.Minute)<<1)
	}
	return binary.AppendUvarint(dst, uint64(d)<<1|1)
}

// parseRecord reads what appendRecord wrote of m.
func parseRecord(m availability.Mailbox, data []byte) (p availability.Publication, err error) {
	if len(data) < 1+4 {
		return p, fmt.Errorf("it has %d bytes", len(data))
	}
	if data[0] != version {
		return p, fmt.Errorf("it has version %d, and this fbgate writes version %d", data[0], version)
	}
	body, written := data[:len(data)-4], binary.BigEndian.Uint32(data[len(data)-4:])
	if sum(m, body) != written {
		return p, errors.New("its checksum is wrong")
	}
	r := reader{rest: body[1:]}
	p = availability.Publication{Mailbox: m, At: r.time(), Expires: r.time(), By: r.text()}
	p.Schedule = r.schedule()
	if r.bad || len(r.rest) > 0 || p.Schedule.Known.Empty() {
		return availability.Publication{}, errors.New("its fields do not fit")
	}
	return p, nil
}

// reader reads fields one after the other; bad is set by the first that is not there.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) schedule() availability.Schedule {
	start := r.time()
	known := availability.Window{Start: start, End: start.Add(r.length())}
	step := r.length()
	// Each span takes three bytes at least.
	n := r.number(uint64(min(maxSpans, len(r.rest)/3)))
	spans := make([]availability.Span, 0, n)
	at := known.Start
	for range n {
		from := at.Add(r.length())
		at = from.Add(r.length())
		status := r.status()
		spans = append(spans, availability.Span{Window: availability.Window{Start: from, End: at}, Status: status})
	}
	if r.bad {
		return availability.Schedule{}
	}
	return availability.NewSchedule(known, step, spans)
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

func (r *reader) time() time.Time {
	seconds, size := binary.Varint(r.rest)
	if size <= 0 || seconds < firstSecond || seconds > lastSecond {
		r.bad, r.rest = true, nil
		return time.Time{}
	}
	r.rest = r.rest[size:]
	return time.Unix(seconds, int64(r.number(uint64(time.Second-1)))).UTC()
}

func (r *reader) length() time.Duration {
	n := r.number(math.MaxUint64)
	switch {
	case n&1 == 1 && n>>1 <= uint64(longest):
		return time.Duration(n >> 1)
	case n&1 == 0 && n>>1 <= uint64(longest/time.Minute):
		return time.Duration(n>>1) * time.Minute
	}
	r.bad, r.rest = true, nil
	return 0
}

func (r *reader) text() string {
	n := r.number(maxBy)
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return ""
	}
	text := string(r.rest[:n])
	r.rest = r.rest[n:]
	return text
}

func (r *reader) status() availability.Status {
	if len(r.rest) == 0 || int(r.rest[0]) >= availability.Statuses {
		r.bad, r.rest = true, nil
		return availability.NoData
	}
	s := availability.Status(r.rest[0])
	r.rest = r.rest[1:]
	return s
}

// The seconds of the years 1601 to 4500, beyond which Outlook has no calendar.
const firstSecond, lastSecond = -11_644_473_600, 79_870_665_600

// longest is how long a time is published at most, in one record.
const longest = 100 * 366 * 24 * time.Hour
