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
		{"from a client", "", "1.1 fbgate-a1"},
		{"through a proxy", "1.0 squid (squid/3.5), 1.1 wsa.example:80", "1.1 fbgate-a1"},
		{"through another gateway", "1.1 fbgate-b2", "1.1 fbgate-b2, 1.1 fbgate-a1"},
		{"through both kinds", "1.1 fbgate-b2, 1.0 squid", "1.1 fbgate-b2, 1.1 fbgate-a1"},
		{"from itself", "1.1 fbgate-a1", ""},
		{"round two gateways", "1.1 fbgate-a1, 1.1 fbgate-b2", ""},
		{"through too many", "1.1 fbgate-b1, 1.1 fbgate-b2, 1.1 fbgate-b3, 1.1 fbgate-b4", ""},
		{"nonsense", ",,1.1, fbgate-, 1.1 fbgate-" + strings.Repeat("x", 200), "1.1 fbgate-a1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sent := ""
			s := over(sourceFunc(func(ctx context.Context, q availability.Query) []availability.Answer {
				sent = q.Via
				return free(ctx, q)
			}))
			r := httptest.NewRequest(http.MethodGet, question(hours(0, 2), time.Hour, "mary@fabrikam.com"), nil)
			if test.came != "" {
				r.Header.Set("Via", test.came)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			digits := "<a:fbdata>00</a:fbdata>"
			if test.sent == "" {
				digits = "<a:fbdata>44</a:fbdata>"
				if !strings.Contains(s.log.String(), "reason=loop") {
					t.Errorf("the log says %s", s.log)
				}
			}
			if sent != test.sent || !strings.Contains(w.Body.String(), digits) {
				t.Errorf("sent on as %q, want %q; answered %s", sent, test.sent, w.Body)
			}
		})
	}
}
