package davfb_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
)

// A question says which gateways it has passed, and goes to none a second time.
func TestVia(t *testing.T) {
	for _, test := range []struct{ name, came, sent string }{
		{"from a client", "", "a1"},
		{"through another gateway", "b2", "b2, a1"},
		{"through several", " b2,c3 , d4", "b2, c3, d4, a1"},
		{"from itself", "a1", ""},
		{"round two gateways", "a1, b2", ""},
		{"nonsense", ",, ,a b,\"," + strings.Repeat("x", 200), "a1"},
		{"too many", strings.Repeat("b2, ", 1000), strings.Repeat("b2, ", 20) + "a1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sent := ""
			s := over(sourceFunc(func(ctx context.Context, q availability.Query) []availability.Answer {
				sent = q.Via
				return free(ctx, q)
			}))
			r := httptest.NewRequest(http.MethodGet, question(hours(0, 2), time.Hour, "mary@fabrikam.com"), nil)
			if test.came != "" {
				r.Header.Set(availability.ViaHeader, test.came)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			status := http.StatusOK
			if test.sent == "" {
				status = http.StatusLoopDetected
			}
			if sent != test.sent || w.Code != status {
				t.Errorf("sent on as %q, want %q; answered %d %s", sent, test.sent, w.Code, w.Body)
			}
		})
	}
}
