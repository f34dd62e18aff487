package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"
)

type lookupsCommand struct {
	operator
	Follow  bool   `short:"f" help:"Go on with those that come, until Ctrl-C."`
	Mailbox string `placeholder:"TEXT" help:"Only those about mailboxes with this in their address, or with this address where addresses are hidden."`
	Reason  string `placeholder:"CODE" help:"Only those of which something could not be told for this reason, such as timeout."`
	Limit   int    `placeholder:"N" default:"100" help:"So many at most, 1 to 1000; the newest. Default: ${default}"`
	Number  *int64 `arg:"" optional:"" help:"One of them: what was told of each mailbox, and why."`
}

// lookedUp is a lookup of GET /lookups.
type lookedUp struct {
	Number     uint64
	RequestID  string `json:"request_id"`
	At         time.Time
	Face       string
	Client     string
	Requester  string
	Start, End time.Time
	Interval   int
	Parse      float64 `json:"parse_ms"`
	Answer     float64 `json:"answer_ms"`
	Upstream   float64 `json:"upstream_ms"`
	Render     float64 `json:"render_ms"`
	Left       bool
	Mailboxes  int
	Told       []toldOf
}

// toldOf is what was told of one mailbox.
type toldOf struct {
	Mailbox, Organization, Source string
	Cached, Stale                 bool
	Age                           int
	Reason                        *told
}

// wrong implements checked.
func (c *lookupsCommand) wrong() error {
	codes := availability.Codes()
	switch {
	case c.Number != nil && *c.Number < 1:
		return fmt.Errorf("%d is not the number of a lookup; they count from 1", *c.Number)
	case c.Number != nil && (c.Follow || c.Mailbox != "" || c.Reason != ""):
		return errors.New("one lookup is asked for by its number alone: leave out --follow, --mailbox and --reason")
	case c.Limit < 1 || c.Limit > 1000:
		return fmt.Errorf("--limit: %d is not 1 to 1000", c.Limit)
	case c.Reason != "" && !slices.Contains(codes, availability.Code(c.Reason)):
		return fmt.Errorf("--reason: %q is none of %s", c.Reason, commas(codes))
	}
	return c.operator.wrong()
}

func commas(codes []availability.Code) string {
	var names []string
	for _, c := range codes {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

// Run lists, and follows, or shows one.
func (c *lookupsCommand) Run(ctx context.Context, console console) error {
	if c.Number != nil {
		return c.explain(ctx, console)
	}
	query := url.Values{"limit": {strconv.Itoa(c.Limit)}}
	if c.Mailbox != "" {
		query.Set("mailbox", c.Mailbox)
	}
	if c.Reason != "" {
		query.Set("reason", c.Reason)
	}
	var page struct{ Lookups []json.RawMessage }
	body, err := c.ask(ctx, console, "GET", "/lookups", query, &page)
	if err != nil {
		return err
	}
	if c.JSON && !c.Follow {
		return indent(console.out, body)
	}
	if len(page.Lookups) == 0 && !c.JSON {
		fmt.Fprintln(console.err, c.none())
	}
	out := lookupList{out: console.out, colour: isTerminal(console.out), json: c.JSON}
	if err := out.add(page.Lookups...); err != nil || !c.Follow {
		return err
	}
	return c.follow(ctx, query, &out)
}

// none says that there is nothing to list.
func (c *lookupsCommand) none() string {
	var picked []string
	if c.Mailbox != "" {
		picked = append(picked, "--mailbox "+c.Mailbox)
	}
	if c.Reason != "" {
		picked = append(picked, "--reason "+c.Reason)
	}
	if picked == nil {
		return "Nobody has asked yet."
	}
	return "None of the last lookups matches " + strings.Join(picked, " and ") + "."
}

// mostBreaks is how many streams in a row may end so soon.
const (
	mostBreaks = 5
	soon       = 3 * time.Second
)

// follow shows lookups as they come. When the gateway ends the stream, which it does now
// and then, and when its configuration is reloaded, it asks for those since.
func (c *lookupsCommand) follow(ctx context.Context, query url.Values, out *lookupList) error {
	query.Set("follow", "1")
	query.Set("limit", "1000")
	for breaks := 0; ; breaks++ {
		query.Set("since", strconv.FormatUint(out.last, 10))
		begun := time.Now()
		if err := c.stream(ctx, query, out); ctx.Err() != nil {
			return nil // that is how it ends
		} else if err != nil {
			return err
		}
		if time.Since(begun) > soon {
			breaks = 0
		} else if breaks == mostBreaks {
			return fmt.Errorf("the stream has ended again and again, each time within %v: something in between cuts connections", soon)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second): // it may be shutting down
		}
	}
}

func (c *lookupsCommand) stream(ctx context.Context, query url.Values, out *lookupList) error {
	response, err := c.send(ctx, "GET", "/lookups", query, "application/x-ndjson")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue // that the connection holds
		}
		if err := out.add(slices.Clone(lines.Bytes())); err != nil {
			return err
		}
	}
	return nil // however it broke off
}

// lookupList shows lookups one by one, so that the columns have widths of their own. That
// of requesters is there from the first who had logged in.
type lookupList struct {
	out                io.Writer
	colour, json       bool
	headed, requesters bool
	last               uint64
}

func (l *lookupList) line(number, at, face, client, requester, mailboxes, took, outcome string) {
	fmt.Fprintf(l.out, "%-7s %-8s %-18s %-21s ", number, at, face, client)
	if l.requesters {
		fmt.Fprintf(l.out, "%-16s ", requester)
	}
	fmt.Fprintf(l.out, "%9s %9s  %s\n", mailboxes, took, outcome)
}

// head names the columns there are from here on.
func (l *lookupList) head(lookups []lookedUp) {
	named := slices.ContainsFunc(lookups, func(one lookedUp) bool { return one.Requester != "" })
	if len(lookups) == 0 || l.headed && (l.requesters || !named) {
		return
	}
	l.headed, l.requesters = true, named
	l.line("NUMBER", "UTC", "FACE", "CLIENT", "REQUESTER", "MAILBOXES", "ANSWER", "OUTCOME")
}

func (l *lookupList) add(lookups ...json.RawMessage) error {
	all := make([]lookedUp, len(lookups))
	for i, raw := range lookups {
		if err := json.Unmarshal(raw, &all[i]); err != nil {
			return fmt.Errorf("the answer is not as expected: %w", err)
		}
		l.last = all[i].Number // less than before if the gateway has been restarted
		if l.json {
			fmt.Fprintln(l.out, string(raw))
		}
	}
	if l.json {
		return nil
	}
	l.head(all)
	for _, one := range all {
		outcome, colour := one.outcome()
		if l.colour && colour != "" {
			outcome = colour + outcome + plain
		}
		l.line(strconv.FormatUint(one.Number, 10), one.At.UTC().Format(time.TimeOnly), printable(one.Face), printable(one.Client),
			printable(one.Requester), strconv.Itoa(one.Mailboxes), inMilliseconds(one.Answer), outcome)
	}
	return nil
}

func inMilliseconds(ms float64) string { return strconv.FormatFloat(ms, 'f', 1, 64) + " ms" }

// outcome says in a few words what was told.
func (l *lookedUp) outcome() (text, colour string) {
	if l.Left {
		return "the client left", yellow
	}
	cached, stale := 0, 0
	var failed []string
	whose := make(map[string][]string)
	for _, t := range l.Told {
		if t.Cached {
			cached++
		}
		if t.Stale {
			stale++
		}
		if code := t.Reason.code(); code != "" {
			if whose[code] == nil {
				failed = append(failed, code)
			}
			whose[code] = append(whose[code], printable(t.Mailbox))
		}
	}
	var parts []string
	for _, code := range failed {
		part := code + " " + whose[code][0]
		if n := len(whose[code]) - 1; n > 0 {
			part += fmt.Sprintf(" and %d more", n)
		}
		parts, colour = append(parts, part), red
	}
	if stale > 0 {
		parts, colour = append(parts, fmt.Sprintf("%d stale", stale)), cmp.Or(colour, yellow)
	}
	if len(parts) == 0 {
		parts = append(parts, "ok")
	}
	if cached > 0 {
		parts = append(parts, fmt.Sprintf("%d remembered", cached))
	}
	return strings.Join(parts, ", "), colour
}
