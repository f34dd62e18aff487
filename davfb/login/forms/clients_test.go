package forms_test

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fbgate/davfb/login/forms"
)

var (
	sessionID = regexp.MustCompile(`^sessionid=[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12},0x409; path=/$`)
	cadata    = regexp.MustCompile(`^cadata="2,[A-Za-z0-9+/]+={0,2}"; HttpOnly; secure; path=/$`)
)

// What each client sends to log in. Their requests are from their sources, or as
// documented with them; the password is that of mary, escaped as they do.
var logIns = []struct {
	client, request, tried, location string
}{
	{"Evolution", `POST /exchweb/bin/auth/owaauth.dll HTTP/1.1
User-Agent: MSIE 6.0b (Windows NT 5.0; compatible; Evolution/2.30)
Content-Type: application/x-www-form-urlencoded

destination=https%3A%2F%2Fmail.contoso.com%2Fexchange%2F&flags=4&username=mary&password=p%2B%26%C3%A4&trusted=4`,
		"mary:p+&ä", "https://mail.contoso.com/exchange/"},
	{"Zimbra", `POST /exchweb/bin/auth/owaauth.dll HTTP/1.1
User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1; .NET CLR 1.1.4322)
Content-Type: x-www-form-urlencoded

destination=https%3A%2F%2Fmail.contoso.com%2Fpublic%2F&username=CONTOSO\mary&password=p%2B%26%C3%A4&flags=0&SubmitCreds=Log On&trusted=0`,
		`CONTOSO\mary:p+&ä`, "https://mail.contoso.com/public/"},
	{"Zimbra, a plus in the name", `POST /exchweb/bin/auth/owaauth.dll HTTP/1.1
Content-Type: x-www-form-urlencoded

destination=https%3A%2F%2Fmail.contoso.com%2Fpublic%2F&username=ma+ry&password=p%2B%26%C3%A4&flags=0&SubmitCreds=Log On&trusted=0`,
		`ma+ry:p+&ä`, "https://mail.contoso.com/public/"},
	{"DavMail", `POST /exchweb/bin/auth/owaauth.dll HTTP/1.1
User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.4430.93 Safari/537.36 Edg/90.0.818.51
Content-Type: application/x-www-form-urlencoded; charset=UTF-8
Cookie: PBack=0

destination=https%3A%2F%2Fmail.contoso.com%2Fexchange%2F&flags=4&shown=1&username=mary%40contoso.com&password=p%2B%26%C3%A4&trusted=4`,
		"mary@contoso.com:p+&ä", "https://mail.contoso.com/exchange/"},
	{"DavMail that found no form", `POST /owa/auth/owaauth.dll HTTP/1.1
Content-Type: application/x-www-form-urlencoded

destination=https%3A%2F%2Fmail.contoso.com%2Fexchange%2F&flags=4&username=mary&password=p%2B%26%C3%A4&trusted=4`,
		"mary:p+&ä", "https://mail.contoso.com/exchange/"},
	{"PHPOWA", `POST /exchweb/bin/auth/owaauth.dll HTTP/1.1
User-Agent: Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.8.1) Gecko/20061010 Firefox/2.0
Accept: text/xml,application/xml,application/xhtml+xml,text/html;q=0.9,text/plain;q=0.8,image/png,*/*;q=0.5
Accept-Language: en-us,en;q=0.5
Referer: https://mail.contoso.com/exchweb/bin/auth/owalogon.asp?url=https://mail.contoso.com/exchange/&reason=0
Content-Type: application/x-www-form-urlencoded

destination=https://mail.contoso.com/exchange/&flags=0&username=mary&password=p%2B%26%C3%A4&SubmitCreds=Log+On&trusted=0`,
		"mary:p+&ä", "https://mail.contoso.com/exchange/"},
	{"a browser of today", `POST /exchweb/bin/auth/owaauth.dll HTTP/1.1
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
Origin: https://mail.contoso.com
Sec-Fetch-Site: same-origin
Content-Type: application/x-www-form-urlencoded

destination=https%3A%2F%2Fmail.contoso.com%2Fpublic%2F&flags=0&shown=1&username=ma+ry&password=p%2B%26%C3%A4&trusted=0&SubmitCreds=Log+On`,
		"ma ry:p+&ä", "https://mail.contoso.com/public/"},
	{"a script that says and escapes little", `POST //ExchWeb/bin/auth/OWAAUTH.DLL HTTP/1.1

username=CONTOSO\mary&password=p%2b%26` + "\xc3\xa4", `CONTOSO\mary:p+&ä`, "https://mail.contoso.com/public/"},
}

func TestClientsLogIn(t *testing.T) {
	for _, test := range logIns {
		t.Run(test.client, func(t *testing.T) {
			d := newDoor(t, forms.Config{Only: true})
			response, body := ask(t, d, test.request, "")
			if response.StatusCode != http.StatusFound || body != "" {
				t.Fatalf("%s %s", response.Status, body)
			}
			if len(d.tried) != 1 || d.tried[0] != test.tried {
				t.Errorf("checked %q, want %q", d.tried, test.tried)
			}
			if got := response.Header.Get("Location"); got != test.location {
				t.Errorf("Location: %s, want %s", got, test.location)
			}
			set := response.Header["Set-Cookie"]
			if len(set) != 2 || !sessionID.MatchString(set[0]) || !cadata.MatchString(set[1]) {
				t.Errorf("Set-Cookie: %q", set)
			}
			expect(t, d, jar(response), http.StatusOK)
			expect(t, d, strings.ReplaceAll(jar(response), `"`, ""), http.StatusOK)
			expect(t, d, strings.ReplaceAll(jar(response), ",0x409", ""), http.StatusOK)
			expect(t, d, "UserContext=1; "+jar(response)+"; other=2", http.StatusOK)
			expect(t, d, "", 440)
		})
		t.Run(test.client+" with a wrong password", func(t *testing.T) {
			d := newDoor(t, forms.Config{Only: true})
			response, body := ask(t, d, strings.Replace(test.request, "%26", "%27", 1), "")
			if test.client == "DavMail" {
				want := "https://mail.contoso.com/exchweb/bin/auth/owalogon.asp?url=https%3A%2F%2Fmail.contoso.com%2Fexchange%2F&reason=2"
				if location := response.Header.Get("Location"); response.StatusCode != http.StatusFound || location != want || len(response.Header["Set-Cookie"]) > 0 {
					t.Errorf("%s %v", response.Status, response.Header)
				}
				return
			}
			if response.StatusCode != http.StatusForbidden || len(response.Header["Set-Cookie"]) > 0 || response.Header.Get("Www-Authenticate") != "" {
				t.Errorf("%s %v", response.Status, response.Header)
			}
			if !strings.Contains(body, `role="alert"`) || !strings.Contains(body, "not correct") || !strings.Contains(body, `action="/exchweb/bin/auth/owaauth.dll"`) {
				t.Errorf("there is no form to try again:\n%s", body)
			}
			if strings.Contains(body, "SSL") {
				t.Error("Evolution would try again by https")
			}
			if strings.Contains(body, "p+") {
				t.Error("the password is in the page")
			}
		})
	}
}

// input returns the value of a hidden field.
func input(t *testing.T, page, name string) string {
	t.Helper()
	match := regexp.MustCompile(`<input type="hidden" name="` + name + `" value="([^"]*)">`).FindStringSubmatch(page)
	if match == nil {
		t.Fatalf("no field %s in:\n%s", name, page)
	}
	return match[1]
}

// Evolution asks, is told that there is no session, looks for the form where the mailbox
// is, and fills it in.
func TestEvolutionFindsForm(t *testing.T) {
	d := newDoor(t, forms.Config{Only: true})
	const agent = "\nUser-Agent: MSIE 6.0b (Windows NT 5.0; compatible; Evolution/2.30)"
	if response, _ := ask(t, d, freeBusy+agent, ""); response.StatusCode != 440 {
		t.Fatal(response.Status)
	}
	response, _ := ask(t, d, "GET /exchange/mary HTTP/1.1"+agent, "")
	location := response.Header.Get("Location")
	if response.StatusCode != http.StatusFound || !strings.Contains(location, "/owalogon.asp") {
		t.Fatalf("%s to %q", response.Status, location)
	}
	if want := "https://mail.contoso.com/exchweb/bin/auth/owalogon.asp?url=https%3A%2F%2Fmail.contoso.com%2Fexchange%2Fmary&reason=0"; location != want {
		t.Errorf("Location: %s, want %s", location, want)
	}
	response, page := ask(t, d, "GET "+strings.TrimPrefix(location, "https://"+host)+" HTTP/1.1"+agent, "")
	if response.StatusCode != http.StatusOK || input(t, page, "destination") != "https://mail.contoso.com/exchange/mary" || input(t, page, "flags") != "0" {
		t.Errorf("%s\n%s", response.Status, page)
	}
	if strings.Count(page, "<form ") != 1 || !strings.Contains(page, `method="post" action="/exchweb/bin/auth/owaauth.dll"`) {
		t.Errorf("the form cannot be sent:\n%s", page)
	}
}

const (
	browser = "\nAccept: text/html,application/xhtml+xml"
	ie6     = "\nAccept: image/gif, */*\nUser-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)"
	stale   = `sessionid=fbb50caf-381a-4f85-9582-a7a902b4561f,0x409; cadata="2,8JOrhv"`
)

func TestChallenge(t *testing.T) {
	for _, test := range []struct {
		name, request, cookies string
		only, others           int // the status without other ways to log in, and with some
	}{
		{"free/busy", freeBusy, "", 440, 401},
		{"free/busy after the session", freeBusy, stale, 440, 440},
		{"free/busy in a browser", freeBusy + browser, "", 440, 401},
		{"free/busy in an old one", freeBusy + ie6, stale, 440, 440},
		{"a write", "PROPPATCH /public/NON_IPM_SUBTREE/ HTTP/1.1" + browser, "", 440, 401},
		{"a write after the session", "PROPPATCH /public/NON_IPM_SUBTREE/ HTTP/1.1", stale, 440, 440},
		{"another application's session", freeBusy, "sessionid=abc", 440, 401},
		{"half a session", freeBusy, `cadata="2,8JOrhv"`, 440, 440},
		{"a browser", "GET /public/ HTTP/1.1" + browser, "", 302, 302},
		{"a browser at the root", "GET / HTTP/1.1" + browser, "", 302, 302},
		{"a browser after the session", "GET /Exchange HTTP/1.1" + browser, stale, 302, 302},
		{"an old browser", "GET /public/ HTTP/1.1" + ie6, "", 302, 302},
		{"a browser elsewhere", "GET /freebusy/mary.vfb HTTP/1.1" + browser, "", 440, 401},
		{"a browser that tries another way", "GET /public/ HTTP/1.1\nAuthorization: Basic eDp5" + browser, "", 440, 401},
		{"a program that wants no page", "GET /exchange/mary/ HTTP/1.1\nTranslate: f" + ie6, "", 440, 401},
		{"a program that looks for a mailbox", "GET /exchange/mary/ HTTP/1.1", "", 302, 401},
		{"a program that looks for people", "GET /exchange/mary/?Cmd=galfind&AN=joe HTTP/1.1" + ie6, "", 440, 401},
		{"a program that looks at folders", "GET /public/ HTTP/1.1", "", 440, 401},
	} {
		for only, want := range map[bool]int{true: test.only, false: test.others} {
			response, _ := ask(t, newDoor(t, forms.Config{Only: only}), test.request, test.cookies)
			if response.StatusCode != want {
				t.Errorf("%s, only %t: %s, want %d", test.name, only, response.Status, want)
			}
			switch response.StatusCode {
			case 440:
				want := "sessionid=; path=/; expires=Thu, 01-Jan-1970 00:00:00 GMT cadata=; path=/; expires=Thu, 01-Jan-1970 00:00:00 GMT"
				if got := strings.Join(response.Header["Set-Cookie"], " "); got != want || response.Header.Get("Connection") != "close" {
					t.Errorf("%s: %v", test.name, response.Header)
				}
			case 302:
				location := response.Header.Get("Location")
				if strings.HasSuffix(location, "&reason=3") != (test.cookies != "") || len(response.Header["Set-Cookie"]) > 0 != (test.cookies != "") {
					t.Errorf("%s: %v", test.name, response.Header)
				}
			}
		}
	}
}

// A client that keeps cookies by the rules of today, and follows redirects, over a real
// connection.
func TestCookieJar(t *testing.T) {
	d := newDoor(t, forms.Config{Only: true})
	server := httptest.NewTLSServer(d)
	t.Cleanup(server.Close)
	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	get := func(path string, accept string) (status int, at, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		return finish(t, client, r)
	}
	status, at, page := get("/public/mary?a=b&c", "text/html")
	if status != 200 || at != "/exchweb/bin/auth/owalogon.asp" {
		t.Fatalf("%d at %s", status, at)
	}
	filled := url.Values{"username": {"mary"}, "password": {"p+&ä"}, "SubmitCreds": {"Log On"}}
	for _, name := range []string{"destination", "flags", "shown"} {
		filled.Set(name, html.UnescapeString(input(t, page, name)))
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/exchweb/bin/auth/owaauth.dll", strings.NewReader(filled.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", server.URL)
	if status, at, body := finish(t, client, r); status != 200 || at != "/public/mary?a=b&c" || body != isMary {
		t.Fatalf("%d at %s: %s", status, at, body)
	}
	if status, _, body := get("/public/?Cmd=freebusy", "*/*"); status != 200 || body != isMary {
		t.Errorf("%d %s", status, body)
	}
	if status, at, page := get("/exchange/?Cmd=logoff", "text/html"); status != 200 || at != "/exchweb/bin/auth/owalogon.asp" || !strings.Contains(page, "You have logged off.") {
		t.Errorf("%d at %s: %s", status, at, page)
	}
	if status, _, _ := get("/public/?Cmd=freebusy", "*/*"); status != 440 {
		t.Errorf("after it logged off: %d", status)
	}
}

// finish sends a request and returns what became of it at the end, and where: without
// its query at the form.
func finish(t *testing.T, client *http.Client, r *http.Request) (status int, at, body string) {
	t.Helper()
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	at = response.Request.URL.RequestURI()
	if strings.HasSuffix(response.Request.URL.Path, ".asp") {
		at = response.Request.URL.Path
	}
	return response.StatusCode, at, string(text)
}
