package upstream_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
)

// shows answers each request as a host with such a certificate does.
type shows map[string]time.Time

func (s shows) RoundTrip(r *http.Request) (*http.Response, error) {
	response := &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: io.NopCloser(strings.NewReader("")), Request: r}
	if end, ok := s[r.URL.Host]; ok {
		response.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{NotAfter: end}}}
	}
	return response, nil
}

func TestCertificatesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		day := func(n int) time.Time { return time.Date(2001, 1, n, 0, 0, 0, 0, time.UTC) }
		hosts := shows{"a.contoso.com": day(20), "b.contoso.com": day(10)}
		c := upstream.Client{Transport: hosts, Certificates: new(upstream.Certificates)}
		ask := func(host string) {
			t.Helper()
			r, _ := http.NewRequest(http.MethodGet, "https://"+host+"/", nil)
			if _, err := c.Do(availability.Query{}, r); err != nil {
				t.Fatal(err)
			}
		}
		expect := func(what string, want time.Time) {
			t.Helper()
			if got := c.Certificates.End(); !got.Equal(want) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		expect("nothing was shown", time.Time{})
		ask("plain.contoso.com")
		expect("no TLS", time.Time{})
		ask("a.contoso.com")
		expect("one", day(20))
		ask("b.contoso.com")
		expect("two", day(10))
		hosts["b.contoso.com"] = day(30)
		ask("b.contoso.com")
		expect("renewed", day(20))
		time.Sleep(4 * 24 * time.Hour)
		ask("b.contoso.com")
		time.Sleep(4 * 24 * time.Hour)
		expect("a is not asked any more", day(30))
		for i := range 100 { // further ones are not remembered
			host := fmt.Sprintf("%d.contoso.com", i)
			hosts[host] = day(25).AddDate(0, 0, -i/50*20)
			ask(host)
		}
		expect("many", day(25))
	})
}
