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
	dir := vectors(t)
	if _, err := os.Stat(dir); err != nil && os.Getenv("FBGATE_VECTORS") == "" {
		t.Skip("SKIPPED, captures missing: set FBGATE_VECTORS to the folder that holds them")
	}
	return dir
}

// vectors returns where captures would be.
func vectors(t testing.TB) string {
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
	return filepath.Join(filepath.Dir(dir), "shared", "vectors")
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

// Captures returns all captured files that are text or XML and not about federation's
// keys, as seeds for a fuzz target: what one protocol has may upset the reader of
// another. There are none without captures, which is no reason to skip a target, and
// none that is longer than 64 KiB, which only make fuzzing slow.
func Captures(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	for _, pattern := range []string{"dav/*", "ews/*.xml", "ews/requests/*", "federation/fedinfo/*", "federation/signature/*.xml", "federation/rst/*"} {
		paths, err := filepath.Glob(filepath.Join(vectors(t), filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if data, err := os.ReadFile(path); err == nil && len(data) <= 64<<10 && filepath.Ext(path) != ".md" {
				all = append(all, data)
			}
		}
	}
	return all
}
