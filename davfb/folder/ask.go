package folder

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/translate/folderpath"
	"fbgate/translate/proptag"
)

// message is the free/busy message of a mailbox.
type message struct {
	path   folderpath.Path
	answer availability.Answer
	window availability.Window // all that was asked for
	record proptag.Record      // of the months of it that are known
	// refusal is why there is no message.
	refusal *face.Refusal
}

// window returns the months a message holds.
func (f *folder) window(now time.Time) availability.Window {
	now = now.UTC()
	month := func(n int) time.Time {
		return time.Date(now.Year(), now.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	}
	return availability.Window{Start: month(-f.MonthsBefore), End: month(f.MonthsAfter + 1)}
}

// ask asks the source for messages, in one question, and logs what came of it.
func (v *visit) ask(ctx context.Context, paths []folderpath.Path) []message {
	if len(paths) == 0 {
		return nil
	}
	begun := time.Now()
	q := availability.Query{RequestID: v.id, Via: v.Name, Requester: face.Requester(v.r), Window: v.window(begun), Interval: slot}
	for _, p := range paths {
		q.Mailboxes = append(q.Mailboxes, availability.ParseMailbox(p.DN()))
	}
	asked := face.Asked{Event: "free/busy messages", Query: q, Begun: begun, Asking: time.Now(), Lookups: v.Lookups}
	answers := v.Source.Lookup(ctx, q)
	asked.Answers, asked.Answered, asked.Left = answers, time.Now(), ctx.Err() != nil
	face.SetFreshness(v.w.Header(), answers, asked.Answered)
	messages := make([]message, len(paths))
	for i, p := range paths {
		messages[i] = v.message(p, answers[i], q.Window)
	}
	asked.Drawn = time.Now()
	face.LogAnswer(v.Log, v.r, asked)
	return messages
}

// message makes a message of an answer. What is published are whole months that are known
// without a gap: many readers take any other time of a month for free.
func (f *folder) message(p folderpath.Path, a availability.Answer, w availability.Window) message {
	m := message{path: p, answer: a, window: w}
	known := proptag.KnownMonths(a.Schedule, w)
	if known.Empty() {
		m.refusal = refusal(a.Reason)
		return m
	}
	var err error
	if m.record, err = f.encoder.Encode(a.Schedule, known); err != nil {
		m.refusal = refusal(availability.ReasonFor(err))
	}
	return m
}

// again is when to come again if nobody said.
const again = time.Minute

// refusal says why there is no message, without the evidence, which may name hosts.
func refusal(reason *availability.Reason) *face.Refusal {
	if reason == nil { // a whole month is not known, though nothing went wrong
		return &face.Refusal{Status: http.StatusServiceUnavailable, Text: "The free/busy is not known at the moment.", RetryAfter: again}
	}
	switch reason.Code {
	case availability.InvalidAddress, availability.NoRoute, availability.UnknownMailbox, availability.NotAllowed:
		return &face.Refusal{Status: http.StatusNotFound, Text: "There is no such mailbox."}
	case availability.NoInformation:
		return &face.Refusal{Status: http.StatusNotFound, Text: "Nothing is published of this mailbox."}
	case availability.NoPermission, availability.Withheld:
		return &face.Refusal{Status: http.StatusForbidden, Text: "The free/busy of this mailbox is not given out."}
	}
	wait := again
	if reason.Code == availability.RateLimited {
		return &face.Refusal{Status: http.StatusServiceUnavailable, Text: "You have asked too much. Ask again later.", RetryAfter: cmp.Or(reason.RetryAfter, wait)}
	}
	if reason.RetryAfter > 0 {
		wait = reason.RetryAfter
	}
	return &face.Refusal{Status: http.StatusServiceUnavailable, Text: "The free/busy is not known at the moment (" + string(reason.Code) + ").", RetryAfter: wait}
}

// tooMuch returns the refusal of a question that was not answered because the client asks
// too much. It is one of the whole: nothing else says when to come again.
func tooMuch(messages []message) error {
	if len(messages) == 0 {
		return nil
	}
	if a := messages[0].answer; a.Reason != nil && a.Reason.Code == availability.RateLimited {
		return messages[0].refusal
	}
	return nil
}

// one asks for the message of the path.
func (v *visit) one() (message, error) {
	m := v.ask(v.r.Context(), []folderpath.Path{v.path})[0]
	if m.refusal != nil {
		return message{}, m.refusal
	}
	return m, nil
}

// at is when the source said what a message says.
func (m *message) at() time.Time { return m.answer.At }
