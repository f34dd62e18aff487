//go:build unix

package main

import (
	"bytes"
	"context"
	_ "embed"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"text/template"
	"time"
)

//go:embed testdata/davmail/davmail.properties
var davMailProperties string

// startDavMail runs a DavMail that asks an Exchange and ends with the test, and returns
// the URL of its CalDAV. The test is skipped where there is no DavMail. It takes a Java
// machine of its own, so a test starts one for all it asks, and not beside others.
func startDavMail(t *testing.T, mode, exchange string) (caldav string) {
	t.Helper()
	program := davMailProgram(t)
	dir, address := t.TempDir(), freeAddress(t)
	settings := filepath.Join(dir, "davmail.properties")
	if err := os.WriteFile(settings, davMailSettings(t, dir, mode, exchange, address), 0o600); err != nil {
		t.Fatal(err)
	}

	var said bytes.Buffer // read when it has ended
	c := exec.CommandContext(untilNearlyOver(t), program, settings)
	c.Dir, c.Stdout, c.Stderr = dir, &said, &said
	c.Env = append(os.Environ(), "HOME="+dir, "TZ=UTC", // nothing of the user's
		"JAVA_TOOL_OPTIONS=-Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.io.tmpdir="+dir+" -Duser.home="+dir)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the program is a script
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = 10 * time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Wait() // fails, as it is killed
	}()
	t.Cleanup(func() {
		<-ended // since the context is done
		if t.Failed() {
			t.Logf("DavMail said:\n%s", said.Bytes())
		}
	})
	waitForDavMail(t, address, ended)
	return "http://" + address
}

// untilNearlyOver is the context of what must not outlive the test. A test binary that
// runs out of time ends without cleaning up, so it has to end before that.
func untilNearlyOver(t *testing.T) context.Context {
	deadline, limited := t.Deadline()
	if !limited {
		return t.Context()
	}
	ctx, cancel := context.WithDeadline(t.Context(), deadline.Add(-5*time.Second))
	t.Cleanup(cancel)
	return ctx
}

// davMailProgram finds the DavMail that needs no screen.
func davMailProgram(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("davmail-server")
	if err != nil {
		t.Skip("davmail is not installed (Debian: apt-get install davmail-server)")
	}
	return path
}

func davMailSettings(t *testing.T, dir, mode, exchange, address string) []byte {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	var settings bytes.Buffer
	values := struct{ Mode, Exchange, Port, Log string }{mode, exchange, port, filepath.Join(dir, "davmail.log")}
	if err := template.Must(template.New("").Parse(davMailProperties)).Execute(&settings, values); err != nil {
		t.Fatal(err)
	}
	return settings.Bytes()
}

// freeAddress returns one nobody listens at, as DavMail cannot say which it chose.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func waitForDavMail(t *testing.T, address string, ended <-chan struct{}) {
	t.Helper()
	patience := time.After(time.Minute)
	for {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return
		}
		select {
		case <-ended:
			t.Fatal("DavMail ended at once")
		case <-patience:
			t.Fatal("DavMail does not listen")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
