package vfreebusy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"fbgate/availability"

	"github.com/emersion/go-ical"
)

// Read returns what a calendar says of m: the VFREEBUSY components whose ORGANIZER m is,
// put together; in one of METHOD:REPLY, whose ATTENDEE. If no component names an SMTP
// address there, all are m's, as they are in files of SugarCRM, and of Outlook with an
// Exchange account.
//
// A period without FBTYPE is busy, and so is one of an FBTYPE nobody knows (RFC 5545
// 3.2.9); one of FREE says nothing. Times have to be in UTC, as RFC 5545 wants them. Periods
// outside DTSTART and DTEND are dropped.
//
// An error says what is wrong with the calendar, in words for whoever sent it: it is too
// long, see [MaxSize] and [MaxPeriods]; cut short or malformed; of somebody else; without
// DTSTART or DTEND, so that nobody can tell what is free; or a request for free/busy.
func Read(data []byte, m availability.Mailbox) (availability.Schedule, error) {
	components, err := decode(data)
	if err != nil {
		return availability.Schedule{}, err
	}
	components, err = ofMailbox(components, m)
	if err != nil {
		return availability.Schedule{}, err
	}
	var schedule availability.Schedule
	periods := 0
	for _, c := range components {
		s, err := c.schedule(&periods)
		if err != nil {
			return availability.Schedule{}, err
		}
		schedule = schedule.Merge(s)
	}
	return schedule, nil
}

// component is one VFREEBUSY, in a calendar of that METHOD.
type component struct {
	*ical.Component
	method string
}

// decode returns all VFREEBUSY components in data, at least one.
func decode(data []byte) ([]component, error) {
	lines, err := screen(data)
	if err != nil {
		return nil, err
	}
	var found []component
	for decoder := ical.NewDecoder(bytes.NewReader(lines)); ; {
		calendar, err := decoder.Decode()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("it is no calendar: %s", shorten(err.Error()))
		}
		method := value(calendar.Component, ical.PropMethod)
		for _, child := range calendar.Children {
			if child.Name == ical.CompFreeBusy {
				found = append(found, component{child, strings.ToUpper(method)})
			}
		}
	}
	switch {
	case len(found) == 0:
		return nil, errors.New("there is no VFREEBUSY in the calendar")
	case len(found) > maxComponents:
		return nil, fmt.Errorf("there are more than %d VFREEBUSY components", maxComponents)
	}
	return found, nil
}

// ofMailbox returns the components that are about m.
func ofMailbox(components []component, m availability.Mailbox) ([]component, error) {
	var mine, unnamed []component
	var other availability.Mailbox
	for _, c := range components {
		switch owner := c.owner(); {
		case owner == m:
			mine = append(mine, c)
		case owner.Domain() == "":
			unnamed = append(unnamed, c)
		case other == "":
			other = owner
		}
	}
	switch {
	case len(mine) > 0:
		return mine, nil
	case other != "":
		return nil, errors.New("the free/busy is that of somebody else than the name of the file says")
	}
	return unnamed, nil
}

// owner returns whose free/busy a component is, as far as it says.
func (c component) owner() availability.Mailbox {
	address := value(c.Component, ical.PropOrganizer)
	if c.method == "REPLY" { // there ORGANIZER is who asked
		address = value(c.Component, ical.PropAttendee)
	}
	if scheme, rest, ok := strings.Cut(address, ":"); ok && strings.EqualFold(scheme, "mailto") {
		address = rest
		if plain, err := url.PathUnescape(rest); err == nil {
			address = plain
		}
	}
	return availability.ParseMailbox(address)
}

// schedule returns what a component says. periods counts those read so far.
func (c component) schedule(periods *int) (availability.Schedule, error) {
	if c.method != "" && c.method != "PUBLISH" && c.method != "REPLY" {
		return availability.Schedule{}, fmt.Errorf("a calendar of METHOD:%.40s holds no free/busy, only one of PUBLISH or REPLY does", c.method)
	}
	within, err := c.window()
	if err != nil {
		return availability.Schedule{}, err
	}
	var spans []availability.Span
	for _, property := range c.Props[ical.PropFreeBusy] {
		status := statusOf(property.Params.Get(ical.ParamFreeBusyType))
		if status == availability.Free {
			continue
		}
		if strings.Count(property.Value, ",") > MaxPeriods { // before any is read
			return availability.Schedule{}, fmt.Errorf("there are more than %d periods", MaxPeriods)
		}
		for text := range strings.SplitSeq(property.Value, ",") {
			if text = strings.TrimSpace(text); text == "" {
				continue // written by some where nothing is busy
			}
			if *periods++; *periods > MaxPeriods {
				return availability.Schedule{}, fmt.Errorf("there are more than %d periods", MaxPeriods)
			}
			w, err := parsePeriod(text, property.Params)
			if err != nil {
				return availability.Schedule{}, err
			}
			spans = append(spans, availability.Span{Window: w, Status: status})
		}
	}
	return availability.NewSchedule(within, 0, spans), nil
}

// window returns the time a component speaks about.
func (c component) window() (w availability.Window, err error) {
	starts, ends := c.Props[ical.PropDateTimeStart], c.Props[ical.PropDateTimeEnd]
	lengths := c.Props[ical.PropDuration] // instead of DTEND in RFC 2445
	if len(starts) != 1 || len(ends)+len(lengths) != 1 {
		return w, errors.New("a VFREEBUSY needs one DTSTART and one DTEND: without them nobody can tell what is free")
	}
	if w.Start, err = parseTime(starts[0].Value, starts[0].Params); err != nil {
		return w, fmt.Errorf("DTSTART: %w", err)
	}
	if len(ends) == 1 {
		w.End, err = parseTime(ends[0].Value, ends[0].Params)
	} else {
		w.End, err = after(w.Start, lengths[0].Value)
	}
	if err != nil {
		return w, fmt.Errorf("DTEND: %w", err)
	}
	if w.Empty() {
		return w, fmt.Errorf("DTEND, %s, is not after DTSTART, %s", w.End.Format(timeFormat), w.Start.Format(timeFormat))
	}
	return w, nil
}

// statusOf returns what an FBTYPE means.
func statusOf(fbtype string) availability.Status {
	switch strings.ToUpper(strings.TrimSpace(fbtype)) {
	case typeFree:
		return availability.Free
	case typeTentative:
		return availability.Tentative
	case typeUnavailable:
		return availability.OOF
	default:
		return availability.Busy
	}
}

// value returns the first property of that name, "" if there is none.
func value(c *ical.Component, name string) string {
	if property := c.Props.Get(name); property != nil {
		return strings.TrimSpace(property.Value)
	}
	return ""
}

func shorten(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
