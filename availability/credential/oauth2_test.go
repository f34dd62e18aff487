package credential_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/credential"
	"fbgate/availability/exchangetest/oauthtest"
)

// wire is a network without one: requests go to the handlers of their hosts.
type wire map[string]http.Handler

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	handler := w[r.URL.Host]
	if handler == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	there := r.Clone(r.Context())
	there.Host = r.URL.Host
	if there.Body == nil {
		there.Body = http.NoBody
	}
	recorder, served := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(served)
		handler.ServeHTTP(recorder, there)
		there.Body.Close()
	}()
	select {
	case <-served:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	response := recorder.Result()
	response.Request = r
	return response, nil
}

func (w wire) connect(int) http.RoundTripper { return w }

const (
	clientID     = "0d3c7b7e-client"
	clientSecret = "s3cr3t~+/ &ü"
	tokenURL     = "http://127.0.0.1:8080/tenant/token"
	resource     = "mail.contoso.com"
	resourceURL  = "https://mail.contoso.com/EWS/Exchange.asmx"
)

// echoQuestion answers with what it was sent.
var echoQuestion = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })

// tenant is a token server, a server its tokens are for, and a client of both.
type tenant struct {
	*oauthtest.Server
	wire   wire
	client credential.OAuth2
	secret atomic.Value // string
}

func newTenant() *tenant {
	t := &tenant{Server: oauthtest.New(clientID, clientSecret)}
	t.wire = wire{"127.0.0.1:8080": t.Server, resource: t.Protect(echoQuestion)}
	t.secret.Store(clientSecret)
	t.client = credential.OAuth2{
		TokenURL: tokenURL, ClientID: clientID, Transport: t.wire,
		Secret: func() (string, error) { return t.secret.Load().(string), nil },
	}
	return t
}

func (t *tenant) transport() http.RoundTripper {
	return credential.New(t.client, func(u *url.URL) bool { return u.Host == resource }).Transport(t.wire.connect)
}

// postQuestion sends a question and returns the status, or the reason why there is none.
func postQuestion(ctx context.Context, transport http.RoundTripper, target string, body io.Reader) (int, *availability.Reason) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, body)
	if err != nil {
		return 0, availability.ReasonFor(err)
	}
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return 0, availability.ReasonFor(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if response.StatusCode == http.StatusOK && string(answer) != question || err != nil {
		return 0, availability.Because(availability.Internal, "the server got %q: %v", answer, err)
	}
	return response.StatusCode, nil
}

const question = "who is busy?"

func asks(t *testing.T, transport http.RoundTripper, want int) {
	t.Helper()
	if got, reason := postQuestion(t.Context(), transport, resourceURL, strings.NewReader(question)); got != want {
		t.Errorf("%v: got %d, want %d: %v", time.Now().UTC().Format(time.TimeOnly), got, want, reason)
	}
}

func counts(t *testing.T, s *oauthtest.Server, calls, issued, accepted, refused int) {
	t.Helper()
	if got, want := s.Counts(), (oauthtest.Counts{Calls: calls, Issued: issued, Accepted: accepted, Refused: refused}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestOAuth2Form(t *testing.T) {
	for name, set := range map[string]func(*tenant){
		"scope":    func(t *tenant) { t.Scope, t.client.Scope = "https://a/.default", "https://a/.default" },
		"resource": func(t *tenant) { t.Resource, t.client.Resource = "https://mail/", "https://mail/" },
		"neither":  func(*tenant) {},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant()
			set(tenant)
			asks(t, tenant.transport(), 200)
			counts(t, tenant.Server, 1, 1, 1, 0)
		})
	}
}

func TestOAuth2TokenIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := newTenant()
		tenant.Respond = func(http.ResponseWriter, *http.Request) bool { time.Sleep(5 * time.Second); return false }
		transport := tenant.transport()
		var requests sync.WaitGroup
		for range 50 {
			requests.Go(func() { asks(t, transport, 200) })
		}
		requests.Wait()
		counts(t, tenant.Server, 1, 1, 50, 0)
	})
}

// Tokens are renewed before they end, and nobody waits for it.
func TestOAuth2Renewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := newTenant()
		transport := tenant.transport()
		asks(t, transport, 200)
		time.Sleep(54 * time.Minute)
		asks(t, transport, 200)
		counts(t, tenant.Server, 1, 1, 2, 0)

		tenant.Respond = func(http.ResponseWriter, *http.Request) bool { time.Sleep(20 * time.Second); return false }
		time.Sleep(2 * time.Minute)
		begun := time.Now()
		asks(t, transport, 200)
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("waited %v", waited)
		}
		time.Sleep(5 * time.Minute)
		asks(t, transport, 200)
		counts(t, tenant.Server, 2, 2, 4, 0)
	})
}

// While a token holds, an endpoint that fails hurts nobody and is not stormed.
func TestOAuth2EndpointFailsInTheMeantime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := newTenant()
		transport := tenant.transport()
		asks(t, transport, 200)
		tenant.Respond = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(500); return true }
		time.Sleep(56 * time.Minute)
		for range 20 {
			asks(t, transport, 200)
			time.Sleep(5 * time.Second)
		}
		counts(t, tenant.Server, 1+4, 1, 21, 0) // one each 30 seconds
		time.Sleep(4 * time.Minute)
		_, reason := postQuestion(t.Context(), transport, resourceURL, strings.NewReader(question))
		if reason == nil || reason.Code != availability.UpstreamFailure {
			t.Errorf("%v", reason)
		}
		tenant.Respond = nil
		asks(t, transport, 200)
	})
}

// A token that has lost its validity costs one repetition, with the same body.
func TestOAuth2RevokedToken(t *testing.T) {
	tenant := newTenant()
	transport := tenant.transport()
	asks(t, transport, 200)
	tenant.Revoke()
	asks(t, transport, 200)
	counts(t, tenant.Server, 2, 2, 2, 1)

	// A body that can be read only once: the refusal stands, but not for the next.
	tenant.Revoke()
	once := struct{ io.Reader }{strings.NewReader(question)}
	if status, reason := postQuestion(t.Context(), transport, resourceURL, once); status != 401 {
		t.Errorf("%d %v", status, reason)
	}
	counts(t, tenant.Server, 2, 2, 2, 2)
}

// A server that takes no token at all gets two, and then the account rests.
func TestOAuth2FinalRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := newTenant()
		tenant.wire[resource] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) })
		transport := tenant.transport()
		asks(t, transport, 401)
		_, reason := postQuestion(t.Context(), transport, resourceURL, strings.NewReader(question))
		if reason == nil || reason.Code != availability.Unauthorized {
			t.Errorf("%v", reason)
		}
		counts(t, tenant.Server, 2, 2, 0, 0)
	})
}

// A secret that was replaced at the endpoint is shown once, however many find out.
func TestOAuth2RefusedSecretIsShownOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := newTenant()
		transport := tenant.transport()
		asks(t, transport, 200)
		tenant.SetSecret("another")
		tenant.Revoke()
		var requests sync.WaitGroup
		for range 50 {
			requests.Go(func() {
				_, reason := postQuestion(t.Context(), transport, resourceURL, strings.NewReader(question))
				if reason == nil || reason.Code != availability.Unauthorized {
					t.Errorf("%v", reason)
				}
			})
		}
		requests.Wait()
		if calls := tenant.Counts().Calls; calls != 2 {
			t.Errorf("%d calls, want the first and one that is refused", calls)
		}
		tenant.secret.Store("another")
		asks(t, transport, 200)
	})
}

// A refusal nobody waited for is told to the next who asks, before the secret is
// shown again; and after the account has rested, it is.
func TestOAuth2RefusedRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := newTenant()
		transport := tenant.transport()
		asks(t, transport, 200)
		tenant.SetSecret("another")
		time.Sleep(56 * time.Minute)
		asks(t, transport, 200)
		synctest.Wait()
		time.Sleep(3 * time.Minute)
		_, reason := postQuestion(t.Context(), transport, resourceURL, strings.NewReader(question))
		if reason == nil || reason.Code != availability.Unauthorized {
			t.Errorf("%v", reason)
		}
		counts(t, tenant.Server, 2, 1, 2, 0)
		tenant.SetSecret(clientSecret)
		time.Sleep(6 * time.Minute)
		asks(t, transport, 200)
	})
}

// Who leaves does not take the call away from those who stay.
func TestOAuth2CallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := newTenant()
		tenant.Respond = func(http.ResponseWriter, *http.Request) bool { time.Sleep(10 * time.Second); return false }
		transport := tenant.transport()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, reason := postQuestion(ctx, transport, resourceURL, strings.NewReader(question))
		if reason == nil || reason.Code != availability.Timeout {
			t.Errorf("%v", reason)
		}
		asks(t, transport, 200)
		counts(t, tenant.Server, 1, 1, 1, 0)
	})
}

// An endpoint that hangs holds up one call at a time, and each ends.
func TestOAuth2EndpointHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := newTenant()
		var under, most atomic.Int32
		tenant.client.Transport = tripper(func(r *http.Request) (*http.Response, error) {
			most.Store(max(most.Load(), under.Add(1)))
			defer under.Add(-1)
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		transport := tenant.transport()
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			_, reason := postQuestion(ctx, transport, resourceURL, strings.NewReader(question))
			if reason == nil || reason.Code != availability.Timeout {
				t.Errorf("%v", reason)
			}
			cancel()
		}
		time.Sleep(time.Minute)
		if under.Load() != 0 || most.Load() != 1 {
			t.Errorf("%d calls go on, %d did at once", under.Load(), most.Load())
		}
	})
}

func TestOAuth2Failures(t *testing.T) {
	says := func(status int, body string, header ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	form := url.QueryEscape(clientSecret)
	for name, test := range map[string]struct {
		respond func(http.ResponseWriter, *http.Request) bool
		code    availability.Code
		detail  string
		wait    time.Duration
	}{
		"wrong secret":  {says(401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret"}`), availability.Unauthorized, "AADSTS7000215", 0},
		"not allowed":   {says(400, `{"error":"unauthorized_client"}`), availability.Unauthorized, "unauthorized_client", 0},
		"no tenant":     {says(400, `{"error":"invalid_request","error_description":"AADSTS90002: Tenant not found"}`), availability.Unauthorized, "AADSTS90002", 0},
		"wrong scope":   {says(400, `{"error":"invalid_scope"}`), availability.CredentialFailed, "invalid_scope", 0},
		"bare 401":      {says(401, `<html>`), availability.Unauthorized, "HTTP 401 from 127.0.0.1:8080", 0},
		"wrong URL":     {says(404, `<html>`, "Content-Type", "text/html"), availability.CredentialFailed, "HTTP 404", 0},
		"redirect":      {says(307, "", "Location", "https://login.example/x"), availability.CredentialFailed, "login.example", 0},
		"throttled":     {says(429, `{}`, "Retry-After", "90"), availability.Throttled, "HTTP 429", 90 * time.Second},
		"busy":          {says(503, `{}`, "Retry-After", "7"), availability.Throttled, "HTTP 503", 7 * time.Second},
		"broken":        {says(500, `oops`), availability.UpstreamFailure, "HTTP 500", 0},
		"log-in page":   {says(200, `<html>`), availability.CredentialFailed, "no token", 0},
		"error as 200":  {says(200, `{"error":"invalid_client"}`), availability.Unauthorized, "invalid_client", 0},
		"empty":         {says(200, `{}`), availability.CredentialFailed, "missing access_token", 0},
		"other type":    {says(200, `{"access_token":"token.x","token_type":"mac"}`), availability.CredentialFailed, "MAC", 0},
		"header break":  {says(200, `{"access_token":"token.x\r\nHost: x"}`), availability.CredentialFailed, "no bearer token", 0},
		"echo":          {says(400, fmt.Sprintf(`{"error":%q,"error_description":%q}`, clientSecret, "you sent "+form+" or "+clientSecret)), availability.CredentialFailed, "you sent …", 0},
		"long":          {says(400, `{"error":"`+strings.Repeat("e", 9999)+`","error_description":"`+strings.Repeat("d", 9999)+`"}`), availability.CredentialFailed, "dddd", 0},
		"without end":   {func(w http.ResponseWriter, _ *http.Request) bool { _, _ = io.CopyN(w, zeros{}, 4<<20); return true }, availability.CredentialFailed, "no token", 0},
		"name breaks":   {says(200, `{"access_token":"tok en"}`), availability.CredentialFailed, "no bearer token", 0},
		"already ended": {says(200, `{"access_token":"token.x","expires_in":-5}`), "", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant()
			tenant.Respond = test.respond
			_, reason := postQuestion(t.Context(), tenant.transport(), resourceURL, strings.NewReader(question))
			if test.code == "" {
				if reason != nil {
					t.Error(reason)
				}
				return
			}
			if reason == nil || reason.Code != test.code || !strings.Contains(reason.Detail, test.detail) {
				t.Fatalf("%v, want %s with %q", reason, test.code, test.detail)
			}
			if reason.Scope != availability.OfServer || reason.RetryAfter != test.wait || len(reason.Detail) > 600 {
				t.Errorf("%+v", reason)
			}
			for _, secret := range []string{clientSecret, form, "token.x"} {
				if strings.Contains(reason.Detail, secret) {
					t.Errorf("a secret is in %q", reason.Detail)
				}
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestOAuth2Unreachable(t *testing.T) {
	tenant := newTenant()
	delete(tenant.wire, "127.0.0.1:8080")
	_, reason := postQuestion(t.Context(), tenant.transport(), resourceURL, strings.NewReader(question))
	if reason == nil || reason.Code != availability.Unreachable || !strings.Contains(reason.Detail, "127.0.0.1:8080") || !reason.Again {
		t.Errorf("%+v", reason)
	}
	tenant = newTenant()
	tenant.client.Transport = &http.Transport{}
	secure := httptest.NewTLSServer(tenant.Server)
	defer secure.Close()
	secure.Config.ErrorLog = quiet
	tenant.client.TokenURL = secure.URL
	_, reason = postQuestion(t.Context(), tenant.transport(), resourceURL, strings.NewReader(question))
	if reason == nil || reason.Code != availability.TLS {
		t.Errorf("%+v", reason)
	}
}

func TestOAuth2TokenURL(t *testing.T) {
	for target, taken := range map[string]bool{
		"http://localhost:8080/token": true, "http://127.9.9.9/token": true, "http://[::1]/token": true,
		"https://login.microsoftonline.com/t/oauth2/v2.0/token": true,
		"http://login.microsoftonline.com/token":                false, "http://localhost.example/token": false,
		"ftp://127.0.0.1/token": false, "/token": false, "": false, "https://": false,
		"http://127.0.0.1@evil.example/token": false, "http://user:hidden@evil.example/": false,
	} {
		tenant := newTenant()
		shown := false
		tenant.client.TokenURL, tenant.client.Transport = target, tripper(func(*http.Request) (*http.Response, error) {
			shown = true
			return nil, errors.New("nobody there")
		})
		_, reason := postQuestion(t.Context(), tenant.transport(), resourceURL, strings.NewReader(question))
		if shown != taken || reason == nil || !taken && reason.Code != availability.CredentialFailed || strings.Contains(reason.Detail, "hidden") {
			t.Errorf("%q: shown %t, %v", target, shown, reason)
		}
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A token goes to the host that was asked, and comes to light nowhere else.
func TestOAuth2TokenIsShownToNobodyElse(t *testing.T) {
	tenant := newTenant()
	thief := 0
	tenant.wire["evil.example"] = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		thief++
		t.Errorf("the other host got %q", r.Header)
	})
	var token string
	tenant.wire[resource] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token = r.Header.Get("Authorization")
		http.Redirect(w, r, "https://evil.example/", http.StatusTemporaryRedirect)
	})
	transport := tenant.transport()
	_, reason := postQuestion(t.Context(), transport, resourceURL, strings.NewReader(question))
	if reason == nil || reason.Code != availability.CredentialFailed || thief != 0 {
		t.Errorf("%v", reason)
	}
	if !strings.HasPrefix(token, "Bearer token.") || strings.Contains(reason.Detail, token[7:]) {
		t.Errorf("%q with token %q", reason, token)
	}
	r, _ := http.NewRequest(http.MethodGet, resourceURL, nil)
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.Request.Header.Get("Authorization") != "" || r.Header.Get("Authorization") != "" {
		t.Error("the response or the request shows the token")
	}
}

func TestOAuth2Assertion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newCertificate(t, clientID, day), newCertificate(t, clientID, 100*day)
		tenant := newTenant()
		tenant.Certificate = first.certificate
		var held atomic.Pointer[issued]
		held.Store(first)
		tenant.client.Secret = nil
		tenant.client.Certificate = func() (string, error) { return held.Load().pem, nil }
		tenant.client.Key = func() (string, error) { return held.Load().key, nil }
		transport := tenant.transport()
		for range 3 { // each with an ID of its own, or it would be refused
			asks(t, transport, 200)
			tenant.Revoke()
		}
		counts(t, tenant.Server, 3, 3, 3, 2)

		// Rotated there and in the file, in that order.
		tenant.SetCertificate(second.certificate)
		tenant.Revoke()
		_, reason := postQuestion(t.Context(), transport, resourceURL, strings.NewReader(question))
		if reason == nil || reason.Code != availability.Unauthorized || !strings.Contains(reason.Detail, "AADSTS700027") {
			t.Errorf("%v", reason)
		}
		held.Store(second)
		asks(t, transport, 200)

		held.Store(first)
		time.Sleep(2 * day)
		_, reason = postQuestion(t.Context(), transport, resourceURL, strings.NewReader(question))
		if reason == nil || reason.Code != availability.CredentialFailed || !strings.Contains(reason.Detail, "expired") {
			t.Errorf("%v", reason)
		}
	})
}

// The stand-in is strict, or the test above proved nothing.
func TestOAuth2StandInRefuses(t *testing.T) {
	tenant := newTenant()
	own := newCertificate(t, clientID, day)
	tenant.Certificate = own.certificate
	client := tenant.client
	client.Secret, client.Certificate, client.Key = nil, fixed(own.pem), fixed(own.key)
	var body []byte
	client.Transport = tripper(func(r *http.Request) (*http.Response, error) {
		body, _ = io.ReadAll(r.Body)
		again := r.Clone(r.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		return tenant.wire.RoundTrip(again)
	})
	tenant.client = client
	asks(t, tenant.transport(), 200)
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.Fatal(err)
	}
	jwt := form.Get("client_assertion")
	last := jwt[len(jwt)-20:]
	for name, change := range map[string]func(){
		"repeated":  func() {},
		"signature": func() { form.Set("client_assertion", strings.TrimSuffix(jwt, last)+strings.Repeat("A", 20)) },
		"secret":    func() { form.Set("client_secret", clientSecret) },
		"scope":     func() { form.Set("scope", "x") },
		"grant":     func() { form.Set("grant_type", "password") },
	} {
		change()
		r := httptest.NewRequest(http.MethodPost, tokenURL, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		if tenant.ServeHTTP(w, r); w.Code == 200 {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
}

func TestOAuth2Configuration(t *testing.T) {
	rsa, other, ec := newCertificate(t, "a", day), newCertificate(t, "b", day), newECCertificate(t)
	for name, test := range map[string]struct {
		client credential.OAuth2
		detail string
	}{
		"nothing":    {credential.OAuth2{}, "neither"},
		"both":       {credential.OAuth2{Secret: fixed("x"), Key: fixed("x")}, "both"},
		"no key":     {credential.OAuth2{Certificate: fixed(rsa.pem)}, "needs a key"},
		"empty":      {credential.OAuth2{Secret: fixed("")}, "empty"},
		"mismatched": {credential.OAuth2{Certificate: fixed(rsa.pem), Key: fixed(other.key)}, "does not match"},
		"not PEM":    {credential.OAuth2{Certificate: fixed("x"), Key: fixed("secret text")}, "PEM"},
		"EC":         {credential.OAuth2{Certificate: fixed(ec.pem), Key: fixed(ec.key)}, "not an RSA key"},
	} {
		test.client.ClientID, test.client.TokenURL = clientID, tokenURL
		transport := credential.New(test.client, func(*url.URL) bool { return true }).Transport(wire{}.connect)
		_, reason := postQuestion(t.Context(), transport, resourceURL, strings.NewReader(question))
		if reason == nil || reason.Code != availability.CredentialFailed || !strings.Contains(reason.Detail, test.detail) || strings.Contains(reason.Detail, "secret text") {
			t.Errorf("%s: %v", name, reason)
		}
	}
}
