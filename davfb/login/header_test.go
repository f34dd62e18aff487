package login_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/davfb/login"
)

func TestHeader(t *testing.T) {
	trusted := proxies("10.0.0.0/8")
	d := newDirectory("joe:x")
	header := login.Header{Name: "x-remote-user", Proxies: trusted, Accounts: d}
	for _, test := range []struct {
		name, peer string
		header     []string
		who        availability.Requester
		fails      bool
	}{
		{"a proxy", "10.0.0.1:1", []string{"X-Remote-User", "joe"}, availability.Requester{Name: "joe", Mailbox: "joe@contoso.com"}, false},
		{"a proxy with its client", "10.0.0.1:1", []string{"X-Remote-User", "joe", "X-Forwarded-For", "192.0.2.1"}, availability.Requester{Name: "joe", Mailbox: "joe@contoso.com"}, false},
		{"somebody no account is of", "10.0.0.1:1", []string{"X-Remote-User", "Jane"}, availability.Requester{Name: "Jane"}, false},
		{"an address", "10.0.0.1:1", []string{"X-Remote-User", "Jane@contoso.com"}, availability.Requester{Name: "Jane@contoso.com", Mailbox: "jane@contoso.com"}, false},
		{"a stranger", "192.0.2.1:1", []string{"X-Remote-User", "joe"}, availability.Requester{}, false},
		{"a stranger who says he came by a proxy", "192.0.2.1:1", []string{"X-Remote-User", "joe", "X-Forwarded-For", "10.0.0.1"}, availability.Requester{}, false},
		{"no header", "10.0.0.1:1", nil, availability.Requester{}, false},
		{"nobody", "10.0.0.1:1", []string{"X-Remote-User", ""}, availability.Requester{}, false},
		{"two headers", "10.0.0.1:1", []string{"X-Remote-User", "joe", "X-Remote-User", "jane"}, availability.Requester{}, true},
		{"two in one", "10.0.0.1:1", []string{"X-Remote-User", "joe, jane"}, availability.Requester{}, true},
		{"too long", "10.0.0.1:1", []string{"X-Remote-User", strings.Repeat("j", 257)}, availability.Requester{}, true},
		{"a tab", "10.0.0.1:1", []string{"X-Remote-User", "joe\tjane"}, availability.Requester{}, true},
		{"Latin-1", "10.0.0.1:1", []string{"X-Remote-User", "m\xfcller"}, availability.Requester{}, true},
	} {
		trusted.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			who, ok, err := header.Identify(w, r)
			if (err != nil) != test.fails || ok != (test.who.Name != "") || who.Name != test.who.Name || who.Mailbox != test.who.Mailbox {
				t.Errorf("%s: %+v %t %v", test.name, who, ok, err)
			}
		})).ServeHTTP(httptest.NewRecorder(), request(http.MethodGet, "http://x/", test.peer, test.header...))
	}
	d.fail(errors.New("ldap is down"))
	_, ok, err := header.Identify(nil, request(http.MethodGet, "http://x/", "10.0.0.1:1", "X-Remote-User", "joe"))
	var refusal *face.Refusal
	if ok || statusOf(t, err) != 503 || !errors.As(err, &refusal) || strings.Contains(refusal.Text, "ldap") || !strings.Contains(err.Error(), "ldap is down") {
		t.Errorf("%t %v", ok, err)
	}
	if _, ok, err := (login.Header{Name: "X-Remote-User"}).Identify(nil, request(http.MethodGet, "http://x/", "10.0.0.1:1", "X-Remote-User", "joe")); ok || err != nil {
		t.Errorf("without proxies: %t %v", ok, err)
	}
}
