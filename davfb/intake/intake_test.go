package intake_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/davfb/intake"
)

// arrivals is a listener whose clients come from any address.
type arrivals chan net.Conn

func (a arrivals) Accept() (net.Conn, error) {
	if c, ok := <-a; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (a arrivals) Close() error { close(a); return nil }

func (arrivals) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }

// from is a connection of a client of that address.
type from struct {
	net.Conn
	address string
}

func (f from) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.address))
}

// comes lets a client of that address connect and returns its end.
func (a arrivals) comes(address string) net.Conn {
	server, client := net.Pipe()
	a <- from{server, address}
	return client
}

// written is what is logged.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

// take returns what is new.
func (w *written) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.text.Reset()
	return w.text.String()
}

// house is a listener whose connections are taken, and stay until somebody leaves.
type house struct {
	arrivals
	*intake.Listener
	log   written
	taken chan net.Conn
}

func open(t *testing.T, c intake.Config) *house {
	t.Helper()
	h := &house{arrivals: make(arrivals), taken: make(chan net.Conn, 1000)}
	c.Log = slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	h.Listener = intake.New(h.arrivals, c)
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := h.Listener.Accept()
			if err != nil {
				return
			}
			h.taken <- c
		}
	})
	t.Cleanup(func() {
		h.Listener.Close()
		accepting.Wait()
	})
	return h
}

// enters reports whether a client of that address is taken. One that is not is gone.
func (h *house) enters(address string) bool {
	before := h.Refused()
	client := h.comes(address)
	synctest.Wait()
	if h.Refused() == before {
		return true
	}
	client.Close()
	synctest.Wait()
	return false
}

func TestWhoIsTaken(t *testing.T) {
	none := []string(nil)
	for _, test := range []struct {
		name        string
		config      intake.Config
		come, taken []string
	}{
		{"all, if nothing is said", intake.Config{}, []string{"192.0.2.1:1", "192.0.2.1:2", "[2001:db8::1]:1"}, nil},
		{"so many in all", intake.Config{Connections: 2},
			[]string{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1", "127.0.0.1:1"}, []string{"192.0.2.1:1", "192.0.2.2:1"}},
		{"so many of an address", intake.Config{PerClient: 2},
			[]string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", "192.0.2.2:1"}, []string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1"}},
		{"an address in its other spelling", intake.Config{PerClient: 1},
			[]string{"192.0.2.1:1", "[::ffff:192.0.2.1]:2"}, []string{"192.0.2.1:1"}},
		{"so many of a network of IPv6", intake.Config{PerClient: 1},
			[]string{"[2001:db8::1]:1", "[2001:db8::ffff:0:0:1]:1", "[2001:db8:0:1::1]:1"}, []string{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1"}},
		{"so many of each link", intake.Config{PerClient: 1}, []string{"[fe80::1%eth0]:1", "[fe80::2%eth1]:1"}, []string{"[fe80::1%eth0]:1"}},
		{"loopback", intake.Config{PerClient: 1}, []string{"127.0.0.1:1", "127.0.0.1:2", "[::1]:1", "[::1]:2", "[::ffff:127.0.0.1]:1"}, nil},
		{"proxies", intake.Config{PerClient: 1, Exempt: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("fd00::/8")}},
			[]string{"10.0.0.1:1", "10.0.0.1:2", "[fd00::1]:1", "[fd00::1]:2", "10.0.1.1:1", "10.0.1.1:2"},
			[]string{"10.0.0.1:1", "10.0.0.1:2", "[fd00::1]:1", "[fd00::1]:2", "10.0.1.1:1"}},
		{"nobody twice", intake.Config{Connections: 1, PerClient: 1}, []string{"192.0.2.1:1", "192.0.2.1:2"}, []string{"192.0.2.1:1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if test.taken == nil {
					test.taken = test.come
				}
				h := open(t, test.config)
				for range 2 { // those who have left make room
					taken := none
					for _, address := range test.come {
						if h.enters(address) {
							taken = append(taken, address)
						}
					}
					if got, want := strings.Join(taken, " "), strings.Join(test.taken, " "); got != want || h.Open() != len(taken) {
						t.Errorf("taken: %s, %d open, want %s", got, h.Open(), want)
					}
					for range taken {
						c := <-h.taken
						c.Close()
						c.Close() // counts once
					}
					if h.Open() != 0 {
						t.Fatalf("%d are open although all have left", h.Open())
					}
				}
			})
		})
	}
}

// Whoever is refused reads why, and that is the end of the connection. How long it takes
// does not depend on what comes.
func TestRefusal(t *testing.T) {
	read := func(t *testing.T, c net.Conn) (text string, took time.Duration) {
		t.Helper()
		begun := time.Now()
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusServiceUnavailable || !response.Close || response.Header.Get("Retry-After") != "10" ||
			response.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%v: %+v", err, response)
		}
		_, _ = io.ReadAll(c)
		return string(body), time.Since(begun)
	}
	synctest.Test(t, func(t *testing.T) {
		h := open(t, intake.Config{Connections: 2, PerClient: 1})
		h.enters("192.0.2.1:1")
		for _, test := range []struct{ address, sent, want string }{
			{"192.0.2.1:2", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "There are too many connections from your network. Close some, or try again in a few seconds.\n"},
			{"192.0.2.1:3", "G", "There are too many connections from your network. Close some, or try again in a few seconds.\n"},
		} {
			c := h.comes(test.address)
			go io.WriteString(c, test.sent)
			if text, took := read(t, c); text != test.want || took != 2*time.Second {
				t.Errorf("%q after %v", text, took)
			}
		}
		h.enters("192.0.2.2:1")
		c := h.comes("192.0.2.3:1")
		go io.WriteString(c, "GET / HTTP/1.1\r\n")
		if text, _ := read(t, c); text != "The gateway has as many connections as it takes. Try again in a few seconds.\n" {
			t.Errorf("%q", text)
		}

		// Whoever says nothing is told nothing, and goes all the same.
		c = h.comes("192.0.2.3:2")
		begun := time.Now()
		if text, _ := io.ReadAll(c); len(text) > 0 || time.Since(begun) != 2*time.Second {
			t.Errorf("%q after %v", text, time.Since(begun))
		}
		// So does whoever does not read.
		c = h.comes("192.0.2.3:3")
		_, _ = io.WriteString(c, "G")
		time.Sleep(3 * time.Second)
		if _, err := io.WriteString(c, "E"); err == nil {
			t.Error("it is still read")
		}
	})
}

// Below TLS nothing is said.
func TestSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, intake.Config{Connections: 1, Silent: true})
		h.enters("192.0.2.1:1")
		begun := time.Now()
		if text, err := io.ReadAll(h.comes("192.0.2.1:2")); len(text) > 0 || err != nil || time.Since(begun) > 0 {
			t.Errorf("%q, %v after %v", text, err, time.Since(begun))
		}
	})
}

// However many come, few are told why they are refused, and the others are gone at once.
func TestRefusalsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, intake.Config{Connections: 1})
		h.enters("192.0.2.1:1")
		var clients []net.Conn
		for i := range 1000 {
			clients = append(clients, h.comes(fmt.Sprintf("192.0.2.2:%d", i+1)))
		}
		synctest.Wait()
		left := 0
		for _, c := range clients {
			_ = c.SetReadDeadline(time.Now())
			if _, err := c.Read(make([]byte, 1)); err != io.EOF {
				left++
			}
		}
		if left != 64 || h.Open() != 1 || h.Refused() != 999+1 {
			t.Errorf("%d are being told, %d open, %d refused", left, h.Open(), h.Refused())
		}
		time.Sleep(3 * time.Second)
		c := h.comes("192.0.2.2:2000")
		go io.WriteString(c, "GET")
		if text, _ := io.ReadAll(c); !strings.HasPrefix(string(text), "HTTP/1.1 503 ") {
			t.Errorf("%q", text)
		}
	})
}

// What is refused is in the log at once, and then together once a minute.
func TestLog(t *testing.T) {
	const (
		ofOne = "level=WARN msg=\"connections refused\" listen=192.0.2.1:80 reason=\"one client has too many\" refused=%d last=%s\n"
		ofAll = "level=WARN msg=\"connections refused\" listen=192.0.2.1:80 reason=\"all connections are taken\" refused=%d last=%s\n"
	)
	synctest.Test(t, func(t *testing.T) {
		h := open(t, intake.Config{Connections: 2, PerClient: 1})
		expect := func(format string, args ...any) {
			t.Helper()
			synctest.Wait()
			if got, want := h.log.take(), fmt.Sprintf(format, args...); got != want {
				t.Errorf("logged %swant %s", got, want)
			}
		}
		h.enters("192.0.2.1:1")
		expect("")
		h.enters("192.0.2.1:2")
		expect(ofOne, 1, "192.0.2.1:2")
		for i := range 500 {
			h.enters(fmt.Sprintf("192.0.2.1:%d", i+10))
			time.Sleep(100 * time.Millisecond)
		}
		expect("")
		time.Sleep(time.Minute)
		expect(ofOne, 500, "192.0.2.1:509")
		time.Sleep(time.Hour)
		expect("")

		h.enters("192.0.2.2:1")
		h.enters("192.0.2.3:1")
		expect(ofAll, 1, "192.0.2.3:1")
		h.enters("192.0.2.3:2")
		expect("")
	})
}
