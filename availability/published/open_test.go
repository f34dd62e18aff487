package published_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/published"

	"go.etcd.io/bbolt"
)

// raw changes a file of a store from outside.
func raw(t *testing.T, path string, change func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(change); err != nil {
		t.Fatal(err)
	}
}

// filled is the file of a store with n publications, closed.
func filled(t *testing.T, n int) string {
	path := filepath.Join(t.TempDir(), "published.db")
	s := open(t, path, published.Options{})
	for i := range n {
		publish(t, s, publication(availability.Mailbox(fmt.Sprintf("m%d@contoso.com", i))))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func refuses(t *testing.T, path, want string) {
	t.Helper()
	s, err := published.Open(path, published.Options{Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		s.Close()
		t.Fatal("it opens")
	}
	if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Run("a file that is in use", func(t *testing.T) {
		path := filled(t, 1)
		s := open(t, path, published.Options{})
		defer s.Close()
		refuses(t, path, "another process has it open")
	})
	t.Run("a folder", func(t *testing.T) { refuses(t, t.TempDir(), "it is no file") })
	t.Run("in a folder that is not there", func(t *testing.T) {
		refuses(t, filepath.Join(t.TempDir(), "no", "published.db"), "no such file or directory")
	})
	for name, content := range map[string][]byte{
		"a text":                     []byte("hello\n"),
		"a long text":                bytes.Repeat([]byte("hello world\n"), 10_000),
		"zeros":                      make([]byte, 64<<10),
		"a page of zeros and no end": make([]byte, 4097),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "published.db")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			refuses(t, path, "move it away")
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, content) {
				t.Error("and was changed")
			}
		})
	}
	t.Run("the file of another program", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "other.db")
		raw(t, path, func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("dhcp")); return err })
		refuses(t, path, `it holds "dhcp"`)
	})
	t.Run("a file cut short", func(t *testing.T) {
		path := filled(t, 100)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for size := len(whole) - 4096; size > 0; size -= 4096 {
			path := filepath.Join(t.TempDir(), "short.db")
			if err := os.WriteFile(path, whole[:size], 0o600); err != nil {
				t.Fatal(err)
			}
			// What is cut off at first is room nobody uses yet.
			s, err := published.Open(path, published.Options{Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				refused++
				if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move it away") {
					t.Fatal(err)
				}
				continue
			}
			if s.Len() != 100 {
				t.Errorf("%d publications are left of 100", s.Len())
			}
			s.Close()
			if refused > 0 {
				t.Error("it opens with less, but not with more")
			}
		}
		if refused == 0 {
			t.Error("it is never refused")
		}
	})
}

// Wherever a page is overwritten, Open fails, or loses records, but nothing else happens.
func TestDamagedPages(t *testing.T) {
	path := filled(t, 300)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for offset := 0; offset < len(whole); offset += 4096 {
		for _, with := range []byte{0, 0xff} {
			damaged := bytes.Clone(whole)
			for i := offset; i < min(len(damaged), offset+4096); i++ {
				damaged[i] = with
			}
			other := filepath.Join(t.TempDir(), "damaged.db")
			if err := os.WriteFile(other, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := published.Open(other, published.Options{Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				refused++
				if !strings.Contains(err.Error(), other) {
					t.Error(err)
				}
				continue
			}
			for p, err := range s.All("") {
				if err != nil || p.By != "mary's Outlook" || p.Schedule.Known.Empty() {
					t.Fatalf("%+v, %v", p, err)
				}
			}
			s.Close()
		}
	}
	if refused == 0 {
		t.Error("nothing was ever noticed")
	}
}

func TestDamagedRecords(t *testing.T) {
	path := filled(t, 4)
	raw(t, path, func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("fbgate publications"))
		flipped := bytes.Clone(b.Get([]byte("m0@contoso.com")))
		flipped[len(flipped)/2] ^= 1
		later := bytes.Clone(flipped)
		later[0] = 9
		for _, put := range []struct {
			m      string
			record []byte
		}{{"m0@contoso.com", flipped}, {"m1@contoso.com", b.Get([]byte("m2@contoso.com"))}, {"m2@contoso.com", later}, {"new@contoso.com", nil}} {
			if err := b.Put([]byte(put.m), bytes.Clone(put.record)); err != nil {
				return err
			}
		}
		return nil
	})
	var log bytes.Buffer
	s := open(t, path, published.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	defer s.Close()
	if s.Len() != 1 {
		t.Errorf("%d kept of the one that is whole", s.Len())
	}
	for _, want := range []string{"its checksum is wrong", "it has version 9", "it has 0 bytes", "mailbox=m0@contoso.com", "mailbox=m1@contoso.com"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, log.String())
		}
	}
	for i := range 4 {
		if _, ok := get(t, s, availability.Mailbox(fmt.Sprintf("m%d@contoso.com", i))); ok != (i == 3) {
			t.Errorf("m%d is served: %v", i, ok)
		}
	}
}
