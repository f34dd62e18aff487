package published_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/availability/published"
)

// endless names the store that this program, started by TestKilled, publishes in until it
// is killed.
const endless = "FBGATE_TEST_PUBLISH_IN"

func TestMain(m *testing.M) {
	if path := os.Getenv(endless); path != "" {
		publishForEver(path)
	}
	os.Exit(m.Run())
}

// publishForEver prints the mailbox of each publication that is acknowledged.
func publishForEver(path string) {
	s, err := published.Open(path, published.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for worker := range 8 {
		go func() {
			for i := 0; ; i++ {
				p := publication(availability.Mailbox(fmt.Sprintf("w%d-%d@contoso.com", worker, i)))
				if err := s.Publish(context.Background(), p); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(p.Mailbox)
			}
		}()
	}
	select {}
}

// What was acknowledged is there after kill -9, however often.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "published.db")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := make(map[availability.Mailbox]bool)
	for round := range 3 {
		for m := range killed(t, program, path, 40*(round+1)) {
			acknowledged[m] = true
		}
		s := open(t, path, published.Options{})
		for m := range acknowledged {
			if p, ok := get(t, s, m); !ok || p.By != "mary's Outlook" {
				t.Errorf("round %d: %s was acknowledged, and is gone", round, m)
			}
		}
		if s.Len() < len(acknowledged) {
			t.Errorf("round %d: %d kept of %d", round, s.Len(), len(acknowledged))
		}
		s.Close()
	}
}

// killed starts the program, kills it after so many acknowledgements, and returns all
// there were.
func killed(t *testing.T, program, path string, after int) map[availability.Mailbox]bool {
	t.Helper()
	child := exec.Command(program)
	child.Env = append(os.Environ(), endless+"="+path)
	var complaints strings.Builder
	child.Stderr = &complaints
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(map[availability.Mailbox]bool)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // and what is no whole line was not acknowledged to anybody
		}
		if err != nil {
			t.Fatal(err)
		}
		found[availability.Mailbox(strings.TrimSpace(line))] = true
		if len(found) == after {
			_ = child.Process.Kill()
		}
	}
	_ = child.Wait()
	if len(found) < after {
		t.Fatalf("it ended after %d acknowledgements: %s", len(found), complaints.String())
	}
	return found
}
