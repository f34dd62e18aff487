package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"fbgate/availability"
	"fbgate/availability/doctor"
)

// ErrBusy is what Config.Doctor says if as many are at work as may be.
var ErrBusy = errors.New("two doctors are at work already: come again when one is done")

// LongestDoctor is how long the doctor may take for one question.
const LongestDoctor = 2 * time.Minute

// longestMailbox bounds an address, in bytes.
const longestMailbox = 1024

// hop is one of the doctor's.
type hop struct {
	Hop    string  `json:"hop"`
	Where  string  `json:"where"`
	Found  string  `json:"found"`
	Steps  []step  `json:"steps"`
	Took   float64 `json:"took_ms"`
	Reason *reason `json:"reason"` // null if all is well
	Moved  bool    `json:"moved"`
}

type step struct {
	Text string  `json:"text"`
	Took float64 `json:"took_ms"`
}

// verdict is the last object of a stream.
type verdict struct {
	Verdict string `json:"verdict"` // "works", "fails" or "broken off"
	Digits  string `json:"digits"`  // as clients get them, empty if nothing can be told
}

// consultDoctor answers POST /doctor, each hop as soon as it is over.
func (a *admin) consultDoctor(w http.ResponseWriter, r *http.Request) error {
	if _, err := parameters(r); err != nil {
		return err
	}
	if a.Doctor == nil {
		return fault{http.StatusNotFound, "there is no doctor here"}
	}
	fields, err := form(w, r, "mailbox", "organization", "as")
	if err != nil {
		return err
	}
	mailbox := availability.ParseMailbox(fields["mailbox"])
	if mailbox == "" || len(mailbox) > longestMailbox || len(fields["as"]) > longestMailbox {
		return fault{http.StatusBadRequest, fmt.Sprintf("mailbox is %.100q: expected an address such as mary@contoso.com", fields["mailbox"])}
	}
	ctx, cancel := context.WithTimeout(r.Context(), LongestDoctor)
	defer cancel()
	hops, err := a.Doctor(ctx, mailbox, fields["organization"], availability.ParseMailbox(fields["as"]))
	switch {
	case errors.Is(err, ErrBusy):
		w.Header().Set("Retry-After", "10")
		return fault{http.StatusServiceUnavailable, err.Error()}
	case err != nil:
		return fault{http.StatusBadRequest, err.Error()}
	}
	a.Log.Info("doctor asked", "client", Who(r), "mailbox", string(mailbox), "organization", fields["organization"], "as", fields["as"])
	s := newStream(w, r)
	end := verdict{Verdict: "works"}
	for h := range hops {
		if h.Name == doctor.Digits && h.Reason == nil {
			end.Digits = h.Found
		}
		if h.Reason != nil && !h.Moved {
			end.Verdict = "fails"
		}
		if s.send("hop", 0, newHop(&h)) != nil {
			return nil // the client has left
		}
	}
	if ctx.Err() != nil {
		end.Verdict = "broken off"
	} else if end.Digits == "" {
		end.Verdict = "fails"
	}
	_ = s.send("verdict", 0, end)
	return nil
}

func newHop(h *doctor.Hop) hop {
	one := hop{Hop: h.Name, Where: h.Where, Found: h.Found, Steps: []step{}, Took: milliseconds(h.Took), Reason: newReason(h.Reason), Moved: h.Moved}
	if one.Reason != nil && h.Remedy != "" {
		one.Reason.Remedy = h.Remedy
	}
	for _, s := range h.Steps {
		one.Steps = append(one.Steps, step{s.Text, milliseconds(s.Took)})
	}
	return one
}
