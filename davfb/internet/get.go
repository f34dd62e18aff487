package internet

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/translate/davxml"
	"fbgate/translate/vfreebusy"
)

// get answers GET and HEAD.
func (h *Handler) get(w http.ResponseWriter, r *http.Request, id string, m availability.Mailbox) error {
	begun := time.Now()
	window, since, err := h.window(r, begun)
	if err != nil {
		return err
	}
	asked := face.Asked{Event: "internet free/busy", Begun: begun, Asking: time.Now(), Lookups: h.Lookups}
	asked.Query = question(r, id, m, window)
	asked.Answers = h.Source.Lookup(r.Context(), asked.Query)
	asked.Answered, asked.Left = time.Now(), r.Context().Err() != nil // also of a client that only closed its half
	face.SetFreshness(w.Header(), asked.Answers, asked.Answered)
	w.Header()["Cache-Control"] = askAgain
	file, err := h.render(r, asked.Answers[0], window, asked.Answered)
	asked.Drawn = time.Now()
	face.LogAnswer(h.Log, r, asked)
	if err != nil {
		return err
	}
	modified := file.modified
	if modified.Before(since) {
		modified = since
	}
	w.Header()["Content-Type"] = textCalendar
	w.Header()["Etag"] = []string{file.etag}
	w.Header()["Last-Modified"] = []string{modified.UTC().Format(http.TimeFormat)}
	// Told, but not compared with If-Modified-Since: it has whole seconds, and what is told
	// may go back to something older. The ETag does not err.
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.body))
	return nil
}

// askAgain lets clients keep the file, but not take it without asking whether it is still
// so: from a Last-Modified of last week some conclude that it is for another day.
var askAgain = []string{"private, no-cache"}

func question(r *http.Request, id string, m availability.Mailbox, w availability.Window) availability.Query {
	return availability.Query{
		RequestID: id, Requester: face.Requester(r), Mailboxes: []availability.Mailbox{m}, Window: w, Interval: davxml.DefaultInterval,
	}
}

// file is a calendar as clients fetch it.
type file struct {
	body     []byte
	etag     string
	modified time.Time
}

// render draws the file of an answer about w. What is not known cannot be said in it, so
// it is about the time without gaps around now, or, in a window that does not hold now,
// the longest. If there is none the error is a *face.Refusal.
func (h *Handler) render(r *http.Request, a availability.Answer, w availability.Window, now time.Time) (file, error) {
	var around time.Time
	if w.Holds(now) {
		around = now
	}
	part := vfreebusy.Part(a.Schedule.Clip(w), around)
	if part.Known.Empty() {
		return file{}, refusal(a)
	}
	stamp := a.At
	if stamp.IsZero() {
		stamp = now
	}
	var body bytes.Buffer
	err := vfreebusy.Write(&body, vfreebusy.FreeBusy{
		Mailbox: a.Mailbox, Schedule: part, Stamp: stamp, WorkingElsewhere: h.WorkingElsewhere, URL: h.ownURL(r, a.Mailbox),
	})
	return file{body.Bytes(), etag(body.Bytes()), stamp}, err
}

// ownURL returns where a client finds the free/busy of m. It is empty if the client does
// not say whom it takes this server for.
func (h *Handler) ownURL(r *http.Request, m availability.Mailbox) string {
	if r.Host == "" || len(r.Host) > 255 {
		return ""
	}
	path := url.URL{Path: "/freebusy/" + string(m) + ".vfb"}
	return h.Proxies.BaseURL(r) + path.EscapedPath()
}

// etag returns a strong validator: of everything but when it was true, so that asking
// anew does not change it unless something else is true.
func etag(body []byte) string {
	const property, length = "\r\nDTSTAMP:", len("\r\nDTSTAMP:20060102T150405Z")
	hash := sha256.New()
	if at := bytes.Index(body, []byte(property)); at >= 0 && at+length <= len(body) {
		hash.Write(body[:at])
		body = body[at+length:]
	}
	hash.Write(body)
	return `"` + hex.EncodeToString(hash.Sum(nil)[:16]) + `"`
}

// refusal returns what is said instead of a calendar.
func refusal(a availability.Answer) *face.Refusal {
	who := strconv.Quote(string(a.Mailbox)) // in quotes it is found and hidden in the log, whatever is in it
	reason := cmp.Or(a.Reason, availability.Because(availability.NoInformation, ""))
	switch reason.Code {
	case availability.UnknownMailbox, availability.NoRoute, availability.InvalidAddress, availability.NotAllowed:
		return &face.Refusal{Status: http.StatusNotFound, Text: "Nobody here knows " + who + "."}
	case availability.NoInformation:
		return &face.Refusal{Status: http.StatusNotFound, Text: "There is no free/busy of " + who + " of this time."}
	case availability.NoPermission, availability.Withheld:
		return &face.Refusal{Status: http.StatusForbidden, Text: "The free/busy of " + who + " is not given out."}
	}
	if reason.Code == availability.RateLimited {
		return &face.Refusal{
			Status: http.StatusServiceUnavailable, RetryAfter: cmp.Or(reason.RetryAfter, time.Minute),
			Text: "You have asked too much. Ask for the free/busy of " + who + " again later.",
		}
	}
	again := time.Minute
	if reason.Lasting() {
		again = time.Hour
	}
	return &face.Refusal{
		Status: http.StatusServiceUnavailable, RetryAfter: max(again, reason.RetryAfter),
		Text: "The free/busy of " + who + " could not be found out. Ask again later.",
	}
}
