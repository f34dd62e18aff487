package davxml

import (
	"time"
)

const expectedTime = "a time such as 2009-10-28T08:00:00Z or 2009-10-28T09:00:00+01:00, from 1601 to 4500"

// The years Outlook itself can hold, from the FILETIME epoch to the end of its
// calendar.
const firstYear, lastYear = 1601, 4500

// parseTime reads a time the way every known client writes it: ISO 8601 with "Z",
// "±hh:mm", "±hhmm", "±hh" or no zone, which is taken for UTC; an optional
// fraction; a hour of one digit; hour 24 for midnight (KB813268); and a space
// where somebody decoded the plus of the zone.
func parseTime(parameter, s string) (time.Time, error) {
	c := clock{rest: s}
	t, ok := c.read()
	if !ok {
		return time.Time{}, &ParameterError{parameter, shorten(s), expectedTime}
	}
	return t, nil
}

// clock reads a time from left to right.
type clock struct {
	rest string
	bad  bool
}

func (c *clock) read() (time.Time, bool) {
	year := c.number(4, 4)
	c.expect('-')
	month := c.number(1, 2)
	c.expect('-')
	day := c.number(1, 2)
	if !c.accept('T') && !c.accept('t') {
		c.bad = true
	}
	hour := c.number(1, 2)
	c.expect(':')
	minute := c.number(2, 2)
	second, nanosecond := 0, 0
	if c.accept(':') {
		second = c.number(2, 2)
		if c.accept('.') {
			nanosecond = c.fraction()
		}
	}
	offset := c.zone()
	if c.bad || c.rest != "" || year < firstYear || year > lastYear || minute > 59 || second > 59 ||
		hour > 24 || hour == 24 && (minute > 0 || second > 0 || nanosecond > 0) {
		return time.Time{}, false
	}
	midnight := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if midnight.Month() != time.Month(month) || midnight.Day() != day {
		return time.Time{}, false // 30 February and its like
	}
	sinceMidnight := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute +
		time.Duration(second)*time.Second + time.Duration(nanosecond)
	return midnight.Add(sinceMidnight - offset), true
}

// number reads as many digits as there are, from least to most of them.
func (c *clock) number(least, most int) int {
	n, digits := 0, 0
	for digits < most && digits < len(c.rest) && isDigit(c.rest[digits]) {
		n = n*10 + int(c.rest[digits]-'0')
		digits++
	}
	if digits < least {
		c.bad = true
	}
	c.rest = c.rest[digits:]
	return n
}

func (c *clock) fraction() (nanoseconds int) {
	scale := int(time.Second)
	if c.rest == "" || !isDigit(c.rest[0]) {
		c.bad = true
	}
	for c.rest != "" && isDigit(c.rest[0]) {
		scale /= 10
		nanoseconds += int(c.rest[0]-'0') * scale
		c.rest = c.rest[1:]
	}
	return nanoseconds
}

// zone reads the offset from UTC.
func (c *clock) zone() time.Duration {
	var sign time.Duration
	switch {
	case c.rest == "", c.accept('Z'), c.accept('z'):
		return 0
	case c.accept('+'), c.accept(' '):
		sign = +1
	case c.accept('-'):
		sign = -1
	default:
		c.bad = true
		return 0
	}
	hours, minutes := c.number(2, 2), 0
	if c.accept(':') || c.rest != "" {
		minutes = c.number(2, 2)
	}
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if minutes > 59 || offset > 14*time.Hour { // UTC+14 is the farthest zone there is
		c.bad = true
	}
	return sign * offset
}

func (c *clock) accept(b byte) bool {
	if c.rest == "" || c.rest[0] != b {
		return false
	}
	c.rest = c.rest[1:]
	return true
}

func (c *clock) expect(b byte) {
	if !c.accept(b) {
		c.bad = true
	}
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
