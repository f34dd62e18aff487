package publisher

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// state remembers entries by the legacyExchangeDN in lower case. It keeps them in memory,
// some 200 bytes each, and in a file to which lines are appended: the last one about an
// item counts. Each line has a checksum. (A database that maps its file into memory would
// save the memory, but does not survive what a bad disk does to it.)
type state struct {
	path, root string

	mu      sync.Mutex
	file    *os.File
	lock    io.Closer
	entries map[string]entry
	lines   int   // in the file
	length  int64 // of what was written as a whole
}

// maxLine bounds a line, whose key is at most 1,024 bytes before it is quoted.
const maxLine = 8 << 10

func header(root string) string { return "fbgate published items 1 " + strconv.Quote(root) + "\n" }

// openState opens the file or makes it, and writes it anew, so that it has one line for
// each item. Of a damaged one a copy is kept. As newer lines may be among those that were
// lost, nothing is taken for sure then of what the items say; whose they are is still
// known of all lines that are whole.
func openState(path, root string, log *slog.Logger) (*state, error) {
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("open the state %s: %w", path, err)
	}
	s := &state{path: path, root: root, lock: lock, entries: make(map[string]entry)}
	if err := s.load(log); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("open the state: %w", err)
	}
	return s, nil
}

func (s *state) load(log *slog.Logger) error {
	damage, err := s.read()
	if err != nil {
		return err
	}
	if damage != "" {
		aside := s.path + ".damaged"
		log.Warn("the state of the publisher is damaged, or that of another folder: all items are written anew, and some of mailboxes that have left may not be removed",
			"file", s.path, "kept_as", aside, "error", damage)
		for key, e := range s.entries {
			e.says = digest{}
			s.entries[key] = e
		}
		if err := os.Rename(s.path, aside); err != nil {
			return err
		}
	}
	return s.rewrite()
}

// read reads the file and says what is wrong with it. A last line that was cut short is
// nothing wrong: nobody has acted upon it.
func (s *state) read() (damage string, err error) {
	f, err := os.Open(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no file", s.path)
	}
	r := bufio.NewReaderSize(f, maxLine)
	for n := 1; ; n++ {
		line, err := r.ReadSlice('\n')
		switch {
		case err == io.EOF:
			return damage, nil
		case errors.Is(err, bufio.ErrBufferFull):
			damage = fmt.Sprintf("line %d is too long", n)
			continue
		case err != nil:
			return "", err
		case n == 1:
			if string(line) != header(s.root) {
				return fmt.Sprintf("it begins with %.100q", line), nil
			}
			continue
		}
		key, e, ok := parseLine(string(line))
		switch {
		case !ok:
			damage = fmt.Sprintf("line %d is not whole", n)
		case e.exists():
			s.entries[key] = e
		default:
			delete(s.entries, key)
		}
	}
}

// rewrite replaces the file by one with a line for each entry.
func (s *state) rewrite() error {
	f, err := os.OpenFile(s.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	_, _ = w.WriteString(header(s.root)) // Flush returns the first error
	for key, e := range s.entries {
		_, _ = w.WriteString(e.line(key))
	}
	err = errors.Join(w.Flush(), f.Sync())
	if err == nil {
		err = os.Rename(s.path+".new", s.path)
	}
	if err != nil {
		_ = f.Close()
		return err
	}
	if s.file != nil {
		_ = s.file.Close()
	}
	s.file, s.lines = f, len(s.entries)
	s.length, err = f.Seek(0, io.SeekEnd)
	return err
}

func (s *state) close() {
	_ = s.file.Close()
	_ = s.lock.Close()
}

// get returns the entries of keys, in their order.
func (s *state) get(keys []string) []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := make([]entry, len(keys))
	for i, key := range keys {
		entries[i] = s.entries[key]
	}
	return entries
}

// keys returns all of them, sorted.
func (s *state) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.entries))
}

// put keeps entries, and forgets those that are zero. They are on the disk when it returns
// without an error.
func (s *state) put(entries map[string]entry) error {
	if len(entries) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines strings.Builder
	for key, e := range entries {
		lines.WriteString(e.line(key))
	}
	// After a write that failed half of a line may be there.
	if err := s.file.Truncate(s.length); err != nil {
		return err
	}
	if _, err := s.file.WriteAt([]byte(lines.String()), s.length); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	s.length += int64(lines.Len())
	s.lines += len(entries)
	for key, e := range entries {
		if e.exists() {
			s.entries[key] = e
		} else {
			delete(s.entries, key)
		}
	}
	if s.lines > 3*len(s.entries)+10_000 {
		return s.rewrite()
	}
	return nil
}
