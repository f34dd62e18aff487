//go:build !race

package merged_test

import (
	"strings"
	"testing"
	"time"

	"fbgate/translate/merged"
)

func TestAppend48DigitsAllocatesOnce(t *testing.T) {
	s := merged.Parse(strings.Repeat("000022001000", 28), hours(0, 168), 30*time.Minute, merged.Exchange2003)
	w := hours(24, 48)
	if n := testing.AllocsPerRun(100, func() { merged.Digits{}.Append(nil, s, w, 30*time.Minute) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
