package authtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"fbgate/availability/exchangetest/authtest"
)

// curl is a client that has nothing to do with the one this package is for.
func TestCurl(t *testing.T) {
	version, err := exec.Command("curl", "--version").Output()
	if err != nil || !strings.Contains(string(version), "NTLM") {
		t.Skip("curl is not installed, or without NTLM")
	}
	samba := authtest.Samba{Domain: "FABRIKAM", Username: "svc", Password: "secret", UPN: "svc@fabrikam.example"}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, authtest.User(r)) })
	handler := authtest.NTLM(hello, samba.Start(t))
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnContext = handler.ConnContext
	server.Start()
	defer server.Close()

	for _, c := range []struct{ user, want string }{
		{`FABRIKAM\svc:secret`, `FABRIKAM\svc`},
		{"svc@fabrikam.example:secret", `\svc@fabrikam.example`},
		{`FABRIKAM\svc:wrong`, ""},
		{`FABRIKAM\other:secret`, ""},
		{`CONTOSO\svc:secret`, ""},
	} {
		out, err := exec.Command("curl", "-sf", "--noproxy", "*", "--ntlm", "-u", c.user, server.URL).Output()
		if string(out) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.user, out, err, c.want)
		}
	}
	if counts := handler.Counts(); counts.Accepted != 2 || counts.Refused != 3 || counts.Connections != 5 {
		t.Errorf("%+v", counts)
	}
}
