package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
	"fbgate/davfb/intake"
)

// besieged is a whole gateway before two organizations, and what the process had open
// before it.
type besieged struct {
	*server
	goroutines, files int
}

// besiege starts one, with all faces and TLS. When the test ends it is stopped, and
// nothing may be left of it.
func besiege(t *testing.T, listen, limits string) *besieged {
	t.Helper()
	b := &besieged{goroutines: runtime.NumGoroutine(), files: openFiles(t)}
	contoso := httptest.NewServer(pretendCalendar(availability.Busy, "mary@contoso.com"))
	fabrikam := httptest.NewServer(pretendCalendar(availability.OOF, "joe@fabrikam.com"))
	people := filepath.Join(t.TempDir(), "recipients.csv")
	if err := os.WriteFile(people, []byte("PrimarySmtpAddress,LegacyExchangeDN\nmary@contoso.com,/o=Contoso/ou=Sales/cn=Recipients/cn=mary\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := start(parse(t, `
listen: "%s:0"
tls: {listen: "%[1]s:0", certificate_file: %[2]s, key_file: %[2]s}
admin: {listen: 127.0.0.1:0}
limits: {%[3]s}
directory: {file: %[4]s}
organizations:
  - {name: contoso, domains: [contoso.com], target_sharing_epr: %[5]q}
  - {name: fabrikam, domains: [fabrikam.com], target_sharing_epr: %[6]q}
`, listen, keyPair(t), limits, people, contoso.URL+exchangetest.Path, fabrikam.URL+exchangetest.Path), slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	b.server = s
	t.Cleanup(func() {
		eventually(t, "every connection is closed", func() bool {
			return b.taken().Open() == 0 && b.operators.listener.(*intake.Listener).Open() == 0
		})
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		contoso.Close()
		fabrikam.Close()
		http.DefaultClient.CloseIdleConnections()
		eventually(t, fmt.Sprintf("%d goroutines and %d files, as before", b.goroutines, b.files), func() bool {
			runtime.GC() // idle connections of transports that nobody has any more
			return runtime.NumGoroutine() <= b.goroutines && openFiles(t) <= b.files
		})
	})
	return b
}

func (b *besieged) taken() *intake.Listener { return b.clients.listener.(*intake.Listener) }

// port returns how the clients' listener is reached at another address of this machine.
func (b *besieged) port() string {
	_, port, _ := net.SplitHostPort(b.clients.String())
	return port
}

// openFiles counts what the process has open.
func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // not Linux
	}
	return len(files)
}

// honest asks until ctx ends, and once at least, as a new client each time by http and by
// https, and on a connection that is kept, and says how often. Every answer has to be
// right.
func (b *besieged) honest(t *testing.T, ctx context.Context) (asked int) {
	t.Helper()
	const path, want = "/public/?Cmd=freebusy&start=2026-11-23T08:00:00Z&end=2026-11-23T12:00:00Z&interval=30&u=SMTP:mary@contoso.com&u=SMTP:joe@fabrikam.com", "00222000 00333000"
	insecure := &tls.Config{InsecureSkipVerify: true}
	kept := &http.Client{Transport: &http.Transport{}}
	defer kept.CloseIdleConnections()
	anew := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: insecure}}
	_, secure, _ := net.SplitHostPort(b.secure.String())
	for asked == 0 || ctx.Err() == nil {
		for url, client := range map[string]*http.Client{
			"http://127.0.0.1:" + b.port(): anew, "https://127.0.0.1:" + secure: anew, "http://127.0.0.1:" + b.port() + "/": kept,
		} {
			response, err := client.Get(strings.TrimSuffix(url, "/") + path)
			if err != nil {
				t.Errorf("an honest client at %s: %v", url, err)
				return asked
			}
			if response.StatusCode != http.StatusOK {
				body, _ := io.ReadAll(response.Body)
				t.Errorf("an honest client at %s: %s: %s", url, response.Status, body)
			} else if got := strings.Join(digits(t, response), " "); got != want {
				t.Errorf("an honest client at %s reads %s", url, got)
			}
			response.Body.Close()
			asked++
		}
		if w, body := get(t, b.operators, "/healthz", ""); w.StatusCode != http.StatusOK {
			t.Errorf("operators: %s %s", w.Status, body)
		}
	}
	return asked
}

// shape is a way to keep a connection busy. It returns when it has had enough, or the
// gateway has.
type shape struct {
	name string
	do   func(ctx context.Context, c *net.TCPConn)
}

// drip sends a text byte by byte.
func drip(ctx context.Context, c net.Conn, text string, every time.Duration) {
	for i := 0; ctx.Err() == nil; i++ {
		if _, err := io.WriteString(c, text[i%len(text):i%len(text)+1]); err != nil {
			return
		}
		pause(ctx, every)
	}
}

// untilClosed waits for the gateway to end the connection.
func untilClosed(ctx context.Context, c net.Conn) {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	_, _ = io.Copy(io.Discard, c)
}

// sends sends a text, and waits.
func sends(text string) func(context.Context, *net.TCPConn) {
	return func(ctx context.Context, c *net.TCPConn) {
		_, _ = io.WriteString(c, text)
		untilClosed(ctx, c)
	}
}

// shapes are all that strangers do to servers, one to a connection.
func shapes() []shape {
	const huge = "GET /public/?Cmd=freebusy&start=2026-11-23T00:00:00Z&end=2027-12-28T00:00:00Z&interval=1&u=SMTP:mary@contoso.com HTTP/1.1\r\nHost: x\r\n\r\n"
	post := "PROPFIND " + folderSales + " HTTP/1.1\r\nHost: x\r\nDepth: 0\r\n"
	return []shape{
		{"says nothing", sends("")},
		{"slow headers", func(ctx context.Context, c *net.TCPConn) {
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n")
			drip(ctx, c, "X-Slow: slow\r\n", 20*time.Millisecond)
		}},
		{"slow body", func(ctx context.Context, c *net.TCPConn) {
			_, _ = io.WriteString(c, post+"Content-Length: 100000\r\n\r\n")
			drip(ctx, c, "<a>", 20*time.Millisecond)
		}},
		{"slow body nobody reads", func(ctx context.Context, c *net.TCPConn) {
			_, _ = io.WriteString(c, "POST /public/?Cmd=freebusy HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
			drip(ctx, c, "<a>", 20*time.Millisecond)
		}},
		{"one-byte chunks", func(ctx context.Context, c *net.TCPConn) {
			_, _ = io.WriteString(c, post+"Transfer-Encoding: chunked\r\n\r\n")
			for ctx.Err() == nil {
				if _, err := io.WriteString(c, strings.Repeat("1;x=y\r\nx\r\n", 100)); err != nil {
					return
				}
			}
		}},
		{"chunks that never begin", sends(post + "Transfer-Encoding: chunked\r\n\r\n")},
		{"trailers without end", func(ctx context.Context, c *net.TCPConn) {
			_, _ = io.WriteString(c, post+"Transfer-Encoding: chunked\r\n\r\n0\r\n")
			for i := 0; ctx.Err() == nil; i++ {
				if _, err := fmt.Fprintf(c, "X-%d: x\r\n", i); err != nil {
					return
				}
			}
		}},
		{"headers without end", func(ctx context.Context, c *net.TCPConn) {
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n"+many(10_000, "%x:\r\n"))
			untilClosed(ctx, c)
		}},
		{"100-continue that does not go on", sends(post + "Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n")},
		{"does not read", func(ctx context.Context, c *net.TCPConn) {
			_ = c.SetReadBuffer(1 << 10)
			_, _ = io.WriteString(c, strings.Repeat(huge, 20))
			<-ctx.Done()
		}},
		{"reads slowly", func(ctx context.Context, c *net.TCPConn) {
			_ = c.SetReadBuffer(1 << 10)
			_, _ = io.WriteString(c, huge)
			for b := make([]byte, 1); ctx.Err() == nil; pause(ctx, 20*time.Millisecond) {
				if _, err := c.Read(b); err != nil {
					return
				}
			}
		}},
		{"asks a thousand times at once and leaves", func(_ context.Context, c *net.TCPConn) {
			_, _ = io.WriteString(c, strings.Repeat("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 1000))
			_ = c.SetLinger(0)
		}},
		{"resets", func(_ context.Context, c *net.TCPConn) {
			_, _ = io.WriteString(c, huge)
			_ = c.SetLinger(0)
		}},
		{"keeps alive and goes to sleep", sends("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")},
		{"sends the second half of nothing", func(ctx context.Context, c *net.TCPConn) {
			_ = c.CloseWrite()
			untilClosed(ctx, c)
		}},
		{"random bytes", func(ctx context.Context, c *net.TCPConn) {
			for b := make([]byte, 4<<10); ctx.Err() == nil; {
				for i := range b {
					b[i] = byte(rand.Uint32())
				}
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}},
		{"NULs", func(ctx context.Context, c *net.TCPConn) {
			for b := make([]byte, 4<<10); ctx.Err() == nil; {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}},
		{"half a handshake", sends("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")},
		{"HTTP/2", sends("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")},
		{"a smuggled request", sends("POST /public/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")},
		{"an upgrade", sends("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello")},
	}
}

// attack lets so many clients do each of the shapes to an address, again and again until
// ctx ends, and counts how often each was begun.
func attack(t *testing.T, ctx context.Context, each int, addresses ...string) map[string]*atomic.Int64 {
	begun := make(map[string]*atomic.Int64)
	var attackers sync.WaitGroup
	for _, s := range shapes() {
		n := new(atomic.Int64)
		begun[s.name] = n
		for _, address := range addresses {
			for range each {
				attackers.Go(func() {
					for ctx.Err() == nil {
						c, err := net.Dial("tcp", address)
						if err != nil {
							t.Errorf("%s: %v", s.name, err)
							return
						}
						_ = c.SetDeadline(time.Now().Add(30 * time.Second))
						n.Add(1)
						s.do(ctx, c.(*net.TCPConn))
						c.Close()
						pause(ctx, 100*time.Millisecond) // they share two processors with the gateway
					}
				})
			}
		}
	}
	attackers.Wait()
	return begun
}

// All shapes of abuse at once, by http and on the port of TLS, spoil no answer to honest
// clients, and nothing is left of them.
func TestAbuse(t *testing.T) {
	b := besiege(t, "127.0.0.1", "connections: 1000")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var clients sync.WaitGroup
	var asked atomic.Int64
	for range 2 {
		clients.Go(func() { asked.Add(int64(b.honest(t, ctx))) })
	}
	begun := attack(t, ctx, 3, b.clients.String(), b.secure.String())
	clients.Wait()
	if asked.Load() == 0 {
		t.Error("no honest client got an answer")
	}
	for name, n := range begun {
		if n.Load() < 6 {
			t.Errorf("%q came %d times", name, n.Load())
		}
	}
	t.Logf("%d honest answers, %d connections refused", asked.Load(), b.taken().Refused())
}

// A thousand connections that are stuck leave room for others, and are let go in the end.
func TestThousandStuckConnections(t *testing.T) {
	const stuck = 1000
	b := besiege(t, "127.0.0.1", fmt.Sprintf("header_timeout: 6s, idle_timeout: 6s, connections: %d", stuck+50))
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	hold := func(what string) {
		before := memory()
		for range stuck / 2 {
			c := dial(t, b.clients)
			if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
			fmt.Fprint(c, what)
		}
		eventually(t, "they are taken", func() bool { return b.taken().Open() >= len(conns) })
		t.Logf("%.1f KB for each that has sent %d bytes, both ends together", (memory()-before)*1e3/(stuck/2), len(what))
	}
	hold("GET / HTTP/1.1\r\nHost: x\r\n")
	hold("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if b.honest(t, ctx) == 0 {
		t.Error("no honest client got an answer")
	}
	for _, c := range conns {
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Fatal(err) // it is not let go
		}
	}
}

// slowhttptest is somebody else's idea of slow clients.
func TestSlowHTTPTest(t *testing.T) {
	tool := program(t, "slowhttptest") // Debian's package slowhttptest
	b := besiege(t, "127.0.0.1", "header_timeout: 2s, idle_timeout: 2s, connections: 1000")
	url := "http://" + b.clients.String()
	const ask = "/public/?Cmd=freebusy&start=2026-11-23T00:00:00Z&end=2027-12-28T00:00:00Z&interval=5&u=SMTP:mary@contoso.com"
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var asked atomic.Int64
	clients.Go(func() { asked.Add(int64(b.honest(t, ctx))) })
	var attackers sync.WaitGroup
	for name, arguments := range map[string][]string{
		"slow headers": {"-H", "-i", "1", "-u", url + "/public/"},
		"slow body":    {"-B", "-i", "1", "-s", "100000", "-t", "PROPFIND", "-u", url + folderSales},
		"slow read":    {"-X", "-w", "1", "-y", "20", "-n", "1", "-z", "8", "-k", "3", "-u", url + ask},
		"ranges":       {"-R", "-a", "1", "-b", "300", "-t", "GET", "-u", url + folderMary},
	} {
		attackers.Go(func() {
			out, err := exec.Command(tool, append([]string{"-c", "200", "-r", "200", "-l", "6", "-p", "5", "-v", "1"}, arguments...)...).CombinedOutput()
			if err != nil || bytes.Contains(out, []byte("service available:   NO")) {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		})
	}
	attackers.Wait()
	cancel()
	clients.Wait()
	if asked.Load() == 0 {
		t.Error("no honest client got an answer")
	}
	t.Logf("%d honest answers, %d connections refused", asked.Load(), b.taken().Refused())
}
