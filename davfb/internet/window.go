package internet

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/translate/davxml"
)

// maxWindow is the longest time that can be asked about, and how far from now what is
// published is kept. 13 months are shorter.
const maxWindow = 400 * 24 * time.Hour

// window returns the time a request asks about, and since when that has been so: the
// window of a URL that names none moves on at the start of each month.
func (h *Handler) window(r *http.Request, now time.Time) (w availability.Window, since time.Time, err error) {
	if namesTime(r.URL.RawQuery) {
		// The attendee is one that the parser wants; ours is in the URL.
		asked, err := davxml.ParseQuery(r.URL.RawQuery+"&u=x", davxml.Limits{Window: maxWindow})
		var wrong *davxml.ParameterError
		if errors.As(err, &wrong) {
			err = &face.Refusal{Status: http.StatusBadRequest, Text: wrong.Error()}
		}
		return asked.Window, time.Time{}, err
	}
	w, since = h.months(now)
	return w, since, nil
}

// months returns the window around the present month, and when that began.
func (h *Handler) months(now time.Time) (availability.Window, time.Time) {
	now = now.UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	return availability.Window{Start: month.AddDate(0, -h.MonthsBefore, 0), End: month.AddDate(0, 1+h.MonthsAfter, 0)}, month
}

// namesTime reports whether a query has a start or an end.
func namesTime(query string) bool {
	for parameter := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(name, "start") || strings.EqualFold(name, "end") || strings.EqualFold(name, "endt") {
			return true
		}
	}
	return false
}
