package internet

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/translate/vfreebusy"
)

// bodyTime is how long a client may take to send its calendar.
const bodyTime = 30 * time.Second

// put keeps the calendar a client brings: 201 if nothing was published of the mailbox, and
// 204 if it was, as SugarCRM's server says to Outlook.
func (h *Handler) put(w http.ResponseWriter, r *http.Request, id string, m availability.Mailbox) error {
	who, err := h.publisher(r)
	if err != nil {
		return err
	}
	schedule, err := readCalendar(w, r, m)
	if err != nil {
		return err
	}
	p, err := h.publication(m, schedule, who, time.Now())
	if err != nil {
		return err
	}
	unlock, existed, err := h.permitted(r, id, m)
	if err != nil {
		return err
	}
	defer unlock()
	if err := h.Publisher.Publish(r.Context(), p); err != nil {
		return h.notKept(r, id, m, err)
	}
	h.Log.LogAttrs(r.Context(), slog.LevelInfo, "published",
		slog.String("request_id", id), slog.String("client", r.RemoteAddr), slog.String("mailbox", string(m)), slog.String("by", who),
		slog.Time("start", p.Schedule.Known.Start), slog.Time("end", p.Schedule.Known.End), slog.Time("expires", p.Expires))
	if existed {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}

// delete withdraws what was published.
func (h *Handler) delete(w http.ResponseWriter, r *http.Request, id string, m availability.Mailbox) error {
	who, err := h.publisher(r)
	if err != nil {
		return err
	}
	unlock, _, err := h.permitted(r, id, m)
	if err != nil {
		return err
	}
	defer unlock()
	was, err := h.Publisher.Withdraw(r.Context(), m)
	switch {
	case err != nil:
		return h.notKept(r, id, m, err)
	case !was:
		return &face.Refusal{Status: http.StatusNotFound, Text: "Nothing is published of " + string(m) + "."}
	}
	h.Log.LogAttrs(r.Context(), slog.LevelInfo, "withdrawn",
		slog.String("request_id", id), slog.String("client", r.RemoteAddr), slog.String("mailbox", string(m)), slog.String("by", who))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// publisher returns who wants to change what is published.
func (h *Handler) publisher(r *http.Request) (string, error) {
	if h.Publisher == nil {
		return "", &face.Refusal{Status: http.StatusForbidden, Text: "Nothing can be published here."}
	}
	return h.Authenticate(r)
}

// readCalendar reads what a client says of m.
func readCalendar(w http.ResponseWriter, r *http.Request, m availability.Mailbox) (s availability.Schedule, err error) {
	if err := plainBody(r.Header); err != nil {
		return s, err
	}
	tooLong := &face.Refusal{Status: http.StatusRequestEntityTooLarge, Text: fmt.Sprintf("A calendar of more than %d bytes is not taken.", vfreebusy.MaxSize)}
	if r.ContentLength > vfreebusy.MaxSize {
		return s, tooLong
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // recorders of tests cannot
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, vfreebusy.MaxSize))
	var bound *http.MaxBytesError
	switch {
	case errors.As(err, &bound):
		return s, tooLong
	case err != nil:
		return s, &face.Refusal{Status: http.StatusBadRequest, Text: "The calendar did not come in full, or too slowly."}
	}
	if s, err = vfreebusy.Read(data, m); err != nil {
		return s, &face.Refusal{Status: http.StatusBadRequest, Text: "The calendar cannot be read: " + err.Error() + "."}
	}
	return s, nil
}

// plainBody refuses what is not simply a file: what is ignored of that would be taken for
// something else (RFC 9110 9.3.4).
func plainBody(header http.Header) error {
	if coding := header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return &face.Refusal{Status: http.StatusUnsupportedMediaType, Text: fmt.Sprintf("Content-Encoding %.40q is not taken.", coding)}
	}
	if header.Get("Content-Range") != "" {
		return &face.Refusal{Status: http.StatusBadRequest, Text: "A part of a calendar is not taken."}
	}
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if strings.HasPrefix(kind, "multipart/") {
		return &face.Refusal{Status: http.StatusUnsupportedMediaType, Text: fmt.Sprintf("Content-Type %.40q is not taken: send the calendar itself, as text/calendar.", kind)}
	}
	return nil
}

// publication returns what is kept of a calendar. That of years from now is of no use to
// anybody and may be dropped.
func (h *Handler) publication(m availability.Mailbox, s availability.Schedule, who string, now time.Time) (availability.Publication, error) {
	end := s.Known.End
	s = s.Clip(availability.Window{Start: now.Add(-maxWindow), End: now.Add(maxWindow)})
	if s.Known.Empty() || !s.Known.End.After(now) {
		return availability.Publication{}, &face.Refusal{Status: http.StatusBadRequest,
			Text: fmt.Sprintf("The calendar is about a time that has passed, or is more than 400 days away: it ends at %s.", end.Format(time.RFC3339))}
	}
	expires := now.Add(h.Keep)
	if s.Known.End.Before(expires) {
		expires = s.Known.End
	}
	return availability.Publication{Mailbox: m, Schedule: s, By: cmp.Or(who, "unnamed"), At: now, Expires: expires}, nil
}

// notKept says that the store failed.
func (h *Handler) notKept(r *http.Request, id string, m availability.Mailbox, err error) error {
	h.Log.LogAttrs(r.Context(), slog.LevelError, "what was published cannot be kept",
		slog.String("request_id", id), slog.String("mailbox", string(m)), slog.String("error", err.Error()))
	return &face.Refusal{Status: http.StatusServiceUnavailable, RetryAfter: time.Minute, Text: "What is published cannot be kept or looked up now. Try again later."}
}
