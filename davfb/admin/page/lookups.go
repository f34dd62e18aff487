package page

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/journal"
)

// lookupsShown is how many of the last questions are listed.
const lookupsShown = 100

// lookup is one question as it is listed.
type lookup struct {
	journal.Lookup
	First    availability.Mailbox // whom it was about
	Others   int                  // beside them
	Outcomes []outcome
	Cached   string        // "all", "3 of 5", or "none"
	Here     time.Duration // in the directory and in memory: of Answer, what is not Upstream
	Total    time.Duration
	Timing   []stretch
}

// outcome is what came of an organization.
type outcome struct {
	Organization string
	Known        int
	Stale        int
	Reasons      []tally
}

// stretch is one of those the time parts in, in thousandths of its bar.
type stretch struct {
	Class       string
	From, Width int64
}

func (p *pages) lookups(v *visit) error {
	if p.Journal == nil {
		return missing("keeps no questions")
	}
	query := v.URL.Query()
	view := struct {
		frame
		Mailbox, Code string
		Codes         []availability.Code
		Lookups       []lookup
		Most          int
		Hidden        bool // addresses are: parts of them match nothing
	}{frame: p.frame(v, "Recent lookups", "/ui/lookups"), Mailbox: strings.ToLower(strings.TrimSpace(query.Get("mailbox"))), Code: query.Get("code"), Codes: availability.Codes(), Most: lookupsShown, Hidden: p.Redactor != nil}
	about := p.About(view.Mailbox)
	found, _ := p.Journal.Since(0, func(l *journal.Lookup) bool {
		return slices.ContainsFunc(l.Told, func(t journal.Told) bool {
			return about(&t) && (view.Code == "" || t.Reason != nil && string(t.Reason.Code) == view.Code)
		}) || view.Mailbox == "" && view.Code == ""
	}, lookupsShown)
	slices.Reverse(found)
	for _, l := range found {
		view.Lookups = append(view.Lookups, newLookup(l))
	}
	return p.show(v, http.StatusOK, "lookups", view)
}

func newLookup(l journal.Lookup) lookup {
	shown := lookup{Lookup: l, Here: l.Answer - l.Upstream, Total: l.Parse + l.Answer + l.Render}
	if len(l.Told) > 0 {
		shown.First, shown.Others = l.Told[0].Mailbox, l.Mailboxes-1
	}
	cached := 0
	counts := make(map[string]map[availability.Code]uint64)
	for _, t := range l.Told {
		if t.Cached || t.Stale {
			cached++
		}
		at := slices.IndexFunc(shown.Outcomes, func(o outcome) bool { return o.Organization == t.Organization })
		if at < 0 {
			at = len(shown.Outcomes)
			shown.Outcomes = append(shown.Outcomes, outcome{Organization: t.Organization})
			counts[t.Organization] = make(map[availability.Code]uint64)
		}
		o := &shown.Outcomes[at]
		if t.Stale {
			o.Stale++
		}
		if t.Reason == nil {
			o.Known++
		} else {
			counts[t.Organization][t.Reason.Code]++
		}
	}
	for i := range shown.Outcomes {
		shown.Outcomes[i].Reasons = tallies(counts[shown.Outcomes[i].Organization])
	}
	slices.SortStableFunc(shown.Outcomes, func(a, b outcome) int { return strings.Compare(a.Organization, b.Organization) })
	switch cached {
	case 0:
		shown.Cached = "none"
	case len(l.Told):
		shown.Cached = "all"
	default:
		shown.Cached = fmt.Sprintf("%d of %d", cached, len(l.Told))
	}
	shown.Timing = shown.parts()
	return shown
}

// parts are those the time parts in, in their order.
func (l *lookup) parts() []stretch {
	var parts []stretch
	var begun time.Duration
	at := func(d time.Duration) int64 { return int64(1000 * d / max(1, l.Total)) }
	for _, p := range []struct {
		class string
		took  time.Duration
	}{{"parse", l.Parse}, {"here", l.Here}, {"upstream", l.Upstream}, {"render", l.Render}} {
		parts = append(parts, stretch{p.class, at(begun), at(begun+p.took) - at(begun)})
		begun += p.took
	}
	return parts
}

// told is what was told of one mailbox, and why.
type told struct {
	journal.Told
	Whence whence
	Why    string // the digits
	Bad    bool
}

func (p *pages) explain(v *visit, text string) error {
	if p.Journal == nil {
		return missing("keeps no questions")
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || number == 0 {
		return problem{http.StatusNotFound, "No such lookup", fmt.Sprintf("%.40q is not the number of one.", text)}
	}
	found, _ := p.Journal.Since(number-1, func(l *journal.Lookup) bool { return l.Number == number }, 1)
	if len(found) == 0 {
		return problem{http.StatusNotFound, "No such lookup", fmt.Sprintf("Number %d is not among the last questions: it has made room for newer ones, or there was none.", number)}
	}
	l := found[0]
	view := struct {
		frame
		lookup
		Shown []told
		Slots int
		Again string // the path that asks the same now, which needs the addresses
		Ask   bool   // the doctor can be asked, who needs the address
	}{frame: p.frame(v, fmt.Sprintf("Lookup %d", number), "/ui/lookups"), lookup: newLookup(l), Slots: l.Window.Slots(l.Interval), Ask: p.Doctor != nil && p.Redactor == nil}
	for _, t := range l.Told {
		view.Shown = append(view.Shown, newTold(t))
	}
	if p.Source != nil && p.Redactor == nil && len(l.Told) > 0 {
		view.Again = again(l)
	}
	return p.show(v, http.StatusOK, "explain", view)
}

func newTold(t journal.Told) told {
	shown := told{Told: t, Bad: t.Reason != nil, Whence: newWhence(t.Organization, t.Cached, t.Stale, t.Age, t.Reason)}
	if t.Reason == nil {
		shown.Why = "0 where the calendar is free, 1 to 3 where it has entries: all of the time asked about is known."
	} else {
		shown.Why = "4 wherever the reason here left something unknown, as what is not known is never drawn as free."
	}
	return shown
}

// again is the path that asks the same once more.
func again(l journal.Lookup) string {
	var who []string
	for _, t := range l.Told {
		who = append(who, string(t.Mailbox))
	}
	days := min(mostDays, max(1, int((l.Window.Duration()+24*time.Hour-1)/(24*time.Hour))))
	query := url.Values{
		"who": {strings.Join(who, "\n")}, "start": {l.Window.Start.Local().Format(time.DateOnly)}, "days": {strconv.Itoa(days)},
	}
	if minutes := strconv.Itoa(int(l.Interval / time.Minute)); slices.Contains([]string{"5", "10", "15", "30", "60"}, minutes) {
		query.Set("interval", minutes)
	}
	return "/ui/availability?" + query.Encode()
}
