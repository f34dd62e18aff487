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
)

type lookupsCommand struct {
	operator
	Follow  bool   `short:"f" help:"Go on with those that come, until Ctrl-C."`
	Mailbox string `placeholder:"ADDRESS" help:"Only those about this mailbox."`
	Reason  string `placeholder:"CODE" help:"Only those of which something could not be told for this reason, such as timeout."`
	Limit   int    `placeholder:"N" default:"100" help:"So many at most, 1 to 1000; the newest. Default: ${default}"`
}

// lookedUp is a lookup of GET /lookups.
type lookedUp struct {
	Number    uint64
	RequestID string `json:"request_id"`
	At        time.Time
	Face      string
	Client    string
	Requester string
	Answer    float64 `json:"answer_ms"`
	Left      bool
	Mailboxes int
	Told      []struct {
		Mailbox       string
		Cached, Stale bool
		Reason        *told
	}
}

// Run lists, and follows.
func (c *lookupsCommand) Run(ctx context.Context, console console) error {
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
	out := lookupList{out: console.out, colour: isTerminal(console.out), json: c.JSON}
	if !c.JSON {
		out.head()
	}
	if err := out.add(page.Lookups...); err != nil || !c.Follow {
		return err
	}
	return c.follow(ctx, query, &out)
}

// mostBreaks is how many streams in a row may end within a minute each.
const mostBreaks = 5

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
		if time.Since(begun) > time.Minute {
			breaks = 0
		} else if breaks == mostBreaks {
			return errors.New("the stream has ended again and again, each time within a minute: something in between cuts connections")
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

// lookupList shows lookups one by one, so that the columns have widths of their own.
type lookupList struct {
	out          io.Writer
	colour, json bool
	last         uint64
}

const lookupColumns = "%-7s %-8s %-18s %-21s %9s %9s  "

func (l *lookupList) head() {
	fmt.Fprintf(l.out, lookupColumns+"%s\n", "NUMBER", "UTC", "FACE", "CLIENT", "MAILBOXES", "ANSWER", "OUTCOME")
}

func (l *lookupList) add(lookups ...json.RawMessage) error {
	for _, raw := range lookups {
		var one lookedUp
		if err := json.Unmarshal(raw, &one); err != nil {
			return fmt.Errorf("the answer is not as expected: %w", err)
		}
		l.last = one.Number // less than before if the gateway has been restarted
		if l.json {
			fmt.Fprintln(l.out, string(raw))
			continue
		}
		outcome, colour := one.outcome()
		if l.colour && colour != "" {
			outcome = colour + outcome + plain
		}
		fmt.Fprintf(l.out, lookupColumns+"%s\n", strconv.FormatUint(one.Number, 10), one.At.UTC().Format(time.TimeOnly),
			printable(one.Face), printable(one.Client), strconv.Itoa(one.Mailboxes), strconv.FormatFloat(one.Answer, 'f', 1, 64)+" ms", outcome)
	}
	return nil
}

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
