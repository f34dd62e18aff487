package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
	"fbgate/availability/exchangetest/foldertest"
)

// child is fbgate as a process of its own.
type child struct {
	*exec.Cmd
	clients, operators string
	log                strings.Builder // complete when logged is closed
	logged             chan struct{}
}

var servingAt = regexp.MustCompile(`msg=serving .*clients=(\S+) operators=(\S+)`)

// serveInChild starts "fbgate serve" and waits until it does.
func serveInChild(t *testing.T, configuration string) *child {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: exec.Command(program), logged: make(chan struct{})}
	c.Args = []string{"fbgate", "serve", "--config", configuration} // see TestMain
	c.Env = append(os.Environ(), "TZ=UTC")
	out, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	serving := make(chan []string, 1)
	go func() {
		defer close(c.logged)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.log.WriteString(lines.Text() + "\n")
			if found := servingAt.FindStringSubmatch(lines.Text()); found != nil {
				serving <- found
			}
		}
	}()
	select {
	case found := <-serving:
		c.clients, c.operators = found[1], found[2]
	case <-c.logged:
		t.Fatalf("it does not serve:\n%s", c.log.String())
	case <-time.After(time.Minute):
		t.Fatal("it does not serve within a minute")
	}
	return c
}

// end sends a signal and returns how the process ended.
func (c *child) end(t *testing.T, signal syscall.Signal) error {
	t.Helper()
	if err := c.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	<-c.logged // which ends with the process, and before Wait
	return c.Wait()
}

// ask returns the status and the body of an answer.
func (c *child) ask(method, target, body string) (int, string, error) {
	r, err := http.NewRequest(method, "http://"+c.clients+target, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Authorization", strings.TrimPrefix(asSync, "Authorization: "))
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, string(answer), err
}

// SIGTERM in the middle of much to do: every request that has come is answered, and in
// full.
func TestTerminatedUnderLoad(t *testing.T) {
	t.Parallel()
	x := pretendCalendar(availability.Busy, "mary@contoso.com")
	var come atomic.Int64
	proceed := make(chan struct{})
	exchange := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		come.Add(1)
		<-proceed
		x.ServeHTTP(w, r)
	}))
	release := sync.OnceFunc(func() { close(proceed) })
	t.Cleanup(release)
	c := serveInChild(t, writeFile(t, fmt.Appendf(nil, `
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
answer_timeout: 30s
organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %q}]
`, exchange+exchangetest.Path)))
	const clients = 100
	answers := make(chan string, clients)
	for range clients {
		go func() {
			status, body, err := c.ask(http.MethodGet, target("mary@contoso.com"), "")
			if err == nil && status == http.StatusOK && strings.Count(body, known) == 2 {
				answers <- ""
				return
			}
			answers <- fmt.Sprintf("%d, %v: %s", status, err, body)
		}()
	}
	// All share one lookup. Each has been taken when it waits for that.
	eventually(t, "all requests have come", func() bool {
		n, err := connections(c.Process.Pid)
		return err != nil || come.Load() == 1 && n >= clients+1 // and that to the server
	})
	ended := make(chan error, 1)
	go func() { ended <- c.end(t, syscall.SIGTERM) }()
	eventually(t, "nobody new gets in", func() bool {
		_, _, err := c.ask(http.MethodGet, "/", "")
		return err != nil
	})
	release()
	for range clients {
		if wrong := <-answers; wrong != "" {
			t.Error(wrong)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v:\n%s", err, c.log.String())
	}
	if strings.Contains(c.log.String(), "level=ERROR") || strings.Contains(c.log.String(), "cut off") {
		t.Error(c.log.String())
	}
}

// connections counts the open sockets of a process beyond its two listeners.
func connections(pid int) (n int, err error) {
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	files, err := os.ReadDir(folder)
	for _, file := range files {
		if to, _ := os.Readlink(filepath.Join(folder, file.Name())); strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n - 2, err
}

// kill -9 while clients publish and the publisher writes: what was acknowledged is there
// after a restart, the publisher's state is sound, and nothing but the cache is lost.
func TestKilledAndRestarted(t *testing.T) {
	t.Parallel()
	const group = "/o=Contoso/ou=First Administrative Group"
	at := tomorrow()
	x := exchangetest.New(exchangetest.Exchange2013)
	folder := foldertest.New(group)
	root, stop, err := folder.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	people := "PrimarySmtpAddress,ExternalEmailAddress,LegacyExchangeDN\n"
	const persons = 40
	for i := range persons {
		x.SetMailbox(fmt.Sprintf("user%d@fabrikam.com", i), availability.Span{Window: availability.Window{Start: at, End: at.Add(time.Hour)}, Status: availability.Busy})
		people += fmt.Sprintf("user%[1]d@contoso.com,SMTP:user%[1]d@fabrikam.com,%[2]s/cn=Recipients/cn=user%[1]d\n", i, group)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "people.csv"), []byte(people), 0o600); err != nil {
		t.Fatal(err)
	}
	configuration := writeFile(t, fmt.Appendf(nil, `
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
directory: {file: %[1]s/people.csv}
publishing: {store: %[1]s/published.db, publishers: [{username: sync, password_file: %[2]s}]}
publish: {organizations: [fabrikam], to: contoso, state: %[1]s/publish.state}
organizations:
  - {name: fabrikam, domains: [fabrikam.com], target_sharing_epr: %[3]q}
  - {name: contoso, domains: [contoso.com], access_method: PublicFolder, public_folder_url: %[4]q}
`, dir, writeFile(t, []byte("hunter2")), startExchange(t, x), root))

	acknowledged := make(map[string]bool)
	for round := range 3 {
		c := serveInChild(t, configuration)
		for name := range acknowledged {
			if row := c.published(t, name, at); row != "20000000" {
				t.Errorf("round %d: %s was acknowledged, and is %s", round, name, row)
			}
		}
		for name := range c.publishUntilKilled(t, round, at) {
			acknowledged[name] = true
		}
	}
	c := serveInChild(t, configuration)
	for name := range acknowledged {
		if row := c.published(t, name, at); row != "20000000" {
			t.Errorf("at the end %s was acknowledged, and is %s", name, row)
		}
	}
	if len(acknowledged) < 20 {
		t.Errorf("only %d were acknowledged", len(acknowledged))
	}
	patiently(t, "everybody is in the folder", func() bool { return len(folder.Items()) == persons })
	if err := c.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("it ended with %v:\n%s", err, c.log.String())
	}
	// What the state says is believed.
	c = serveInChild(t, configuration)
	if p := c.round(t); p.Round.Unchanged != persons || p.Round.Written != 0 {
		t.Errorf("the publisher does all anew: %+v", p.Round)
	}
}

// published asks about the hour that was published.
func (c *child) published(t *testing.T, name string, at time.Time) string {
	t.Helper()
	at = at.Add(30 * time.Minute)
	_, body, err := c.ask(http.MethodGet, fmt.Sprintf("/public/?Cmd=freebusy&start=%s&end=%s&interval=30&u=%s", at.Format(time.RFC3339), at.Add(4*time.Hour).Format(time.RFC3339), name), "")
	rows := digitsIn.FindAllStringSubmatch(body, -1)
	if err != nil || len(rows) != 2 {
		t.Fatalf("%v: %s", err, body)
	}
	return rows[1][1]
}

// publishUntilKilled publishes from several clients until the process is killed, and
// returns of whom that was acknowledged.
func (c *child) publishUntilKilled(t *testing.T, round int, at time.Time) map[string]bool {
	t.Helper()
	var mu sync.Mutex
	done := make(map[string]bool)
	enough := make(chan struct{})
	full := sync.OnceFunc(func() { close(enough) })
	var all sync.WaitGroup
	for client := range 4 {
		all.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("r%d-c%d-%d@published.example", round, client, i)
				status, _, err := c.ask(http.MethodPut, "/freebusy/"+name+".vfb", strings.ReplaceAll(file(at), "mary@contoso.com", name))
				if err != nil {
					full()
					return // it is dead
				}
				if status == http.StatusCreated {
					mu.Lock()
					done[name] = true
					n := len(done)
					mu.Unlock()
					if n == 10+rand.IntN(20) || n == 30 {
						full()
					}
				}
			}
		})
	}
	<-enough
	_ = c.end(t, syscall.SIGKILL)
	all.Wait()
	return done
}

// round waits for the publisher's first round to end and returns what operators see.
func (c *child) round(t *testing.T) (p progress) {
	t.Helper()
	patiently(t, "a round has ended", func() bool {
		response, err := http.Get("http://" + c.operators + "/publish")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if err := json.NewDecoder(response.Body).Decode(&p); err != nil {
			t.Fatal(err)
		}
		return p.Round != nil && p.Round.Ended != nil
	})
	return p
}

// patiently is eventually for what a busy machine takes long for.
func patiently(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}
