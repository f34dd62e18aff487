package credential_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"fbgate/availability"
	"fbgate/availability/credential"
)

// echo answers with the Authorization header it got.
func echo(t *testing.T) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Got", r.Header.Get("Authorization"))
	}))
	t.Cleanup(server.Close)
	return server
}

func got(t *testing.T, transport http.RoundTripper, target string) string {
	t.Helper()
	response, err := (&http.Client{Transport: transport}).Get(target)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.Header.Get("Got")
}

func TestBasicIsBoundToItsHost(t *testing.T) {
	own, other := echo(t), echo(t)
	endpoint, err := url.Parse(own.URL)
	if err != nil {
		t.Fatal(err)
	}
	secret := func() (string, error) { return "pässword", nil }
	transport := credential.Basic(http.DefaultTransport, endpoint, `FABRIKAM\svc`, secret)
	if got, want := got(t, transport, own.URL+"/EWS/Exchange.asmx"), "Basic RkFCUklLQU1cc3ZjOnDDpHNzd29yZA=="; got != want {
		t.Errorf("own host gets %q, want %q", got, want)
	}
	if got := got(t, transport, other.URL); got != "" {
		t.Errorf("another host gets %q", got)
	}
	secure := *endpoint
	secure.Scheme = "https"
	if got := got(t, credential.Basic(http.DefaultTransport, &secure, "svc", secret), own.URL); got != "" {
		t.Errorf("the same host gets %q in the clear", got)
	}
}

func TestMissingPasswordIsAReason(t *testing.T) {
	server := echo(t)
	endpoint, _ := url.Parse(server.URL)
	transport := credential.Basic(http.DefaultTransport, endpoint, "svc", func() (string, error) { return "", errors.New("there is none") })
	_, err := (&http.Client{Transport: transport}).Get(server.URL)
	if code := availability.ReasonFor(err).Code; code != availability.CredentialFailed {
		t.Errorf("%v is %s", err, code)
	}
}
