package availabilitytest

import (
	"runtime"
	"testing"
)

// CheckAllocation fails the test if reading an input of that many bytes allocates more
// than 4 MiB and 1,000 bytes for each of them, which is far more than a reader needs and
// far less than one takes that reads something again for each part of it. Inputs of less
// than 1 KiB are not measured. Nothing else may allocate meanwhile.
func CheckAllocation(t testing.TB, length int, read func()) {
	t.Helper()
	if length < 1<<10 {
		read()
		return
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read()
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20+1000*uint64(length) {
		t.Errorf("to read %d bytes takes %d", length, took)
	}
}
