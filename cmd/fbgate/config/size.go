package config

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Size is a number of bytes, written bare or with KiB, MiB or GiB: 16MiB. It is
// never negative.
type Size int64

var sizeUnits = []struct {
	name  string
	bytes Size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// String writes s in the largest unit that measures it exactly: 16MiB, 1000.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// UnmarshalText reads what String writes.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := string(text), Size(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || Size(n) > math.MaxInt64/unit {
		return &complaint{quote(string(text)) + " is not a size", mendSize(string(text))}
	}
	*s = Size(n) * unit
	return nil
}

// otherSize is a size as other programs write it: 64KB, 64 kb, 64K.
var otherSize = regexp.MustCompile(`(?i)^([1-9]\d{0,9})\s*([KMG])(i?B)?$`)

func mendSize(text string) string {
	m := otherSize.FindStringSubmatch(text)
	if m == nil {
		return "write bytes, or for example 64KiB or 16MiB"
	}
	return didYouMean(m[1] + strings.ToUpper(m[2]) + "iB")
}
