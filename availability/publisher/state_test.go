package publisher_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fbgate/availability"
)

func TestRestart(t *testing.T) {
	bubble(t, 250, func(t *testing.T, w *world) {
		w.start()
		w.round()
		w.stop()
		w.source.busy(7, 9, availability.Busy)
		calls := w.server.Calls()
		w.start()
		if r := w.round(); r.Written != 1 || r.Unchanged != 249 || w.server.Calls() != calls+1 {
			t.Errorf("%+v, %d calls", r, w.server.Calls()-calls)
		}
	})
}

// fbgate is killed in the middle: for each call the state is kept as it is at that moment,
// and another publisher goes on with it, while the calendars are as they were before.
func TestKilled(t *testing.T) {
	bubble(t, 20, func(t *testing.T, w *world) {
		w.config.Concurrency = 1
		w.start()
		w.round() // all are free
		w.stop()
		for i := range 20 {
			w.source.busy(i, 9, availability.Busy)
		}
		var kept [][]byte
		w.way.before = func(*http.Request) { kept = append(kept, read(t, w.config.State)) }
		w.start()
		w.round() // all are busy
		w.stop()
		w.way.before = nil
		if len(kept) != 20 {
			t.Fatalf("%d calls", len(kept))
		}
		for _, killed := range []int{0, 10, 19} {
			for i := range 20 {
				w.source.fails(i, nil)
			}
			w.config.State = filepath.Join(t.TempDir(), "state")
			if err := os.WriteFile(w.config.State, kept[killed], 0o600); err != nil {
				t.Fatal(err)
			}
			w.start()
			w.round()
			w.stop()
			for i := range 20 {
				if got := status(w, i, 9); got != availability.Free {
					t.Errorf("killed at call %d: user %d is %v", killed, i, got)
				}
			}
			for i := range 20 { // and once more
				w.source.busy(i, 9, availability.Busy)
			}
			w.config.State = filepath.Join(t.TempDir(), "other")
			w.start()
			w.round()
			w.stop()
		}
	})
}

func read(t *testing.T, path string) []byte {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return b
}

func TestDamagedState(t *testing.T) {
	bubble(t, 150, func(t *testing.T, w *world) {
		w.start()
		w.round()
		w.stop()
		good := read(t, w.config.State)
		damage := map[string][]byte{
			"empty":       {},
			"one line":    good[:100],
			"cut short":   good[:len(good)/2],
			"garbage":     bytes.Repeat([]byte("not a state "), 5000),
			"no end":      append(bytes.Clone(good), "0000"...),
			"zeros":       make([]byte, len(good)),
			"a long line": append(bytes.Clone(good), strings.Repeat("x", 100_000)+"\n"...),
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			bad := bytes.Clone(good)
			for range 1 + random.IntN(2000) {
				bad[random.IntN(len(bad))] ^= byte(1 + random.IntN(255))
			}
			damage[fmt.Sprintf("%d flipped", len(damage))] = bad
		}
		w.source.busy(7, 9, availability.Busy)
		for name, bad := range damage {
			if err := os.WriteFile(w.config.State, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			w.log.Reset()
			w.start()
			r := w.round()
			w.stop()
			if r.Written+r.Unchanged != 150 || status(w, 7, 9) != availability.Busy {
				t.Errorf("%s: %+v", name, r)
			}
			if moved := strings.Contains(w.log.String(), "kept_as"); moved != (name == "garbage" || name == "zeros" || name == "a long line" || strings.Contains(name, "flipped")) {
				t.Errorf("%s: there is a warning: %v", name, moved)
			}
		}
	})
}

func TestUnusableState(t *testing.T) {
	w := newWorld(t, 1)
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing", "state")} {
		w.config.State = path
		if err := run(t, w); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// What was written to another server is not known of this one.
func TestAnotherRoot(t *testing.T) {
	bubble(t, 5, func(t *testing.T, w *world) {
		w.start()
		w.round()
		w.stop()
		w.config.Root = "http://mail2.contoso.com/public"
		w.start()
		if r := w.round(); r.Written != 5 {
			t.Errorf("%+v", r)
		}
		w.stop()
		w.config.Root = "http://mail.contoso.com/public/"
		w.start()
		if r := w.round(); r.Written != 5 {
			t.Errorf("%+v", r)
		}
	})
}
