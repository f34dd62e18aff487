package upstream_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
)

// call asks a server once.
func call(t *testing.T, c *upstream.Client, handle http.HandlerFunc) (*upstream.Reply, error) {
	t.Helper()
	server := httptest.NewServer(handle)
	defer server.Close()
	defer server.CloseClientConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("question"))
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(availability.Query{RequestID: "r1"}, r)
}

func TestRequestSaysWhoAsks(t *testing.T) {
	var got http.Header
	reply, err := call(t, &upstream.Client{UserAgent: "fbgate/1"}, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		_, _ = io.WriteString(w, "answer")
	})
	if err != nil || string(reply.Body) != "answer" || reply.Refusal() != nil {
		t.Fatal(reply, err)
	}
	for name, want := range map[string]string{"User-Agent": "fbgate/1", "Client-Request-Id": "r1"} {
		if got.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Get(name), want)
		}
	}
}

// What each status means, how far it reaches, and whether another try may help.
func TestRefusal(t *testing.T) {
	for status, want := range map[int]struct {
		code  availability.Code
		again bool
	}{
		301: {availability.WrongEndpoint, false}, 302: {availability.WrongEndpoint, false}, 304: {availability.WrongEndpoint, false},
		308: {availability.WrongEndpoint, false}, 400: {availability.WrongEndpoint, false}, 401: {availability.Unauthorized, false},
		403: {availability.Forbidden, false}, 404: {availability.WrongEndpoint, false}, 405: {availability.WrongEndpoint, false},
		407: {availability.Unreachable, false}, 410: {availability.WrongEndpoint, false}, 413: {availability.RequestRejected, false},
		414: {availability.RequestRejected, false}, 415: {availability.WrongEndpoint, false}, 429: {availability.Throttled, false},
		440: {availability.Unauthorized, false}, 500: {availability.UpstreamFailure, true}, 502: {availability.UpstreamFailure, true},
		503: {availability.UpstreamFailure, true}, 504: {availability.Timeout, false}, 507: {availability.UpstreamFailure, false},
		204: {availability.BadResponse, false},
	} {
		reply, err := call(t, &upstream.Client{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if err != nil {
			t.Errorf("%d: %v", status, err)
			continue
		}
		r := reply.Refusal()
		if r == nil || r.Code != want.code || r.Again != want.again || r.Scope != availability.OfServer {
			t.Errorf("%d: %+v, want %+v", status, r, want)
		}
	}
}

func TestRetryAfterMakesABusyServerThrottle(t *testing.T) {
	reply, err := call(t, &upstream.Client{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "90")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := reply.Refusal(); r.Code != availability.Throttled || r.RetryAfter != 90*time.Second || r.Again {
		t.Errorf("%+v", r)
	}
}

func TestReplyIsBounded(t *testing.T) {
	_, err := call(t, &upstream.Client{MaxBytes: 1000}, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1001))
	})
	if r := availability.ReasonFor(err); r.Code != availability.BadResponse || r.Scope != availability.OfCall || !strings.Contains(r.Detail, "longer than 1000 bytes") {
		t.Errorf("%+v", r)
	}
}

func TestReplyCutShort(t *testing.T) {
	_, err := call(t, &upstream.Client{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	if r := availability.ReasonFor(err); r.Code != availability.BadResponse || !r.Again || !strings.Contains(r.Detail, "cut short after 4 bytes") {
		t.Errorf("%+v", r)
	}
}

// Whether or not anything of the reply has come.
// What cannot be decoded came all the same: the server is to be reached, and what is in
// front of it is to be looked at.
func TestReplyGarbled(t *testing.T) {
	for name, reply := range map[string]string{
		"not compressed":       "Content-Encoding: gzip\r\nContent-Length: 14\r\n\r\n<not a='gzip'>",
		"compressed otherwise": "Content-Encoding: gzip\r\nContent-Length: 14\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xff\xff\xff\xff",
		"not in chunks":        "Transfer-Encoding: chunked\r\n\r\nthis is none\r\n",
		"a chunk too long":     "Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
	} {
		_, err := call(t, &upstream.Client{}, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n"+reply)
		})
		if r := availability.ReasonFor(err); err == nil || r.Code != availability.BadResponse || r.Scope != availability.OfServer {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestTimeout(t *testing.T) {
	for name, begin := range map[string]bool{"silent": false, "endless": true} {
		synctest.Test(t, func(t *testing.T) {
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				_, _ = server.Read(make([]byte, 4096))
				if begin {
					_, _ = io.WriteString(server, "HTTP/1.1 200 OK\r\n\r\n")
				}
				_, _ = io.Copy(io.Discard, server)
			}()
			transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil }}
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://mail.fabrikam.com/", nil)
			begun := time.Now()
			_, err := (&upstream.Client{Transport: transport, Timeout: 7 * time.Second}).Do(availability.Query{}, r)
			reason := availability.ReasonFor(err)
			if reason.Code != availability.Timeout || reason.Scope != availability.OfServer || time.Since(begun) != 7*time.Second ||
				reason.Detail != "no complete reply from http://mail.fabrikam.com/ within 7s" {
				t.Errorf("%s: %+v after %v", name, reason, time.Since(begun))
			}
		})
	}
}

func TestReasonsOfOthersAreKept(t *testing.T) {
	want := availability.Because(availability.CredentialFailed, "no key")
	c := &upstream.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, want })}
	if _, err := call(t, c, nil); !errors.Is(err, want) {
		t.Errorf("%v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestConnections(t *testing.T) {
	var protocols []string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { protocols = append(protocols, r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	c := upstream.Connections{CAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	for _, most := range []int{0, 1} {
		response, err := (&http.Client{Transport: c.Transport(most)}).Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	if len(protocols) != 2 || protocols[0] != "HTTP/2.0" || protocols[1] != "HTTP/1.1" {
		t.Errorf("spoke %v", protocols)
	}
	if v := (upstream.Connections{}).TLS().MinVersion; v != tls.VersionTLS12 {
		t.Errorf("the oldest TLS is %s", tls.VersionName(v))
	}
}
