package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"
)

type cacheCommand struct {
	Ls      cacheLsCommand      `cmd:"" help:"List what is remembered."`
	Show    cacheShowCommand    `cmd:"" help:"Show what is remembered of one mailbox, and why it is empty if it is."`
	Flush   cacheFlushCommand   `cmd:"" help:"Forget answers, so that the next question goes to the organization."`
	Refresh cacheRefreshCommand `cmd:"" help:"Ask anew now, and serve what is remembered until the answer is there."`
}

// remembered is an entry of GET /cache.
type remembered struct {
	Mailbox, Organization, Source string
	Start, End, Expires           time.Time
	Age, Spans                    int
	Stale                         bool
	For                           string
	Reason                        *told
}

// rememberedPage is the answer of GET /cache.
type rememberedPage struct {
	Mailboxes int               `json:"mailboxes"`
	Matching  int               `json:"matching"`
	Entries   []json.RawMessage `json:"entries"`
	Next      string            `json:"next,omitempty"`
}

type cacheLsCommand struct {
	operator
	Limit        int    `placeholder:"N" default:"1000" help:"List about so many entries at most; 0 lists all. Default: ${default}"`
	Matching     string `placeholder:"TEXT" help:"Only of mailboxes with this in their address."`
	Organization string `placeholder:"NAME" help:"Only what this organization has said."`
	Order        string `placeholder:"ORDER" default:"address" enum:"address,address-down,expiry,expiry-down" help:"By address, or by when it is forgotten, upwards or downwards: address, address-down, expiry or expiry-down. Default: ${default}"`
}

// largestCachePage is how many entries are asked for at once: as many as the gateway
// gives, as it goes through everything for each page.
const largestCachePage = 10_000

// wrong implements checked.
func (c *cacheLsCommand) wrong() error {
	if c.Limit < 0 {
		return fmt.Errorf("--limit: %d is less than 0", c.Limit)
	}
	return c.operator.wrong()
}

// Run lists page after page.
func (c *cacheLsCommand) Run(ctx context.Context, console console) error {
	query := url.Values{"order": {c.Order}}
	if c.Matching != "" {
		query.Set("matching", c.Matching)
	}
	if c.Organization != "" {
		query.Set("organization", c.Organization)
	}
	all := rememberedPage{Entries: []json.RawMessage{}}
	for more := true; more; more = all.Next != "" && (c.Limit == 0 || len(all.Entries) < c.Limit) {
		limit := largestCachePage
		if c.Limit > 0 {
			limit = min(limit, c.Limit-len(all.Entries))
		}
		query.Set("limit", strconv.Itoa(limit))
		var page rememberedPage
		if _, err := c.ask(ctx, console, "GET", "/cache", query, &page); err != nil {
			return err
		}
		query.Set("next", page.Next)
		page.Entries = append(all.Entries, page.Entries...)
		all = page
	}
	if c.JSON {
		all.Next = "" // there is no flag for it
		body, err := json.Marshal(all)
		if err != nil {
			return err
		}
		return indent(console.out, body)
	}
	entries, err := all.read()
	if err != nil {
		return err
	}
	tabulate(console.out, entries)
	if all.Matching == all.Mailboxes {
		fmt.Fprintf(console.out, "%s of %s remembered.\n", count(len(entries), "answer"), countOf(all.Mailboxes, "mailbox", "mailboxes"))
	} else {
		fmt.Fprintf(console.out, "%s of %s asked for, of %d remembered.\n", count(len(entries), "answer"), countOf(all.Matching, "mailbox", "mailboxes"), all.Mailboxes)
	}
	return nil
}

func countOf(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

func (p *rememberedPage) read() ([]remembered, error) {
	entries := make([]remembered, len(p.Entries))
	for i, raw := range p.Entries {
		if err := json.Unmarshal(raw, &entries[i]); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

func tabulate(out io.Writer, entries []remembered) {
	var t table
	t.row("MAILBOX", "ORGANIZATION", "START", "END", "AGE", "EXPIRES IN", "SPANS", "REASON")
	now := time.Now()
	for _, e := range entries {
		left := ago(e.Expires.Sub(now))
		if e.Stale {
			left = "stale"
		}
		t.row(e.Mailbox, e.Organization, shortTime(e.Start), shortTime(e.End), ago(time.Duration(e.Age)*time.Second), left, strconv.Itoa(e.Spans), e.Reason.code())
		t.paint(yellow)
	}
	t.write(out, isTerminal(out))
}

// shortTime is a time in UTC as it stands in tables.
func shortTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

type cacheShowCommand struct {
	operator
	Mailbox string `arg:"" help:"Whose: an address, or EX: and a legacyExchangeDN."`
}

// wrong implements checked.
func (c *cacheShowCommand) wrong() error {
	if err := nobody(c.Mailbox); err != nil {
		return err
	}
	return c.operator.wrong()
}

// Run shows each answer with all there is to say of it.
func (c *cacheShowCommand) Run(ctx context.Context, console console) error {
	var page rememberedPage
	body, err := c.ask(ctx, console, "GET", "/cache", url.Values{"mailbox": {c.Mailbox}}, &page)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := indent(console.out, body); err != nil {
			return err
		}
		if len(page.Entries) == 0 {
			return errReported
		}
		return nil
	}
	entries, err := page.read()
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return fmt.Errorf("nothing is remembered of %s: nobody has asked lately, or no organization could be asked; fbgate lookups --mailbox %[1]s lists who did, and fbgate lookups NUMBER says why", c.Mailbox)
	}
	for i, e := range entries {
		if i > 0 {
			fmt.Fprintln(console.out)
		}
		e.show(console.out)
	}
	return nil
}

func (e *remembered) show(out io.Writer) {
	var t table
	t.row("mailbox", e.Mailbox)
	t.row("organization", e.Organization)
	t.row("asked at", e.Source)
	t.row("about", shortTime(e.Start)+" to "+shortTime(e.End)+" UTC")
	t.row("age", ago(time.Duration(e.Age)*time.Second))
	expires := shortTime(e.Expires) + " UTC"
	if e.Stale {
		expires += ", so it is stale: it is served while nothing fresh can be had"
	}
	t.row("expires", expires)
	if e.For != "" {
		t.row("for", e.For)
	}
	t.row("spans", strconv.Itoa(e.Spans))
	if e.Reason != nil {
		t.row("reason", e.Reason.Code)
		t.paint(yellow)
		t.row("detail", e.Reason.Detail)
		t.row("what to do", e.Reason.Remedy)
	}
	t.write(out, isTerminal(out))
}

// which is whose answers are meant.
type which struct {
	Mailbox      string `arg:"" optional:"" help:"Whose: an address, or EX: and a legacyExchangeDN."`
	Organization string `placeholder:"NAME" help:"All mailboxes of this organization."`
	All          bool   `help:"Everything."`
}

func (w *which) query() (url.Values, error) {
	given := 0
	for _, is := range []bool{w.Mailbox != "", w.Organization != "", w.All} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return nil, errWhich
	case w.Mailbox != "":
		return url.Values{"mailbox": {w.Mailbox}}, nil
	case w.Organization != "":
		return url.Values{"organization": {w.Organization}}, nil
	}
	return nil, nil
}

var errWhich = errors.New("say which: one mailbox, or --organization NAME, or --all")

// wrongFor says what is wrong with it, or with how to sign in.
func (w *which) wrongFor(o *operator) error {
	if _, err := w.query(); err != nil {
		return err
	}
	return o.wrong()
}

type cacheFlushCommand struct {
	operator
	which
}

// wrong implements checked.
func (c *cacheFlushCommand) wrong() error { return c.wrongFor(&c.operator) }

// Run forgets.
func (c *cacheFlushCommand) Run(ctx context.Context, console console) error {
	query, err := c.query()
	if err != nil {
		return err
	}
	var done struct{ Flushed int }
	body, err := c.ask(ctx, console, "DELETE", "/cache", query, &done)
	if err != nil {
		return err
	}
	if c.JSON {
		return indent(console.out, body)
	}
	fmt.Fprintf(console.out, "Forgotten: %s.\n", countOf(done.Flushed, "mailbox", "mailboxes"))
	return nil
}

type cacheRefreshCommand struct {
	operator
	which
}

// wrong implements checked.
func (c *cacheRefreshCommand) wrong() error { return c.wrongFor(&c.operator) }

// Run has it asked anew, and does not wait for the answers.
func (c *cacheRefreshCommand) Run(ctx context.Context, console console) error {
	query, err := c.query()
	if err != nil {
		return err
	}
	var begun struct{ Refreshed int }
	body, err := c.ask(ctx, console, "POST", "/cache/refresh", query, &begun)
	if err != nil {
		return err
	}
	if c.JSON {
		return indent(console.out, body)
	}
	fmt.Fprintf(console.out, "Asked anew: %s.\n", countOf(begun.Refreshed, "mailbox", "mailboxes"))
	return nil
}
