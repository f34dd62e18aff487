package login_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"fbgate/davfb/face"
	"fbgate/davfb/login"
)

// says is what a server behind answers everybody.
func says(status int, shown string, err error) func(*http.Request) (*http.Response, string, error) {
	return func(*http.Request) (*http.Response, string, error) {
		if err != nil {
			return nil, "", err
		}
		header := http.Header{"Www-Authenticate": {"NTLM"}, "X-Secret": {"inside"}}
		return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: header, Body: io.NopCloser(strings.NewReader("said"))}, shown, nil
	}
}

// authenticate is an NTLM message of who has this name, in UTF-16 or, as old clients
// write, in bytes.
func authenticate(domain, user string, wide bool) []byte {
	m := append([]byte("NTLMSSP\x00\x03\x00\x00\x00"), make([]byte, 52)...)
	put := func(at int, text string) {
		field := []byte(text)
		if wide {
			field = nil
			for _, unit := range utf16.Encode([]rune(text)) {
				field = binary.LittleEndian.AppendUint16(field, unit)
			}
		}
		binary.LittleEndian.PutUint16(m[at:], uint16(len(field)))
		binary.LittleEndian.PutUint32(m[at+4:], uint32(len(m)))
		m = append(m, field...)
	}
	put(28, domain)
	put(36, user)
	if wide {
		m[60] = 1
	}
	return m
}

func ntlm(message []byte) string { return "NTLM " + base64.StdEncoding.EncodeToString(message) }

func negotiates(token []byte) string { return "Negotiate " + base64.StdEncoding.EncodeToString(token) }

// element is one of DER.
func element(tag byte, content ...[]byte) []byte {
	all := bytes.Join(content, nil)
	switch {
	case len(all) < 128:
		return append([]byte{tag, byte(len(all))}, all...)
	case len(all) < 256:
		return append([]byte{tag, 0x81, byte(len(all))}, all...)
	}
	return append([]byte{tag, 0x82, byte(len(all) >> 8), byte(len(all))}, all...)
}

// spnego is a NegTokenResp (RFC 4178, 4.2.2), and field one of its fields.
func spnego(fields ...[]byte) []byte { return element(0xa1, element(0x30, fields...)) }

func field(tag byte, token []byte) []byte { return element(0xa0+tag, element(4, token)) }

func TestBehind(t *testing.T) {
	for _, test := range []struct {
		name   string
		behind login.Behind
		status int
		body   string
	}{
		{"nameless", login.Behind{Ask: says(207, "", nil)}, 200, " from 192.0.2.1"},
		{"Basic", login.Behind{Ask: says(207, "Basic am9lOnNlY3JldA==", nil)}, 200, "joe from 192.0.2.1"},
		{"NTLM", login.Behind{Ask: says(207, ntlm(authenticate("CONTOSO", "märy", true)), nil)}, 200, `CONTOSO\märy from 192.0.2.1`},
		{"Negotiate", login.Behind{Ask: says(207, "Negotiate YII=", nil)}, 200, " from 192.0.2.1"},
		{"NTLM in Negotiate", login.Behind{Ask: says(207, negotiates(spnego(field(2, authenticate("CONTOSO", "mary", true)))), nil)}, 200, `CONTOSO\mary from 192.0.2.1`},
		{"refused", login.Behind{Ask: says(401, "", nil)}, 401, "said"},
		{"sent to a page", login.Behind{Ask: says(302, "", nil)}, 403, "said"},
		{"session over", login.Behind{Ask: says(440, "", nil)}, 440, "said"},
		{"silent", login.Behind{Ask: says(0, "", errors.New("the secret reason"))}, 503, "does not answer"},
		{"open", login.Behind{Ask: says(0, "", &face.Refusal{Status: 503, Text: "Everybody may."})}, 503, "Everybody may."},
	} {
		w := httptest.NewRecorder()
		login.New(login.Config{Methods: []login.Method{test.behind}, Log: quiet()}).Handler(inside).ServeHTTP(w, from("192.0.2.1"))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.body) || strings.HasPrefix(test.body, " ") && !strings.HasPrefix(w.Body.String(), test.body) {
			t.Errorf("%s: %d %s", test.name, w.Code, w.Body)
		}
		if got := w.Header().Get("WWW-Authenticate"); got != "" != (test.body == "said") || w.Header().Get("X-Secret") != "" {
			t.Errorf("%s: %v", test.name, w.Header())
		}
	}
}

// A server that takes its time does not keep the client.
func TestBehindIsSlow(t *testing.T) {
	for name, behind := range map[string]login.Behind{
		"a second":    {Timeout: time.Second},
		"the default": {},
	} {
		synctest.Test(t, func(t *testing.T) {
			behind.Ask = func(r *http.Request) (*http.Response, string, error) {
				<-r.Context().Done()
				return nil, "", r.Context().Err()
			}
			begun, w := time.Now(), httptest.NewRecorder()
			login.New(login.Config{Methods: []login.Method{behind}, Log: quiet()}).Handler(inside).ServeHTTP(w, from("192.0.2.1"))
			want := behind.Timeout
			if want == 0 {
				want = 10 * time.Second
			}
			if took := time.Since(begun); w.Code != 503 || took != want || w.Header().Get("Retry-After") == "" {
				t.Errorf("%s: %d after %v", name, w.Code, took)
			}
		})
	}
}

// The server is asked about those alone of whom it could tell something.
func TestBehindIsNotAskedInVain(t *testing.T) {
	for _, test := range []struct {
		name   string
		gate   login.Config
		header []string
		known  bool
		asked  bool
	}{
		{"a stranger", login.Config{}, nil, false, true},
		{"from the network", login.Config{Networks: proxies("192.0.2.0/24")}, nil, false, false},
		{"anybody", login.Config{Anonymous: true}, nil, false, false},
		{"anybody with a password", login.Config{Anonymous: true}, []string{"Authorization", "Basic am9lOnNlY3JldA=="}, false, true},
		{"anybody with a cookie", login.Config{Anonymous: true}, []string{"Cookie", "a=b"}, false, true},
		{"anybody who is known", login.Config{Anonymous: true}, nil, true, true},
	} {
		asked := false
		test.gate.Methods = []login.Method{login.Behind{
			Ask: func(r *http.Request) (*http.Response, string, error) {
				asked = true
				return says(207, "", nil)(r)
			},
			Knows: func(*http.Request) bool { return test.known },
		}}
		test.gate.Log = quiet()
		w := httptest.NewRecorder()
		login.New(test.gate).Handler(inside).ServeHTTP(w, request("GET", "https://x/", "192.0.2.1:1", test.header...))
		if w.Code != 200 || asked != test.asked {
			t.Errorf("%s: %d, asked: %v", test.name, w.Code, asked)
		}
	}
}

func TestShownName(t *testing.T) {
	whole := authenticate("CONTOSO", "mary", true)
	far := authenticate("CONTOSO", "mary", true)
	binary.LittleEndian.PutUint32(far[40:], 1<<32-1)
	long := authenticate("CONTOSO", strings.Repeat("m", 200), true)
	odd, lost := authenticate("CONTOSO", "mary", true), authenticate("CONTOSO", "mary", true)
	odd[36]--
	binary.LittleEndian.PutUint32(lost[32:], 1<<32-1)
	boss, state := authenticate("CONTOSO", "boss", true), element(0xa0, element(10, []byte{1}))
	for shown, want := range map[string]string{
		"":                       "",
		"Basic %":                "",
		"Basic am9lOnNlY3JldA==": "joe",
		"NTLM %":                 "",
		ntlm(whole):              `CONTOSO\mary`,
		"ntlm" + strings.TrimPrefix(ntlm(whole), "NTLM"): `CONTOSO\mary`,
		ntlm(whole[:len(whole)-1]):                       "",
		ntlm(whole[:60]):                                 "",
		ntlm(far):                                        "",
		ntlm(authenticate("", "mary", true)):             "mary",
		ntlm(authenticate("CONTOSO", "", true)):          "",
		ntlm(authenticate("OLD", "mary", false)):         `OLD\mary`,
		ntlm([]byte("NTLMSSP\x00\x01\x00\x00\x00")):      "",
		ntlm(odd):  "",
		ntlm(lost): "",
		ntlm(authenticate("OLD", "m\xe4ry", false)):                   "", // and not mry
		ntlm(authenticate("CONTOSO", "mary\n", true)):                 "",
		ntlm(authenticate("CONTOSO", strings.Repeat("m", 300), true)): "",
		negotiates(whole):                   `CONTOSO\mary`,
		negotiates(spnego(field(2, whole))): `CONTOSO\mary`,
		negotiates(spnego(state, field(2, whole), field(3, []byte("mic")))): `CONTOSO\mary`,
		negotiates(spnego(field(2, whole), field(2, boss))):                 "",
		negotiates(spnego(field(3, whole), field(2, boss))):                 "",
		negotiates(spnego(state, field(2, long))):                           `CONTOSO\` + strings.Repeat("m", 200),
		negotiates(spnego(field(3, whole))):                                 "",
		negotiates(spnego(field(2, whole), field(4, boss))):                 "",
		negotiates(spnego(field(2, append(whole, 0)))):                      `CONTOSO\mary`,
		negotiates(append(spnego(field(2, whole)), 0)):                      "",
		negotiates(spnego(field(2, whole))[2:]):                             "",
		negotiates(spnego(state)):                                           "",
		negotiates(spnego()):                                                "",
		negotiates([]byte{0xa1, 0x80, 0x30, 0x80, 0, 0, 0, 0}):              "",
		negotiates(nil):                              "",
		"Negotiate":                                  "",
		"Digest " + negotiates(whole)[10:]:           "",
		ntlm(append(whole, make([]byte, 64<<10)...)): "",
	} {
		if got := login.ShownName(shown); got != want {
			t.Errorf("%q: %q, want %q", shown, got, want)
		}
	}
}

// Whatever a client shows, its name is text that it has shown, or none.
func FuzzShownName(f *testing.F) {
	f.Add("Basic", []byte("joe:secret"))
	f.Add("NTLM", authenticate("CONTOSO", "mary", true))
	f.Add("ntlm", authenticate("OLD", "mary", false))
	f.Add("Negotiate", authenticate("CONTOSO", "mary", true))
	f.Add("Negotiate", spnego(field(2, authenticate("CONTOSO", "mary", true))))
	f.Add("Negotiate", spnego(element(0xa0, element(10, []byte{1})), field(2, authenticate("CONTOSO", "mary", true)), field(3, []byte("mic"))))
	f.Add("NTLM", authenticate("\ufffd", "x", true))
	f.Fuzz(func(t *testing.T, scheme string, message []byte) {
		name := login.ShownName(scheme + " " + base64.StdEncoding.EncodeToString(message))
		switch {
		case name == "":
		case strings.EqualFold(scheme, "Basic"):
			if before, _, _ := strings.Cut(string(message), ":"); before != name {
				t.Errorf("%q of %q", name, message)
			}
		case !strings.EqualFold(scheme, "NTLM") && !strings.EqualFold(scheme, "Negotiate"),
			!utf8.ValidString(name), len(name) > 256, bytes.Count(message, []byte("NTLMSSP\x00\x03\x00\x00\x00")) == 0:
			t.Errorf("%q of %s %q", name, scheme, message)
		case !bytes.HasPrefix(message, []byte("NTLMSSP\x00")) && message[0] != 0xa1:
			t.Errorf("%q of what is no NegTokenResp: %q", name, message)
		}
	})
}
