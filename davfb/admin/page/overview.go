package page

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"fbgate/availability"
	"fbgate/availability/meter"
	"fbgate/davfb/admin"
)

// organization is one as it is shown.
type organization struct {
	admin.Organization
	Says     admin.State // of the server that fares worst
	Worst    string      // that as a class
	Mean     string
	P95      string
	Hits     string
	Calls    uint64 // since the start
	Charts   []chart
	Parts    []part // of the last hour
	Untold   []tally
	Shown    []server
	LastGood time.Time
	LastBad  time.Time
	Why      *availability.Reason
}

// server is one as it is shown.
type server struct {
	admin.Server
	Class       string // of its state
	Certificate *left
	Token       *left
}

// left is how long something is good for.
type left struct {
	Ends  time.Time
	Text  string
	Class string // "good", "warn" or "bad"
}

// tally is how often there was a reason.
type tally struct {
	Code  availability.Code
	Count uint64
}

// part is some minutes of the last hour.
type part struct {
	Start         time.Time
	Calls, Failed uint64
	Mean, Hits    string
}

// partLength is how many minutes are one line of the table.
const partLength = 5

func (p *pages) overview(v *visit) error {
	view := struct {
		frame
		Known         bool // what organizations there are
		Organizations []organization
		Summary       []tallied
		Mailboxes     int
		Bytes         int64
		Started       time.Time
		Unpublished   string // why nothing is published that should be
		Changes       []admin.Change
	}{frame: p.frame(v, "Overview", "/ui/"), Known: p.Organizations != nil, Started: p.Started}
	if view.Known {
		for i, o := range p.Organizations() {
			view.Organizations = append(view.Organizations, newOrganization(i, o))
			view.Mailboxes += o.Remembered
			view.Bytes += o.Bytes
		}
		view.Summary = summarize(view.Organizations)
	}
	if p.Publisher != nil {
		if fault := p.Publisher.Status().Fault; fault != nil {
			view.Unpublished = fault.Error()
		}
	}
	changes := p.Changes.Last()
	view.Changes = changes[:min(5, len(changes))]
	return p.show(v, http.StatusOK, "overview", view)
}

// tallied is how many organizations are in a state.
type tallied struct {
	Class, Text string
	Count       int
}

// summarize counts them, the worst first.
func summarize(all []organization) (found []tallied) {
	for _, state := range slices.Backward(admin.States) {
		t := tallied{Class: classes[state], Text: string(state)}
		for _, o := range all {
			if o.Says == state {
				t.Count++
			}
		}
		if t.Count > 0 {
			found = append(found, t)
		}
	}
	return found
}

// classes are how good states are.
var classes = map[admin.State]string{
	admin.Serving: "good", admin.Unasked: "plain", admin.Failing: "warn", admin.BackingOff: "warn", admin.Resting: "bad",
}

func newOrganization(i int, o admin.Organization) organization {
	t, now := o.Totals, time.Now()
	shown := organization{
		Organization: o, Says: worst(o.Servers), Mean: "–", P95: "–", Hits: percent(t.Looked.Remembered, t.Looked.Sum()), Calls: t.Calls,
		Parts: parts(o.Hour), Untold: tallies(t.Untold), Charts: charts(fmt.Sprintf("chart-%d", i), o.Hour),
		LastGood: t.LastGood, LastBad: t.LastBad, Why: t.Why,
	}
	if t.Calls > 0 {
		shown.Mean, shown.P95 = took(t.Took.Sum/time.Duration(t.Calls)), atMost(t.Took.Quantile(0.95))
	}
	shown.Worst = classes[shown.Says]
	for _, s := range o.Servers {
		one := server{Server: s, Class: classes[s.State], Certificate: remaining(s.CertificateEnds, now, 30*24*time.Hour), Token: remaining(s.TokenEnds, now, 10*time.Minute)}
		shown.Shown = append(shown.Shown, one)
		if s.Reason != nil && shown.Why != nil && s.Reason.Error() == shown.Why.Error() {
			shown.Why = nil // it is told of the server
		}
	}
	return shown
}

// worst is the state of the server that fares worst, and Serving if there is none.
func worst(all []admin.Server) admin.State {
	for _, state := range slices.Backward(admin.States) {
		if slices.ContainsFunc(all, func(s admin.Server) bool { return s.State == state }) {
			return state
		}
	}
	return admin.Serving
}

// atMost tells the bound of a histogram's bucket.
func atMost(bound time.Duration, above bool) string {
	switch {
	case above:
		return "more than a minute"
	case bound%time.Second == 0:
		return fmt.Sprintf("≤ %d s", bound/time.Second)
	}
	return "≤ " + took(bound)
}

// remaining tells until when something is good, nil if that is not known. What ends
// sooner than soon is worth a look.
func remaining(ends, now time.Time, soon time.Duration) *left {
	switch d := ends.Sub(now); {
	case ends.IsZero():
		return nil
	case d <= 0:
		return &left{ends, "expired", "bad"}
	case d < soon:
		return &left{ends, age(d) + " left", "warn"}
	default:
		return &left{ends, age(d) + " left", "good"}
	}
}

func tallies(counts map[availability.Code]uint64) (all []tally) {
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, tally{code, counts[code]})
	}
	slices.SortStableFunc(all, func(a, b tally) int { return cmp.Compare(b.Count, a.Count) })
	return all
}

// parts sums the minutes of an hour up.
func parts(hour []meter.Minute) (all []part) {
	for some := range slices.Chunk(hour, partLength) {
		var sum meter.Minute
		for _, m := range some {
			sum.Calls, sum.Failed, sum.Took = sum.Calls+m.Calls, sum.Failed+m.Failed, sum.Took+m.Took
			sum.Looked, sum.Remembered = sum.Looked+m.Looked, sum.Remembered+m.Remembered
		}
		one := part{Start: some[0].Start, Calls: sum.Calls, Failed: sum.Failed, Mean: "–", Hits: percent(sum.Remembered, sum.Looked)}
		if sum.Calls > 0 {
			one.Mean = took(sum.Took / time.Duration(sum.Calls))
		}
		all = append(all, one)
	}
	return all
}
