package passthrough_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"fbgate/availability/credential"
	"fbgate/availability/exchangetest/authtest"
	"fbgate/davfb/passthrough"
)

var svc = authtest.Samba{Domain: "FABRIKAM", Username: "svc", Password: "secret"}

// echo answers with what it was sent, and by whom.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s: %s\n", authtest.User(r), body)
})

// startNTLM serves a handler that demands NTLM and returns its URL.
func startNTLM(t *testing.T, handler *authtest.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnContext = handler.ConnContext
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// account returns a client that logs in by NTLM on connections of its own.
func account(t *testing.T, user, password string) http.RoundTripper {
	kind := credential.NTLM{Username: user, Password: func() (string, error) { return password, nil }}
	return credential.New(kind, func(*url.URL) bool { return true }).Transport(func(most int) http.RoundTripper {
		transport := &http.Transport{MaxConnsPerHost: most}
		t.Cleanup(transport.CloseIdleConnections)
		return transport
	})
}

func post(t *testing.T, client http.RoundTripper, address, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/public/x", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.RoundTrip(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, strings.TrimSpace(string(answer))
}

// Samba is the judge, and both curl and fbgate's own NTLM are clients.
func TestNTLM(t *testing.T) {
	server := authtest.NTLM(echo, svc.Start(t))
	gateway := startGateway(t, passthrough.Config{URL: startNTLM(t, server)})

	t.Run("fbgate", func(t *testing.T) {
		client := account(t, `FABRIKAM\svc`, svc.Password)
		before := server.Counts()
		for range 3 {
			if status, body := post(t, client, gateway, "question"); status != http.StatusOK || body != `FABRIKAM\svc: question` {
				t.Errorf("%d %q", status, body)
			}
		}
		if after := server.Counts(); after.Accepted-before.Accepted != 1 || after.Connections-before.Connections != 1 {
			t.Errorf("%+v after %+v: one log-in should do", after, before)
		}
		if status, _ := post(t, http.DefaultTransport, gateway, "question"); status != http.StatusUnauthorized {
			t.Errorf("whoever has not logged in gets %d", status)
		}
		if status, _ := post(t, account(t, `FABRIKAM\svc`, "wrong"), gateway, "question"); status != http.StatusUnauthorized {
			t.Errorf("a wrong password gets %d", status)
		}
	})

	t.Run("curl", func(t *testing.T) {
		version, err := exec.Command("curl", "--version").Output()
		if err != nil || !strings.Contains(string(version), "NTLM") {
			t.Skip("curl is not installed, or without NTLM")
		}
		before, url := server.Counts(), "http://"+gateway+"/public/x"
		out, err := exec.Command("curl", "-sf", "--noproxy", "*", "--ntlm", "-u", `FABRIKAM\svc:secret`, "-X", "SEARCH", "-d", strings.Repeat("x", 5000), url, url, url).Output()
		if want := strings.Repeat(`FABRIKAM\svc: `+strings.Repeat("x", 5000)+"\n", 3); err != nil || string(out) != want {
			t.Errorf("%v: %.100q", err, out)
		}
		if after := server.Counts(); after.Accepted-before.Accepted != 1 || after.Connections-before.Connections != 1 {
			t.Errorf("%+v after %+v: one log-in should do", after, before)
		}
		if out, err := exec.Command("curl", "-sf", "--noproxy", "*", "--ntlm", "-u", `FABRIKAM\svc:wrong`, url).Output(); err == nil {
			t.Errorf("a wrong password was accepted: %s", out)
		}
	})
}

// believing takes whoever says who he is.
type believing struct{}

func (believing) Challenge([]byte) ([]byte, error) {
	b := append([]byte("NTLMSSP\x00\x02\x00\x00\x00"), 0, 0, 0, 0, 56, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, 0xa28a8205)
	b = append(b, "nonce678"...)
	b = append(b, make([]byte, 8)...)
	info := []byte{7, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0} // the time, and the end
	b = append(b, byte(len(info)), 0, byte(len(info)), 0, 56, 0, 0, 0)
	b = append(b, 6, 1, 0, 0, 0, 0, 0, 15)
	return append(b, info...), nil
}

func (believing) Authenticate(message []byte) (string, error) {
	if len(message) < 44 {
		return "", errors.New("too short")
	}
	length, offset := int(binary.LittleEndian.Uint16(message[36:])), int(binary.LittleEndian.Uint32(message[40:]))
	var user []uint16
	for name := message[offset : offset+length]; len(name) >= 2; name = name[2:] {
		user = append(user, binary.LittleEndian.Uint16(name))
	}
	return string(utf16.Decode(user)), nil
}

// Many users at once, who come and go, never see anything as somebody else; nor does
// anybody who has not logged in.
func TestNobodyIsTakenForAnother(t *testing.T) {
	server := authtest.NTLM(echo, func() (authtest.Verifier, error) { return believing{}, nil })
	gateway := startGateway(t, passthrough.Config{URL: startNTLM(t, server)})
	const users = 12
	var all sync.WaitGroup
	for n := range users {
		all.Go(func() {
			user := fmt.Sprintf("user%d", n)
			for range 4 {
				client := account(t, user, "any")
				for range 5 {
					if status, body := post(t, client, gateway, user); status != http.StatusOK || body != user+": "+user {
						t.Errorf("to %s: %d %q", user, status, body)
					}
				}
			}
		})
		all.Go(func() {
			nobody := &http.Transport{}
			defer nobody.CloseIdleConnections()
			for range 40 {
				if status, body := post(t, nobody, gateway, "x"); status != http.StatusUnauthorized {
					t.Errorf("to nobody: %d %q", status, body)
				}
			}
		})
	}
	all.Wait()
	if counts := server.Counts(); counts.Accepted != users*4 || counts.Connections < users*5 {
		t.Errorf("%+v", counts)
	}
}

// A log-in that is broken off on one connection cannot be finished on another.
func TestHandshakeStaysOnItsConnection(t *testing.T) {
	server := authtest.NTLM(echo, func() (authtest.Verifier, error) { return believing{}, nil })
	gateway := startGateway(t, passthrough.Config{URL: startNTLM(t, server)})
	message := func(kind byte) string {
		b := append([]byte("NTLMSSP\x00"), kind, 0, 0, 0)
		return "Authorization: NTLM " + base64.StdEncoding.EncodeToString(append(b, make([]byte, 60)...)) + "\r\n"
	}
	const line = "GET /public/x HTTP/1.1\r\nHost: mail\r\nConnection: close\r\n"
	if got := string(exchange(t, gateway, line+message(1)+"\r\n")); !strings.Contains(got, "\r\nWWW-Authenticate: NTLM ") {
		t.Fatalf("no challenge: %.300q", got)
	}
	if got := string(exchange(t, gateway, line+message(3)+"\r\n")); !strings.HasPrefix(got, "HTTP/1.1 401 ") {
		t.Errorf("%.300q", got)
	}
	if counts := server.Counts(); counts.Connections != 2 || counts.Accepted != 0 {
		t.Errorf("%+v", counts)
	}
}
