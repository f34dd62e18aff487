package credential_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"fbgate/availability"
	"fbgate/availability/credential"
	"fbgate/availability/exchangetest/authtest"
)

var svc = authtest.Samba{Domain: "FABRIKAM", Username: "svc", Password: "pä:ssword", UPN: "svc@fabrikam.example"}

// echoBody answers with what it was sent, and by whom, in the type by which an Account
// knows that it was accepted.
var echoBody = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, "%s: %s", authtest.User(r), body)
})

// serveNTLM starts a server that demands NTLM.
func serveNTLM(t testing.TB, handler *authtest.Handler, outer ...func(http.Handler) http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(wrapped(handler, outer))
	server.Config.ConnContext = handler.ConnContext
	server.Start()
	t.Cleanup(server.Close)
	return server
}

func wrapped(handler http.Handler, outer []func(http.Handler) http.Handler) http.Handler {
	for _, wrap := range outer {
		handler = wrap(handler)
	}
	return handler
}

func ntlm(username, password string) credential.NTLM {
	return credential.NTLM{Username: username, Password: unchanging(password)}
}

func unchanging(password string) credential.Secret {
	return func() (string, error) { return password, nil }
}

// transport returns an account's, with connections like those of a real one.
func transport(t testing.TB, kind credential.Kind) http.RoundTripper {
	return credential.New(kind, func(*url.URL) bool { return true }).Transport(func(most int) http.RoundTripper {
		return own(t, &http.Transport{MaxConnsPerHost: most})
	})
}

// own makes a transport of HTTP/1.1 that ends with the test.
func own(t testing.TB, base *http.Transport) *http.Transport {
	base.Protocols = new(http.Protocols)
	base.Protocols.SetHTTP1(true)
	t.Cleanup(base.CloseIdleConnections)
	return base
}

// post sends a body and reads the whole answer.
func post(ctx context.Context, transport http.RoundTripper, target, body string) (status int, answer string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

func TestNTLMIsAcceptedBySamba(t *testing.T) {
	for _, c := range []struct {
		username, password, want string
		schemes                  []string
	}{
		{`FABRIKAM\svc`, svc.Password, `FABRIKAM\svc`, nil},
		{`fabrikam\SVC`, svc.Password, `fabrikam\SVC`, nil},
		{"svc@fabrikam.example", svc.Password, `\svc@fabrikam.example`, nil},
		{"svc", svc.Password, `\svc`, nil},
		{`FABRIKAM\svc`, "wrong", "", nil},
		{`CONTOSO\svc`, svc.Password, "", nil},
		{`FABRIKAM\svc`, svc.Password, `FABRIKAM\svc`, []string{"Basic realm=x, ntlm"}},
	} {
		t.Run(c.username+" "+c.password, func(t *testing.T) {
			handler := authtest.NTLM(echoBody, svc.Start(t))
			handler.Schemes = c.schemes
			server := serveNTLM(t, handler)
			status, answer, err := post(t.Context(), transport(t, ntlm(c.username, c.password)), server.URL, "question")
			if err != nil {
				t.Fatal(err)
			}
			want, accepted := c.want+": question", 1
			if c.want == "" {
				want, accepted = "401 - Unauthorized", 0
			}
			if !strings.Contains(answer, want) || status == http.StatusOK != (c.want != "") {
				t.Errorf("HTTP %d %q, want %q", status, answer, want)
			}
			counts := handler.Counts()
			if counts != (authtest.Counts{Requests: 2, Connections: 1, Challenges: 1, Accepted: accepted, Refused: 1 - accepted}) {
				t.Errorf("%+v", counts)
			}
		})
	}
}

// A refused account rests: the wrong password is shown once, however many ask.
func TestNTLMWrongPasswordIsTriedOnce(t *testing.T) {
	handler := authtest.NTLM(echoBody, svc.Start(t))
	server := serveNTLM(t, handler)
	client := transport(t, ntlm(`FABRIKAM\svc`, "wrong"))
	var refused, rested atomic.Int32
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			status, _, err := post(t.Context(), client, server.URL, "question")
			switch {
			case status == http.StatusUnauthorized:
				refused.Add(1)
			case availability.ReasonFor(err).Code == availability.Unauthorized:
				rested.Add(1)
			}
		})
	}
	group.Wait()
	if counts := handler.Counts(); refused.Load() != 1 || rested.Load() != 19 || counts.Refused != 1 {
		t.Errorf("%d refused, %d rested, %+v", refused.Load(), rested.Load(), counts)
	}
}

// A new password is tried even if a connection of the old one is left.
func TestNTLMNewPasswordIsProven(t *testing.T) {
	handler := authtest.NTLM(echoBody, svc.Start(t))
	server := serveNTLM(t, handler)
	password := svc.Password
	client := transport(t, credential.NTLM{Username: "svc", Password: func() (string, error) { return password, nil }})
	for _, c := range []struct {
		password string
		want     int
	}{{svc.Password, 200}, {svc.Password, 200}, {"new", 401}, {svc.Password, 200}} {
		password = c.password
		if status, _, err := post(t.Context(), client, server.URL, "question"); status != c.want {
			t.Errorf("%s: HTTP %d, %v; want %d", c.password, status, err, c.want)
		}
	}
	if counts := handler.Counts(); counts != (authtest.Counts{Requests: 7, Connections: 1, Challenges: 3, Accepted: 2, Refused: 1}) {
		t.Errorf("%+v", counts)
	}
}

// Where only Negotiate is offered, the failed attempt by the name of NTLM is made
// once for all lanes.
func TestNTLMByTheNameOfNegotiate(t *testing.T) {
	handler := authtest.NTLM(echoBody, svc.Start(t))
	handler.Schemes = []string{"Negotiate", "Basic realm=x"}
	noNTLM := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.Header.Get("Authorization"), "NTLM ") {
				r.Header.Del("Authorization")
			}
			next.ServeHTTP(w, r)
		})
	}
	server := serveNTLM(t, handler, noNTLM)
	client := transport(t, ntlm("svc", svc.Password))
	holdAll(t, client, server.URL, 3)
	if counts := handler.Counts(); counts != (authtest.Counts{Requests: 1 + 3*2, Connections: 3, Challenges: 3, Accepted: 3}) {
		t.Errorf("%+v", counts)
	}
}

// holdAll has n requests under way at once, which takes n lanes that are free.
func holdAll(t testing.TB, client http.RoundTripper, target string, n int) {
	t.Helper()
	for range n {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("question"))
		response, err := client.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusOK {
			t.Fatalf("HTTP %d", response.StatusCode)
		}
		defer response.Body.Close()
		defer io.Copy(io.Discard, response.Body)
	}
}

func TestNTLMMissingPasswordIsAReason(t *testing.T) {
	kind := credential.NTLM{Username: "svc", Password: func() (string, error) { return "", errors.New("there is none") }}
	_, _, err := post(t.Context(), transport(t, kind), "http://127.0.0.1:1", "question")
	if reason := availability.ReasonFor(err); reason.Code != availability.CredentialFailed || reason.Scope != availability.OfServer {
		t.Errorf("%v of scope %d", err, reason.Scope)
	}
}

func TestNTLMBodyIsBounded(t *testing.T) {
	body := io.LimitReader(strings.NewReader(strings.Repeat("x", 4<<20+1)), 4<<20+1)
	r, _ := http.NewRequest(http.MethodPost, "http://127.0.0.1:1", body)
	if _, err := transport(t, ntlm("svc", "")).RoundTrip(r); err == nil || !strings.Contains(err.Error(), "longer than 4194304 bytes") {
		t.Error(err)
	}
}
