//go:build unix

package publisher

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// lockFile locks a file of its own, which stays when it is unlocked.
func lockFile(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.New("another process has it open, most likely another fbgate")
		}
		return nil, err
	}
	return f, nil
}
