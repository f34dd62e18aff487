package davfb

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"fbgate/availability"
	"fbgate/translate/davxml"
)

// freeBusy answers GET and HEAD of /public/?Cmd=freebusy.
func (f *face) freeBusy(w http.ResponseWriter, r *http.Request, id string) error {
	begun := time.Now()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return &refusal{http.StatusMethodNotAllowed, "Free/busy is asked for with GET or HEAD."}
	}
	request, err := davxml.ParseQuery(r.URL.RawQuery, f.Limits)
	if err != nil {
		return err
	}
	via, err := f.passed(r)
	if err != nil {
		return err
	}
	answers := f.Source.Lookup(r.Context(), availability.Query{
		RequestID: id,
		Via:       via,
		Mailboxes: request.Mailboxes(),
		Window:    request.Window,
		Interval:  request.Interval,
	})
	now := time.Now()
	// Also of a client that only closed its half, and wants its answer.
	left := r.Context().Err() != nil
	setFreshness(w.Header(), answers, now)
	if length := request.AnswerLen(); length > largestPooled {
		setContent(w.Header(), length)
		_ = davxml.WriteAnswer(w, request, answers, f.Digits)
	} else {
		write(w, http.StatusOK, func(body []byte) []byte {
			return davxml.AppendAnswer(body, request, answers, f.Digits)
		})
	}
	if left {
		f.logLeaver(r, id, now.Sub(begun))
	} else {
		f.logAnswer(r, id, request, answers, now.Sub(begun))
	}
	return nil
}

// buffers are those of answers that are written at once.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// largestPooled is the longest answer that is, in bytes.
const largestPooled = 64 << 10

var textXML = []string{"text/xml; charset=utf-8"}

// setContent announces XML of that length: some clients need a Content-Length.
func setContent(header http.Header, length int) {
	header["Content-Type"] = textXML
	header["Content-Length"] = []string{strconv.Itoa(length)}
}

// write sends XML in one piece.
func write(w http.ResponseWriter, status int, render func([]byte) []byte) {
	buffer := buffers.Get().(*[]byte)
	body := render((*buffer)[:0])
	setContent(w.Header(), len(body))
	w.WriteHeader(status)
	_, _ = w.Write(body)
	if cap(body) <= largestPooled {
		*buffer = body
		buffers.Put(buffer)
	}
}
