package folder

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/translate/davprop"
)

// writable reports whether anybody may write.
func (f *folder) writable() bool { return f.Publisher != nil && f.MayPublish != nil }

// writer returns who wants to write, if they may.
func (v *visit) writer() (string, error) {
	if !v.writable() {
		return "", &face.Refusal{Status: http.StatusForbidden, Text: "Nothing can be written here."}
	}
	return v.MayPublish(v.r)
}

// patch answers PROPPATCH, and POST with the same body (Zimbra): it publishes what is set.
// A patch without free/busy, by which some writers make a message before they fill it, is
// taken and changes nothing.
func (v *visit) patch() error {
	who, err := v.writer()
	if err != nil {
		return err
	}
	body, err := v.body(v.MaxBody)
	if err != nil {
		return err
	}
	p, err := davprop.ParsePatch(body)
	if err != nil {
		return wrong(err)
	}
	record, err := p.Record()
	if errors.Is(err, davprop.ErrNoRecord) {
		return v.changed(p)
	}
	if err != nil {
		return wrong(err)
	}
	schedule, err := record.Schedule()
	if err != nil {
		return wrong(err)
	}
	now := time.Now()
	if !schedule.Known.End.After(now) {
		return &face.Refusal{Status: http.StatusBadRequest, Text: fmt.Sprintf("This free/busy ends at %s, which has passed.", schedule.Known.End.UTC().Format(time.RFC3339))}
	}
	publication := availability.Publication{
		Mailbox:  availability.ParseMailbox(v.path.DN()),
		Schedule: schedule,
		By:       who,
		At:       now,
		Expires:  v.expires(now, schedule.Known.End),
	}
	if err := v.Publisher.Publish(v.r.Context(), publication); err != nil {
		return v.notKept(err)
	}
	v.Log.InfoContext(v.r.Context(), "free/busy published", "request_id", v.id, "client", v.r.RemoteAddr,
		"mailbox", string(publication.Mailbox), "by", who, "start", schedule.Known.Start, "end", schedule.Known.End, "expires", publication.Expires)
	return v.changed(p)
}

func (f *folder) expires(now, end time.Time) time.Time {
	if kept := now.Add(f.Keep); f.Keep > 0 && kept.Before(end) {
		return kept
	}
	return end
}

// delete answers DELETE: it withdraws what was published.
func (v *visit) delete() error {
	who, err := v.writer()
	if err != nil {
		return err
	}
	mailbox := availability.ParseMailbox(v.path.DN())
	there, err := v.Publisher.Withdraw(v.r.Context(), mailbox)
	switch {
	case err != nil:
		return v.notKept(err)
	case !there:
		return &face.Refusal{Status: http.StatusNotFound, Text: "Nothing was published here."}
	}
	v.Log.InfoContext(v.r.Context(), "free/busy withdrawn", "request_id", v.id, "client", v.r.RemoteAddr, "mailbox", string(mailbox), "by", who)
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

// notKept returns what the publisher says to the client, or that it failed.
func (v *visit) notKept(err error) error {
	var responder face.Responder
	if errors.As(err, &responder) {
		return err
	}
	v.Log.ErrorContext(v.r.Context(), "free/busy could not be published", "request_id", v.id, "error", err)
	return &face.Refusal{Status: http.StatusServiceUnavailable, Text: "What is published here cannot be changed at the moment.", RetryAfter: again}
}
