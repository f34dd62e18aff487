package folder

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"fbgate/davfb/face"
	"fbgate/translate/davprop"
)

// output gathers an answer and sends it: in one piece with its length, or, if it is long,
// piece by piece, so that a large folder needs no more memory than a small one.
type output struct {
	v      *visit
	status int
	kind   []string
	ms     *davprop.Multistatus // nil in a plain list
	buffer []byte
	begun  bool
}

// pieceSize is how much is gathered before it is sent.
const pieceSize = 32 << 10

// multistatus returns the output of an answer to f.
func (v *visit) multistatus(f davprop.Find) *output {
	names := f.Props
	if f.All || f.NamesOnly {
		names = ownNames
	}
	ms := davprop.NewMultistatus(names, strings.EqualFold(v.r.Header.Get("Brief"), "t"))
	return &output{v: v, status: http.StatusMultiStatus, kind: textXML, ms: ms, buffer: ms.AppendStart(nil)}
}

func (o *output) add(r davprop.Response) {
	o.buffer = o.ms.AppendResponse(o.buffer, r)
	o.flush()
}

// flush sends what is there if it is a piece.
func (o *output) flush() {
	if len(o.buffer) < pieceSize {
		return
	}
	if !o.begun {
		o.begun = true
		o.v.w.Header()["Content-Type"] = o.kind
		o.v.w.WriteHeader(o.status)
	}
	if _, err := o.v.turn.Write(o.v.r.Context(), o.v.w, o.buffer); err != nil {
		panic(http.ErrAbortHandler) // nobody reads
	}
	o.buffer = o.buffer[:0]
}

// fail returns err if nothing was sent yet. Otherwise it cuts the answer short, which is
// better than to end it as if that were all.
func (o *output) fail(err error) error {
	if o.begun {
		o.v.Log.WarnContext(o.v.r.Context(), "an answer was cut short", "request_id", o.v.id, "error", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

func (o *output) end() error {
	if o.ms != nil {
		o.buffer = o.ms.AppendEnd(o.buffer)
	}
	if !o.begun {
		face.SetContent(o.v.w.Header(), o.kind, len(o.buffer))
		o.v.w.WriteHeader(o.status)
	}
	_, _ = o.v.w.Write(o.buffer)
	return nil
}

// maxQuestion is the longest body of a request that asks, in bytes. A hundred messages by
// their URLs, and a hundred properties, are 30 KiB.
const maxQuestion = 128 << 10

// body reads the body of the request.
func (v *visit) body(most int64) ([]byte, error) {
	most = min(most, v.MaxBody)
	tooLarge := &face.Refusal{Status: http.StatusRequestEntityTooLarge, Text: fmt.Sprintf("The body of the request is longer than %d bytes.", most)}
	if v.r.ContentLength > most {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(v.w, v.r.Body, most))
	var max *http.MaxBytesError
	switch {
	case errors.As(err, &max):
		return nil, tooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &face.Refusal{Status: http.StatusRequestTimeout, Text: "The body of the request did not come in time."}
	case err != nil: // which may name addresses
		return nil, &face.Refusal{Status: http.StatusBadRequest, Text: "The body of the request did not come in full."}
	}
	return body, nil
}

// changed answers a PROPPATCH: each of the properties was set or removed.
func (v *visit) changed(p davprop.Patch) error {
	r := davprop.Response{Href: v.href(v.path)}
	names := append([]xml.Name(nil), p.Remove...)
	for _, property := range p.Set {
		names = append(names, property.Name)
		r.Found = append(r.Found, davprop.Property{Name: property.Name})
	}
	for _, name := range p.Remove {
		r.Found = append(r.Found, davprop.Property{Name: name})
	}
	out := v.multistatus(davprop.Find{Props: names})
	out.add(r)
	return out.end()
}
