package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
	"fbgate/cmd/fbgate/config"
)

// serving starts a gateway on free ports in front of a server that has contoso.com.
func serving(t *testing.T, exchange http.Handler, limits string) *server {
	t.Helper()
	upstream := httptest.NewServer(exchange)
	t.Cleanup(upstream.Close)
	s, err := start(parse(t, `
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
limits: {%s}
organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %q}]
`, limits, upstream.URL+exchangetest.Path), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.stop() })
	return s
}

// dial connects to l for at most ten seconds.
func dial(t *testing.T, l listening) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", l.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// get asks on a connection of its own, with any more header fields.
func get(t *testing.T, l listening, target, fields string) (*http.Response, string) {
	t.Helper()
	conn := dial(t, l)
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n", target, l, fields)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body) // net/http resets a connection it did not read to the end
	return response, string(body)
}

func TestRequestsTooLarge(t *testing.T) {
	t.Parallel()
	s := serving(t, pretendCalendar(availability.Busy), "url_bytes: 2KiB, header_bytes: 4KiB")
	const ask, tooLong = "/public/?Cmd=freebusy", "The URL is too long. Ask about fewer attendees in one request.\n"
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, test := range []struct {
		name, target, fields string
		status               int
		body                 string
	}{
		{"all in order", target("mary@contoso.com"), "", http.StatusOK, ""},
		{"a URL that just fits", ask + "&x=" + long(2<<10-len(ask)-3), "", http.StatusBadRequest, ""},
		{"a URL too long", ask + "&x=" + long(2<<10-len(ask)-2), "", http.StatusRequestURITooLong, tooLong},
		{"a path too long", "/" + long(2<<10), "", http.StatusRequestURITooLong, tooLong},
		{"headers that just fit", target("mary@contoso.com"), "Cookie: " + long(4000) + "\r\n", http.StatusOK, ""},
		{"a header too large", target("mary@contoso.com"), "Cookie: " + long(20_000) + "\r\n", http.StatusRequestHeaderFieldsTooLarge, ""},
		{"too many headers", target("mary@contoso.com"), strings.Repeat("X-Forwarded-For: 192.0.2.1\r\n", 1000), http.StatusRequestHeaderFieldsTooLarge, ""},
		{"a URL beyond everything", ask + "&x=" + long(20_000), "", http.StatusRequestHeaderFieldsTooLarge, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			response, body := get(t, s.clients, test.target, test.fields)
			if response.StatusCode != test.status || test.body != "" && body != test.body {
				t.Errorf("%s: %s, want %d", response.Status, body, test.status)
			}
			if kind := response.Header.Get("Content-Type"); test.status == http.StatusRequestURITooLong && kind != "text/plain; charset=utf-8" {
				t.Errorf("Content-Type %s", kind)
			}
		})
	}
}

// Whoever never gets to the end of its request is let go, however busy it is.
func TestSlowClientsAreLetGo(t *testing.T) {
	t.Parallel()
	s := serving(t, pretendCalendar(availability.Busy), "header_timeout: 1s")
	const headers, body = "GET /public/ HTTP/1.1\r\nHost: x\r\nX-Slow: ", "POST /public/?Cmd=freebusy HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
	for _, test := range []struct {
		name  string
		to    listening
		sent  string
		after time.Duration
	}{
		{"headers, to clients", s.clients, headers, time.Second},
		{"headers, to operators", s.operators, headers, time.Second},
		{"body, to clients", s.clients, body, 2 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			conn, begun := dial(t, test.to), time.Now()
			fmt.Fprint(conn, test.sent)
			go trickle(conn)
			answer, err := io.ReadAll(conn)
			if took := time.Since(begun); took < test.after-100*time.Millisecond || took > test.after+5*time.Second {
				t.Errorf("let go after %v, want %v: %v: %s", took, test.after, err, answer)
			}
		})
	}
}

// trickle writes byte after byte until nobody takes them.
func trickle(w io.Writer) {
	for range time.Tick(50 * time.Millisecond) {
		if _, err := io.WriteString(w, "x"); err != nil {
			return
		}
	}
}

// Clients beyond the limit are told so, and operators have places of their own.
func TestConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	s := serving(t, pretendCalendar(availability.Busy, "mary@contoso.com"), "connections: 1")
	first := dial(t, s.clients)
	fmt.Fprintf(first, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target("mary@contoso.com"))
	if response, err := http.ReadResponse(bufio.NewReader(first), nil); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%+v, %v", response, err)
	}

	response, body := get(t, s.clients, target("mary@contoso.com"), "")
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" || !strings.Contains(body, "as many connections as it takes") {
		t.Errorf("one too many: %s: %s", response.Status, body)
	}
	if response, body := get(t, s.operators, "/healthz", ""); response.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", response.Status, body)
	}

	first.Close()
	eventually(t, "there is a place again", func() bool {
		response, _ := get(t, s.clients, target("mary@contoso.com"), "")
		return response.StatusCode == http.StatusOK
	})
}

// While a request is under way at the end, load balancers are told to look
// elsewhere, nobody new gets in, and the request is answered.
func TestShutdownLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	x := pretendCalendar(availability.Busy, "mary@contoso.com")
	asked, proceed := make(chan struct{}), make(chan struct{})
	s := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-proceed
		x.ServeHTTP(w, r)
	}), "")
	release := sync.OnceFunc(func() { close(proceed) })
	t.Cleanup(release)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.until(ctx) }()
	if response, body := get(t, s.operators, "/readyz", ""); response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", response.Status, body)
	}

	conn := dial(t, s.clients)
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target("mary@contoso.com"))
	<-asked
	stop()
	eventually(t, "nobody new gets in", func() bool { return !accepts(s.clients) })
	if response, body := get(t, s.operators, "/readyz", ""); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("ready although shutting down: %s: %s", response.Status, body)
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended before the request: %v", err)
	default:
	}
	release()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := digits(t, response); got[0] != known {
		t.Errorf("answered with %v", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// For shutdown_delay /readyz says no and clients are served all the same; a listener that
// fails ends that.
func TestShutdownDelay(t *testing.T) {
	t.Parallel()
	s := serving(t, pretendCalendar(availability.Busy, "mary@contoso.com"), "")
	s.config().ShutdownDelay = config.Duration(5 * time.Minute)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.until(ctx) }()
	stop()
	eventually(t, "load balancers are told", func() bool {
		response, _ := get(t, s.operators, "/readyz", "")
		return response.StatusCode == http.StatusServiceUnavailable
	})
	if response, body := get(t, s.clients, target("mary@contoso.com"), ""); response.StatusCode != http.StatusOK || !strings.Contains(body, known) {
		t.Errorf("%s: %s", response.Status, body)
	}
	select {
	case err := <-ended:
		t.Fatalf("it has ended: %v", err)
	default:
	}
	broken := errors.New("the network is gone")
	s.failed <- broken
	if err := <-ended; !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if accepts(s.clients) || accepts(s.operators) {
		t.Error("a listener is still open")
	}
}

// When shutdown_delay is over it ends as it does without.
func TestShutdownDelayIsOver(t *testing.T) {
	t.Parallel()
	s := serving(t, pretendCalendar(availability.Busy), "")
	s.config().ShutdownDelay = config.Duration(300 * time.Millisecond)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	begun := time.Now()
	if err := s.until(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took < 300*time.Millisecond {
		t.Errorf("it has ended after %v", took)
	}
	if accepts(s.clients) || accepts(s.operators) {
		t.Error("a listener is still open")
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	s := serving(t, pretendCalendar(availability.Busy), "idle_timeout: 1s")
	conn := dial(t, s.clients)
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 404") {
		t.Errorf("%v: %s", err, answer) // it is kept open until the deadline
	}
}

// A listener that fails ends the whole gateway, and the error says so.
func TestFailingListenerEndsTheServer(t *testing.T) {
	t.Parallel()
	s := serving(t, pretendCalendar(availability.Busy), "")
	broken := errors.New("the network is gone")
	s.failed <- broken
	if err := s.until(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if accepts(s.operators) {
		t.Error("the operators' listener is still open")
	}
}

// accepts reports whether l takes connections.
func accepts(l listening) bool {
	conn, err := net.Dial("tcp", l.String())
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}
