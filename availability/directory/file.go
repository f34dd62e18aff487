package directory

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"fbgate/availability"
)

const (
	// recheck is how often a file is looked at, to see whether it has changed.
	recheck = time.Second
	// patience is how long the one who sees that a file has changed waits for the
	// new content. Afterwards, as everybody else does, it takes the old.
	patience = time.Second
)

// File is a Directory in a CSV or LDIF file, read again when it changes. Open it with
// OpenFile.
//
// A file whose name ends in .csv is what Export-Csv writes of recipients: its first
// line names columns, among them PrimarySmtpAddress or mail, and if there are any
// ExternalEmailAddress or targetAddress, LegacyExchangeDN, EmailAddresses or
// proxyAddresses, DisplayName, and Members, separated by ";". One whose name ends in
// .ldif is what ldifde and ldapsearch write (RFC 2849).
//
// Both are UTF-8, at most 256 MiB and two million entries.
type File struct {
	// MaxListMembers is how many members of a distribution list Find returns, 100
	// if it is 0. Set it before the first Find, to that of the Source.
	MaxListMembers int
	// Log is told of files that are read again, and why not. The default logger if
	// it is nil. Set it before the first Find.
	Log *slog.Logger

	path string

	mu      sync.Mutex
	table   *table
	stamp   stamp
	checked time.Time
	reading bool
}

var _ Directory = (*File)(nil)

// stamp says which state of a file was read.
type stamp struct {
	modified time.Time
	size     int64
}

// OpenFile reads a file. Its error lists what is wrong with it, up to 20 faults, each
// with its line.
func OpenFile(path string) (*File, error) {
	f := &File{path: path, checked: time.Now()}
	var err error
	f.table, f.stamp, err = read(path)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// read returns the content of a file. The stamp is that of the state it had before,
// so that a change meanwhile is noticed.
func read(path string) (t *table, was stamp, err error) {
	defer func() {
		if p := recover(); p != nil { // better no new table than no program
			t, err = nil, fmt.Errorf("panic: %.200v", p)
		}
	}()
	file, err := os.Open(path)
	if err != nil {
		return nil, stamp{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, stamp{}, err
	}
	was = stamp{info.ModTime(), info.Size()}
	t, err = parse(path, file)
	return t, was, err
}

// Find implements Directory. It never fails: a file that cannot be read any more, or
// has faults, leaves what it held before.
func (f *File) Find(ctx context.Context, mailboxes []availability.Mailbox) (map[availability.Mailbox]*Entry, error) {
	t := f.current(ctx)
	most := orDefault(f.MaxListMembers, defaultMaxListMembers)
	found := make(map[availability.Mailbox]*Entry)
	for _, m := range mailboxes {
		if r := t.find(m); r != nil && found[m] == nil {
			found[m] = t.entry(r, most)
		}
	}
	return found, nil
}

// Len returns how many recipients the file holds.
func (f *File) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.table.recipients)
}

// current returns the content, new if the file has changed.
func (f *File) current(ctx context.Context) *table {
	if f.due() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.refresh()
		}()
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.table
}

// due reports whether the caller has to look whether the file has changed.
func (f *File) due() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reading || time.Since(f.checked) < recheck {
		return false
	}
	f.checked, f.reading = time.Now(), true
	return true
}

// refresh reads the file if it has changed.
func (f *File) refresh() {
	var now stamp
	info, err := os.Stat(f.path)
	if err == nil {
		now = stamp{info.ModTime(), info.Size()}
	}
	f.mu.Lock()
	same := now == f.stamp
	f.mu.Unlock()
	var t *table
	if !same && err == nil {
		var was stamp
		if t, was, err = read(f.path); was != (stamp{}) {
			now = was
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reading = false
	if same {
		return
	}
	f.stamp = now
	log := f.Log
	if log == nil {
		log = slog.Default()
	}
	if err != nil {
		log.Warn("the directory file cannot be used; what it held before stays", "file", f.path, "error", err)
		return
	}
	f.table = t
	log.Info("directory file read", "file", f.path, "recipients", len(t.recipients))
}
