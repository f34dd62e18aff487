package credential_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

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
}

func TestFileIsReadAgainWhenItChanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	write := func(content string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		changed := time.Now().Add(-age)
		if err := os.Chtimes(file, changed, changed); err != nil {
			t.Fatal(err)
		}
	}
	secret := credential.File(file)
	expect := func(want string) {
		t.Helper()
		if got, err := secret(); got != want || err != nil && want != "" {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	expect("")
	write("one\r\n", time.Hour)
	expect("one")
	write("two \n", time.Minute)
	expect("two ")
	write("", 0)
	expect("two ")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	expect("two ")
}

func TestMissingPasswordIsAReason(t *testing.T) {
	server := echo(t)
	endpoint, _ := url.Parse(server.URL)
	transport := credential.Basic(http.DefaultTransport, endpoint, "svc", credential.Environment("FBGATE_TEST_NO_SUCH_VARIABLE"))
	_, err := (&http.Client{Transport: transport}).Get(server.URL)
	if code := availability.ReasonFor(err).Code; code != availability.CredentialFailed {
		t.Errorf("%v is %s", err, code)
	}
}
