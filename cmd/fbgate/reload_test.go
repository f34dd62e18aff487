package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
	"fbgate/availability/exchangetest/foldertest"
	"fbgate/davfb/admin"
)

// countedPartner is an organization's server that counts its calls.
type countedPartner struct {
	*httptest.Server
	calls atomic.Int64
}

func newCounted(t *testing.T, mailboxes ...string) *countedPartner {
	t.Helper()
	x, p := pretendCalendar(availability.Busy, mailboxes...), new(countedPartner)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.calls.Add(1)
		x.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// entry is the organization of a name in the configuration, with more keys.
func (p *countedPartner) entry(name, more string) string {
	return fmt.Sprintf("  - {name: %s, domains: [%[1]s.com], target_sharing_epr: %q%s}\n", name, p.URL+exchangetest.Path, more)
}

// reloaded is a gateway whose configuration a test writes.
type reloaded struct {
	*server
	t    *testing.T
	file string
	log  *lines
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const (
	onFreePort  = "listen: 127.0.0.1:0\n"
	onFreePorts = onFreePort + "admin: {listen: \"127.0.0.1:0\"}\n"
)

func startReloaded(t *testing.T, text string) *reloaded {
	t.Helper()
	r := &reloaded{t: t, file: filepath.Join(t.TempDir(), "fbgate.yaml"), log: new(lines)}
	r.write(text)
	c, err := load(r.file)
	if err != nil {
		t.Fatal(err)
	}
	level := new(slog.LevelVar)
	if r.server, err = startReloadable(c, newLog(c.Log, level, r.log), level); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.stop() })
	return r
}

func (r *reloaded) write(text string) {
	r.t.Helper()
	begin := onFreePorts
	if strings.Contains(text, "admin:") {
		begin = onFreePort
	}
	if err := os.WriteFile(r.file, []byte(begin+text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// change writes a configuration that has to be taken.
func (r *reloaded) change(text string) {
	r.t.Helper()
	r.write(text)
	if err := r.reload(); err != nil {
		r.t.Fatal(err)
	}
}

// sees returns the digits of a mailbox.
func (r *reloaded) sees(mailbox string) string {
	r.t.Helper()
	response, err := http.Get("http://" + r.clients.String() + target(mailbox))
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	return digits(r.t, response)[0]
}

func (r *reloaded) expect(mailbox, want string) {
	r.t.Helper()
	if got := r.sees(mailbox); got != want {
		r.t.Errorf("%s is %s, want %s", mailbox, got, want)
	}
}

// Whoever asks while the configuration is read anew gets the right answer, always; and
// what was in force before leaves nothing behind.
func TestReloadUnderLoad(t *testing.T) {
	// One stays as it is, one changes each time, and so do the rules about what stays.
	stays, changes := newCounted(t, "mary@contoso.com"), newCounted(t, "joe@fabrikam.com")
	configuration := func(i int) string {
		return fmt.Sprintf("limits: {attendees: %d}\ncache: {max_mailboxes: 1000}\norganizations:\n", 100+i%7) +
			stays.entry("contoso", "") + changes.entry("fabrikam", fmt.Sprintf(", user_agent: fbgate/%d", i))
	}
	r := startReloaded(t, configuration(0))

	stop := make(chan struct{})
	var clients sync.WaitGroup
	var asked atomic.Int64
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	both := "http://" + r.clients.String() + target("mary@contoso.com", "joe@fabrikam.com")
	for range 8 {
		clients.Go(func() {
			client := http.Client{Transport: transport, Timeout: 20 * time.Second}
			for {
				select {
				case <-stop:
					return
				default:
				}
				response, err := client.Get(both)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if n := strings.Count(string(body), known); err != nil || response.StatusCode != http.StatusOK || n < 2 {
					t.Errorf("%s, %v: %s", response.Status, err, body)
					return
				}
				asked.Add(1)
			}
		})
	}
	eventually(t, "they ask", func() bool { return asked.Load() > 50 })
	round := func(from, to int) {
		for i := from; i < to; i++ {
			before := asked.Load()
			r.change(configuration(i))
			eventually(t, "they go on", func() bool { return asked.Load() > before+20 || t.Failed() })
		}
	}
	round(1, 11)
	goroutines, files := settledAt(t, r)
	began, before := time.Now(), asked.Load()
	round(11, 61)
	perSecond := float64(asked.Load()-before) / time.Since(began).Seconds()
	after, filesAfter := settledAt(t, r)
	close(stop)
	clients.Wait()
	transport.CloseIdleConnections()
	t.Logf("50 reloads among %d requests, %.0f a second; %d goroutines, then %d; %d files, then %d; %d calls",
		asked.Load()-before, perSecond, goroutines, after, files, filesAfter, stays.calls.Load()+changes.calls.Load())
	if stays.calls.Load() != 1 {
		t.Errorf("the organization that stayed was asked %d times: what was remembered is gone", stays.calls.Load())
	}
	if n := changes.calls.Load(); n < 50 {
		t.Errorf("the organization that changed was asked %d times, and its answers may be others each time", n)
	}
	if after > goroutines+15 || filesAfter > files+10 {
		t.Errorf("%d goroutines and %d files, after %d and %d", after, filesAfter, goroutines, files)
	}
	r.parts.mu.Lock()
	defer r.parts.mu.Unlock()
	for key, p := range r.parts.all {
		if p.users != 1 {
			t.Errorf("%s is used by %d", key, p.users)
		}
	}
}

// settledAt counts goroutines and open files once only one gateway is there.
func settledAt(t *testing.T, r *reloaded) (goroutines, files int) {
	t.Helper()
	eventually(t, "what was before has ended", func() bool {
		r.parts.mu.Lock()
		defer r.parts.mu.Unlock()
		for _, p := range r.parts.all {
			if p.users > 1 {
				return false
			}
		}
		return true
	})
	// Closed connections take a moment to be gone.
	best, bestFiles := 1<<30, 1<<30
	for range 50 {
		time.Sleep(10 * time.Millisecond)
		best = min(best, runtime.NumGoroutine())
		if open, err := os.ReadDir("/proc/self/fd"); err == nil {
			bestFiles = min(bestFiles, len(open))
		}
	}
	return best, bestFiles
}

func TestReloadTakesEffect(t *testing.T) {
	contoso, fabrikam := newCounted(t, "mary@contoso.com"), newCounted(t, "joe@fabrikam.com")
	r := startReloaded(t, "organizations:\n"+contoso.entry("contoso", ""))
	r.expect("mary@contoso.com", known)
	r.expect("joe@fabrikam.com", nothing)

	both := "organizations:\n" + contoso.entry("contoso", "") + fabrikam.entry("fabrikam", "")
	r.change(both)
	r.expect("joe@fabrikam.com", known)

	r.change("access_rules: [{organizations: contoso, free_busy_access_level: availability_only}]\n" + both)
	r.expect("mary@contoso.com", known)
	r.expect("joe@fabrikam.com", nothing)

	r.change("limits: {attendees: 1}\nlog: {level: debug}\n" + both)
	response, body := get(t, r.clients, target("mary@contoso.com", "joe@fabrikam.com"), "")
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, "at most 1") {
		t.Errorf("%s: %s", response.Status, body)
	}
	if !r.server.log.Enabled(t.Context(), slog.LevelDebug) {
		t.Error("the level of the log is what it was")
	}

	r.change("organizations:\n" + fabrikam.entry("fabrikam", ""))
	r.expect("mary@contoso.com", nothing)
	r.expect("joe@fabrikam.com", known)
}

func TestReloadKeepsWhatIsRemembered(t *testing.T) {
	contoso, fabrikam := newCounted(t, "mary@contoso.com"), newCounted(t, "joe@fabrikam.com")
	whole := "organizations:\n" + contoso.entry("contoso", "") + fabrikam.entry("fabrikam", "")
	r := startReloaded(t, whole)
	for _, test := range []struct {
		name, text   string
		contoso, joe int64 // calls in all
	}{
		{"nothing is remembered yet", whole, 1, 1},
		{"nothing changes", whole, 1, 1},
		{"what is not theirs changes", "limits: {attendees: 10}\nworking_elsewhere: busy\n" + whole, 1, 1},
		{"one of them changes", "organizations:\n" + contoso.entry("contoso", "") + fabrikam.entry("fabrikam", ", timeout: 20s"), 1, 2},
		{"how long is remembered changes", "cache: {ttl: 10m}\n" + whole, 2, 3},
		{"how much is remembered changes", "cache: {max_bytes: 8MiB}\n" + whole, 3, 4},
	} {
		r.change(test.text)
		r.expect("mary@contoso.com", known)
		r.expect("joe@fabrikam.com", known)
		if c, f := contoso.calls.Load(), fabrikam.calls.Load(); c != test.contoso || f != test.joe {
			t.Errorf("%s: %d and %d calls, want %d and %d", test.name, c, f, test.contoso, test.joe)
		}
	}
	r.change("organizations:\n" + contoso.entry("contoso", ""))
	r.change(whole)
	r.expect("joe@fabrikam.com", known)
	if n := fabrikam.calls.Load(); n != 5 {
		t.Errorf("after it was gone it was asked %d times in all, want 5", n)
	}
}

// What a server has shown is not forgotten: one that rests is let rest.
func TestReloadKeepsWhatWasLearnt(t *testing.T) {
	var calls atomic.Int64
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(down.Close)
	whole := fmt.Sprintf("cache: {passing_failure_ttl: 1s}\norganizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %q}]\n", down.URL+exchangetest.Path)
	r := startReloaded(t, whole)
	eventually(t, "the server rests", func() bool {
		r.expect(fmt.Sprintf("m%d@contoso.com", calls.Load()), nothing)
		return strings.Contains(r.log.String(), "server rests")
	})
	before := calls.Load()
	r.change("limits: {attendees: 10}\n" + whole)
	r.expect("other@contoso.com", nothing)
	if n := calls.Load(); n != before {
		t.Errorf("a server that rests was called %d times", n-before)
	}
}

// What is counted since the start is, whatever of an organization changes.
func TestReloadKeepsCounts(t *testing.T) {
	contoso, fabrikam := newCounted(t, "mary@contoso.com"), newCounted(t, "joe@fabrikam.com")
	configuration := func(i int) string {
		return "organizations:\n" + contoso.entry("contoso", "") + fabrikam.entry("Fabrikam", fmt.Sprintf(", user_agent: fbgate/%d", i))
	}
	r := startReloaded(t, configuration(0))
	counts := func() map[string]float64 {
		_, body := get(t, r.operators, "/metrics", "")
		return sampled(t, []byte(body))
	}
	served := series("organization_calls_total", "organization", "Fabrikam", "outcome", "served")
	for i := range 3 {
		r.change(configuration(i))
		r.expect("joe@Fabrikam.com", known)
		if got := counts(); got[served] != float64(i+1) || got[series("organization_mailboxes_total", "organization", "Fabrikam", "origin", "asked")] != float64(i+1) {
			t.Errorf("after %d changes %v calls are counted", i, got[served])
		}
	}
	r.change(configuration(9))
	if got := counts(); got[served] != 3 || got[series("organization_last_success_timestamp_seconds", "organization", "Fabrikam")] == 0 {
		t.Errorf("when nobody has asked since the last change %v calls are counted", got[served])
	}
	r.change("organizations:\n" + contoso.entry("contoso", ""))
	r.change(configuration(9))
	if got := counts(); got[served] != 0 {
		t.Errorf("after it was gone %v calls are counted", got[served])
	}
}

// A request that has begun ends by the configuration it began with.
func TestReloadLetsRequestsFinish(t *testing.T) {
	x := pretendCalendar(availability.Busy, "mary@contoso.com")
	asked, proceed := make(chan struct{}), make(chan struct{})
	var first sync.Once
	exchange := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first.Do(func() { close(asked); <-proceed })
		x.ServeHTTP(w, r)
	}))
	t.Cleanup(exchange.Close)
	other := newCounted(t)
	r := startReloaded(t, fmt.Sprintf("organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %q}]\n", exchange.URL+exchangetest.Path))
	old := r.gateway()
	answer := make(chan string)
	go func() { answer <- r.sees("mary@contoso.com") }()
	<-asked
	r.change("organizations:\n" + other.entry("fabrikam", ""))
	if n := old.users.Load(); n != 1 {
		t.Errorf("%d requests are under way", n)
	}
	r.expect("mary@contoso.com", nothing)
	close(proceed)
	if got := <-answer; got != known {
		t.Errorf("answered with %s", got)
	}
	eventually(t, "the old one ends", func() bool { return old.users.Load() == 0 })
}

func TestReloadRefusesFaults(t *testing.T) {
	contoso := newCounted(t, "mary@contoso.com")
	whole := "organizations:\n" + contoso.entry("contoso", "")
	r := startReloaded(t, whole)
	for _, test := range []struct{ name, text, want string }{
		{"syntax", "organizations: [\n", "fbgate.yaml:"},
		{"an unknown key", "lissten: 127.0.0.1:1\n" + whole, "lissten: unknown key"},
		{"a secret that cannot be read", "organizations:\n" + contoso.entry("contoso", ", credential: {username: svc, password_file: no.password}"), "no.password: no such file"},
		{"rules about nobody", "access_rules: [{organizations: fabrikam, free_busy_access_level: none}]\n" + whole, `there is no organization "fabrikam"`},
		{"a directory that cannot be read", "directory: {file: fbgate.yaml}\n" + whole, "directory:"},
		{"what does not go together with what stays", "passthrough: {url: \"http://127.0.0.1:1\"}\nlogin: {methods: passthrough}\n" + whole, "passthrough cannot be changed without a restart"},
		{"all at once", "answer_timeout: 1\ncache: {ttl: 1}\n" + whole, "2 faults"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r.write(test.text)
			before := r.gateway()
			logged := len(r.log.String())
			err := r.reload()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if r.gateway() != before {
				t.Error("it is in force")
			}
			if c := r.configuration(); c.Fault != err.Error() || !strings.Contains(c.Text, "target_sharing_epr: ["+contoso.URL) {
				t.Errorf("operators see %+v", c)
			}
			if log := r.log.String()[logged:]; !strings.Contains(log, `level=ERROR msg="fault in the new configuration" fault=`) {
				t.Errorf("the log is %s", log)
			}
			r.expect("mary@contoso.com", known)
		})
	}
	if err := os.Remove(r.file); err != nil {
		t.Fatal(err)
	}
	if err := r.reload(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	r.change(whole)
	if c := r.configuration(); c.Fault != "" || c.Changes != "" {
		t.Errorf("%+v", c)
	}
	if n := contoso.calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// A monitor learns that a configuration was refused, until one is taken.
func TestReloadIsMeasured(t *testing.T) {
	contoso := newCounted(t, "mary@contoso.com")
	whole := "organizations:\n" + contoso.entry("contoso", "")
	before := float64(time.Now().Unix())
	r := startReloaded(t, whole)
	expect := func(what string, want float64) {
		t.Helper()
		_, body := get(t, r.operators, "/metrics", "")
		samples := sampled(t, []byte(body))
		got, told := samples[series("config_last_reload_success")]
		at := samples[series("config_last_reload_timestamp_seconds")]
		if !told || got != want || at < before || at > float64(time.Now().Unix()+1) {
			t.Errorf("%s: %v at %v", what, got, at)
		}
		before = at
	}
	expect("at the start", 1)
	r.write("nonsense")
	if r.reload() == nil {
		t.Fatal("it is taken")
	}
	expect("refused", 0)
	r.configuration() // which tries the file out
	r.change(whole)
	r.configuration()
	expect("taken", 1)
}

// What is settled at the start is said to be.
func TestReloadSaysWhatNeedsARestart(t *testing.T) {
	contoso := newCounted(t, "mary@contoso.com")
	whole := "organizations:\n" + contoso.entry("contoso", "")
	r := startReloaded(t, whole)
	r.write("limits: {connections: 7, attendees: 9}\n" + whole)
	post := func(more string) (int, string) {
		request, err := http.NewRequest(http.MethodPost, "http://"+r.operators.String()+"/reload", nil)
		if err != nil {
			t.Fatal(err)
		}
		if more != "" {
			request.Header.Set("Origin", more)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	if status, body := post("https://elsewhere.example"); status != http.StatusForbidden || r.config().Limits.Attendees == 9 {
		t.Errorf("from another site: %d %s", status, body)
	}
	status, body := post("")
	var answer struct {
		Reloaded bool
		Restart  []string
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK || !answer.Reloaded ||
		len(answer.Restart) != 1 || answer.Restart[0] != "limits.connections" {
		t.Errorf("%d, %v: %s", status, err, body)
	}
	if l := r.config().Limits; l.Connections != 1000 || l.Attendees != 9 {
		t.Errorf("%+v", l)
	}
	if !strings.Contains(r.log.String(), "needs a restart\" keys=[limits.connections]") {
		t.Errorf("the log is %s", r.log)
	}
	// What a reload leaves it does not change.
	if c := r.configuration(); c.Changes != "" || len(c.Restart) != 1 || !strings.Contains(c.Text, "attendees: 9") {
		t.Errorf("operators see %+v", c)
	}
	r.write("limits: {connections: 7, attendees: 8}\n" + whole)
	if _, shown := get(t, r.operators, "/configuration", ""); !strings.Contains(shown, `"changes": "- limits.attendees: 9\n+ limits.attendees: 8\n"`) {
		t.Errorf("operators see %s", shown)
	}
	r.write("nonsense")
	if status, body := post(""); status != http.StatusUnprocessableEntity || !strings.Contains(body, "the one before stays in force: 1 fault") {
		t.Errorf("%d %s", status, body)
	}
}

// Who is logged in stays so, and whoever has guessed too often stays out, unless the
// log-in itself changes.
func TestReloadKeepsSessions(t *testing.T) {
	contoso := newCounted(t, "mary@contoso.com")
	htpasswd := writeFile(t, []byte("mary@contoso.com:$2y$05$abcdefghijklmnopqrstuuWXk9dqwTLVu0D1yvGQvJmAJ2J9yYk7S\n"))
	whole := fmt.Sprintf("login: {methods: [forms, basic], htpasswd_file: %s, max_failures: 2}\norganizations:\n", htpasswd) + contoso.entry("contoso", "")
	r := startReloaded(t, whole)
	guess := func() int {
		request, err := http.NewRequest(http.MethodGet, "http://"+r.clients.String()+target("mary@contoso.com"), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("mary@contoso.com", fmt.Sprint("guess", time.Now().UnixNano()))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	statuses := []int{guess(), guess(), guess()}
	if statuses[2] != http.StatusTooManyRequests {
		t.Fatalf("guesses get %v", statuses)
	}
	key := func() string { // of cookies
		r.parts.mu.Lock()
		defer r.parts.mu.Unlock()
		for key, p := range r.parts.all {
			if strings.HasPrefix(key, "cookies ") {
				return string(p.value.([]byte))
			}
		}
		return ""
	}
	before := key()
	r.change("limits: {attendees: 9}\n" + whole)
	if status := guess(); status != http.StatusTooManyRequests || key() != before {
		t.Errorf("after a reload guesses get %d; the key of cookies is the same: %v", status, key() == before)
	}
	r.change(strings.Replace(whole, "max_failures: 2", "max_failures: 3", 1))
	if status := guess(); status != http.StatusUnauthorized || key() == before {
		t.Errorf("after a change guesses get %d", status)
	}
}

// The file is taken when it has changed and nobody writes into it any more.
func TestWatcher(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fbgate.yaml")
	stamp := time.Now().Add(-time.Hour)
	write := func(text string) {
		stamp = stamp.Add(time.Second)
		if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.Chtimes(file, stamp, stamp)); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	w := watch(file)
	expect := func(what string, want ...bool) {
		t.Helper()
		for i, want := range want {
			if got := w.changed(); got != want {
				t.Errorf("%s, look %d: %v", what, i+1, got)
			}
		}
	}
	expect("nothing has happened", false, false)
	write("two")
	expect("new content", false, true, false, false)
	write("three")
	expect("somebody writes", false)
	write("three and more")
	expect("and goes on", false, true, false)
	write("three and more")
	expect("touched", false, false, false)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	expect("gone", false, true, false, false)
	write("four")
	expect("back", false, true, false)

	replaced := func(by func(string) error) {
		t.Helper()
		if err := errors.Join(os.Rename(file, file+"~"), by(file)); err != nil {
			t.Fatal(err)
		}
	}
	nothing := func(string) error { return nil }
	back := func() {
		t.Helper()
		if err := errors.Join(os.RemoveAll(file), os.Rename(file+"~", file)); err != nil {
			t.Fatal(err)
		}
	}
	replaced(nothing)
	expect("gone for a moment", false)
	back()
	expect("back as it was", false, false)
	replaced(nothing)
	expect("another moment", false)
	back()
	expect("back as it was", false, false)
	replaced(nothing)
	expect("gone for longer", false, true, false)
	back()
	expect("back as it was after longer", false, true, false)
	replaced(func(file string) error { return os.Mkdir(file, 0o700) })
	expect("a folder", false, false, true, false, false, false)
	back()
	expect("a file again", false, true, false)
	replaced(func(file string) error { return os.Symlink("nowhere", file) })
	expect("a link to nowhere", false, true, false)
	back()
	expect("a file again", false, true, false)
	if os.Getuid() == 0 {
		return // who may read everything
	}
	if err := os.Chmod(file, 0); err != nil {
		t.Fatal(err)
	}
	expect("closed", false, true, false)
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	expect("open again", false, true, false)
}

// A file that is watched and goes away is a reload that fails, once, until it is back; one
// that is not watched is missed by nobody.
func TestReloadMissesTheFile(t *testing.T) {
	contoso := newCounted(t, "mary@contoso.com")
	whole := "organizations:\n" + contoso.entry("contoso", "")
	r := startReloaded(t, whole)
	w := watch(r.file)
	succeeded := func() float64 {
		t.Helper()
		_, body := get(t, r.operators, "/metrics", "")
		return sampled(t, []byte(body))[series("config_last_reload_success")]
	}
	away := func(looks int) {
		t.Helper()
		if err := os.Rename(r.file, r.file+"~"); err != nil {
			t.Fatal(err)
		}
		for range looks {
			r.look(w)
		}
	}
	back := func() {
		t.Helper()
		if err := os.Rename(r.file+"~", r.file); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			r.look(w)
		}
	}
	away(5)
	if log := r.log.String(); succeeded() != 1 || strings.Contains(log, "reload") {
		t.Errorf("it is not watched: %s", log)
	}
	back()

	r.change("watch_config: true\n" + whole)
	w = watch(r.file)
	away(1)
	back()
	if log := r.log.String(); succeeded() != 1 || strings.Contains(log, "reload") {
		t.Errorf("for a moment: %s", log)
	}
	away(5)
	log := r.log.String()
	if succeeded() != 0 || strings.Count(log, "reload") != 1 || strings.Count(log, "level=ERROR") != 1 ||
		!strings.Contains(log, `level=WARN msg="configuration not reloaded" client=watch_config file=`+r.file+` error="read the configuration: open `+r.file+`: no such file or directory"`) {
		t.Errorf("success is %v, and the log\n%s", succeeded(), log)
	}
	if c := r.configuration(); !strings.Contains(c.Fault, "no such file or directory") {
		t.Errorf("%+v", c)
	}
	newBrowserOf(t, r.server).see("/ui/", "configuration not reloaded", "watch_config")
	r.expect("mary@contoso.com", known)
	back()
	if log := r.log.String(); succeeded() != 1 || strings.Count(log, `level=INFO msg="configuration reloaded" client=watch_config file=`+r.file+"\n") != 1 {
		t.Errorf("it is back: %s", log)
	}
}

// One reload, one message, which says who asked.
func TestReloadIsLoggedOnce(t *testing.T) {
	contoso := newCounted(t, "mary@contoso.com")
	whole := "organizations:\n" + contoso.entry("contoso", "")
	r := startReloaded(t, whole)
	b := newBrowserOf(t, r.server)
	for _, way := range []struct {
		name, client string
		ask          func()
	}{
		{"by signal", "SIGHUP", func() { r.reloadFor("SIGHUP") }},
		{"by API", `127\.0\.0\.1`, func() {
			response, err := http.Post(b.base+"/reload", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
		}},
		{"by page", `127\.0\.0\.1`, func() { b.post("/ui/configuration", "/ui/configuration/reload", url.Values{}) }},
	} {
		t.Run(way.name, func(t *testing.T) {
			for _, test := range []struct{ text, want string }{
				{whole, `level=INFO msg="configuration reloaded" client=(` + way.client + `) file=\S+$`},
				{"lissten: 1\ntimout: 1\n" + whole, `level=WARN msg="configuration not reloaded" client=(` + way.client + `) file=\S+ error="2 faults in the configuration"$`},
			} {
				r.write(test.text)
				before := len(r.log.String())
				way.ask()
				log := r.log.String()[before:]
				if strings.Count(log, "reload") != 1 || !regexp.MustCompile("(?m)"+test.want).MatchString(log) {
					t.Errorf("the log is\n%swant\n%s", log, test.want)
				}
			}
		})
	}
}

// The publisher goes on as long as it is configured as before, and then asks by the
// configuration in force; it ends and begins where it is not.
func TestReloadKeepsThePublisher(t *testing.T) {
	const group = "/o=Contoso/ou=First Administrative Group"
	folder := foldertest.New(group)
	root, stop, err := folder.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	folderless := foldertest.New(group)
	other, stop, err := folderless.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	fabrikam := newCounted(t, "joe@fabrikam.com")
	people := filepath.Join(t.TempDir(), "recipients.csv")
	if err := os.WriteFile(people, []byte("PrimarySmtpAddress,LegacyExchangeDN\njoe@fabrikam.com,"+group+"/cn=Recipients/cn=joe\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "publish.state")
	text := func(root, every string) string {
		return fmt.Sprintf("directory: {file: %q}\npublish: {organizations: [fabrikam], to: contoso, state: %q, every: %s}\norganizations:\n", people, state, every) +
			fmt.Sprintf("  - {name: contoso, domains: [contoso.com], access_method: PublicFolder, public_folder_url: %q}\n", root) + fabrikam.entry("fabrikam", "")
	}
	r := startReloaded(t, text(root, "15m"))
	first := r.gateway().publisher
	r.publishes(t)

	r.change("limits: {attendees: 9}\n" + text(root, "15m"))
	if r.gateway().publisher != first {
		t.Error("another publisher runs, though nothing of it has changed")
	}
	r.change(text(root, "10m"))
	if r.gateway().publisher == first {
		t.Error("the publisher runs as it was configured before")
	}
	r.publishes(t)
	r.change(text(other, "10m")) // which begins with a new state
	r.publishes(t)
	if len(folderless.Items()) != 1 {
		t.Errorf("the other folder has %v", folderless.Items())
	}

	r.change("organizations:\n" + fabrikam.entry("fabrikam", ""))
	if response, body := get(t, r.operators, "/publish", ""); response.StatusCode != http.StatusNotFound {
		t.Errorf("%s: %s", response.Status, body)
	}
	if strings.Contains(r.log.String(), "level=ERROR") {
		t.Errorf("the log is %s", r.log)
	}
}

// A publisher that could not begin is told of, and begins with the next reload.
func TestReloadStartsThePublisherAgain(t *testing.T) {
	const group = "/o=Contoso/ou=First Administrative Group"
	root, stop, err := foldertest.New(group).Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	fabrikam := newCounted(t, "joe@fabrikam.com")
	people := filepath.Join(t.TempDir(), "recipients.csv")
	if err := os.WriteFile(people, []byte("PrimarySmtpAddress,LegacyExchangeDN\njoe@fabrikam.com,"+group+"/cn=Recipients/cn=joe\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "publish.state")
	text := func(publish bool) string {
		text := fmt.Sprintf("directory: {file: %q}\norganizations:\n  - {name: contoso, domains: [contoso.com], access_method: PublicFolder, public_folder_url: %q}\n", people, root) + fabrikam.entry("fabrikam", "")
		if publish {
			text = fmt.Sprintf("publish: {organizations: [fabrikam], to: contoso, state: %q}\n", state) + text
		}
		return text
	}
	other := startReloaded(t, text(true)) // which has the state
	other.publishes(t)
	r := startReloaded(t, text(false))
	fault := func() string {
		var p struct{ Fault string }
		if _, body := get(t, r.operators, "/publish", ""); json.Unmarshal([]byte(body), &p) != nil {
			t.Fatal(body)
		}
		return p.Fault
	}
	for range 2 {
		r.change(text(true))
		eventually(t, "it fails", func() bool { return strings.Contains(fault(), "another process has it open") })
	}
	eventually(t, "it failed twice", func() bool {
		return strings.Count(r.log.String(), "nothing is published until the configuration is reloaded") == 2
	})
	if _, body := get(t, r.operators, "/ui/", ""); !strings.Contains(body, "another process has it open") {
		t.Error("the overview does not say that nothing is published")
	}
	if err := other.stop(); err != nil {
		t.Fatal(err)
	}
	r.change(text(true))
	r.publishes(t)
	if got := fault(); got != "" {
		t.Errorf("it publishes, and %s", got)
	}
}

// Whoever follows the lookups keeps nothing of what was in force before, and has to show a
// token that is wanted now.
func TestReloadEndsFollowers(t *testing.T) {
	contoso := newCounted(t, "mary@contoso.com")
	whole := "organizations:\n" + contoso.entry("contoso", "")
	r := startReloaded(t, whole)
	follow := func() *http.Response {
		response, err := http.Get("http://" + r.operators.String() + "/lookups?follow=1")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		return response
	}
	before, first := r.gateway(), follow()
	for range 15 {
		follow()
	}
	if got := follow(); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a 17th follower: %s", got.Status)
	}
	if n := before.users.Load(); n != 17 {
		t.Fatalf("%d use the gateway", n)
	}
	token := writeFile(t, []byte("s3cret-of-the-operators\n"))
	text := strings.Replace(onFreePorts, "}", fmt.Sprintf(", token_file: %q}", token), 1) + whole
	if err := errors.Join(os.WriteFile(r.file, []byte(text), 0o600), r.reload()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, first.Body); err != nil {
		t.Errorf("the stream has not ended in order: %v", err)
	}
	eventually(t, "the old one ends", func() bool { return before.users.Load() == 0 })
	if got := follow(); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %s", got.Status)
	}
}

// certificateFile returns a file with another certificate than keyPair's, and its key.
func certificateFile(t *testing.T) string {
	t.Helper()
	a := (*authority)(nil).issue(t, "another", ca)
	key, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, append(a.pem(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...))
}

// A new certificate is shown to new connections. Those there are stay, and with each its
// connection to the server behind.
func TestReloadKeepsConnections(t *testing.T) {
	var connections atomic.Int64
	behind := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "exchange") }))
	behind.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	behind.Start()
	t.Cleanup(behind.Close)
	contoso := newCounted(t, "mary@contoso.com")
	text := func(pair, url string) string {
		return fmt.Sprintf("tls: {listen: \"127.0.0.1:0\", certificate_file: %[1]s, key_file: %[1]s}\nlogin: {anonymous: true}\npassthrough: {url: %[2]s}\norganizations:\n", pair, url) + contoso.entry("contoso", "")
	}
	one, two := keyPair(t), certificateFile(t)
	r := startReloaded(t, text(one, behind.URL))
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(transport.CloseIdleConnections)
	client := http.Client{Transport: transport, Timeout: 10 * time.Second}
	// shown returns the certificate's content, and checks what is handed on.
	shown := func(client *http.Client) string {
		t.Helper()
		response, err := client.Get("https://" + r.secure.String() + "/public/?Cmd=contents")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != "exchange" {
			t.Errorf("%s, %v: %s", response.Status, err, body)
		}
		return string(response.TLS.PeerCertificates[0].Raw)
	}
	first := shown(&client)
	r.change(text(two, behind.URL))
	if shown(&client) != first || connections.Load() != 1 {
		t.Errorf("the connection has not stayed: %d to the server behind", connections.Load())
	}
	other := transport.Clone()
	t.Cleanup(other.CloseIdleConnections)
	if shown(&http.Client{Transport: other, Timeout: 10 * time.Second}) == first {
		t.Error("new connections see the certificate before")
	}

	r.change(text(two, "http://127.0.0.1:1"))
	if !strings.Contains(r.log.String(), "keys=[passthrough]") || connections.Load() != 2 {
		t.Errorf("another server behind: %s", r.log)
	}
	shown(&client)
	if connections.Load() != 2 {
		t.Errorf("%d connections to the server behind, want 2", connections.Load())
	}
}

// A connection to a directory that is not asked any more is closed.
func TestReloadHangsUpLDAP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	ended := make(chan struct{})
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer close(ended)
		defer conn.Close()
		// A SearchResultDone of success, to the first message: there is no such entry.
		buffer := make([]byte, 4096)
		if _, err := conn.Read(buffer); err != nil {
			return
		}
		if _, err := conn.Write([]byte{0x30, 0x0c, 0x02, 0x01, buffer[bytes.Index(buffer, []byte{0x02, 0x01})+2], 0x65, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00}); err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, conn)
	}()
	contoso := newCounted(t, "mary@contoso.com")
	whole := "organizations:\n" + contoso.entry("contoso", "")
	ldap := fmt.Sprintf("directory: {ldap: {url: \"ldap://%s\", base_dn: \"DC=contoso,DC=com\", timeout: 2s}}\n", listener.Addr())
	r := startReloaded(t, ldap+whole)
	r.sees("mary@contoso.com")
	r.change("limits: {attendees: 9}\n" + ldap + whole)
	select {
	case <-ended:
		t.Fatal("the connection has ended, though the directory is as it was")
	default:
	}
	r.change(whole)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the connection is still open")
	}
	r.expect("mary@contoso.com", known)
}

// Whoever looks at the configuration again and again does not have it tried out each time,
// but sees at once when the file changes, and when it is in force.
func TestTrials(t *testing.T) {
	contoso := newCounted(t, "mary@contoso.com")
	text := "admin: {listen: '127.0.0.1:0'}\norganizations:\n" + contoso.entry("contoso", "")
	r := startReloaded(t, text)
	look := func() (c admin.Configuration, anew bool) {
		before := r.trials.at
		c = r.configuration()
		return c, r.trials.at != before
	}
	look()
	for begun := r.trials.at; ; {
		if _, anew := look(); anew {
			if took := r.trials.at.Sub(begun); took <= triedFor {
				t.Errorf("tried out again after %v", took)
			}
			break
		}
	}
	r.write("limits: {attendees: 7}\n" + text)
	if c, anew := look(); !anew || !strings.Contains(c.Changes, "+") {
		t.Errorf("the file has changed: %v, %+v", anew, c.Changes)
	}
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	if c, anew := look(); !anew || c.Changes != "" || !strings.Contains(c.Text, "attendees: 7") {
		t.Errorf("it is in force: %v, %s", anew, c.Changes)
	}
}
