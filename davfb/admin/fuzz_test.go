package admin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"fbgate/availability"
)

// FuzzRequest sends whatever is a URL to the operators' face. Every answer is JSON,
// nothing is forgotten but by a DELETE that says exactly what, and nobody is told
// anything by another name than this machine's own.
func FuzzRequest(f *testing.F) {
	for _, target := range []string{
		"/cache", "/cache?mailbox=SMTP:Mary@contoso.com", "/cache?after=ann@contoso.com&limit=2", "/cache?order=expiry&matching=m&next=bWFpbGJveD1hJmV4cGlyZXM9MQ", "/cache?organization=contoso", "/cache?organization=nobody",
		"/cache?mailbox=a%2Bb@contoso.com&mailbox=x", "/cache?Mailbox=x", "/cache?mailbox=", "/cache?limit=0", "/cache?limit=1e3", "//cache", "/cache/", "/healthz", "/readyz", "/publish", "/cache?%zz", "/cache?a;b",
	} {
		f.Add("GET", target, "localhost:8081")
		f.Add("DELETE", target, "[::1]:8081")
		f.Add("POST", target, "127.0.0.1.evil.example")
	}
	f.Fuzz(func(t *testing.T, method, target, host string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || strings.ContainsAny(method, " \t\r\n") {
			return
		}
		o := newOperators(nil)
		o.remember(t, "contoso", 0, "mary@contoso.com", "nobody@contoso.com", "a+b@contoso.com")
		o.remember(t, "fabrikam", 0, "mary@contoso.com", "joe@fabrikam.com")
		before := o.remembered()
		r := httptest.NewRequest(http.MethodGet, "http://localhost:8081/", nil)
		r.Method, r.URL, r.RequestURI, r.Host = method, u, target, host
		w := o.send(r)

		var answer any
		body := w.Body.Bytes()
		if health := u.Path == "/healthz" || u.Path == "/readyz"; !health && (json.Unmarshal(body, &answer) != nil || w.Header().Get("Content-Type") != "application/json") {
			t.Fatalf("%d %v: %s", w.Code, w.Header(), body)
		}
		switch w.Code {
		case 200, 400, 403, 404, 405:
		default:
			t.Errorf("status %d: %s", w.Code, body)
		}
		if len(body) > 8000 || w.Header().Get("Location") != "" {
			t.Errorf("%d bytes, %v", len(body), w.Header())
		}
		name, _, _ := strings.Cut(strings.Trim(strings.ToLower(host), "["), "]")
		if own := strings.HasPrefix(name, "localhost") || strings.HasPrefix(name, "127.") || strings.HasPrefix(name, "::") || strings.HasPrefix(name, "0"); !own && w.Code == 200 && u.Path == "/cache" {
			t.Errorf("%q is answered", host)
		}
		gone := before - o.remembered()
		if gone == 0 {
			return
		}
		query, err := url.ParseQuery(strings.ReplaceAll(u.RawQuery, "+", "%2B"))
		if err != nil || method != http.MethodDelete || w.Code != 200 || u.Path != "/cache" {
			t.Fatalf("%s %q, status %d: %d forgotten", method, target, w.Code, gone)
		}
		want := before
		switch {
		case query.Get("organization") != "":
			want = map[string]int{"contoso": 3, "fabrikam": 2}[query.Get("organization")]
		case query.Get("mailbox") != "":
			want = map[availability.Mailbox]int{"mary@contoso.com": 2, "nobody@contoso.com": 1, "a+b@contoso.com": 1, "joe@fabrikam.com": 1}[availability.ParseMailbox(query.Get("mailbox"))]
		case len(query) > 0:
			want = 0
		}
		if gone != want {
			t.Errorf("%q forgets %d, want %d", target, gone, want)
		}
	})
}
