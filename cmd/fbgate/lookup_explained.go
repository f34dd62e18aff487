package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"
)

// explain shows one lookup with all there is to say of it.
func (c *lookupsCommand) explain(ctx context.Context, console console) error {
	var one lookedUp
	body, err := c.ask(ctx, console, "GET", "/lookups/"+strconv.FormatInt(*c.Number, 10), nil, &one)
	if err != nil {
		return err
	}
	if c.JSON {
		return indent(console.out, body)
	}
	one.show(console.out)
	for i := range one.Told {
		fmt.Fprintln(console.out)
		one.Told[i].show(console.out)
	}
	if more := one.Mailboxes - len(one.Told); more > 0 {
		fmt.Fprintf(console.out, "\nOf %d mailboxes what was told of the first %d is kept.\n", one.Mailboxes, len(one.Told))
	}
	return nil
}

func (l *lookedUp) show(out io.Writer) {
	var t table
	t.row("lookup", strconv.FormatUint(l.Number, 10))
	t.row("at", l.At.UTC().Format(time.DateTime)+" UTC")
	t.row("face", l.Face)
	t.row("client", l.Client)
	if l.Requester == "" {
		t.row("requester", "nobody who logged in")
	} else {
		t.row("requester", l.Requester)
	}
	t.row("in the log", l.RequestID)
	t.row("about", fmt.Sprintf("%s to %s UTC, a digit for %d min", shortTime(l.Start), shortTime(l.End), l.Interval))
	t.row("mailboxes", strconv.Itoa(l.Mailboxes))
	t.row("took", fmt.Sprintf("%s to read, %s to answer, of that %s waiting for organizations, %s to write",
		inMilliseconds(l.Parse), inMilliseconds(l.Answer), inMilliseconds(l.Upstream), inMilliseconds(l.Render)))
	if l.Left {
		t.row("the client", "had left before it was answered")
		t.paint(yellow)
	}
	t.write(out, isTerminal(out))
}

func (m *toldOf) show(out io.Writer) {
	var t table
	t.row("mailbox", m.Mailbox)
	t.row("organization", orNone(m.Organization))
	t.row("source", orNone(m.Source))
	switch old := ago(time.Duration(m.Age) * time.Second); {
	case m.Stale:
		t.row("remembered", "for "+old+", too long: nothing fresh could be had")
		t.paint(yellow)
	case m.Cached:
		t.row("remembered", "for "+old)
	default:
		t.row("remembered", "no")
	}
	if m.Reason == nil {
		t.row("reason", "none: all of the time asked about is known")
	} else {
		t.row("reason", m.Reason.Code)
		t.paint(yellow)
		t.row("detail", m.Reason.Detail)
		t.row("what to do", m.Reason.Remedy)
	}
	t.write(out, isTerminal(out))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
