package forms_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/davfb/login/forms"
)

const host = "mail.contoso.com"

// door is a Handler and, behind it, a page that says to whoever comes in who they are.
type door struct {
	*forms.Handler
	tried []string // names and passwords that were checked
}

func newDoor(t *testing.T, c forms.Config) *door {
	t.Helper()
	d := new(door)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Check == nil {
		c.Check = d.check
	}
	var err error
	if d.Handler, err = forms.New(c); err != nil {
		t.Fatal(err)
	}
	return d
}

var mary = availability.Requester{Name: "mary", Mailbox: "mary@contoso.com", Groups: []string{"cn=sales,dc=contoso,dc=com", "s-1-5-21-1"}}

// check knows mary in all the ways to write her, by the password p+&ä.
func (d *door) check(_ *http.Request, name, password string) (availability.Requester, error) {
	d.tried = append(d.tried, name+":"+password)
	switch {
	case name == "locked":
		return availability.Requester{}, &face.Refusal{Status: http.StatusTooManyRequests, Text: "Come again in a minute.", RetryAfter: 59500e6}
	case name == "broken":
		return availability.Requester{}, fmt.Errorf("the directory at 192.0.2.1 is away")
	case password == "p+&ä" && slices.Contains([]string{"mary", `CONTOSO\mary`, "mary@contoso.com", "ma+ry", "ma ry"}, name):
		return mary, nil
	}
	return availability.Requester{}, &face.Refusal{Status: http.StatusUnauthorized, Text: "wrong", Challenge: `Basic realm="x"`}
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.Matches(r) {
		d.Handler.ServeHTTP(w, r)
		return
	}
	who, ok, err := d.Identify(w, r)
	if err != nil {
		err.(*face.Refusal).Respond(w)
		return
	}
	if !ok {
		w.WriteHeader(cmp.Or(d.Challenge(w.Header(), r), http.StatusUnauthorized))
		return
	}
	fmt.Fprintf(w, "%s %s %q", who.Name, who.Mailbox, who.Groups)
}

const isMary = `mary mary@contoso.com ["cn=sales,dc=contoso,dc=com" "s-1-5-21-1"]`

// request reads one as a client writes it, but for its length and line ends; "cookies"
// stands for those it has. It came by https.
func request(t testing.TB, text, cookies string) *http.Request {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	head = strings.TrimSpace(head) + "\nHost: " + host
	if cookies != "" {
		head += "\nCookie: " + cookies
	}
	if body != "" {
		head += fmt.Sprintf("\nContent-Length: %d", len(body))
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body)))
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	r.TLS, r.RemoteAddr = new(tls.ConnectionState), "192.0.2.7:1234"
	return r
}

// ask sends a request.
func ask(t testing.TB, h http.Handler, text, cookies string) (response *http.Response, body string) {
	t.Helper()
	return send(t, h, request(t, text, cookies))
}

func send(t testing.TB, h http.Handler, r *http.Request) (response *http.Response, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	response = w.Result()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// jar joins the cookies of an answer as Evolution and Zimbra do: what stands before the
// first semicolon of each.
func jar(response *http.Response) string {
	var all []string
	for _, c := range response.Header["Set-Cookie"] {
		pair, _, _ := strings.Cut(c, ";")
		all = append(all, pair)
	}
	return strings.Join(all, "; ")
}

const logOn = `POST /exchweb/bin/auth/owaauth.dll HTTP/1.1
Content-Type: application/x-www-form-urlencoded

destination=https%3A%2F%2Fmail.contoso.com%2Fexchange%2F&flags=0&username=mary&password=p%2B%26%C3%A4&SubmitCreds=Log+On&trusted=`

// enter returns the cookies of mary, on her own computer or another.
func enter(t testing.TB, h http.Handler, trusted string) (cookies string) {
	t.Helper()
	response, body := ask(t, h, logOn+trusted, "")
	if response.StatusCode != http.StatusFound {
		t.Fatalf("log-in: %s %s", response.Status, body)
	}
	return jar(response)
}

const freeBusy = "GET /public/?Cmd=freebusy&start=2009-10-28T00:00:00Z&end=2009-10-29T00:00:00Z&interval=30&u=SMTP:mary@contoso.com HTTP/1.1"

func expect(t *testing.T, h http.Handler, cookies string, status int) {
	t.Helper()
	response, body := ask(t, h, freeBusy, cookies)
	if response.StatusCode != status || status == http.StatusOK && body != isMary {
		t.Errorf("%s %q, want %d", response.Status, body, status)
	}
}

func TestKeyIsNeededOrMade(t *testing.T) {
	for name, key := range map[string]func() ([]byte, error){
		"short":    func() ([]byte, error) { return make([]byte, 31), nil },
		"unusable": func() ([]byte, error) { return nil, context.Canceled },
	} {
		if _, err := forms.New(forms.Config{Key: key}); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			t.Log(err)
		}
	}
	a, b := newDoor(t, forms.Config{}), newDoor(t, forms.Config{})
	expect(t, a, enter(t, a, "0"), http.StatusOK)
	expect(t, b, enter(t, a, "0"), 440)
}
