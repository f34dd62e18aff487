package admin

import "net/http"

// hardening are the header fields of every answer: no browser shows it in a frame, takes
// it for something else, loads anything with it, keeps it, or tells others where it came
// from.
var hardening = map[string]string{
	"Content-Security-Policy":      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"X-Frame-Options":              "DENY",
	"X-Content-Type-Options":       "nosniff",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Referrer-Policy":              "no-referrer",
	"Cache-Control":                "no-store",
}

// hardened refuses changes a page of another site asks for in an operator's browser, and
// hands the rest on.
func hardened(next http.Handler) http.Handler {
	sites := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range hardening {
			w.Header().Set(name, value)
		}
		if sites.Check(r) != nil {
			writeJSON(w, http.StatusForbidden, map[string]string{"error": "a page of another site asked for this"})
			return
		}
		next.ServeHTTP(w, r)
	})
}
