package face

import (
	"net/http"
	"strconv"
	"sync"
)

// buffers are those of answers that are written at once.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// LargestPooled is the longest answer, in bytes, that is best written by [Write].
const LargestPooled = 64 << 10

// SetContent announces an answer of that type and length: some clients need a
// Content-Length. The slice is not changed.
func SetContent(header http.Header, contentType []string, length int) {
	header["Content-Type"] = contentType
	header["Content-Length"] = []string{strconv.Itoa(length)}
}

// Write sends an answer in one piece, with its length. render appends it.
func Write(w http.ResponseWriter, status int, contentType []string, render func([]byte) []byte) {
	buffer := buffers.Get().(*[]byte)
	body := render((*buffer)[:0])
	SetContent(w.Header(), contentType, len(body))
	w.WriteHeader(status)
	_, _ = w.Write(body)
	if cap(body) <= LargestPooled {
		*buffer = body
		buffers.Put(buffer)
	}
}
