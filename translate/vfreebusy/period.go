package vfreebusy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"

	"github.com/emersion/go-ical"
)

// The years Outlook itself can hold, from the FILETIME epoch to the end of its calendar.
const firstYear, lastYear = 1601, 4500

// parsePeriod reads a period (RFC 5545 3.3.9): start and end, or start and length. One
// that is empty is no error.
func parsePeriod(text string, params ical.Params) (w availability.Window, err error) {
	start, end, ok := strings.Cut(text, "/")
	if !ok {
		return w, fmt.Errorf("FREEBUSY %.60q is no period, such as 20091028T080000Z/20091028T090000Z", text)
	}
	if w.Start, err = parseTime(start, params); err != nil {
		return w, fmt.Errorf("FREEBUSY %.60q: %w", text, err)
	}
	if strings.ContainsAny(end, "Pp") {
		w.End, err = after(w.Start, end)
	} else {
		w.End, err = parseTime(end, params)
	}
	if err != nil {
		return w, fmt.Errorf("FREEBUSY %.60q: %w", text, err)
	}
	if w.End.Before(w.Start) {
		return w, fmt.Errorf("FREEBUSY %.60q ends before it starts", text)
	}
	return w, nil
}

// parseTime reads a time in UTC. A local one is refused: the zone it is in is named by
// everybody as they like, and an hour too early or too late is worse than an error.
func parseTime(text string, params ical.Params) (time.Time, error) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if zone := params.Get(ical.PropTimezoneID); zone != "" && !strings.HasSuffix(text, "Z") {
		return time.Time{}, fmt.Errorf("%.40q is a time in the zone %.40q: it has to be in UTC, such as 20091028T080000Z", text, zone)
	}
	t, err := time.Parse(timeFormat, text)
	if err != nil || len(text) != len(timeFormat) || t.Year() < firstYear || t.Year() > lastYear {
		return time.Time{}, fmt.Errorf("%.40q is no time in UTC, such as 20091028T080000Z, from %d to %d", text, firstYear, lastYear)
	}
	return t, nil
}

// duration is a length (RFC 5545 3.3.6) that is not negative and fits a time.Duration.
var duration = regexp.MustCompile(`^\+?P(?:(\d{1,4})W|(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?)$`)

// after returns the moment that far after start.
func after(start time.Time, length string) (time.Time, error) {
	parts := duration.FindStringSubmatch(strings.ToUpper(strings.TrimSpace(length)))
	if parts == nil || strings.Join(parts[1:], "") == "" {
		return time.Time{}, fmt.Errorf("%.40q is no length of time, such as PT1H30M", length)
	}
	units := []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second}
	end := start
	for i, unit := range units {
		n, _ := strconv.Atoi(parts[i+1]) // "" is 0
		end = end.Add(time.Duration(n) * unit)
	}
	if end.Year() > lastYear {
		return time.Time{}, fmt.Errorf("%.40q reaches beyond the year %d", length, lastYear)
	}
	return end, nil
}
