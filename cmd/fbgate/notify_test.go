package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"fbgate/cmd/fbgate/config"
)

// manager listens as a service manager does, at an address as it is in NOTIFY_SOCKET,
// and passes on what it is told.
func manager(t *testing.T, address string) <-chan string {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	told := make(chan string, 100)
	go func() {
		message := make([]byte, 4<<10)
		for {
			n, err := conn.Read(message)
			if err != nil {
				close(told)
				return
			}
			told <- string(message[:n])
		}
	}()
	t.Setenv("NOTIFY_SOCKET", address)
	return told
}

// hear waits for the next message, for at most ten seconds.
func hear(t *testing.T, told <-chan string) string {
	t.Helper()
	select {
	case message := <-told:
		return message
	case <-time.After(10 * time.Second):
		t.Fatal("the service manager was told nothing")
		return ""
	}
}

func TestNotify(t *testing.T) {
	for name, address := range map[string]string{
		"a socket in a folder":               filepath.Join(t.TempDir(), "notify"),
		"a socket in the abstract namespace": fmt.Sprintf("@fbgate-test-%d", os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			told := manager(t, address)
			if err := notify("READY=1", "STATUS=Serving"); err != nil {
				t.Fatal(err)
			}
			if got := hear(t, told); got != "READY=1\nSTATUS=Serving" {
				t.Errorf("told %q", got)
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		t.Setenv("NOTIFY_SOCKET", "")
		if err := notify("READY=1"); err != nil {
			t.Error(err)
		}
	})
	t.Run("a socket that is gone", func(t *testing.T) {
		gone := filepath.Join(t.TempDir(), "notify")
		t.Setenv("NOTIFY_SOCKET", gone)
		if err := notify("READY=1"); err == nil || !strings.Contains(err.Error(), gone) {
			t.Errorf("got %v, which should name %s", err, gone)
		}
	})
}

// A manager that does not read what it is told must not hold up the gateway.
func TestNotifyDoesNotWaitForLong(t *testing.T) {
	address := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", address)
	for range 10_000 { // the kernel keeps some
		if err := notify("WATCHDOG=1"); err != nil {
			return
		}
	}
	t.Error("nobody reads, and all was told")
}

func TestWatchdog(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	for _, test := range []struct {
		µs, pid string
		want    time.Duration
	}{
		{"", "", 0},
		{"60000000", "", time.Minute},
		{"60000000", self, time.Minute},
		{"60000000", "1", 0},
		{"60000000", self + "0", 0},
		{"0", self, 0},
		{"-1", self, 0},
		{"soon", self, 0},
		{"9223372036854775807", self, 0},
		{"9223372036854775808", self, 0},
	} {
		t.Setenv("WATCHDOG_USEC", test.µs)
		t.Setenv("WATCHDOG_PID", test.pid)
		if got := watchdog(); got != test.want {
			t.Errorf("WATCHDOG_USEC=%s WATCHDOG_PID=%s: %v, want %v", test.µs, test.pid, got, test.want)
		}
	}
}

// The life of a service, as its manager is told of it.
func TestServeTellsTheServiceManager(t *testing.T) {
	told := manager(t, filepath.Join(t.TempDir(), "notify"))
	t.Setenv("WATCHDOG_USEC", "20000")
	file := filepath.Join(t.TempDir(), "fbgate.yaml")
	if err := os.WriteFile(file, []byte(`
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
answer_timeout: 7s
organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: "https://mail.contoso.com/EWS/Exchange.asmx"}]
`), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan int, 1)
	var log bytes.Buffer
	go func() { ended <- run(ctx, []string{"serve", "--config", file}, io.Discard, &log) }()

	ready := regexp.MustCompile(`^READY=1\nSTATUS=Serving 1 organization at (127\.0\.0\.1:\d+), operators at (127\.0\.0\.1:\d+)$`)
	message := hear(t, told)
	addresses := ready.FindStringSubmatch(message)
	if addresses == nil {
		t.Fatalf("first told %q", message)
	}
	for path, address := range map[string]string{"/public/": addresses[1], "/readyz": addresses[2]} {
		response, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatalf("it said it was ready: %v", err)
		}
		response.Body.Close()
		if path == "/readyz" && response.StatusCode != http.StatusOK {
			t.Errorf("it said it was ready: %s", response.Status)
		}
	}
	for range 3 {
		if got := hear(t, told); got != "WATCHDOG=1" {
			t.Fatalf("told %q", got)
		}
	}
	response, err := http.Post("http://"+addresses[2]+"/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	var reloaded []string
	for len(reloaded) < 2 {
		if message = hear(t, told); message != "WATCHDOG=1" {
			reloaded = append(reloaded, message)
		}
	}
	if response.StatusCode != http.StatusOK || reloaded[0] != "RELOADING=1" || !ready.MatchString(reloaded[1]) {
		t.Errorf("of a reload that ended with %s it was told %q", response.Status, reloaded)
	}
	stop()
	for message = "WATCHDOG=1"; message == "WATCHDOG=1"; {
		message = hear(t, told)
	}
	if message != "STOPPING=1\nSTATUS=Letting the requests under way finish\nEXTEND_TIMEOUT_USEC=17000000" {
		t.Errorf("told %q", message)
	}
	if status := <-ended; status != exitOK {
		t.Errorf("exit status %d: %s", status, &log)
	}
}

// The manager has to wait for shutdown_delay, too.
func TestStoppingAsksForTheDelay(t *testing.T) {
	s := serving(t, http.NotFoundHandler(), "")
	s.config().ShutdownDelay = config.Duration(3 * time.Minute)
	told := manager(t, filepath.Join(t.TempDir(), "notify"))
	if delay := s.withdraw(nil); delay != 3*time.Minute {
		t.Errorf("requests are taken for %v", delay)
	}
	if got := hear(t, told); got != "STOPPING=1\nSTATUS=Serving on for 3m, not ready any more\nEXTEND_TIMEOUT_USEC=200000000" {
		t.Errorf("told %q", got)
	}
	if err := s.reload(); err == nil || s.withdraw(nil) != 0 {
		t.Errorf("after that it can be reloaded: %v, or it withdraws again", err)
	}
}
