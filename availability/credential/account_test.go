package credential_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/credential"
)

// host is a server of one account, without a network.
type host struct {
	password atomic.Value // string
	requests atomic.Int32
	last     atomic.Value // string: the Authorization header that came last
	slow     time.Duration
}

func newHost(password string) *host {
	h := new(host)
	h.password.Store(password)
	h.last.Store("")
	return h
}

func (h *host) RoundTrip(r *http.Request) (*http.Response, error) {
	h.requests.Add(1)
	h.last.Store(r.Header.Get("Authorization"))
	time.Sleep(h.slow)
	status := http.StatusOK
	if _, password, _ := r.BasicAuth(); password != h.password.Load() {
		status = http.StatusUnauthorized
	}
	header := http.Header{"Content-Type": {"text/xml; charset=utf-8"}}
	if strings.HasPrefix(r.URL.Path, "/website") { // answers whoever asks
		status, header = http.StatusNotFound, http.Header{"Content-Type": {"text/html"}}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

func (h *host) connect(int) http.RoundTripper { return h }

func onlyFabrikam(u *url.URL) bool { return u.Scheme == "https" && u.Host == "mail.fabrikam.com" }

func ask(transport http.RoundTripper, target string) (status int, err error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, target, strings.NewReader("question"))
	if err != nil {
		return 0, err
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

const fabrikam = "https://mail.fabrikam.com/EWS/Exchange.asmx"

func constant(secret string) credential.Secret { return func() (string, error) { return secret, nil } }

func TestBasic(t *testing.T) {
	h := newHost("pässword")
	account := credential.New(credential.Basic{Username: `FABRIKAM\svc`, Password: constant("pässword")}, onlyFabrikam)
	status, err := ask(account.Transport(h.connect), fabrikam)
	if got, want := h.last.Load(), "Basic RkFCUklLQU1cc3ZjOnDDpHNzd29yZA=="; got != want || status != 200 || err != nil {
		t.Errorf("%q, %d, %v, want %q", got, status, err, want)
	}
}

func TestAccountIsShownToNobodyElse(t *testing.T) {
	h := newHost("secret")
	transport := credential.New(credential.Basic{Username: "svc", Password: constant("secret")}, onlyFabrikam).Transport(h.connect)
	for _, target := range []string{"https://mail.contoso.com/", "http://mail.fabrikam.com/", "https://mail.fabrikam.com:8443/", "https://mail.fabrikam.com.evil.example/"} {
		_, err := ask(transport, target)
		if code := availability.ReasonFor(err).Code; code != availability.CredentialFailed || h.requests.Load() != 0 {
			t.Errorf("%s: %v, %d requests", target, err, h.requests.Load())
		}
	}
}

func TestMissingSecretIsAReason(t *testing.T) {
	h := newHost("secret")
	none := func() (string, error) { return "", errors.New("there is none") }
	_, err := ask(credential.New(credential.Basic{Username: "svc", Password: none}, onlyFabrikam).Transport(h.connect), fabrikam)
	if r := availability.ReasonFor(err); r.Code != availability.CredentialFailed || !strings.Contains(r.Detail, "there is none") || h.requests.Load() != 0 {
		t.Errorf("%v", err)
	}
}

// A wrong password costs one refusal, however many requests there are, and three in
// half an hour, so that no directory locks the account.
func TestRefusedAccountIsNotLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost("right")
		h.slow = time.Second
		account := credential.New(credential.Basic{Username: "svc", Password: constant("wrong")}, onlyFabrikam)
		one, other := account.Transport(h.connect), account.Transport(h.connect) // two servers of the organization
		var requests sync.WaitGroup
		for i := range 100 {
			requests.Go(func() {
				status, err := ask([]http.RoundTripper{one, other}[i%2], fabrikam)
				if status != 401 && availability.ReasonFor(err).Code != availability.Unauthorized {
					t.Errorf("%d %v", status, err)
				}
			})
		}
		requests.Wait()
		if n := h.requests.Load(); n != 1 {
			t.Errorf("%d log-ins with a wrong password at once", n)
		}
		for begun := time.Now(); time.Since(begun) < 30*time.Minute; time.Sleep(10 * time.Second) {
			_, _ = ask(one, fabrikam)
		}
		if n := h.requests.Load(); n > 3 {
			t.Errorf("%d log-ins in half an hour", n)
		}
		for begun := time.Now(); time.Since(begun) < 24*time.Hour; time.Sleep(10 * time.Second) {
			_, _ = ask(one, fabrikam)
		}
		if n := h.requests.Load(); n > 30 {
			t.Errorf("%d log-ins in a day", n)
		}
	})
}

// What is told of a rest is what is done: until then nothing is sent, and after it, or with
// another secret, something is.
func TestRested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost("right")
		secret := "wrong"
		account := credential.New(credential.Basic{Username: "svc", Password: func() (string, error) { return secret, nil }}, onlyFabrikam)
		transport := account.Transport(h.connect)
		sent := func() bool {
			before := h.requests.Load()
			_, _ = ask(transport, fabrikam)
			return h.requests.Load() > before
		}
		if until := account.Rested(fabrikam); !until.IsZero() || !sent() {
			t.Errorf("at first: %v", until)
		}
		for begun := time.Now(); time.Since(begun) < 24*time.Hour; {
			until := account.Rested(fabrikam)
			if !until.After(time.Now()) || until != account.Rested("") || !account.Rested("https://mail.contoso.com/").IsZero() {
				t.Fatalf("refused: %v, %v, %v", until, account.Rested(""), account.Rested("https://mail.contoso.com/"))
			}
			time.Sleep(time.Until(until) - time.Second)
			if sent() {
				t.Errorf("sent a second before %v", until)
			}
			time.Sleep(2 * time.Second)
			if account.Rested(fabrikam).After(time.Now()) || !sent() {
				t.Errorf("not sent a second after %v", until)
			}
		}
		secret = "right"
		if until := account.Rested(fabrikam); !until.IsZero() || !sent() {
			t.Errorf("with another secret: %v", until)
		}
	})
}

// What a web site on the same host says does not make a wrong password right.
func TestWebSiteProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost("right")
		transport := credential.New(credential.Basic{Username: "svc", Password: constant("wrong")}, onlyFabrikam).Transport(h.connect)
		refused := 0
		for begun := time.Now(); time.Since(begun) < 30*time.Minute; time.Sleep(10 * time.Second) {
			_, _ = ask(transport, "https://mail.fabrikam.com/website/")
			if status, _ := ask(transport, fabrikam); status == 401 {
				refused++
			}
		}
		if refused > 3 {
			t.Errorf("%d log-ins in half an hour", refused)
		}
	})
}

func TestRestingAccountSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost("right")
		transport := credential.New(credential.Basic{Username: "svc", Password: constant("wrong")}, onlyFabrikam).Transport(h.connect)
		_, _ = ask(transport, fabrikam)
		_, err := ask(transport, fabrikam)
		r := availability.ReasonFor(err)
		want := "svc was refused by mail.fabrikam.com; so as not to lock the account it is not tried again before " +
			time.Now().Add(5*time.Minute).UTC().Format(time.RFC3339) + " unless its secret changes"
		if r.Detail != want || r.RetryAfter != 0 || r.Scope != availability.OfServer {
			t.Errorf("%+v, want %q", r, want)
		}
	})
}

func TestCorrectedPasswordIsTriedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost("right")
		var secret atomic.Value
		secret.Store("wrong")
		kind := credential.Basic{Username: "svc", Password: func() (string, error) { return secret.Load().(string), nil }}
		transport := credential.New(kind, onlyFabrikam).Transport(h.connect)
		_, _ = ask(transport, fabrikam)
		secret.Store("right")
		if status, err := ask(transport, fabrikam); status != 200 {
			t.Errorf("%d %v", status, err)
		}
	})
}

// Proven, it may be used by many at once, and one stray refusal is soon forgotten.
func TestProvenAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost("right")
		h.slow = time.Second
		transport := credential.New(credential.Basic{Username: "svc", Password: constant("right")}, onlyFabrikam).Transport(h.connect)
		begun := time.Now()
		var requests sync.WaitGroup
		for range 20 {
			requests.Go(func() { _, _ = ask(transport, fabrikam) })
		}
		requests.Wait()
		if took := time.Since(begun); took != 2*time.Second { // one alone, then all
			t.Errorf("%v for 20 requests", took)
		}
		h.password.Store("the directory is away")
		_, _ = ask(transport, fabrikam)
		h.password.Store("right")
		time.Sleep(31 * time.Second)
		if status, err := ask(transport, fabrikam); status != 200 {
			t.Errorf("%d %v", status, err)
		}
	})
}

const other = "https://other.fabrikam.com/EWS/Exchange.asmx"

func allOfFabrikam(u *url.URL) bool { return strings.HasSuffix(u.Hostname(), ".fabrikam.com") }

// farm is several servers, by host; each may be slow or expect another password.
type farm map[string]*host

func (f farm) connect(int) http.RoundTripper {
	return transportFunc(func(r *http.Request) (*http.Response, error) { return f[r.URL.Host].RoundTrip(r) })
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A server that refuses the account, or does not answer, is no hindrance for another.
func TestServersStandForThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, bad := newHost("right"), newHost("another")
		f := farm{"mail.fabrikam.com": good, "other.fabrikam.com": bad}
		transport := credential.New(credential.Basic{Username: "svc", Password: constant("right")}, allOfFabrikam).Transport(f.connect)
		asked := 0
		for begun := time.Now(); time.Since(begun) < 30*time.Minute; time.Sleep(10 * time.Second) {
			asked++
			if status, err := ask(transport, fabrikam); status != 200 {
				t.Fatalf("%d %v", status, err)
			}
			_, _ = ask(transport, other)
		}
		if n := bad.requests.Load(); n > 3 || good.requests.Load() != int32(asked) {
			t.Errorf("refused %d times", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		slow := newHost("right")
		slow.slow = time.Hour
		f := farm{"mail.fabrikam.com": newHost("right"), "other.fabrikam.com": slow}
		transport := credential.New(credential.Basic{Username: "svc", Password: constant("right")}, allOfFabrikam).Transport(f.connect)
		go func() { _, _ = ask(transport, other) }()
		synctest.Wait()
		begun := time.Now()
		if status, err := ask(transport, fabrikam); status != 200 || time.Since(begun) != 0 {
			t.Errorf("%d %v after %v", status, err, time.Since(begun))
		}
		time.Sleep(2 * time.Hour)
	})
}

// However many servers there are, a wrong password is not shown more often.
func TestManyServersDoNotLockTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := make(farm)
		var targets []string
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			f[name+".fabrikam.com"] = newHost("right")
			f[name+".fabrikam.com"].slow = time.Second
			targets = append(targets, "https://"+name+".fabrikam.com/EWS/Exchange.asmx")
		}
		transport := credential.New(credential.Basic{Username: "svc", Password: constant("wrong")}, allOfFabrikam).Transport(f.connect)
		for begun := time.Now(); time.Since(begun) < 29*time.Minute; time.Sleep(10 * time.Second) {
			var requests sync.WaitGroup
			for _, target := range targets {
				requests.Go(func() { _, _ = ask(transport, target) })
			}
			requests.Wait()
		}
		refused := int32(0)
		for _, h := range f {
			refused += h.requests.Load()
		}
		if refused != 3 {
			t.Errorf("%d log-ins in half an hour", refused)
		}
	})
}

// A page that proves nothing does not make up for refusals, whatever its type says.
func TestWhatAccepts(t *testing.T) {
	for kind, want := range map[string]bool{
		"text/xml; charset=utf-8": true, "application/soap+xml": true, "application/xml": true,
		"application/xhtml+xml": false, "text/html": false, "application/json": false, "image/svg+xml": false, "": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			refuse := false
			transport := credential.New(credential.Basic{Username: "svc", Password: constant("x")}, allOfFabrikam).Transport(func(int) http.RoundTripper {
				return transportFunc(func(r *http.Request) (*http.Response, error) {
					status := http.StatusOK
					if refuse {
						status = http.StatusUnauthorized
					}
					return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: http.NoBody, Request: r}, nil
				})
			})
			_, _ = ask(transport, fabrikam)
			refuse = true
			_, _ = ask(transport, fabrikam)
			refuse = false
			time.Sleep(time.Minute) // more than an account rests that had been accepted
			_, err := ask(transport, fabrikam)
			if accepted := err == nil; accepted != want {
				t.Errorf("%q: accepted %v, want %v", kind, accepted, want)
			}
		})
	}
}

// A fault of our own leaves nobody waiting.
func TestPanicDoesNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faulty := true
		transport := credential.New(credential.Basic{Username: "svc", Password: constant("x")}, allOfFabrikam).Transport(func(int) http.RoundTripper {
			return transportFunc(func(r *http.Request) (*http.Response, error) {
				if faulty {
					panic("out of cheese")
				}
				return &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: http.NoBody, Request: r}, nil
			})
		})
		func() {
			defer func() { _ = recover() }()
			_, _ = ask(transport, fabrikam)
		}()
		faulty = false
		if status, err := ask(transport, fabrikam); status != 200 {
			t.Errorf("%d %v", status, err)
		}
	})
}

// Who waits for the first log-in waits no longer than its own time.
func TestWaitingForTheFirstLogInEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost("right")
		h.slow = time.Hour
		transport := credential.New(credential.Basic{Username: "svc", Password: constant("right")}, onlyFabrikam).Transport(h.connect)
		go func() { _, _ = ask(transport, fabrikam) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, fabrikam, nil)
		if _, err := transport.RoundTrip(r); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		time.Sleep(2 * time.Hour)
	})
}
