//go:build !unix

package publisher

import (
	"io"
	"os"
)

// lockFile locks nothing: there is no way to in the standard library.
func lockFile(path string) (io.Closer, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
