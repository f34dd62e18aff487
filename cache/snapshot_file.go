package cache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Save writes what is remembered, but for failures, to a file, so that a gateway that
// is started anew need not ask about everybody again. The file is there whole or not
// at all, for nobody but the owner to read. Fingerprints say by name how each
// organization is configured: Load takes what is of those that have the same then. It
// is meant for the end, when no lookups are begun any more.
func (c Caches) Save(path string, fingerprints map[string]string) error {
	err := ours(path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		s := c.snapshot(fingerprints, time.Now())
		err = replace(path, s.write)
	}
	if err != nil {
		return fmt.Errorf("keep what is remembered in %s: %w", path, err)
	}
	return nil
}

// Load reads what Save has written, and returns how many mailboxes are remembered by
// it, as [Cache.Flush] counts them. What has expired since is left out unless it may
// be served stale, and so are organizations that are configured otherwise. The error
// says why the file is of no use: it is damaged, too old or of a time to come; a file
// that is not there is none.
//
// Load removes the file, whatever is in it, before anything of it is used: else what
// is flushed from now on would be back after a crash. It is meant for the start, when
// nobody asks yet.
func (c Caches) Load(path string, fingerprints map[string]string) (int, error) {
	n, err := c.load(path, fingerprints, time.Now())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("load what was remembered from %s: %w", path, err)
	}
	return n, nil
}

func (c Caches) load(path string, fingerprints map[string]string, now time.Time) (int, error) {
	if err := ours(path); err != nil {
		return 0, err
	}
	data, err := os.ReadFile(path)
	if failure := os.Remove(path); failure != nil {
		return 0, fmt.Errorf("it cannot be removed, so that it would be loaded again: %w", failure)
	}
	if err = errors.Join(err, syncFolder(filepath.Dir(path))); err != nil {
		return 0, err
	}
	s, err := readSnapshot(data)
	if err != nil {
		return 0, err
	}
	passed, err := c.age(s, now)
	if err != nil {
		return 0, err
	}
	return c.restore(s, fingerprints, passed), nil
}

// ours returns an error if path is a file that Save has not written: it must not be
// removed or replaced because somebody has given the wrong name.
func ours(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("others than its owner can get at it (%v), so that it may say anything; it is left as it is", info.Mode().Perm())
	}
	if !info.Mode().IsRegular() || info.Size() > maxSnapshot {
		return fmt.Errorf("it is no regular file of at most %d bytes; it is left as it is", maxSnapshot)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	begin := make([]byte, len(anyMagic))
	if _, err := io.ReadFull(f, begin); err != nil || string(begin) != anyMagic {
		return fmt.Errorf("it does not begin with %q, so that it is none of fbgate's; it is left as it is", anyMagic)
	}
	return nil
}

// replace writes a file in place of the one of that name, if there is one, when it is
// whole and on the disk.
func replace(path string, write func(io.Writer) error) error {
	next := path + ".next"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes what was renamed or removed in a folder outlive a crash.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
