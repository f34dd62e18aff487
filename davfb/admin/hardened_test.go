package admin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"fbgate/davfb/admin"
)

// Every answer has them, also those of errors and of what needs no token.
func TestHardening(t *testing.T) {
	o := newOperators(func(c *admin.Config) {
		c.Token = func() (string, error) { return "0123456789abcdef", nil }
	})
	for _, target := range []string{"/", "/cache", "/publish", "/healthz", "/readyz", "/../etc/passwd", "/cache?limit=0"} {
		for _, method := range []string{"GET", "DELETE", "POST", "TRACE"} {
			header := o.do(method, target).Header()
			for name, want := range map[string]string{
				"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
				"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			} {
				if got := header.Get(name); got != want {
					t.Errorf("%s %s: %s is %q", method, target, name, got)
				}
			}
			for _, telling := range []string{"Server", "X-Powered-By", "Access-Control-Allow-Origin", "Set-Cookie"} {
				if got := header.Get(telling); got != "" {
					t.Errorf("%s %s: %s is %q", method, target, telling, got)
				}
			}
		}
	}
}

// A page of another site in an operator's browser cannot flush, whatever it can make the
// browser send: with no token asked for, the browser is as trusted as the operator.
func TestOtherSites(t *testing.T) {
	o := newOperators(nil)
	o.remember(t, "contoso", 0, "mary@contoso.com")
	for _, header := range []http.Header{
		{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"http://evil.example"}},
		{"Origin": {"null"}}, {"Origin": {"http://localhost:9999"}},
	} {
		r := httptest.NewRequest(http.MethodDelete, "http://localhost:8081/cache", nil)
		r.Header = header
		if w := o.send(r); w.Code != http.StatusForbidden || o.remembered() != 1 {
			t.Errorf("%v: %d, %d left", header, w.Code, o.remembered())
		}
	}
	r := httptest.NewRequest(http.MethodDelete, "http://localhost:8081/cache", nil)
	r.Header.Set("Origin", "http://localhost:8081")
	if w := o.send(r); w.Code != http.StatusOK || o.remembered() != 0 {
		t.Errorf("its own page: %d, %d left", w.Code, o.remembered())
	}
}
