package davfb

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/translate/davxml"
)

// freeBusy answers GET and HEAD of /public/?Cmd=freebusy.
func (f *gate) freeBusy(w http.ResponseWriter, r *http.Request, id string) error {
	begun := time.Now()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return &face.Refusal{Status: http.StatusMethodNotAllowed, Text: "Free/busy is asked for with GET or HEAD.", Allow: []string{"GET", "HEAD"}}
	}
	request, err := davxml.ParseQuery(r.URL.RawQuery, f.Limits)
	if err != nil {
		return refused(err)
	}
	via, err := f.passed(r)
	if err != nil {
		return err
	}
	asked := face.Asked{Event: "free/busy", Begun: begun, Asking: time.Now(), Lookups: f.Lookups}
	asked.Query = availability.Query{
		RequestID: id,
		Via:       via,
		Requester: face.Requester(r),
		Mailboxes: request.Mailboxes(),
		Window:    request.Window,
		Interval:  request.Interval,
	}
	answers := f.Source.Lookup(r.Context(), asked.Query)
	asked.Answers, asked.Answered = answers, time.Now()
	// Also of a client that only closed its half, and wants its answer.
	asked.Left = r.Context().Err() != nil
	face.SetFreshness(w.Header(), answers, asked.Answered)
	if length := request.AnswerLen(); length > face.LargestPooled {
		face.SetContent(w.Header(), textXML, length)
		f.draw(w, r, request, answers)
	} else {
		face.Write(w, http.StatusOK, textXML, func(body []byte) []byte {
			return davxml.AppendAnswer(body, request, answers, f.Digits)
		})
	}
	asked.Drawn = time.Now()
	face.LogAnswer(f.Log, r, asked)
	return nil
}

// draw sends a long answer, when it is its turn.
func (f *gate) draw(w http.ResponseWriter, r *http.Request, request davxml.Request, answers []availability.Answer) {
	ctx := context.WithoutCancel(r.Context()) // whoever has left is noticed by writing
	turn, err := f.turns.Take(ctx)
	if err != nil {
		return
	}
	defer turn.Give()
	_ = davxml.WriteAnswer(inTurns{ctx, w, &turn}, request, answers, f.Digits)
}

// inTurns lets others draw while something is written.
type inTurns struct {
	ctx  context.Context
	w    io.Writer
	turn *face.Turn
}

func (t inTurns) Write(p []byte) (int, error) { return t.turn.Write(t.ctx, t.w, p) }

var textXML = []string{"text/xml; charset=utf-8"}

// wrongParameter is a request no answer can be given to.
type wrongParameter struct{ *davxml.ParameterError }

func refused(err error) error {
	var parameter *davxml.ParameterError
	if errors.As(err, &parameter) {
		return wrongParameter{parameter}
	}
	return err
}

// Respond says in XML, so that people and scripts can read it, what is wrong.
func (e wrongParameter) Respond(w http.ResponseWriter) {
	face.Write(w, http.StatusBadRequest, textXML, func(body []byte) []byte { return davxml.AppendError(body, e.ParameterError) })
}
