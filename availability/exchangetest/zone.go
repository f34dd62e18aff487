package exchangetest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// zone is the time zone of a request, [MS-OXWAVLS] SerializableTimeZone: biases
// are what has to be added to local time to get UTC, the opposite of an ISO
// offset.
type zone struct {
	base               time.Duration
	standard, daylight transition
}

// transition is the moment of a year at which a bias, relative to the base,
// comes into force: the order-th day of a kind in a month, 5 being the last.
type transition struct {
	relative time.Duration
	clock    time.Duration // after midnight
	order    int
	month    time.Month
	days     string
}

// utc is the zone of a request that names none.
var utc = func() zone {
	t := transition{clock: 2 * time.Hour, order: 1, month: time.March, days: "Sunday"}
	z := zone{standard: t, daylight: t}
	z.daylight.month = time.October
	return z
}()

// readZone makes a zone of a TimeZone element that satisfies the schema.
func readZone(e *element) (zone, error) {
	var z zone
	var err error
	z.base = minutes(e.text("Bias"))
	if z.standard, err = readTransition(e.child("StandardTime")); err != nil {
		return z, err
	}
	z.daylight, err = readTransition(e.child("DaylightTime"))
	return z, err
}

func readTransition(e *element) (transition, error) {
	order, _ := strconv.Atoi(e.text("DayOrder"))
	month, _ := strconv.Atoi(e.text("Month"))
	clock, err := time.Parse(time.TimeOnly, e.text("Time"))
	switch {
	case err != nil:
		return transition{}, refuse("ErrorTimeZone", "Time %q of %s is no time of day", e.text("Time"), e.name.Local)
	case order < 1 || order > 5:
		return transition{}, refuse("ErrorTimeZone", "DayOrder %d of %s is not in 1..5", order, e.name.Local)
	case month < 1 || month > 12:
		return transition{}, refuse("ErrorTimeZone", "Month %d of %s is not in 1..12", month, e.name.Local)
	case e.child("Year") != nil:
		return transition{}, refuse("ErrorTimeZone", "this server knows no transitions that hold for one year only")
	}
	return transition{
		relative: minutes(e.text("Bias")),
		clock:    clock.Sub(clock.Truncate(day)),
		order:    order,
		month:    time.Month(month),
		days:     e.text("DayOfWeek"),
	}, nil
}

func minutes(s string) time.Duration {
	n, _ := strconv.Atoi(s)
	return time.Duration(n) * time.Minute
}

// bias returns what is added to the zone's local time at the moment t to get
// UTC: that of the last transition before t.
func (z zone) bias(t time.Time) time.Duration {
	standard, daylight := z.base+z.standard.relative, z.base+z.daylight.relative
	if standard == daylight {
		return standard
	}
	var last time.Time
	bias := standard
	for year := t.UTC().Year() - 1; year <= t.UTC().Year()+1; year++ {
		// Each is read off the clock that is about to be changed.
		toStandard := z.standard.in(year).Add(daylight)
		toDaylight := z.daylight.in(year).Add(standard)
		if !toStandard.After(t) && toStandard.After(last) {
			last, bias = toStandard, standard
		}
		if !toDaylight.After(t) && toDaylight.After(last) {
			last, bias = toDaylight, daylight
		}
	}
	return bias
}

// wall returns the zone's local time at t, dressed up as UTC.
func (z zone) wall(t time.Time) time.Time { return t.UTC().Add(-z.bias(t)) }

// moment returns when the zone's clocks show the given time, itself dressed up
// as UTC. Of an hour that comes twice it takes either.
func (z zone) moment(wall time.Time) time.Time {
	t := wall.Add(z.base + z.standard.relative)
	return wall.Add(z.bias(wall.Add(z.bias(t))))
}

// in returns the wall time of the transition in a year, dressed up as UTC.
func (t transition) in(year int) time.Time {
	var found time.Time
	n := 0
	for d := time.Date(year, t.month, 1, 0, 0, 0, 0, time.UTC); d.Month() == t.month && n < t.order; d = d.AddDate(0, 0, 1) {
		if t.matches(d.Weekday()) {
			found = d
			n++
		}
	}
	return found.Add(t.clock)
}

func (t transition) matches(d time.Weekday) bool {
	weekend := d == time.Saturday || d == time.Sunday
	switch t.days {
	case "Day":
		return true
	case "Weekday":
		return !weekend
	case "WeekendDay":
		return weekend
	}
	return strings.EqualFold(t.days, d.String())
}

// write puts the zone into an answer, as the zone of a mailbox's working hours.
func (z zone) write(d *document) {
	d.open("TimeZone")
	d.leaf("Bias", inMinutes(z.base))
	z.standard.write(d, "StandardTime")
	z.daylight.write(d, "DaylightTime")
	d.close("TimeZone")
}

func (t transition) write(d *document, name string) {
	d.open(name)
	d.leaf("Bias", inMinutes(t.relative))
	d.leaf("Time", time.Time{}.Add(t.clock).Format(time.TimeOnly))
	d.leaf("DayOrder", strconv.Itoa(t.order))
	d.leaf("Month", strconv.Itoa(int(t.month)))
	d.leaf("DayOfWeek", t.days)
	d.close(name)
}

func inMinutes(d time.Duration) string { return fmt.Sprint(int(d / time.Minute)) }
