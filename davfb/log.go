package davfb

import (
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"fbgate/availability"
	"fbgate/translate/davxml"
)

// requestID returns the name of a request in logs, here and upstream: the one the
// client or a proxy gave it, if it is fit to be written, or a new one.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); isToken(id) {
		return id
	}
	return strconv.FormatUint(rand.Uint64(), 16)
}

func isToken(id string) bool {
	if len(id) < 1 || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

func (h *freeBusy) logAnswer(r *http.Request, id string, request davxml.Request, answers []availability.Answer, took time.Duration) {
	ctx := r.Context()
	failed := failures(answers)
	unknown, remembered := 0, 0
	for _, f := range failed {
		unknown += len(f.mailboxes)
	}
	for i := range answers {
		if answers[i].Cached {
			remembered++
		}
	}
	h.Log.LogAttrs(ctx, slog.LevelInfo, "free/busy",
		slog.String("request_id", id),
		slog.String("client", r.RemoteAddr),
		slog.Int("attendees", len(answers)),
		slog.Int("remembered", remembered),
		slog.Int("without_information", unknown),
		slog.Duration("took", took),
	)
	for _, f := range failed {
		h.Log.LogAttrs(ctx, slog.LevelWarn, "no information",
			slog.String("request_id", id),
			slog.String("reason", string(f.reason.Code)),
			slog.String("organization", f.organization),
			slog.Any("mailboxes", f.mailboxes),
			slog.Time("start", request.Window.Start),
			slog.Time("end", request.Window.End),
			slog.String("detail", f.reason.Detail),
			slog.String("remedy", f.reason.Remedy()),
		)
	}
}

func (h *freeBusy) logRefusal(r *http.Request, id string, fault *davxml.ParameterError) {
	h.Log.LogAttrs(r.Context(), slog.LevelInfo, "refused",
		slog.String("request_id", id),
		slog.String("client", r.RemoteAddr),
		slog.String("error", fault.Error()),
	)
}

// failure is one reason and whom it concerns.
type failure struct {
	reason       *availability.Reason
	organization string
	mailboxes    []availability.Mailbox
}

// failures groups the answers that carry a Reason by it, so that a dead
// organization is one line in the log however many attendees it has.
func failures(answers []availability.Answer) []*failure {
	type key struct {
		code         availability.Code
		organization string
		detail       string
	}
	var all []*failure
	groups := make(map[key]*failure)
	for i := range answers {
		a := &answers[i]
		if a.Reason == nil {
			continue
		}
		k := key{a.Reason.Code, a.Organization, a.Reason.Detail}
		f := groups[k]
		if f == nil {
			f = &failure{reason: a.Reason, organization: a.Organization}
			groups[k], all = f, append(all, f)
		}
		f.mailboxes = append(f.mailboxes, a.Mailbox)
	}
	return all
}
