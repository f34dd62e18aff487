package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"fbgate/cmd/fbgate/config"
)

// BenchmarkRedacted tells what a request costs with and without log.redact_addresses, when
// it is about many mailboxes that nobody knows and that are named in odd ways.
func BenchmarkRedacted(b *testing.B) {
	for _, shape := range []struct{ mailboxes, bytes int }{{50, 250}, {60, 950}, {500, 100}} {
		for _, redact := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dx%d/%v", shape.mailboxes, shape.bytes, redact), func(b *testing.B) {
				var target strings.Builder
				target.WriteString("/public/?Cmd=freebusy&start=2026-11-23T08:00:00Z&end=2026-11-23T12:00:00Z&interval=30")
				for i := range shape.mailboxes {
					target.WriteString("&u=EX:" + url.PathEscape(fmt.Sprintf("/o=x/cn=%d ", i)+strings.Repeat("k", shape.bytes)))
				}
				g := redactedGateway(b, redact)
				for b.Loop() {
					w := httptest.NewRecorder()
					g.plain.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target.String(), nil))
					if w.Code != http.StatusOK {
						b.Fatal(w.Code, w.Body.String())
					}
				}
			})
		}
	}
}

// BenchmarkRedactedSearch tells how long it takes to look for somebody in a full journal.
func BenchmarkRedactedSearch(b *testing.B) {
	for _, path := range []string{"/lookups", "/ui/lookups"} {
		for _, redact := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/%v", path[1:], redact), func(b *testing.B) {
				g := redactedGateway(b, redact)
				target := "/public/?Cmd=freebusy&start=2026-11-23T08:00:00Z&end=2026-11-23T12:00:00Z&interval=30" + strings.Repeat("&u=EX:%2Fo=x%2Fcn=mary", 50)
				for range 1000 {
					g.plain.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, target, nil))
				}
				operators := g.operators(func() bool { return true })
				for b.Loop() {
					w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path+"?mailbox=nobody@contoso.com", nil)
					r.Host = "localhost"
					if operators.ServeHTTP(w, r); w.Code != http.StatusOK {
						b.Fatal(w.Code)
					}
				}
			})
		}
	}
}

func redactedGateway(b *testing.B, redact bool) *gateway {
	b.Helper()
	c := parse(b, `
listen: 127.0.0.1:8080
admin: {listen: "127.0.0.1:8081"}
login: {anonymous: true}
limits: {mailboxes_per_minute: 0, unknown_addresses: 0}
log: {redact_addresses: %v}
organizations:
  - {name: contoso, domains: [contoso.com], target_sharing_epr: "http://127.0.0.1:1/EWS/Exchange.asmx", access_method: OrgWideFB}
`, redact)
	g, err := newGateway(c, nil, newLog(config.Log{Format: "json", RedactAddresses: redact}, new(slog.LevelVar), io.Discard))
	if err != nil {
		b.Fatal(err)
	}
	return g
}
