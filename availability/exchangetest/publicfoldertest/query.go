package publicfoldertest

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"
)

// query is what is asked for.
type query struct {
	window    availability.Window
	interval  time.Duration
	attendees []attendee
}

type attendee struct {
	addressType string // SMTP or EX
	address     string // as it was asked for, without the type
}

// longestWindow bounds the work one question can make.
const longestWindow = 2 * 366 * 24 * time.Hour

// readQuery reads a query as Exchange does: names have no case, only "%" escapes and
// a plus is a plus, what is not known is passed over.
func readQuery(raw string) (q query, err error) {
	start, err := moment(parameter(raw, "start"))
	if err != nil {
		return q, err
	}
	end := start.Add(24 * time.Hour)
	if text := parameter(raw, "end"); text != "" {
		if end, err = moment(text); err != nil {
			return q, err
		}
	}
	minutes := 30
	if text := parameter(raw, "interval"); text != "" {
		if minutes, err = strconv.Atoi(text); err != nil || minutes < 1 || minutes > 1440 {
			return q, fmt.Errorf("interval %q", text)
		}
	}
	q.window, q.interval = availability.Window{Start: start, End: end}, time.Duration(minutes)*time.Minute
	if q.window.Empty() || q.window.Duration() > longestWindow {
		return q, fmt.Errorf("a time of %v", end.Sub(start))
	}
	for _, u := range parameters(raw, "u") {
		q.attendees = append(q.attendees, attendeeOf(u))
	}
	if len(q.attendees) == 0 {
		return q, fmt.Errorf("nobody is asked about")
	}
	return q, nil
}

// attendeeOf reads "SMTP:mary@contoso.com", "mary@contoso.com", "mary@contoso.com;0",
// as OWA's plain form had it, or "EX:/o=…".
func attendeeOf(u string) attendee {
	if n := len(u) - 2; n > 0 && u[n] == ';' {
		u = u[:n]
	}
	kind, address, typed := strings.Cut(u, ":")
	switch {
	case typed && strings.EqualFold(kind, "SMTP"):
		return attendee{"SMTP", address}
	case typed && strings.EqualFold(kind, "EX"):
		return attendee{"EX", address}
	}
	return attendee{"SMTP", u}
}

// moment reads ISO 8601 with "Z" or an offset. The hour may have one digit.
func moment(text string) (time.Time, error) {
	for _, form := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("time %q", text)
}

// parameter returns the first value of a parameter, "" if there is none.
func parameter(raw, name string) string {
	for _, value := range parameters(raw, name) {
		return value
	}
	return ""
}

func parameters(raw, name string) (values []string) {
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(key, name) {
			continue
		}
		if text, err := url.PathUnescape(value); err == nil {
			value = text
		}
		values = append(values, value)
	}
	return values
}
