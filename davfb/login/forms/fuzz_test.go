package forms_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/davfb/login/forms"
)

// Whatever comes as a form, nobody is asked about what is not a name and a password,
// and it leads nowhere else.
func FuzzForm(f *testing.F) {
	for _, test := range logIns {
		_, body, _ := strings.Cut(test.request, "\n\n")
		f.Add(body, "x-www-form-urlencoded")
	}
	for _, test := range destinations {
		f.Add("username=a&password=b&destination="+url.QueryEscape(test.wanted), "application/x-www-form-urlencoded; charset=utf-8")
	}
	f.Add("shown=1&username=a&password=bb&destination=//evil", "")
	f.Add("username=%&password=%4&password=%zz&&=&==", "")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		in := false
		d := newDoor(t, forms.Config{Check: func(_ *http.Request, name, password string) (availability.Requester, error) {
			if name == "" || password == "" || len(name) > 256 || len(password) > 1024 || !utf8.ValidString(name+password) || strings.ContainsAny(name, "\x00\r\n") {
				t.Errorf("checked %q %q", name, password)
			}
			if in = len(password)%2 == 1; !in {
				return availability.Requester{}, &face.Refusal{Status: http.StatusUnauthorized, Text: "wrong"}
			}
			return mary, nil
		}})
		r := request(t, "POST /exchweb/bin/auth/owaauth.dll HTTP/1.1\n\n"+body, "")
		r.Header["Content-Type"] = []string{contentType}
		response, page := send(t, d, r)
		if in {
			location, err := url.Parse(response.Header.Get("Location"))
			if response.StatusCode != http.StatusFound || err != nil || location.Scheme != "https" || location.Host != host || location.User != nil || strings.ContainsAny(location.String(), "\\\r\n\t ") {
				t.Errorf("%s %v", response.Status, response.Header)
			}
			return
		}
		if response.StatusCode == http.StatusFound && strings.Contains(body, "shown") && len(response.Header["Set-Cookie"]) == 0 &&
			strings.HasPrefix(response.Header.Get("Location"), "https://"+host+"/exchweb/bin/auth/owalogon.asp?") && strings.HasSuffix(response.Header.Get("Location"), "&reason=2") {
			return
		}
		if response.StatusCode < 400 || response.StatusCode > 499 || len(response.Header["Set-Cookie"]) > 0 || strings.Count(page, "<form") != 1 || strings.Contains(page, "<script") {
			t.Errorf("%s %v\n%s", response.Status, response.Header, page)
		}
	})
}

// Nothing but what was given is a session.
func FuzzCookies(f *testing.F) {
	var d *door
	f.Add("sessionid=fbb50caf-381a-4f85-9582-a7a902b4561f,0x409; cadata=\"2,8JOrhv\"")
	f.Add("sessionid=fbb50caf-381a-4f85-9582-a7a902b4561f,0x409; cadata=2,")
	f.Add("sessionid=; cadata=\"2,\"; cadata=; sessionid=a")
	f.Add("sessionid=a; cadata=" + strings.Repeat("A", 5000))
	f.Fuzz(func(t *testing.T, cookies string) {
		if d == nil {
			d = newDoor(t, forms.Config{})
		}
		r := request(t, freeBusy, "")
		r.Header["Cookie"] = []string{cookies}
		if response, _ := send(t, d, r); response.StatusCode != 401 && response.StatusCode != 440 {
			t.Errorf("%s for %q", response.Status, cookies)
		}
	})
}
