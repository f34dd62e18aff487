package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fbgate/availability"
)

// badInput is something that a client should not send.
type badInput struct {
	name    string
	to      string // "clients", "readers" or "operators"
	request string // as it goes over the wire
}

// answered is what came back.
type answered struct {
	response *http.Response // nil if none came
	body     string
	length   int // bytes in all
}

// message is what the client reads first.
func (r answered) message() string {
	switch {
	case r.response == nil:
		return "closed without an answer"
	case strings.Contains(r.body, "<a:fbdata>"):
		return "digits" + drawn(r.body)
	}
	first, _, _ := strings.Cut(strings.TrimSuffix(r.body, "\n"), "\n")
	if r.response.Header.Get("Content-Type") == "application/json" {
		first = strings.Join(strings.Fields(r.body), " ")
	}
	return fmt.Sprintf("%d %s", r.response.StatusCode, cut(first, 300))
}

// drawn is what kinds of digits the rows have but for that of all attendees.
func drawn(body string) (all string) {
	for i, row := range strings.Split(body, "<a:fbdata>")[1:] {
		digits, _, _ := strings.Cut(row, "<")
		if i > 0 && i < 4 {
			all += " " + cut(digits, 8)
		}
	}
	return all
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(s[:most], ""), len(s))
}

// sketch is what a request looks like, for people.
func sketch(request string) string {
	head, body, _ := strings.Cut(request, "\r\n\r\n")
	var parts []string
	for i, line := range strings.Split(head, "\r\n") {
		if i == 0 || line != "Host: "+ownName && !strings.HasPrefix(line, "Content-Length: "+strconv.Itoa(len(body))) && line != "" {
			parts = append(parts, legible(cut(strings.TrimSuffix(line, " HTTP/1.1"), 110)))
		}
	}
	if len(parts) > 4 {
		parts = append(parts[:3], fmt.Sprintf("… (%d lines)", len(parts)))
	}
	if body != "" {
		parts = append(parts, "["+legible(cut(body, 90))+"]")
	}
	return strings.Join(parts, " | ")
}

func legible(s string) string {
	quoted := strconv.Quote(s)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1 : len(quoted)-1])
}

// targets are the listeners bad input goes to.
type targets struct {
	address  map[string]string
	unspoken []string // what no client may be told
}

// newTargets starts two gateways before an Exchange where mary is: one that lets
// publishers write, whose operators have a token, and one that nobody may write to.
func newTargets(t *testing.T) targets {
	t.Helper()
	people := filepath.Join(t.TempDir(), "recipients.csv")
	if err := os.WriteFile(people, []byte("PrimarySmtpAddress,LegacyExchangeDN\nmary@contoso.com,/o=Contoso/ou=Sales/cn=Recipients/cn=mary\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	exchange := startExchange(t, pretendCalendar(availability.Busy, "mary@contoso.com"))
	store, password, token := filepath.Join(t.TempDir(), "published.db"), writeFile(t, []byte("hunter2\n")), writeFile(t, []byte("s3cret-token-of-operators\n"))
	const common = `
listen: 127.0.0.1:0
organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %q}]
directory: {file: %s}
`
	// What is logged costs something, too.
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	run := func(file string, args ...any) *server {
		s, err := start(parse(t, common+file, append([]any{exchange, people}, args...)...), log)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.stop() })
		return s
	}
	writers := run("admin: {listen: 127.0.0.1:0, token_file: %s}\npublishing: {store: %s, publishers: [{username: sync, password_file: %s}]}\n", token, store, password)
	readers := run("admin: {listen: 127.0.0.1:0}\n")
	_, port, _ := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(exchange, "http://"), "/EWS/Exchange.asmx"))
	return targets{
		address: map[string]string{
			"clients": writers.clients.String(), "readers": readers.clients.String(),
			"operators": writers.operators.String(), "operators of this machine": readers.operators.String(),
		},
		unspoken: []string{"127.0.0.1", ":" + port, "EWS", os.TempDir() + "/", "hunter2", "s3cret", ".go:", "goroutine"},
	}
}

// send sends one request on a connection of its own and returns the answer to it: all that
// comes until the connection ends, or the whole answer if it is kept open.
func (x targets) send(t *testing.T, in badInput) (r answered) {
	t.Helper()
	c, err := net.Dial("tcp", x.address[in.to])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(c, in.request) }()
	counted := &counter{r: c}
	method, _, _ := strings.Cut(in.request, " ")
	r.response, err = http.ReadResponse(bufio.NewReaderSize(counted, 1), &http.Request{Method: method})
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: nothing comes", in.name)
		}
		return answered{length: counted.n}
	}
	body, err := io.ReadAll(r.response.Body)
	if err != nil {
		t.Errorf("%s: %v", in.name, err)
	}
	r.body, r.length = string(body), counted.n
	return r
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// cost sends the request so many times and returns how much is allocated for one, and how
// long that takes. What comes is read, but not looked into.
func (x targets) cost(t *testing.T, in badInput, length, runs int) (allocated uint64, took time.Duration) {
	t.Helper()
	request, buffer := []byte(in.request), make([]byte, 64<<10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	for range runs {
		c, err := net.Dial("tcp", x.address[in.to])
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		sent := make(chan struct{})
		go func() {
			_, _ = c.Write(request)
			close(sent)
		}()
		for left := length; left > 0; {
			n, err := c.Read(buffer[:min(left, len(buffer))])
			if left -= n; err != nil {
				break
			}
		}
		if length == 0 {
			_, _ = c.Read(buffer)
		}
		c.Close()
		<-sent
	}
	took = time.Since(begun) / time.Duration(runs)
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / uint64(runs), took
}

const (
	// mostAllocated is what any bad input of a stranger may make the gateway allocate, in
	// bytes, connection and log included.
	mostAllocated = 3 << 20
	// mostOfPublishers is the same of those who have logged in.
	mostOfPublishers = 16 << 20
	// mostSaid is how long a refusal is, in bytes.
	mostSaid = 1000
)

// Whatever a stranger sends is answered with what is wrong with it, in few words that tell
// nothing of the inside, and costs little. -v tells how much.
func TestBadInput(t *testing.T) {
	x := newTargets(t)
	week := badInput{"a week of one mailbox", "readers", owa("start=2026-11-23T00:00:00Z&end=2026-11-30T00:00:00Z&interval=30&u=SMTP:mary@contoso.com")}
	honest := x.send(t, week)
	if honest.response == nil || honest.response.StatusCode != http.StatusOK {
		t.Fatalf("%+v", honest)
	}
	one, _ := x.cost(t, week, honest.length, 10)
	t.Logf("%8d bytes      an honest request for %s", one, week.name)
	for _, in := range largest() {
		answer := x.send(t, in)
		if answer.response == nil || answer.response.StatusCode >= 300 {
			t.Errorf("%s: %s", in.name, answer.message())
		}
		allocated, took := x.cost(t, in, answer.length, 1)
		t.Logf("%8d bytes %4dx %8v an honest request for %s, answered with %d bytes", allocated, allocated/one, took.Round(time.Microsecond), in.name, answer.length)
	}
	var table bytes.Buffer
	names := make(map[string]bool)
	for _, in := range badInputs() {
		if names[in.name] {
			t.Errorf("%q comes twice", in.name)
		}
		names[in.name] = true
		answer := x.send(t, in)
		x.proper(t, in, answer)
		fmt.Fprintf(&table, "%s, to %s\n\t%s\n\t%s\n", in.name, in.to, sketch(in.request), answer.message())
		allocated, took := x.cost(t, in, answer.length, 3)
		t.Logf("%8d bytes %4dx %8v %7d sent  %s", allocated, allocated/one, took.Round(time.Microsecond), len(in.request), in.name)
		most := uint64(mostAllocated)
		if strings.Contains(in.request, asSync) {
			most = mostOfPublishers
		}
		if allocated > most {
			t.Errorf("%s allocates %d bytes, %d times as much as an honest request; at most %d are to be", in.name, allocated, allocated/one, most)
		}
	}
	const path = "testdata/badinput/table.golden"
	if *update {
		if err := os.WriteFile(path, table.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Split(table.String(), "\n"), strings.Split(string(want), "\n"); len(got) != len(want) {
		t.Errorf("%s has %d lines, there are %d; -update writes it anew", path, len(want), len(got))
	} else {
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s:%d\ngot  %s\nwant %s", path, i+1, got[i], want[i])
			}
		}
	}
}

// proper checks that an answer is fit to be read, and tells nothing of the inside.
func (x targets) proper(t *testing.T, in badInput, r answered) {
	t.Helper()
	if r.response == nil {
		t.Errorf("%s: no answer", in.name)
		return
	}
	switch kind := r.response.Header.Get("Content-Type"); {
	case r.body == "" && r.response.StatusCode != http.StatusExpectationFailed: // net/http says that in the status line alone
		t.Errorf("%s: %d without a word", in.name, r.response.StatusCode)
	case strings.Contains(kind, "html") || kind == "" && r.body != "":
		t.Errorf("%s: Content-Type %q: %q", in.name, kind, r.body)
	}
	if !utf8.ValidString(r.body) || strings.ContainsFunc(r.body, func(c rune) bool { return c < ' ' && !strings.ContainsRune("\t\r\n", c) || c == 0x7f }) {
		t.Errorf("%s: control characters, or no UTF-8, in %q", in.name, r.body)
	}
	if r.response.StatusCode >= 300 && len(r.body) > mostSaid {
		t.Errorf("%s: %d bytes are said of it", in.name, len(r.body))
	}
	for _, secret := range x.unspoken {
		if strings.Contains(r.body, secret) && !strings.Contains(in.request, secret) {
			t.Errorf("%s: %q tells of %s", in.name, r.body, secret)
		}
	}
}
