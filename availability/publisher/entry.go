package publisher

import (
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"
)

// digest stands for what an item says. The zero digest is that of an item of which that
// is not sure: a call about it was begun, and how it ended was not heard.
type digest [16]byte

// entry is what is remembered of an item that this Publisher has written, or was about
// to. The zero entry is that of an item it has not.
type entry struct {
	says      digest
	written   time.Time // in whole seconds, as the other one
	confirmed time.Time // when it was known last that the item is true
}

func (e entry) exists() bool { return !e.confirmed.IsZero() }

// line returns e as it is kept: a checksum of the rest, what the item says, two times in
// seconds, and the key, quoted. The zero entry has no digest.
func (e entry) line(key string) string {
	rest := fmt.Sprintf("- 0 0 %q", key)
	if e.exists() {
		rest = fmt.Sprintf("%x %d %d %q", e.says, e.written.Unix(), e.confirmed.Unix(), key)
	}
	return fmt.Sprintf("%08x %s\n", crc32.ChecksumIEEE([]byte(rest)), rest)
}

func parseLine(line string) (key string, e entry, ok bool) {
	sum, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	if sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(rest))) {
		return "", entry{}, false
	}
	fields := strings.SplitN(rest, " ", 4)
	if len(fields) != 4 {
		return "", entry{}, false
	}
	key, err := strconv.Unquote(fields[3])
	if err != nil || fields[0] == "-" {
		return key, entry{}, err == nil
	}
	says, badDigest := hex.DecodeString(fields[0])
	written, badWritten := strconv.ParseInt(fields[1], 10, 64)
	confirmed, badConfirmed := strconv.ParseInt(fields[2], 10, 64)
	if badDigest != nil || badWritten != nil || badConfirmed != nil || len(says) != len(e.says) {
		return "", entry{}, false
	}
	return key, entry{digest(says), time.Unix(written, 0), time.Unix(confirmed, 0)}, true
}
