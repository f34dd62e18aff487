package availabilitytest

import (
	"os"
	"path/filepath"
	"testing"
)

// Vectors returns the folder of captured protocol data, named by FBGATE_VECTORS
// or found as ../shared/vectors beside the checkout. The captures are not part
// of the project: without them the test is skipped.
func Vectors(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("FBGATE_VECTORS"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		t.Fatal("no go.mod above the test")
	}
	vectors := filepath.Join(filepath.Dir(dir), "shared", "vectors")
	if _, err := os.Stat(vectors); err != nil {
		t.Skip("SKIPPED, captures missing: set FBGATE_VECTORS to the folder that holds them")
	}
	return vectors
}

// Vector returns the captured file of that name, "ews/S1-….xml" for instance.
func Vector(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(Vectors(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
