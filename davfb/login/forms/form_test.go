package forms_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"fbgate/davfb/face"
	"fbgate/davfb/login/forms"
)

func TestForm(t *testing.T) {
	d := newDoor(t, forms.Config{})
	for _, test := range []struct{ query, says, not string }{
		{"", "Log on", `class="error"`},
		{"?reason=0", "Log on", `class="note"`},
		{"?reason=1", "You have logged off.", `class="error"`},
		{"?reason=2", "not correct", `class="note"`},
		{"?reason=3", "Your session has ended", `class="error"`},
		{"?reason=%3Cscript%3E", "Log on", "<script"},
	} {
		for _, path := range []string{"/exchweb/bin/auth/owalogon.asp", "/owa/auth/logon.aspx", "/EXCHWEB/bin/auth/owaauth.dll"} {
			response, page := ask(t, d, "GET "+path+test.query+" HTTP/1.1", "")
			if response.StatusCode != http.StatusOK || !strings.Contains(page, test.says) || strings.Contains(page, test.not) {
				t.Errorf("%s%s: %s\n%s", path, test.query, response.Status, page)
			}
			for name, want := range map[string]string{
				"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
			} {
				if got := response.Header.Get(name); got != want {
					t.Errorf("%s: %q", name, got)
				}
			}
			if policy := response.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") {
				t.Errorf("Content-Security-Policy: %s", policy)
			}
		}
	}
}

// xmllint reads the page without complaint: what it takes for an error, an old browser
// may, too.
func TestFormIsHTML(t *testing.T) {
	program, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed (Debian: apt-get install libxml2-utils)")
	}
	_, page := ask(t, newDoor(t, forms.Config{}), "GET /exchweb/bin/auth/owalogon.asp?reason=2 HTTP/1.1", "")
	c := exec.Command(program, "--html", "--noout", "-")
	c.Stdin = strings.NewReader(page)
	if said, err := c.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("%v: %s", err, said)
	}
}

func TestRefusedForm(t *testing.T) {
	const head = "POST /exchweb/bin/auth/owaauth.dll HTTP/1.1\n"
	const encoded = head + "Content-Type: application/x-www-form-urlencoded\n"
	long := strings.Repeat("x", 3000)
	for _, test := range []struct {
		name, request string
		status        int
		says          string
		checked       bool
	}{
		{"wrong", encoded + "\nusername=mary&password=no", 403, "not correct", true},
		{"nobody", encoded + "\nusername=nobody&password=no", 403, "not correct", true},
		{"too often", encoded + "\nusername=locked&password=no", 429, "Come again in a minute.", true},
		{"a directory that fails", encoded + "\nusername=broken&password=no", 503, "cannot be checked at the moment", true},
		{"as DavMail sends it on", encoded + "\ndestination=https%3A%2F%2Fmail.contoso.com%2Fexchange%2F&flags=0", 400, "Type both", false},
		{"no body", encoded, 400, "Type both", false},
		{"no name", encoded + "\npassword=p", 400, "Type both", false},
		{"no password", encoded + "\nusername=mary&password=", 400, "Type both", false},
		{"a long name", encoded + "\nusername=" + long + "&password=p", 400, "longer than 256", false},
		{"a long password", encoded + "\nusername=mary&password=" + long, 400, "longer than 1024", false},
		{"control characters", encoded + "\nusername=mary%0d%0aX&password=p", 400, "control characters", false},
		{"a NUL in the password", encoded + "\nusername=mary&password=p%00p", 400, "control characters", false},
		{"Latin 1", encoded + "\nusername=m%E4ry&password=p", 400, "UTF-8", false},
		{"too many fields", encoded + "\n" + strings.Repeat("a=b&", 64) + "username=mary&password=p", 400, "64 fields", false},
		{"too much", encoded + "\nusername=mary&password=" + strings.Repeat(long, 22), 413, "65536", false},
		{"XML", head + "Content-Type: text/xml\n\n<username>mary</username>", 415, "x-www-form-urlencoded", false},
		{"several parts", head + "Content-Type: multipart/form-data; boundary=x\n\n--x", 415, "x-www-form-urlencoded", false},
		{"another site", encoded + "Origin: https://evil.example\n\nusername=mary&password=p%2B%26%C3%A4", 403, "another site", false},
		{"another port", encoded + "Origin: https://mail.contoso.com:8443\n\nusername=mary&password=p%2B%26%C3%A4", 403, "another site", false},
		{"a sandbox", encoded + "Origin: null\n\nusername=mary&password=p%2B%26%C3%A4", 403, "another site", false},
		{"a site beside", encoded + "Sec-Fetch-Site: same-site\n\nusername=mary&password=p%2B%26%C3%A4", 403, "another site", false},
		{"a site across", encoded + "Sec-Fetch-Site: cross-site\n\nusername=mary&password=p%2B%26%C3%A4", 403, "another site", false},
	} {
		d := newDoor(t, forms.Config{})
		response, page := ask(t, d, test.request, "")
		if response.StatusCode != test.status || !strings.Contains(page, test.says) || !strings.Contains(page, "<form") || len(response.Header["Set-Cookie"]) > 0 {
			t.Errorf("%s: %s %v\n%s", test.name, response.Status, response.Header, page)
		}
		if len(d.tried) > 0 != test.checked {
			t.Errorf("%s: checked %q", test.name, d.tried)
		}
		if want := map[int]string{429: "60", 503: "60"}[test.status]; response.Header.Get("Retry-After") != want {
			t.Errorf("%s: Retry-After %s", test.name, response.Header.Get("Retry-After"))
		}
		if strings.Contains(page, "192.0.2.1") {
			t.Errorf("%s: the client reads what is for operators", test.name)
		}
	}
}

// What somebody typed is there again, but for the password, and harmless.
func TestRefusedFormIsFilledIn(t *testing.T) {
	d := newDoor(t, forms.Config{})
	_, page := ask(t, d, `POST /exchweb/bin/auth/owaauth.dll HTTP/1.1

destination=https%3A%2F%2Fmail.contoso.com%2Fexchange%2F%3Fa%26lt;b&username="><script>x</script>&password=secret'"<&trusted=4`, "")
	if strings.Contains(page, "<script") || strings.Contains(page, "secret") || !strings.Contains(page, `value="&#34;&gt;&lt;script&gt;`) {
		t.Error(page)
	}
	if !strings.Contains(page, `value="4" checked`) {
		t.Error("the computer is no longer private")
	}
	if got := html.UnescapeString(input(t, page, "destination")); got != "https://mail.contoso.com/exchange/?a&lt;b" {
		t.Errorf("destination %s", got)
	}
}

func TestMethods(t *testing.T) {
	d := newDoor(t, forms.Config{})
	for request, allow := range map[string]string{
		"PUT /exchweb/bin/auth/owaauth.dll HTTP/1.1":    "GET, HEAD, POST",
		"POST /exchweb/bin/auth/owalogon.asp HTTP/1.1":  "GET, HEAD",
		"POST /exchweb/bin/auth/owalogoff.asp HTTP/1.1": "GET, HEAD",
		"PROPFIND /exchange/?Cmd=logoff HTTP/1.1":       "GET, HEAD",
	} {
		if response, _ := ask(t, d, request, ""); response.StatusCode != 405 || response.Header.Get("Allow") != allow {
			t.Errorf("%s: %s, Allow %s", request, response.Status, response.Header.Get("Allow"))
		}
	}
}

// Forms-based authentication forces SSL, and Evolution tries again by https if a 403
// says so.
func TestPlainHTTP(t *testing.T) {
	d := newDoor(t, forms.Config{})
	cookies := enter(t, d, "0")
	for _, text := range []string{"GET /exchweb/bin/auth/owalogon.asp HTTP/1.1", "GET /exchweb/bin/auth/owaauth.dll HTTP/1.1", logOn + "0", freeBusy} {
		r := request(t, text, cookies)
		r.TLS = nil
		response, body := send(t, d, r)
		if response.StatusCode != 403 || !strings.Contains(body, "SSL") || len(response.Header["Set-Cookie"]) > 0 {
			t.Errorf("%s %v %s", response.Status, response.Header, body)
		}
	}
	if len(d.tried) != 1 {
		t.Errorf("checked %q", d.tried)
	}
}

// An administrator may take a way for confidential that is not https.
func TestConfidentialHTTP(t *testing.T) {
	d := newDoor(t, forms.Config{Confidential: func(*http.Request) bool { return true }})
	r := request(t, logOn+"0", "")
	r.TLS = nil
	response, _ := send(t, d, r)
	set := response.Header["Set-Cookie"]
	if response.StatusCode != 302 || response.Header.Get("Location") != "http://mail.contoso.com/public/" || len(set) != 2 || !strings.HasSuffix(set[1], `"; HttpOnly; path=/`) {
		t.Errorf("%s %v", response.Status, response.Header)
	}
	expect(t, d, jar(response), 200)
}

func TestBehindProxy(t *testing.T) {
	d := newDoor(t, forms.Config{Proxies: face.TrustedProxies{netip.MustParsePrefix("192.0.2.0/24")}})
	text := strings.Replace(logOn, "\n\n", "\nX-Forwarded-Proto: https\nX-Forwarded-Host: owa.contoso.com\nOrigin: https://owa.contoso.com\n\n", 1)
	text = strings.Replace(text, "mail.contoso.com", "owa.contoso.com", 1)
	r := request(t, text+"0", "")
	r.TLS = nil
	response, body := send(t, d, r)
	if response.StatusCode != 302 || response.Header.Get("Location") != "https://owa.contoso.com/exchange/" || !strings.Contains(response.Header["Set-Cookie"][1], "; secure;") {
		t.Errorf("%s %v %s", response.Status, response.Header, body)
	}
	r = request(t, text+"0", "")
	r.TLS, r.RemoteAddr = nil, "198.51.100.1:1"
	if response, _ := send(t, d, r); response.StatusCode != 403 {
		t.Errorf("somebody else says that it came by https: %s", response.Status)
	}
}

var destinations = []struct{ wanted, want string }{
	{"https://mail.contoso.com/exchange/", "/exchange/"},
	{"HTTPS://Mail.Contoso.COM/exchange/mary/?Cmd=contents", "/exchange/mary/?Cmd=contents"},
	{"/public/?Cmd=freebusy&start=2009-10-28T00:00:00%2B01:00", "/public/?Cmd=freebusy&start=2009-10-28T00:00:00%2B01:00"},
	{"https://mail.contoso.com", ""},
	{"https://mail.contoso.com/a%2F%2Fb?next=//evil.example", "/a%2F%2Fb?next=//evil.example"},
	{"https://mail.contoso.com/exchange/#//evil.example", "/exchange/"},
	{"", ""},
	{"exchange/", ""},
	{"//evil.example", ""},
	{"//evil.example/%2e%2e", ""},
	{"///evil.example", ""},
	{"////evil.example", ""},
	{"/\\evil.example", ""},
	{"\\\\evil.example", ""},
	{"\\/evil.example", ""},
	{"/\t/evil.example", ""},
	{"/\n/evil.example", ""},
	{" //evil.example", ""},
	{"\x00//evil.example", ""},
	{"https:evil.example", ""},
	{"https:/evil.example", ""},
	{"https:///evil.example", ""},
	{"https:\\\\evil.example", ""},
	{"https://evil.example/", ""},
	{"https://mail.contoso.com.evil.example/", ""},
	{"https://mail.contoso.com@evil.example/", ""},
	{"https://evil.example@mail.contoso.com/", ""},
	{"https://evil.example\\@mail.contoso.com/", ""},
	{"https://evil.example%00mail.contoso.com/", ""},
	{"https://mail.contoso.com:443/", ""},
	{"https://mail.contoso.com:8443/", ""},
	{"https://mail.contoso.com\r\nSet-Cookie: a=b", ""},
	{"https://mail.contoso.com/\r\nSet-Cookie: a=b", ""},
	{"https://mail.contoso.com//evil.example", ""},
	{"https://mail.contoso.com/%zz", ""},
	{"https://mail.contoso.com/exchange/\"><b>", ""},
	{"http://mail.contoso.com/exchange/", ""},
	{"ftp://mail.contoso.com/", ""},
	{"javascript:alert(1)", ""},
	{"javascript://mail.contoso.com/%0aalert(1)", ""},
	{"data:text/html,x", ""},
	{"https%3A%2F%2Fevil.example", ""},
	{"%2F%2Fevil.example", ""},
	{"/%2F/evil.example", "/%2F/evil.example"},
	{"/%5Cevil.example", "/%5Cevil.example"},
	{"https://ｅvil.example/", ""},
	{"https://mail.contoso.com/ä", ""},
	{"/exchange/?Cmd=logoff", ""},
	{"https://mail.contoso.com/exchweb/bin/auth/owalogon.asp?url=x", ""},
	{"/" + strings.Repeat("a", 2048), ""},
}

func TestDestination(t *testing.T) {
	d := newDoor(t, forms.Config{})
	for _, test := range destinations {
		want := test.want
		if want == "" {
			want = "/public/"
		}
		want = "https://" + host + want
		if got := destination(t, d, test.wanted); got != want {
			t.Errorf("%q leads to %s, want %s", test.wanted, got, want)
		}
		_, page := ask(t, d, "GET /exchweb/bin/auth/owalogon.asp?url="+url.QueryEscape(test.wanted)+" HTTP/1.1", "")
		if got := html.UnescapeString(input(t, page, "destination")); got != want {
			t.Errorf("%q leads to %s by the form, want %s", test.wanted, got, want)
		}
	}
}

// destination logs mary in and returns where she is sent.
func destination(t testing.TB, h http.Handler, wanted string) string {
	t.Helper()
	response, body := ask(t, h, "POST /exchweb/bin/auth/owaauth.dll HTTP/1.1\n\nusername=mary&password=p%2B%26%C3%A4&destination="+url.QueryEscape(wanted), "")
	if response.StatusCode != http.StatusFound {
		t.Fatalf("%s %s", response.Status, body)
	}
	return response.Header.Get("Location")
}

// Clients of HTTP/1.0 need not say what they call this host.
func TestNoHost(t *testing.T) {
	d := newDoor(t, forms.Config{})
	r := httptest.NewRequest(http.MethodPost, "/exchweb/bin/auth/owaauth.dll", strings.NewReader("username=mary&password=p%2B%26%C3%A4&destination=/exchange/"))
	r.TLS, r.Host = request(t, freeBusy, "").TLS, ""
	if response, _ := send(t, d, r); response.StatusCode != 302 || response.Header.Get("Location") != "/exchange/" {
		t.Errorf("%s %v", response.Status, response.Header)
	}
}
