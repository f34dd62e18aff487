package davxml

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"
)

// DefaultInterval is the slot length of a request that names none.
const DefaultInterval = 30 * time.Minute

// defaultWindow is what a request without an end asks for: the one client that
// sends none expects the 48 half-hours of a day.
const defaultWindow = 24 * time.Hour

// Request is a free/busy request as an old client sends it.
type Request struct {
	Attendees []Attendee
	Window    availability.Window
	Interval  time.Duration // 1 minute to 1 day
}

// Attendee is one "u" of a request.
type Attendee struct {
	Type    string // "SMTP" or "EX"
	Address string // as the client spelt it, without type and attendee index
	Mailbox availability.Mailbox
}

// Mailboxes returns the attendees' mailboxes in their order.
func (r Request) Mailboxes() []availability.Mailbox {
	mailboxes := make([]availability.Mailbox, len(r.Attendees))
	for i, a := range r.Attendees {
		mailboxes[i] = a.Mailbox
	}
	return mailboxes
}

// Limits bounds a request. Zero fields do not limit.
type Limits struct {
	Attendees int           // in one request
	Window    time.Duration // from start to end
	Digits    int           // in one answer, all attendees together
}

// ParameterError is a request no answer can be given to.
type ParameterError struct {
	Parameter string // its name, in lower case
	Received  string // what came, shortened; empty if nothing did
	Expected  string // what should have come
}

func (e *ParameterError) Error() string {
	if e.Received == "" {
		return fmt.Sprintf("parameter %s is missing or empty: expected %s", e.Parameter, e.Expected)
	}
	return fmt.Sprintf("parameter %s is %q: expected %s", e.Parameter, e.Received, e.Expected)
}

// Command returns the value of the "Cmd" parameter of a raw query, whose name
// has no case.
func Command(rawQuery string) string {
	for rest := rawQuery; rest != ""; {
		var name, value string
		name, value, _, rest = nextParameter(rest)
		if strings.EqualFold(name, "cmd") {
			return unescape(value)
		}
	}
	return ""
}

// ParseQuery reads the query of a free/busy request, as sent: net/url would turn
// the plus of "+01:00" into a space and drop what holds a semicolon, and old
// clients escape neither. Names have no case, unknown ones are ignored. The error
// is a *ParameterError.
//
// An attendee that is no address is no error here: it is answered with "no data",
// and the others are not worse off.
func ParseQuery(rawQuery string, limits Limits) (Request, error) {
	p := parameters{limit: limits.Attendees}
	for rest := rawQuery; rest != ""; {
		var name, value string
		var assigned bool
		name, value, assigned, rest = nextParameter(rest)
		if err := p.take(name, value, assigned); err != nil {
			return Request{}, err
		}
	}
	return p.request(limits)
}

// nextParameter splits off the first parameter of a raw query. Only "&" parts
// them.
func nextParameter(query string) (name, value string, assigned bool, rest string) {
	pair, rest, _ := strings.Cut(query, "&")
	name, value, assigned = strings.Cut(pair, "=")
	return unescape(name), value, assigned, rest
}

// parameters collects what is raw in a query.
type parameters struct {
	start, end, interval parameter
	attendees            []string
	limit                int
	afterAttendee        bool // the last parameter was a "u"
}

type parameter struct {
	value string
	given bool
}

func (p *parameters) take(name, value string, assigned bool) error {
	afterAttendee := p.afterAttendee
	p.afterAttendee = false
	switch {
	case strings.EqualFold(name, "start"):
		return p.start.once("start", value)
	case strings.EqualFold(name, "end"), strings.EqualFold(name, "endt"): // "endt": two early Zimbra releases
		return p.end.once("end", value)
	case strings.EqualFold(name, "interval"):
		return p.interval.once("interval", value)
	case strings.EqualFold(name, "u"):
		if p.limit > 0 && len(p.attendees) == p.limit {
			return &ParameterError{"u", fmt.Sprintf("more than %d attendees", p.limit), fmt.Sprintf("at most %d", p.limit)}
		}
		p.attendees = append(p.attendees, unescape(value))
		p.afterAttendee = true
	default:
		p.rejoin(afterAttendee, name, assigned)
	}
	return nil
}

// rejoin mends an address with a "&" in its local part, which old clients send
// unescaped: "u=SMTP:r&d@contoso.com" comes as "u=SMTP:r" and "d@contoso.com".
func (p *parameters) rejoin(afterAttendee bool, rest string, assigned bool) {
	if !afterAttendee || assigned {
		return
	}
	last := &p.attendees[len(p.attendees)-1]
	if strings.Contains(rest, "@") && !strings.Contains(*last, "@") {
		*last += "&" + rest
	}
}

func (p *parameter) once(name, value string) error {
	if p.given {
		return &ParameterError{name, shorten(unescape(value)), "to be given once"}
	}
	p.value, p.given = unescape(value), true
	return nil
}

func (p *parameters) request(limits Limits) (Request, error) {
	r := Request{Interval: DefaultInterval}
	var err error
	if r.Window, err = p.window(limits.Window); err != nil {
		return Request{}, err
	}
	if p.interval.given {
		if r.Interval, err = parseInterval(p.interval.value); err != nil {
			return Request{}, err
		}
	}
	if len(p.attendees) == 0 {
		return Request{}, &ParameterError{"u", "", "the address of an attendee, such as u=SMTP:mary@contoso.com, once for each"}
	}
	// One row more than attendees: "All Attendees".
	if rows, slots := len(p.attendees)+1, r.Window.Slots(r.Interval); limits.Digits > 0 && slots > limits.Digits/rows {
		return Request{}, &ParameterError{"interval", fmt.Sprintf("%d slots for each of %d rows", slots, rows),
			fmt.Sprintf("fewer attendees, a shorter time or a longer interval: an answer has at most %d digits", limits.Digits)}
	}
	r.Attendees = make([]Attendee, len(p.attendees))
	for i, u := range p.attendees {
		r.Attendees[i] = parseAttendee(u)
	}
	return r, nil
}

func (p *parameters) window(longest time.Duration) (w availability.Window, err error) {
	if !p.start.given {
		return w, &ParameterError{"start", "", expectedTime}
	}
	if w.Start, err = parseTime("start", p.start.value); err != nil {
		return w, err
	}
	if !p.end.given {
		w.End = w.Start.Add(defaultWindow)
	} else if w.End, err = parseTime("end", p.end.value); err != nil {
		return w, err
	}
	if w.Empty() {
		return w, &ParameterError{"end", shorten(p.end.value), "a time after start"}
	}
	if longest > 0 && w.Duration() > longest {
		return w, &ParameterError{"end", shorten(p.end.value), fmt.Sprintf("a time at most %s after start", inDays(longest))}
	}
	return w, nil
}

func inDays(d time.Duration) string {
	switch {
	case d == 24*time.Hour:
		return "1 day"
	case d%(24*time.Hour) == 0:
		return strconv.Itoa(int(d/(24*time.Hour))) + " days"
	}
	return d.String()
}

func parseInterval(s string) (time.Duration, error) {
	minutes, err := strconv.ParseUint(s, 10, 16)
	if err != nil || minutes < 1 || minutes > 1440 {
		return 0, &ParameterError{"interval", shorten(s), "whole minutes from 1 to 1440"}
	}
	return time.Duration(minutes) * time.Minute, nil
}

// parseAttendee reads the value of a "u". OWA's plain HTML form appended ";" and
// the kind of attendee.
func parseAttendee(u string) Attendee {
	if address, index, ok := cutLast(u, ';'); ok && len(index) == 1 && index[0] >= '0' && index[0] <= '9' {
		u = address
	}
	a := Attendee{Mailbox: availability.ParseMailbox(u)}
	a.Type, a.Address = availability.CutAddressType(u)
	return a
}

func cutLast(s string, separator byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, separator); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// unescape decodes %XX. Whatever is no escape stays, as old clients send "%" and
// "+" of an address as they are.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if b, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(b))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

// shorten cuts what is repeated to a client or into a log.
func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
