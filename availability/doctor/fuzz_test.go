package doctor_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	at "fbgate/availability/availabilitytest"
	"fbgate/availability/doctor"
)

// FuzzTrace writes down what a server says, which may repeat what it was sent. However it
// does, nothing of it proves who asked, and it is of bounded length.
func FuzzTrace(f *testing.F) {
	f.Add("200 OK", "Location", "https://mail.contoso.com/?t=s3cr3t+%26%2F", []byte("<t:Subject>x</t:Subject>s3cr3t &/"))
	f.Add("401 svc:s3cr3t", "X-Echo", "c3ZjOnMzY3IzdCAmLw==", []byte(`{"access_token":"abc"`))
	f.Add("500 x", "WWW-Authenticate", "Basic s3cr3t &amp;/", []byte{0})
	f.Add("200 OK", "Set-Cookie", "a=b", []byte("s3cr3t%20&/ s3cr3t &amp;/ s3cr3t%20&%2F"))
	for _, capture := range at.Captures(f) {
		f.Add("200 OK", "Content-Type", "text/xml", capture)
	}
	const password = "s3cr3t &/"
	f.Fuzz(func(t *testing.T, status, name, value string, body []byte) {
		var trace doctor.Trace
		client := trace.Transport(transport(func(r *http.Request) (*http.Response, error) {
			header := http.Header{name: {value}, "X-Other": {value}}
			return &http.Response{Proto: "HTTP/1.1", Status: status, StatusCode: 200, Header: header, Request: r, Body: io.NopCloser(strings.NewReader(string(body)))}, nil
		}))
		r := httptest.NewRequest(http.MethodPost, "http://contoso.com/", strings.NewReader("question"))
		r.SetBasicAuth("svc", password)
		_, proof, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		response, err := client.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if came, err := io.ReadAll(response.Body); err != nil || string(came) != string(body) {
			t.Fatalf("%q, %v", came, err)
		}
		text := trace.String()
		for _, secret := range []string{password, proof, url.QueryEscape(password), url.PathEscape(password), strings.ReplaceAll(password, "&", "&amp;")} {
			if strings.Contains(text, secret) {
				t.Errorf("%q shows %q", text, secret)
			}
		}
		if !strings.HasPrefix(text, doctor.TraceHead) || len(text) > 10_000+2*len(status)+3*16<<10 {
			t.Errorf("%d bytes", len(text))
		}
	})
}
