package intake_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"fbgate/davfb/intake"
)

// serve serves on a real listener that takes so many connections.
func serve(t *testing.T, connections int) (*intake.Listener, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := intake.New(l, intake.Config{Connections: connections})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello")
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	return listener, l.Addr().String()
}

// take takes a place.
func take(t *testing.T, l *intake.Listener, address string) net.Conn {
	t.Helper()
	before := l.Open()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for l.Open() == before {
		time.Sleep(time.Millisecond)
	}
	return c
}

// A client reads why it is refused however much it has sent: nothing resets the
// connection before.
func TestRefusalIsRead(t *testing.T) {
	l, address := serve(t, 1)
	take(t, l, address)
	for _, size := range []int{0, 1, 4 << 10, 100 << 10, 200 << 10} {
		for range 20 {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size))
			got, err := io.ReadAll(c)
			c.Close()
			if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 503 Service Unavailable\r\n") || !strings.HasSuffix(string(got), "in a few seconds.\n") {
				t.Fatalf("with %d bytes: %v: %q", size, err, got)
			}
		}
	}
	// Go's own client takes it for the answer to its request, too.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 20 {
		response, err := client.Get("http://" + address)
		if err != nil {
			t.Fatal(err)
		}
		if response.Body.Close(); response.StatusCode != http.StatusServiceUnavailable {
			t.Fatal(response.Status)
		}
	}
	if l.Open() != 1 || l.Refused() != 120 {
		t.Errorf("%d open, %d refused", l.Open(), l.Refused())
	}
}

// A server's refusal of a request too large is read as well: net/http needs to close one
// half of the connection for that.
func TestServersRefusalIsRead(t *testing.T) {
	_, address := serve(t, 100)
	for range 5 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", 1100<<10))
		got, err := io.ReadAll(c)
		c.Close()
		if !strings.HasPrefix(string(got), "HTTP/1.1 431 ") {
			t.Fatalf("%v: %q", err, got)
		}
	}
}
