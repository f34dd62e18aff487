package availabilitytest

import (
	"fmt"
	"time"
	"unsafe"
)

// monotonicEpoch is the year from which a time.Time that has a monotonic reading
// counts the seconds of the wall clock.
var monotonicEpoch = time.Date(1885, 1, 1, 0, 0, 0, 0, time.UTC)

// Moment returns what time.Now does when the wall clock shows wall, in the years 1885
// to 2156, and the monotonic clock has run for so long: the two disagree after a
// machine was suspended, and after its clock was set. Package time makes no such
// times, and neither of them from the fake clock of synctest, so this writes the
// fields of a time.Time.
func Moment(wall time.Time, monotonic time.Duration) time.Time {
	fields := struct {
		wall uint64 // hasMonotonic, 33 bits of seconds, 30 bits of nanoseconds
		ext  int64
		loc  *time.Location
	}{
		wall: 1<<63 | uint64(wall.Unix()-monotonicEpoch.Unix())<<30 | uint64(wall.Nanosecond()),
		ext:  int64(monotonic),
		loc:  time.UTC,
	}
	moment := *(*time.Time)(unsafe.Pointer(&fields))
	if !moment.Round(0).Equal(wall) || moment.Add(time.Hour).Sub(moment) != time.Hour {
		panic(fmt.Sprintf("time.Time is made otherwise than it was in Go 1.26: %v instead of %v", moment, wall))
	}
	return moment
}
