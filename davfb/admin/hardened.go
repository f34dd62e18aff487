package admin

import "net/http"

// policy is the Content-Security-Policy of what only programs read.
const policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Harden sets the header fields that every answer has: no browser shows it in a frame,
// takes it for something else, loads anything with it but what the policy allows, keeps it,
// or tells others where it came from.
func Harden(h http.Header, policy string) {
	for name, value := range map[string]string{
		"Content-Security-Policy":      policy,
		"X-Frame-Options":              "DENY",
		"X-Content-Type-Options":       "nosniff",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Referrer-Policy":              "no-referrer",
		"Cache-Control":                "no-store",
	} {
		h.Set(name, value)
	}
}

// hardened refuses changes a page of another site asks for in an operator's browser, and
// hands the rest on.
func hardened(next http.Handler) http.Handler {
	sites := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Harden(w.Header(), policy)
		if sites.Check(r) != nil {
			writeJSON(w, http.StatusForbidden, map[string]string{"error": "a page of another site asked for this"})
			return
		}
		next.ServeHTTP(w, r)
	})
}
