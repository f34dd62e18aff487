package credential_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/credential"
	"fbgate/availability/exchangetest/kdctest"
)

const spn = "HTTP/mail.kdc.test"

// forest is a KDC, a server with a service's keytab, and a user of both.
type forest struct {
	*kdctest.KDC
	server *httptest.Server
	guard  atomic.Pointer[http.Handler]
	seen   atomic.Int32 // requests, accepted or not
}

func newForest(t *testing.T, flags ...string) *forest {
	t.Helper()
	f := &forest{KDC: kdctest.Start(t, flags...)}
	f.AddUser("svc", "right")
	f.protect(f.AddService(spn))
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.seen.Add(1)
		(*f.guard.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(f.server.Close)
	return f
}

func (f *forest) protect(keytab []byte) {
	guarded := kdctest.Negotiate(echoQuestion, keytab)
	f.guard.Store(&guarded)
}

func (f *forest) user() credential.Kerberos {
	return credential.Kerberos{Username: "svc@" + kdctest.Realm, Password: fixed("right"), SPN: spn, KDCs: []string{f.Addr}}
}

// of returns the transport of an account that may be used anywhere.
func of(kind credential.Kind) http.RoundTripper {
	return credential.New(kind, func(*url.URL) bool { return true }).Transport(func(int) http.RoundTripper { return http.DefaultTransport })
}

func (f *forest) ask(t *testing.T, transport http.RoundTripper) (int, *availability.Reason) {
	t.Helper()
	return postQuestion(t.Context(), transport, f.server.URL, strings.NewReader(question))
}

func (f *forest) succeeds(t *testing.T, transport http.RoundTripper) {
	t.Helper()
	if status, reason := f.ask(t, transport); status != 200 {
		t.Errorf("status %d: %v", status, reason)
	}
}

func (f *forest) fails(t *testing.T, transport http.RoundTripper, code availability.Code, details ...string) {
	t.Helper()
	status, reason := f.ask(t, transport)
	if reason == nil || reason.Code != code || reason.Scope != availability.OfServer || len(reason.Detail) > 700 {
		t.Errorf("status %d, %+v, want %s", status, reason, code)
		return
	}
	for _, detail := range details {
		if !strings.Contains(reason.Detail, detail) {
			t.Errorf("%q lacks %q", reason.Detail, detail)
		}
	}
	for _, part := range []string{"\x00", "right"} {
		if strings.Contains(reason.Detail, part) {
			t.Errorf("%q shows a secret", reason.Detail)
		}
	}
	t.Log(reason)
}

func TestKerberosLogIn(t *testing.T) {
	f := newForest(t)
	f.AddUser("free", "right", "-requires_preauth")
	keytab := fixed(string(f.UserKeytab("svc")))
	for name, change := range map[string]func(*credential.Kerberos){
		"password":              func(*credential.Kerberos) {},
		"keytab":                func(k *credential.Kerberos) { k.Password, k.Keytab = nil, keytab },
		"realm apart":           func(k *credential.Kerberos) { k.Username, k.Realm = "svc", kdctest.Realm },
		"realm in both":         func(k *credential.Kerberos) { k.Realm = "kdc.test" },
		"realm in lower case":   func(k *credential.Kerberos) { k.Username = "svc@kdc.test" },
		"krb5.conf":             func(k *credential.Kerberos) { k.KDCs, k.Config = nil, f.Config },
		"default realm":         func(k *credential.Kerberos) { k.Username, k.KDCs, k.Config = "svc", nil, f.Config },
		"no pre-authentication": func(k *credential.Kerberos) { k.Username = "free@KDC.TEST" },
		"a KDC that is down":    func(k *credential.Kerberos) { k.KDCs = []string{nobody(t), f.Addr, nobody(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			kind := f.user()
			change(&kind)
			before := f.seen.Load()
			f.succeeds(t, of(kind))
			if trips := f.seen.Load() - before; trips != 1 {
				t.Errorf("%d requests instead of one", trips)
			}
		})
	}
}

// The service's name is that of the URL's host, without port.
func TestKerberosServiceOfTheHost(t *testing.T) {
	f := newForest(t)
	f.protect(f.AddService("HTTP/127.0.0.1"))
	kind := f.user()
	kind.SPN = ""
	f.succeeds(t, of(kind))
}

func TestKerberosFailures(t *testing.T) {
	f := newForest(t)
	f.AddUser("free", "right", "-requires_preauth")
	f.AddUser("old", "right", "-expire", "2001-01-01")
	f.AddUser("stale", "right", "-pwexpire", "2001-01-01")
	f.AddUser("disabled", "right", "-allow_tix")
	f.AddUser("rc4", "right", "-e", "arcfour-hmac:normal")
	f.AddUser("half", "right", "-e", "aes128-cts:normal")
	whole := string(f.UserKeytab("svc"))
	missing := filepath.Join(t.TempDir(), "krb5.conf")
	broken := filepath.Join(t.TempDir(), "krb5.conf")
	if err := os.WriteFile(broken, []byte("[libdefaults]\n nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keytab := func(content string) func(*credential.Kerberos) {
		return func(k *credential.Kerberos) { k.Password, k.Keytab = nil, fixed(content) }
	}
	user := func(name string) func(*credential.Kerberos) {
		return func(k *credential.Kerberos) { k.Username = name }
	}
	for name, test := range map[string]struct {
		change func(*credential.Kerberos)
		code   availability.Code
		detail string
	}{
		"wrong password":           {func(k *credential.Kerberos) { k.Password = fixed("wrong") }, availability.Unauthorized, "PREAUTH_FAILED"},
		"wrong, without preauth":   {func(k *credential.Kerberos) { k.Username, k.Password = "free@KDC.TEST", fixed("wrong") }, availability.Unauthorized, "does not open"},
		"unknown user":             {user("nobody@KDC.TEST"), availability.Unauthorized, "nobody@KDC.TEST: (6)"},
		"expired account":          {user("old@KDC.TEST"), availability.Unauthorized, "(1) KDC_ERR_NAME_EXP"},
		"expired password":         {user("stale@KDC.TEST"), availability.Unauthorized, "(23) KDC_ERR_KEY_EXPIRED"},
		"disabled account":         {user("disabled@KDC.TEST"), availability.Unauthorized, "(18) KDC_ERR_CLIENT_REVOKED"},
		"no AES key":               {user("rc4@KDC.TEST"), availability.CredentialFailed, "msDS-SupportedEncryptionTypes"},
		"unknown service":          {func(k *credential.Kerberos) { k.SPN = "HTTP/other.kdc.test" }, availability.CredentialFailed, "setspn -Q HTTP/other.kdc.test"},
		"other realm":              {user("svc@ELSEWHERE.TEST"), availability.Unauthorized, "ELSEWHERE.TEST"},
		"two realms":               {func(k *credential.Kerberos) { k.Realm = "ELSEWHERE.TEST" }, availability.CredentialFailed, "not a user of the realm"},
		"no realm":                 {user("svc"), availability.CredentialFailed, "no default realm"},
		"no user":                  {user(""), availability.CredentialFailed, "names no user"},
		"no secret":                {func(k *credential.Kerberos) { k.Password = nil }, availability.CredentialFailed, "neither"},
		"two secrets":              {func(k *credential.Kerberos) { k.Keytab = fixed("x") }, availability.CredentialFailed, "both"},
		"empty password":           {func(k *credential.Kerberos) { k.Password = fixed("") }, availability.CredentialFailed, "empty"},
		"no keytab":                {keytab("this is a text"), availability.CredentialFailed, "keytab of svc@KDC.TEST"},
		"half a keytab":            {keytab(whole[:len(whole)-9]), availability.CredentialFailed, "keytab of svc@KDC.TEST"},
		"somebody else's keytab":   {keytab(string(f.UserKeytab("free"))), availability.CredentialFailed, "no AES key of svc@KDC.TEST"},
		"RC4 keytab":               {func(k *credential.Kerberos) { keytab(string(f.UserKeytab("rc4")))(k); k.Username = "rc4@KDC.TEST" }, availability.CredentialFailed, "no AES key"},
		"no krb5.conf":             {func(k *credential.Kerberos) { k.KDCs, k.Config = nil, missing }, availability.CredentialFailed, missing},
		"unreadable krb5.conf":     {func(k *credential.Kerberos) { k.KDCs, k.Config = nil, broken }, availability.CredentialFailed, ""},
		"KDC down":                 {func(k *credential.Kerberos) { k.KDCs = []string{nobody(t)} }, availability.Unreachable, "refused"},
		"KDC that is a web server": {func(k *credential.Kerberos) { k.KDCs = []string{f.server.Listener.Addr().String()} }, availability.Unreachable, "HTTP"},
		"KDC that hangs up":        {func(k *credential.Kerberos) { k.KDCs = []string{newReplies(t, nil).address} }, availability.Unreachable, "log in as svc"},
		"KDC without port":         {func(k *credential.Kerberos) { k.KDCs = []string{"127.0.0.1"} }, availability.Unreachable, "missing port"},
	} {
		t.Run(name, func(t *testing.T) {
			kind := f.user()
			test.change(&kind)
			before := f.seen.Load()
			f.fails(t, of(kind), test.code, test.detail)
			if f.seen.Load() != before {
				t.Error("the server was asked")
			}
		})
	}
	if refusals := f.Refusals("svc"); refusals != 1 {
		t.Errorf("the KDC has seen %d wrong passwords, want one", refusals)
	}
	// Not every AES key has to be there.
	half := f.user()
	half.Username, half.Password, half.Keytab = "half@KDC.TEST", nil, fixed(string(f.UserKeytab("half")))
	f.succeeds(t, of(half))
}

// A domain that has nothing else may use RC4 if its krb5.conf says so.
func TestKerberosWeakCrypto(t *testing.T) {
	f := newForest(t)
	f.AddUser("rc4", "right", "-e", "arcfour-hmac:normal")
	settings, err := os.ReadFile(f.Config)
	if err != nil {
		t.Fatal(err)
	}
	weak := filepath.Join(t.TempDir(), "krb5.conf")
	if err := os.WriteFile(weak, []byte(strings.Replace(string(settings), "[libdefaults]", "[libdefaults]\n allow_weak_crypto = true", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	kind := f.user()
	kind.Username, kind.KDCs, kind.Config = "rc4@KDC.TEST", nil, weak
	f.succeeds(t, of(kind))
}

func TestKerberosClock(t *testing.T) {
	f := newForest(t, "-T", "3600")
	f.fails(t, of(f.user()), availability.CredentialFailed, "clocks")
}

// Many requests share one log-in, and each has an authenticator of its own.
func TestKerberosTicketIsShared(t *testing.T) {
	f := newForest(t)
	transport := of(f.user())
	var requests sync.WaitGroup
	for range 50 {
		requests.Go(func() { f.succeeds(t, transport) })
	}
	requests.Wait()
	if in, tickets, seen := f.LogIns("svc"), f.Tickets(spn), f.seen.Load(); in != 1 || tickets != 1 || seen != 50 {
		t.Errorf("%d log-ins, %d tickets and %d requests, want 1, 1 and 50", in, tickets, seen)
	}
	// The tickets go on when the KDC does not.
	f.Stop()
	f.succeeds(t, transport)
}

// A service that has a new key gets a ticket for it, and the body once more.
func TestKerberosServiceWithNewKey(t *testing.T) {
	f := newForest(t)
	transport := of(f.user())
	f.succeeds(t, transport)
	f.protect(f.NewKey(spn))
	f.succeeds(t, transport)
	if tickets, seen := f.Tickets(spn), f.seen.Load(); tickets != 2 || seen != 3 {
		t.Errorf("%d tickets and %d requests, want 2 and 3", tickets, seen)
	}
	// A server that has a key the KDC does not know refuses twice, which is final.
	f.protect(f.AddService("HTTP/other.kdc.test"))
	if status, reason := f.ask(t, transport); status != 401 {
		t.Errorf("%d %v", status, reason)
	}
	if seen := f.seen.Load(); seen != 5 {
		t.Errorf("%d requests, want 5", seen)
	}
}

func TestKerberosSecretIsChanged(t *testing.T) {
	f := newForest(t)
	var password atomic.Value
	password.Store("right")
	kind := f.user()
	kind.Password = func() (string, error) { return password.Load().(string), nil }
	transport := of(kind)
	f.succeeds(t, transport)
	f.SetPassword("svc", "righter")
	f.succeeds(t, transport) // by the ticket

	password.Store("righter")
	f.succeeds(t, transport)
	if in := f.LogIns("svc"); in != 2 {
		t.Errorf("%d log-ins, want one for each password", in)
	}
	password.Store("wrong")
	for range 5 {
		f.fails(t, transport, availability.Unauthorized)
	}
	if refusals := f.Refusals("svc"); refusals != 1 {
		t.Errorf("the wrong password was shown %d times", refusals)
	}
	if left := stacks("github.com/jcmturner/gokrb5/v8/client"); len(left) != 0 {
		t.Errorf("the library's clients go on:\n%s", left)
	}
}

// A KDC that takes connections and answers nothing holds up one log-in, not those
// who wait for it.
func TestKerberosHangingKDC(t *testing.T) {
	f := newForest(t)
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var (
		accepted atomic.Int32
		open     []net.Conn
		ended    = make(chan struct{})
	)
	go func() {
		defer close(ended)
		for {
			connection, err := hole.Accept()
			if err != nil {
				return
			}
			open = append(open, connection)
			accepted.Add(1)
		}
	}()
	t.Cleanup(func() {
		hole.Close()
		<-ended
		for _, connection := range open {
			connection.Close()
		}
	})
	kind := f.user()
	kind.KDCs = []string{hole.Addr().String()}
	transport := of(kind)
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, reason := postQuestion(ctx, transport, f.server.URL, strings.NewReader(question))
		cancel()
		if reason == nil || reason.Code != availability.Timeout || !strings.Contains(reason.Detail, "no Kerberos ticket for svc@KDC.TEST") {
			t.Fatalf("%v", reason)
		}
	}
	if n := accepted.Load(); n > 1 {
		t.Errorf("%d connections to the KDC", n)
	}
	if n := len(stacks("credential.askKDC")); n > 1 {
		t.Errorf("%d log-ins at once", n)
	}
}

// stacks returns the stacks of goroutines in a package.
func stacks(in string) (found []string) {
	all := make([]byte, 1<<20)
	all = all[:runtime.Stack(all, true)]
	for stack := range strings.SplitSeq(string(all), "\n\n") {
		if strings.Contains(stack, in) {
			found = append(found, stack)
		}
	}
	return found
}

// nobody returns an address where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
