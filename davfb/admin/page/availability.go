package page

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/translate/davxml"
	"fbgate/translate/merged"
)

// What can be asked at once.
const (
	mostAttendees = 50
	mostDays      = 14
	longestURL    = 62 * 24 * time.Hour // of the window of a URL
	mostDigits    = 100_000
)

// question is the form of the page.
type question struct {
	Who      string // addresses, or the URL an old client would ask
	Start    string // a date
	Days     string
	Interval string // in minutes
	Zone     string
	As       string // the address to ask on behalf of

	Intervals []string
}

// asked is what is known of one mailbox.
type asked struct {
	availability.Answer
	Address string
	Whose   string // the organization
	Whence  whence
	Digits  string
	Age     string        // of what was said, empty if that is not known
	Step    time.Duration // of the source, if it is coarser than what is drawn
}

type availabilityView struct {
	frame
	question
	Wrong   string // with the question
	Ready   bool   // to be asked with another click
	Done    bool
	Window  availability.Window
	Slots   string
	Drawn   []day
	Asked   []asked
	Unknown int // of how many not everything is known
	Path    string
	Earlier string // the paths of the same question about the days before and after
	Later   string
	XML     string
	Took    time.Duration
}

func (p *pages) availability(v *visit) error {
	if p.Source == nil {
		return missing("has nothing to ask from here")
	}
	query := v.URL.Query()
	view := availabilityView{frame: p.frame(v, "Availability", "/ui/availability"), question: question{
		Who: query.Get("who"), Start: query.Get("start"), Days: query.Get("days"), Interval: query.Get("interval"), Zone: query.Get("zone"), As: strings.TrimSpace(query.Get("as")),
	}}
	view.complete(time.Now())
	if strings.TrimSpace(view.Who) == "" {
		status := http.StatusOK
		if query.Has("who") {
			status, view.Wrong = http.StatusBadRequest, "Give at least one address."
		}
		return p.show(v, status, "availability", view)
	}
	request, zone, err := view.request()
	if err == nil && view.As != "" && availability.ParseMailbox(view.As).Domain() == "" {
		err = fmt.Errorf("%.100q is no address: expected for example joe@contoso.com", view.As)
	}
	if err != nil {
		view.Wrong = err.Error()
		return p.show(v, http.StatusBadRequest, "availability", view)
	}
	if v.elsewhere() {
		view.Ready = true
		return p.show(v, http.StatusOK, "availability", view)
	}
	ctx, done, err := p.ask(v.Context(), time.Minute)
	if err != nil {
		return err
	}
	defer done()
	begun := time.Now()
	id, mailboxes := "page-"+strings.ToLower(rand.Text()[:8]), request.Mailboxes()
	p.Log.Info("operator asked", "client", p.who(v), "request_id", id, "mailboxes", names(mailboxes), "as", view.As)
	answers := p.Source.Lookup(ctx, availability.Query{
		RequestID: id,
		Requester: availability.Requester{Mailbox: availability.ParseMailbox(view.As)},
		Mailboxes: mailboxes, Window: request.Window, Interval: request.Interval,
	})
	view.Took = time.Since(begun)
	view.answer(request, answers, zone)
	return p.show(v, http.StatusOK, "availability", view)
}

// names are mailboxes as the log has them.
func names(mailboxes []availability.Mailbox) (all []string) {
	for _, m := range mailboxes {
		all = append(all, string(m))
	}
	return all
}

// complete fills in what was left out.
func (q *question) complete(now time.Time) {
	for _, field := range []struct {
		value *string
		usual string
	}{{&q.Start, now.Format(time.DateOnly)}, {&q.Days, "5"}, {&q.Interval, "30"}, {&q.Zone, "Local"}} {
		if *field.value = strings.TrimSpace(*field.value); *field.value == "" {
			*field.value = field.usual
		}
	}
	q.Intervals = []string{"5", "10", "15", "30", "60"}
}

// request reads the form. A URL that was pasted says everything but the zone.
func (q *question) request() (r davxml.Request, zone *time.Location, err error) {
	if zone, err = time.LoadLocation(q.Zone); err != nil || len(q.Zone) > 60 {
		return r, nil, fmt.Errorf("the time zone is %.60q: expected a name such as Europe/Berlin, UTC or Local, which is the gateway's own", q.Zone)
	}
	if _, raw, found := strings.Cut(q.Who, "?"); found && davxml.Command(strings.TrimSpace(raw)) != "" {
		return q.pasted(strings.TrimSpace(raw), zone)
	}
	start, err := time.ParseInLocation(time.DateOnly, q.Start, zone)
	if err != nil {
		return r, nil, fmt.Errorf("the first day is %.40q: expected a date such as 2026-11-23", q.Start)
	}
	if start.Year() < 1990 || start.Year() > 2100 {
		return r, nil, fmt.Errorf("the first day is in the year %d: expected 1990 to 2100", start.Year())
	}
	days, err := strconv.Atoi(q.Days)
	if err != nil || days < 1 || days > mostDays {
		return r, nil, fmt.Errorf("days is %.40q: expected 1 to %d", q.Days, mostDays)
	}
	if !slices.Contains(q.Intervals, q.Interval) {
		return r, nil, fmt.Errorf("the interval is %.40q: expected %s minutes", q.Interval, strings.Join(q.Intervals, ", "))
	}
	minutes, _ := strconv.Atoi(q.Interval)
	r.Interval = time.Duration(minutes) * time.Minute
	r.Window = availability.Window{Start: start, End: start.AddDate(0, 0, days)}
	for _, address := range addresses(q.Who) {
		a := davxml.Attendee{Mailbox: availability.ParseMailbox(address)}
		a.Type, a.Address = availability.CutAddressType(address)
		r.Attendees = append(r.Attendees, a)
	}
	if n := len(r.Attendees); n == 0 || n > mostAttendees {
		return r, nil, fmt.Errorf("there are %d addresses: expected 1 to %d, one on each line or with commas between them", n, mostAttendees)
	}
	return r, zone, nil
}

func (q *question) pasted(raw string, zone *time.Location) (r davxml.Request, _ *time.Location, err error) {
	if command := davxml.Command(raw); !strings.EqualFold(command, "freebusy") {
		return r, nil, fmt.Errorf("the URL has Cmd=%.40s: expected Cmd=freebusy", command)
	}
	r, err = davxml.ParseQuery(raw, davxml.Limits{Attendees: mostAttendees, Window: longestURL, Digits: mostDigits})
	if err != nil {
		return r, nil, fmt.Errorf("the URL cannot be asked: %w", err)
	}
	if r.Interval < shortest {
		return r, nil, errors.New("the URL has an interval of less than 5 minutes, which is too short to be drawn here")
	}
	return r, zone, nil
}

// addresses parts what was typed in. A legacyExchangeDN may hold commas.
func addresses(text string) (found []string) {
	for _, piece := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' || r == ';' }) {
		pieces := []string{piece}
		if _, rest := availability.CutAddressType(strings.TrimSpace(piece)); !strings.HasPrefix(rest, "/") {
			pieces = strings.Split(piece, ",")
		}
		for _, address := range pieces {
			if address = strings.TrimSpace(address); address != "" {
				found = append(found, address)
			}
		}
	}
	return found
}

// answer draws what came.
func (v *availabilityView) answer(r davxml.Request, answers []availability.Answer, zone *time.Location) {
	var digits merged.Digits
	all := []byte(strings.Repeat("0", r.Window.Slots(r.Interval)))
	names, drawn := []string{"All Attendees"}, []string{""}
	for i, a := range answers {
		one := digits.Append(nil, a.Schedule, r.Window, r.Interval)
		merged.Overlay(all, one)
		names, drawn = append(names, r.Attendees[i].Address), append(drawn, string(one))
		known := asked{Answer: a, Address: r.Attendees[i].Address, Whose: a.Organization, Digits: string(one)}
		if a.Reason != nil {
			known.Whose = cmp.Or(a.Organization, a.Reason.Organization)
		}
		known.Whence = newWhence(known.Whose, a.Cached, a.Stale, a.Age(time.Now()), a.Reason)
		if !a.At.IsZero() {
			known.Age = age(time.Since(a.At))
		}
		if a.Schedule.Step > r.Interval {
			known.Step = a.Schedule.Step
		}
		if a.Reason != nil {
			v.Unknown++
		}
		v.Asked = append(v.Asked, known)
	}
	drawn[0] = string(all)
	v.Done, v.Window = true, availability.Window{Start: r.Window.Start.In(zone), End: r.Window.End.In(zone)}
	v.Slots = fmt.Sprintf("%d minutes", r.Interval/time.Minute)
	v.Drawn = bars(r.Window, r.Interval, zone, names, drawn)
	for i := range v.Drawn {
		v.Drawn[i].Rows[0].Sum = true
	}
	v.Path = legacyPath(r)
	if days, err := strconv.Atoi(v.Days); err == nil && !strings.Contains(v.Who, "?") {
		v.Earlier, v.Later = v.shifted(r, zone, -days), v.shifted(r, zone, days)
	}
	v.XML = string(davxml.AppendAnswer(nil, r, answers, digits))
}

// shifted is the path of the same question so many days later.
func (v *availabilityView) shifted(r davxml.Request, zone *time.Location, days int) string {
	return "/ui/availability?" + url.Values{
		"who": {v.Who}, "start": {r.Window.Start.In(zone).AddDate(0, 0, days).Format(time.DateOnly)},
		"days": {v.Days}, "interval": {v.Interval}, "zone": {v.Zone}, "as": {v.As},
	}.Encode()
}

// legacyPath returns what an old client would ask.
func legacyPath(r davxml.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "/public/?Cmd=freebusy&start=%s&end=%s&interval=%d",
		r.Window.Start.Format(time.RFC3339), r.Window.End.Format(time.RFC3339), r.Interval/time.Minute)
	for _, a := range r.Attendees {
		// As in a path, a space must not become a plus; and a plus is one.
		escaped := strings.NewReplacer("&", "%26", "+", "%2B").Replace(url.PathEscape(a.Address))
		b.WriteString("&u=" + a.Type + ":" + escaped)
	}
	return b.String()
}
