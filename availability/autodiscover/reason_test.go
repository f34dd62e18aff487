package autodiscover_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"fbgate/availability"
)

// checkReason wants a Reason of a code whose detail says something, in bounded length.
func checkReason(t *testing.T, err error, code availability.Code, says string) {
	t.Helper()
	reason, ok := err.(*availability.Reason)
	switch {
	case !ok:
		t.Errorf("%v is no Reason", err)
	case reason.Code != code || !strings.Contains(reason.Detail, says):
		t.Errorf("%v\nwant %s and %q", err, code, says)
	case utf8.RuneCountInString(reason.Detail) > 8000:
		t.Errorf("a detail of %d runes", utf8.RuneCountInString(reason.Detail))
	case strings.Contains(reason.Detail, "s3same"):
		t.Errorf("the password is told: %v", err)
	}
}
