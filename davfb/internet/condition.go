package internet

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
)

// permitted reports whether anything is published of m, or, as a *face.Refusal, that
// If-Match or If-None-Match of a change do not hold (RFC 9110 13.1). For these, "*" means
// something published, and a tag is that of what GET gives. Until unlock is called no other
// change that depends on them is made.
func (h *Handler) permitted(r *http.Request, id string, m availability.Mailbox) (unlock func(), exists bool, err error) {
	match, noneMatch := condition(r.Header, "If-Match"), condition(r.Header, "If-None-Match")
	unlock = func() {}
	if match != "" || noneMatch != "" {
		h.conditional.Lock()
		unlock = h.conditional.Unlock
	}
	_, exists, err = h.Publisher.Get(r.Context(), m)
	if err != nil {
		err = h.notKept(r, id, m, err)
	} else {
		err = h.check(match, noneMatch, r, id, m, exists)
	}
	if err != nil {
		unlock()
		return nil, exists, err
	}
	return unlock, exists, nil
}

func (h *Handler) check(match, noneMatch string, r *http.Request, id string, m availability.Mailbox, exists bool) error {
	for _, c := range []struct {
		tags string
		want bool
	}{{match, true}, {noneMatch, false}} {
		if c.tags == "" {
			continue
		}
		held, err := h.holds(c.tags, r, id, m, exists)
		if err != nil {
			return err
		}
		if held != c.want {
			return &face.Refusal{Status: http.StatusPreconditionFailed, Text: "What is published of " + string(m) + " is not as If-Match or If-None-Match want it."}
		}
	}
	return nil
}

func condition(header http.Header, name string) string {
	return strings.TrimSpace(strings.Join(header.Values(name), ","))
}

// holds reports whether a list of tags, or "*", is about what there is now. The error is
// that this cannot be found out.
func (h *Handler) holds(tags string, r *http.Request, id string, m availability.Mailbox, exists bool) (bool, error) {
	if tags == "*" {
		return exists, nil
	}
	now := time.Now()
	window, _ := h.months(now)
	current, err := h.render(r, h.Source.Lookup(r.Context(), question(r, id, m, window))[0], window, now)
	var refused *face.Refusal
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		return false, nil
	case err != nil:
		return false, err
	}
	for tag := range strings.SplitSeq(tags, ",") { // ours have no comma
		if strings.TrimSpace(tag) == current.etag {
			return true, nil
		}
	}
	return false, nil
}
