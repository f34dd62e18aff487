package davfb

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"fbgate/availability"
	"fbgate/translate/davxml"
)

// freeBusy answers GET and HEAD of /public/?Cmd=freebusy.
type freeBusy struct{ Config }

func (h *freeBusy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	id := requestID(r)
	w.Header().Set("X-Request-Id", id)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		plain(w, http.StatusMethodNotAllowed, "Free/busy is asked for with GET or HEAD.\n")
		return
	}
	request, err := davxml.ParseQuery(r.URL.RawQuery, h.Limits)
	if err != nil {
		h.refuse(w, r, id, err)
		return
	}
	answers := h.lookup(r.Context(), id, request)
	write(w, http.StatusOK, freshness(answers, time.Now()), func(body []byte) []byte {
		return davxml.AppendAnswer(body, request, schedules(answers), h.Digits)
	})
	h.logAnswer(r, id, request, answers, time.Since(begun))
}

func (h *freeBusy) lookup(ctx context.Context, id string, request davxml.Request) []availability.Answer {
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	return h.Source.Lookup(ctx, availability.Query{
		RequestID: id,
		Mailboxes: request.Mailboxes(),
		Window:    request.Window,
		Interval:  request.Interval,
	})
}

func schedules(answers []availability.Answer) []availability.Schedule {
	out := make([]availability.Schedule, len(answers))
	for i := range answers {
		out[i] = answers[i].Schedule
	}
	return out
}

func (h *freeBusy) refuse(w http.ResponseWriter, r *http.Request, id string, err error) {
	var fault *davxml.ParameterError
	if !errors.As(err, &fault) {
		fault = &davxml.ParameterError{Parameter: "query", Expected: err.Error()}
	}
	write(w, http.StatusBadRequest, nil, func(body []byte) []byte { return davxml.AppendError(body, fault) })
	h.logRefusal(r, id, fault)
}

// buffers are those of answers, reused while they are not much larger than usual.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const largestPooled = 64 << 10

// write sends XML in one piece, since some clients need a Content-Length.
func write(w http.ResponseWriter, status int, header http.Header, render func([]byte) []byte) {
	buffer := buffers.Get().(*[]byte)
	body := render((*buffer)[:0])
	for name, values := range header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
	if cap(body) <= largestPooled {
		*buffer = body
		buffers.Put(buffer)
	}
}
