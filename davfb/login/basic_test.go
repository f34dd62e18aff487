package login_test

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fbgate/davfb/face"
	"fbgate/davfb/login"
)

func TestChallengeOfBasic(t *testing.T) {
	for realm, want := range map[string]string{
		"":          `Basic realm="fbgate"`,
		"Contoso":   `Basic realm="Contoso"`,
		`"Con\toso`: `Basic realm="\"Con\\toso"`,
	} {
		header := http.Header{}
		status := login.Basic{Realm: realm, Passwords: &login.Passwords{}}.Challenge(header, from("192.0.2.1"))
		if got := header.Get("WWW-Authenticate"); got != want || status != 0 {
			t.Errorf("%q: %s %d, want %s", realm, got, status, want)
		}
	}
}

func FuzzCredentials(f *testing.F) {
	for _, header := range []string{joe, "basic Og==", "Basic", "Basic ", "Basic =", "NTLM TlRMTVNTUAAB", "Basic am9lOnM6ZWNyZXQ", "Basic " + strings.Repeat("A", 5000)} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		name, password, given, err := login.Credentials([]string{header})
		var refusal *face.Refusal
		if err != nil && (given || !errors.As(err, &refusal) || refusal.Status != 401) {
			t.Fatalf("%t %v", given, err)
		}
		if !given {
			return
		}
		if len(name)+len(password) > 4096 {
			t.Errorf("%d bytes", len(name)+len(password))
		}
		// The library reads the same, where it reads anything.
		r := &http.Request{Header: http.Header{"Authorization": {header}}}
		if n, p, ok := r.BasicAuth(); ok && (n != name || p != password) {
			t.Errorf("%q %q, the library %q %q", name, password, n, p)
		}
		again := "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
		if n, p, _, err := login.Credentials([]string{again}); n != name || p != password || err != nil {
			t.Errorf("%q %q %v", n, p, err)
		}
	})
}

// Those who may write are asked as they always were.
func TestPublisher(t *testing.T) {
	password := func(p string) func() (string, error) { return func() (string, error) { return p, nil } }
	accounts := login.Static{
		{Username: "zimbra", Password: password("secret")}, {Username: "gcc@contoso.com", Password: password("other")},
		{Username: "empty", Password: password("")},
		{Username: "lost", Password: func() (string, error) { return "", errors.New("gone") }},
	}
	authenticate := login.Basic{Passwords: &login.Passwords{Accounts: accounts, Log: quiet(), AccountFailures: 10}}.Publisher
	handler := face.Serve(slog.New(slog.DiscardHandler), func(w http.ResponseWriter, r *http.Request, _ string) error {
		who, err := authenticate(r)
		w.Header().Set("Who", who)
		return err
	})
	for _, test := range []struct {
		url, username, password, who string
		status                       int
	}{
		{"https://x/", "zimbra", "secret", "zimbra", 200}, {"https://x/", "gcc@contoso.com", "other", "gcc@contoso.com", 200},
		{"https://x/", "ZIMBRA", "secret", "zimbra", 200}, {"https://x/", `CONTOSO\zimbra`, "secret", "zimbra", 200},
		{"https://x/", "zimbra", "other", "", 401}, {"https://x/", "gcc@contoso.com", "secret", "", 401}, {"https://x/", "zimbra", "", "", 401}, {"https://x/", "", "", "", 401},
		{"https://x/", "empty", "", "", 401}, {"https://x/", "nobody", "secret", "", 401}, {"https://x/", "lost", "secret", "", 503},
		{"http://x/", "zimbra", "secret", "", 403}, {"http://x/", "", "", "", 403},
	} {
		r, w := httptest.NewRequest(http.MethodPut, test.url+"freebusy/mary@contoso.com.vfb", nil), httptest.NewRecorder()
		if test.username != "" {
			r.SetBasicAuth(test.username, test.password)
		}
		handler.ServeHTTP(w, r)
		challenge, text := "", ""
		switch test.status {
		case 401:
			challenge, text = `Basic realm="fbgate"`, "Only publishers may write free/busy, and they have to log in.\n"
		case 403:
			text = "SSL"
		case 503: // whose password cannot be read has not given a wrong one
			text = "Nobody can log in as lost at the moment.\n"
		}
		if w.Code != test.status || w.Header().Get("Who") != test.who || w.Header().Get("WWW-Authenticate") != challenge || !strings.Contains(w.Body.String(), text) {
			t.Errorf("%+v: %d %v %s", test, w.Code, w.Header(), w.Body)
		}
	}
	if who, ok, err := accounts.Find(t.Context(), "GCC@contoso.com"); !ok || err != nil || who.Name != "gcc@contoso.com" || who.Mailbox != "gcc@contoso.com" {
		t.Errorf("%+v %t %v", who, ok, err)
	}
	if _, ok, err := accounts.Find(t.Context(), "nobody"); ok || err != nil {
		t.Errorf("%t %v", ok, err)
	}
}
