package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

type orgsCommand struct{ operator }

// orgView is an organization of GET /organizations.
type orgView struct {
	Name         string
	AccessMethod string `json:"access_method"`
	State        string
	Remembered   int
	Servers      []struct {
		Name, State string
		Until       *time.Time
		Reason      *told
		LastGood    *time.Time `json:"last_good"`
	}
	Totals struct {
		Calls    uint64
		P95      *float64 `json:"p95_ms"`
		Failed   map[string]uint64
		LastGood *time.Time `json:"last_good"`
	}
}

// Run shows how organizations fare, and ends with a status of its own if one did not
// answer last time, for scripts that watch.
func (c *orgsCommand) Run(ctx context.Context, console console) error {
	var page struct{ Organizations []orgView }
	body, err := c.ask(ctx, console, "GET", "/organizations", nil, &page)
	if err != nil {
		return err
	}
	failing := false
	for _, o := range page.Organizations {
		failing = failing || o.State != "serving" && o.State != "unasked"
	}
	if c.JSON {
		err = indent(console.out, body)
	} else {
		showOrgs(console, page.Organizations)
	}
	if err == nil && failing {
		return errResting
	}
	return err
}

func showOrgs(console console, all []orgView) {
	var t table
	now := time.Now()
	t.row("NAME", "METHOD", "SERVERS", "REMEMBERED", "CALLS", "FAILED", "95 % WITHIN", "LAST GOOD", "STATE")
	for _, o := range all {
		var failed uint64
		for _, n := range o.Totals.Failed {
			failed += n
		}
		within, last := "", "never"
		if o.Totals.Calls > 0 {
			within = "over 1 min"
			if o.Totals.P95 != nil {
				within = strconv.FormatFloat(*o.Totals.P95, 'f', -1, 64) + " ms"
			}
		}
		if o.Totals.LastGood != nil {
			last = ago(now.Sub(*o.Totals.LastGood)) + " ago"
		}
		t.row(o.Name, o.AccessMethod, strconv.Itoa(len(o.Servers)), strconv.Itoa(o.Remembered),
			strconv.FormatUint(o.Totals.Calls, 10), strconv.FormatUint(failed, 10), within, last, o.State)
		t.paint(stateColour(o.State))
	}
	t.write(console.out, isTerminal(console.out))
	for _, o := range all {
		for _, s := range o.Servers {
			if s.Reason == nil {
				continue
			}
			until := "; the next question asks it again"
			if s.Until != nil {
				until = " until " + shortTime(*s.Until) + " UTC"
			}
			fmt.Fprintf(console.out, "\n%s: %s is %s%s.\n", printable(o.Name), printable(s.Name), printable(s.State), until)
			for _, line := range wrap(printable(s.Reason.Code+": "+s.Reason.Detail), textWidth) {
				fmt.Fprintln(console.out, "  "+line)
			}
			fmt.Fprintln(console.out, "  → "+strings.Join(wrap(printable(s.Reason.Remedy), textWidth), "\n    "))
		}
	}
}

func stateColour(state string) string {
	switch state {
	case "serving":
		return green
	case "unasked":
		return ""
	case "backing off", "failing":
		return yellow
	}
	return red
}
