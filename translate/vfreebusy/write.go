package vfreebusy

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"fbgate/availability"

	"github.com/emersion/go-ical"
)

// FreeBusy is what a calendar with one VFREEBUSY says.
type FreeBusy struct {
	// Mailbox is whose free/busy it is, an SMTP address: ORGANIZER.
	Mailbox availability.Mailbox
	// Schedule has to know something, and to have no gaps; see [Part]. Its Known becomes
	// DTSTART and DTEND. They have whole seconds: what is known gets smaller by less than
	// one of them, and what is busy gets larger.
	Schedule availability.Schedule
	// Stamp is when this was true: DTSTAMP.
	Stamp time.Time
	// URL is where the calendar can be fetched again. It may be empty.
	URL string
	// WorkingElsewhere is what times of that status are written as, since a VFREEBUSY has
	// no word for it: Tentative, Busy or OOF; anything else writes nothing, as free.
	WorkingElsewhere availability.Status
}

// product is the PRODID of what is written.
const product = "-//fbgate//free/busy gateway//EN"

// Write writes f as a calendar of METHOD:PUBLISH. The error says what is missing of f, or
// is that of w.
//
// The form is the one that servers known to be used with Outlook write: lines end in CR
// LF and have at most 75 octets, times are in UTC, each period has a line of its own, with
// start and end, and its FBTYPE even where that is the default, because Thunderbird shows
// periods without one as no information.
func Write(w io.Writer, f FreeBusy) error {
	body, err := f.component()
	if err != nil {
		return err
	}
	calendar := ical.NewCalendar()
	set(calendar.Props, ical.PropProductID, product)
	set(calendar.Props, ical.PropVersion, "2.0")
	set(calendar.Props, ical.PropMethod, "PUBLISH")
	calendar.Children = append(calendar.Children, body)
	var lines contentLines
	if err := ical.NewEncoder(&lines).Encode(calendar); err != nil {
		return err
	}
	_, err = w.Write(lines.folded())
	return err
}

func (f FreeBusy) component() (*ical.Component, error) {
	if f.Mailbox.Domain() == "" {
		return nil, fmt.Errorf("write a VFREEBUSY: %.200q is not an SMTP address", f.Mailbox)
	}
	within, err := f.knownSeconds()
	if err != nil {
		return nil, err
	}
	organizer := "mailto:" + addressEscapes.Replace(string(f.Mailbox))
	body := ical.NewComponent(ical.CompFreeBusy)
	set(body.Props, ical.PropOrganizer, organizer)
	set(body.Props, ical.PropUID, uid(f.Mailbox))
	set(body.Props, ical.PropDateTimeStamp, f.Stamp.UTC().Format(timeFormat))
	set(body.Props, ical.PropDateTimeStart, within.Start.Format(timeFormat))
	set(body.Props, ical.PropDateTimeEnd, within.End.Format(timeFormat))
	if f.URL != "" {
		set(body.Props, ical.PropURL, f.URL)
	}
	for _, span := range f.drawn(within) {
		body.Props.Add(&ical.Prop{
			Name:   ical.PropFreeBusy,
			Params: ical.Params{ical.ParamFreeBusyType: {fbtypes[span.Status]}},
			Value:  span.Start.Format(timeFormat) + "/" + span.End.Format(timeFormat),
		})
	}
	return body, nil
}

// knownSeconds returns the whole seconds that lie in what is known.
func (f FreeBusy) knownSeconds() (availability.Window, error) {
	parts := known(f.Schedule)
	if len(parts) > 1 {
		return availability.Window{}, errors.New("write a VFREEBUSY: there are gaps in what is known")
	}
	w := availability.Window{Start: ceil(f.Schedule.Known.Start), End: f.Schedule.Known.End.Truncate(time.Second).UTC()}
	if w.Empty() {
		return w, errors.New("write a VFREEBUSY: nothing is known")
	}
	if w.Start.Year() < firstYear || w.End.Year() > lastYear {
		return w, fmt.Errorf("write a VFREEBUSY: what is known reaches beyond the years %d to %d", firstYear, lastYear)
	}
	return w, nil
}

// drawn returns the spans that are written, in whole seconds.
func (f FreeBusy) drawn(within availability.Window) []availability.Span {
	var spans []availability.Span
	for _, span := range f.Schedule.Spans {
		status := span.Status
		if status == availability.WorkingElsewhere {
			status = f.WorkingElsewhere
		}
		if fbtypes[status] != "" {
			w := availability.Window{Start: span.Start.Truncate(time.Second).UTC(), End: ceil(span.End)}
			spans = append(spans, availability.Span{Window: w, Status: status})
		}
	}
	return availability.NewSchedule(within, 0, spans).Spans
}

// fbtypes is how statuses are written, "" for those that are not.
var fbtypes = [availability.Statuses]string{
	availability.Tentative: typeTentative,
	availability.Busy:      typeBusy,
	availability.OOF:       typeUnavailable,
}

func set(props ical.Props, name, value string) {
	props.Set(&ical.Prop{Name: name, Value: value})
}

func ceil(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); !whole.Equal(t) {
		t = whole.Add(time.Second)
	}
	return t.UTC()
}

// addressEscapes are what would not be part of the address in a mailto URI (RFC 6068).
var addressEscapes = strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23")

// uid names the free/busy of a mailbox, the same each time, so that a new one replaces the
// one before. It is escaped as text (RFC 5545 3.3.11).
func uid(m availability.Mailbox) string {
	return "freebusy-" + strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`).Replace(string(m))
}
