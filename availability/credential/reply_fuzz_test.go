package credential_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/credential"
)

// FuzzTokenReply lets a token endpoint say what it wants. What is shown to the server
// behind it is a token that came, and whatever else came is a reason without the secret.
func FuzzTokenReply(f *testing.F) {
	f.Add(200, "application/json", "", `{"access_token":"abc.def-_~+/=","token_type":"Bearer","expires_in":3599}`)
	f.Add(200, "application/json; charset=utf-8", "", `{"access_token":"a","token_type":"bearer","expires_in":"-1"}`)
	f.Add(200, "text/plain", "", `access_token=abc&token_type=bearer&expires_in=60`)
	f.Add(200, "application/json", "", `{"access_token":"a\r\nX: y","token_type":"Bearer","expires_in":1e300}`)
	f.Add(400, "application/json", "", `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret s3cr3t~+/ &ü provided."}`)
	f.Add(503, "", "120", "")
	f.Add(302, "", "https://evil.example/token", "")
	f.Fuzz(func(t *testing.T, status int, kind, field, body string) {
		var shown []string
		tokens := roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.String() != tokenURL {
				t.Errorf("%v was asked for a token", r.URL)
			}
			header := http.Header{"Content-Type": {kind}, "Retry-After": {field}, "Location": {field}}
			return &http.Response{StatusCode: status, Header: header, Request: r, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}, nil
		})
		server := roundTripper(func(r *http.Request) (*http.Response, error) {
			shown = append(shown, r.Header.Get("Authorization"))
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: http.NoBody}, nil
		})
		kindOf := credential.OAuth2{TokenURL: tokenURL, ClientID: clientID, Secret: fixed(clientSecret), Transport: tokens}
		client := credential.New(kindOf, func(u *url.URL) bool { return u.Host == resource }).Transport(func(int) http.RoundTripper { return server })
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, resourceURL, strings.NewReader(question))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.RoundTrip(r)
		if err != nil {
			reason := availability.ReasonFor(err)
			if len(shown) > 0 || reason.Code == availability.Internal || len(reason.Detail) > 4000 || reason.RetryAfter < 0 || reason.RetryAfter > 24*time.Hour {
				t.Errorf("%v; shown %q", reason, shown)
			}
			if strings.Contains(reason.Detail, clientSecret) {
				t.Errorf("%q shows the secret", reason.Detail)
			}
			return
		}
		response.Body.Close()
		if len(shown) != 1 || status < 200 || status > 299 {
			t.Fatalf("status %d, shown %q", status, shown)
		}
		token, ok := strings.CutPrefix(shown[0], "Bearer ")
		if !ok || token == "" || strings.Trim(token, "-._~+/=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("shown %q", shown[0])
		}
	})
}

// roundTripper is a transport that is a function.
type roundTripper func(r *http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// FuzzWWWAuthenticate lets a server that wants NTLM offer what it wants, in two fields.
// Each exchange ends, the question reaches the server at most twice, and a challenge that
// is answered was one.
func FuzzWWWAuthenticate(f *testing.F) {
	f.Add(401, "NTLM", "NTLM TlRMTVNTUAACAAAAAAAAADAAAAAFgoqiAAAAAAAAAAAAAAAAAAAAAAQABAAwAAAAAAAAAA==", []byte("no"))
	f.Add(401, "Negotiate, NTLM", "Negotiate oYIB,NTLM x", []byte{})
	f.Add(200, "Basic realm=\"a, NTLM\"", "", []byte{})
	f.Add(401, "negotiate", "ntlm  ,,\t,", bytes.Repeat([]byte("x"), 70_000))
	f.Fuzz(func(t *testing.T, status int, first, second string, body []byte) {
		sent, proofs := 0, 0
		server := roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Body != nil {
				if data, _ := io.ReadAll(r.Body); string(data) == question {
					sent++
				}
			}
			if r.Header.Get("Authorization") != "" && r.Body != nil && r.Body != http.NoBody {
				proofs++
			}
			header := http.Header{"Www-Authenticate": {first, second}}
			return &http.Response{StatusCode: status, Header: header, Request: r, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body))}, nil
		})
		client := credential.New(ntlm("svc", "secret"), func(*url.URL) bool { return true }).Transport(func(int) http.RoundTripper { return server })
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(question))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.RoundTrip(r)
		if sent > 2 || proofs > 2 {
			t.Errorf("the question was sent %d times, with a proof %d times", sent, proofs)
		}
		if err != nil {
			if reason := availability.ReasonFor(err); reason.Code == availability.Internal || len(reason.Detail) > 4000 || strings.Contains(reason.Detail, "secret") && !strings.Contains(first+second+string(body), "secret") {
				t.Errorf("%+v", reason)
			}
			return
		}
		if got, err := io.ReadAll(response.Body); err != nil || response.StatusCode != status || !bytes.HasPrefix(body, got) || len(got) != len(body) && len(body) <= 64<<10 {
			t.Errorf("status %d, %d bytes of %d, %v", response.StatusCode, len(got), len(body), err)
		}
		response.Body.Close()
	})
}
