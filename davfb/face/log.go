package face

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"

	"fbgate/availability"
)

// requestID returns the name of a request in logs, here and upstream: the one it has
// been answered by already, or the one the client or a proxy gave it, if that is fit
// to be written, or a new one.
func requestID(answer http.Header, r *http.Request) string {
	if ids := answer["X-Request-Id"]; len(ids) == 1 {
		return ids[0]
	}
	if id := r.Header.Get("X-Request-Id"); IsToken(id) {
		return id
	}
	return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, rand.Uint64()))
}

// IsToken reports whether a name that came from outside is fit to be written: letters,
// digits, "-", "_" and ".", at most 64.
func IsToken(id string) bool {
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

// LogAnswer logs what became of a question: who asked, and, in a line for each reason
// and organization, of whom nothing could be told and why. Operators find it among the
// lookups, too. All faces call it once for each question to their Source.
func LogAnswer(log *slog.Logger, r *http.Request, a Asked) {
	a.Lookups.note(r, &a)
	if a.Left {
		logLeaver(log, r, &a)
		return
	}
	ctx := r.Context()
	id, answers, w := a.Query.RequestID, a.Answers, a.Query.Window
	failed := failures(answers, w)
	unknown, remembered, stale := 0, 0, 0
	for _, failure := range failed {
		unknown += len(failure.mailboxes)
	}
	for i := range answers {
		if answers[i].Cached {
			remembered++
		}
		if answers[i].Stale {
			stale++
		}
	}
	log.LogAttrs(ctx, slog.LevelInfo, a.Event,
		slog.String("request_id", id),
		slog.String("client", r.RemoteAddr),
		slog.String("requester", Requester(r).Name),
		slog.Int("attendees", len(answers)),
		slog.Int("remembered", remembered),
		slog.Int("stale", stale),
		slog.Int("without_information", unknown),
		slog.Duration("took", a.Answered.Sub(a.Begun)),
	)
	for _, failure := range failed {
		level := slog.LevelWarn
		if failure.known {
			level = slog.LevelDebug
		}
		log.LogAttrs(ctx, level, "no information",
			slog.String("request_id", id),
			slog.String("reason", string(failure.reason.Code)),
			slog.String("organization", failure.organization),
			slog.String("requester", Requester(r).Name),
			slog.Any("mailboxes", some(failure.mailboxes)),
			slog.Time("start", w.Start),
			slog.Time("end", w.End),
			slog.String("detail", failure.reason.Detail),
			slog.String("remedy", failure.reason.Remedy()),
		)
	}
}

// some lists so many mailboxes, and so much of each, as a log line should hold.
func some(mailboxes []availability.Mailbox) []string {
	const most = 20
	var names []string
	for i, m := range mailboxes {
		if i == most {
			return append(names, fmt.Sprintf("and %d more", len(mailboxes)-most))
		}
		names = append(names, shorten(string(m)))
	}
	return names
}

func shorten(s string) string {
	const most = 100
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// logLeaver logs a client that closed the connection before it was answered.
func logLeaver(log *slog.Logger, r *http.Request, a *Asked) {
	log.LogAttrs(r.Context(), slog.LevelInfo, "client left",
		slog.String("request_id", a.Query.RequestID),
		slog.String("client", r.RemoteAddr),
		slog.Duration("took", a.Answered.Sub(a.Begun)),
	)
}

func logRefusal(log *slog.Logger, r *http.Request, id string, err error) {
	level := slog.LevelInfo
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) && refusal.Usual {
		level = slog.LevelDebug
	}
	log.LogAttrs(r.Context(), level, "refused",
		slog.String("request_id", id),
		slog.String("client", r.RemoteAddr),
		slog.String("method", r.Method),
		slog.String("path", shorten(r.URL.Path)),
		slog.String("error", err.Error()),
	)
}

// failure is one reason and whom it concerns.
type failure struct {
	reason       *availability.Reason
	organization string
	mailboxes    []availability.Mailbox
	known        bool // remembered, and so logged before
}

// failures groups the answers that leave part of w unknown by code and organization,
// so that a dead organization is one line in the log however many attendees it has,
// and so are a hundred invented addresses. The detail is that of the first.
func failures(answers []availability.Answer, w availability.Window) []*failure {
	type key struct {
		code         availability.Code
		organization string
		known        bool
	}
	var all []*failure
	groups := make(map[key]*failure)
	for i := range answers {
		a := &answers[i]
		if a.Reason == nil || a.Schedule.Covers(w) {
			continue
		}
		organization := cmp.Or(a.Organization, a.Reason.Organization)
		k := key{a.Reason.Code, organization, a.Cached}
		f := groups[k]
		if f == nil {
			f = &failure{reason: a.Reason, organization: organization, known: a.Cached}
			groups[k], all = f, append(all, f)
		}
		f.mailboxes = append(f.mailboxes, a.Mailbox)
	}
	return all
}
