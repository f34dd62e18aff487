package main

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode"

	"fbgate/availability"
	"fbgate/cmd/fbgate/config"
	"fbgate/translate/davxml"

	"golang.org/x/term"
)

type queryCommand struct {
	Gateway  string   `placeholder:"URL" default:"http://127.0.0.1:8080/public/" help:"Where to ask: fbgate, or an Exchange server of 2000 to 2007. Default: ${default}"`
	Username string   `placeholder:"NAME" help:"Log in by Basic authentication, with --password-file."`
	Password string   `name:"password-file" placeholder:"FILE" help:"The file that holds the password, on one line."`
	Start    string   `placeholder:"TIME" help:"The first moment, such as 2026-11-23, 2026-11-23T08:00 (local time) or 2026-11-23T08:00:00Z. Default: today."`
	End      string   `placeholder:"TIME" help:"The end. Default: a day after the start."`
	Interval int      `placeholder:"MINUTES" default:"30" help:"Minutes a digit stands for, 1 to 1440. Default: ${default}"`
	Raw      bool     `help:"Print the reply as it came."`
	Mailbox  []string `arg:"" help:"The attendees' addresses."`
}

// Run asks and draws.
func (q *queryCommand) Run(ctx context.Context, console console) error {
	request, target, err := q.request(time.Now())
	if err != nil {
		return err
	}
	password, err := readPassword(q.Username, q.Password)
	if err != nil {
		return err
	}
	reply, err := ask(ctx, target, q.Username, password)
	if err != nil {
		return err
	}
	if q.Raw {
		_, err := console.out.Write(reply.body)
		return err
	}
	items, err := davxml.ReadAnswer(reply.body, request.Window.Slots(request.Interval))
	if err != nil {
		return fmt.Errorf("%s: %w", q.Gateway, err)
	}
	drawing{colour: isTerminal(console.out), zone: time.Local}.draw(console.out, request, items)
	if line := reply.freshness(); line != "" {
		fmt.Fprintln(console.out, line)
	}
	return nil
}

// wrong implements checked.
func (q *queryCommand) wrong() error {
	if _, _, err := q.request(time.Now()); err != nil {
		return err
	}
	return together(q.Username, q.Password)
}

// readPassword reads the password of --username from the file of --password-file, if they
// are given.
func readPassword(username, file string) (string, error) {
	if username == "" {
		return "", nil
	}
	password, err := config.ReadSecret(file)
	if err != nil {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	return password, nil
}

// request returns what is asked and the whole URL that asks it, or what is wrong with the
// arguments. Local times are in the zone of now.
func (q *queryCommand) request(now time.Time) (davxml.Request, string, error) {
	gateway, err := webAddress("--gateway", q.Gateway, "http://127.0.0.1:8080/public/")
	if err != nil {
		return davxml.Request{}, "", err
	}
	if strings.Trim(gateway.Path, "/") == "" {
		gateway.Path = "/public/"
	}
	if q.Interval < 1 || q.Interval > 1440 {
		return davxml.Request{}, "", fmt.Errorf("--interval: %d is not 1 to 1440 minutes", q.Interval)
	}
	r := davxml.Request{Interval: time.Duration(q.Interval) * time.Minute}
	year, month, day := now.Date()
	r.Window.Start = time.Date(year, month, day, 0, 0, 0, 0, now.Location())
	if q.Start != "" {
		if r.Window.Start, err = parseLocal("--start", q.Start, now.Location()); err != nil {
			return r, "", err
		}
	}
	r.Window.End = r.Window.Start.AddDate(0, 0, 1)
	if q.End != "" {
		if r.Window.End, err = parseLocal("--end", q.End, now.Location()); err != nil {
			return r, "", err
		}
	}
	if r.Window.Empty() {
		return r, "", fmt.Errorf("--end: %s is not after --start", q.End)
	}
	for _, m := range q.Mailbox {
		if err := nobody(m); err != nil {
			return r, "", err
		}
		a := davxml.Attendee{Mailbox: availability.ParseMailbox(m)}
		a.Type, a.Address = availability.CutAddressType(m)
		r.Attendees = append(r.Attendees, a)
	}
	gateway.RawQuery = r.Query()
	return r, gateway.String(), nil
}

// parseLocal reads a time a person typed. If it names no zone it is in local.
// Fractions of a second are dropped, as a request does not carry them.
func parseLocal(flag, text string, local *time.Location) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, local); err == nil {
			return t.Truncate(time.Second), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s: %q is not a time; write for example 2026-11-23, 2026-11-23T08:00 or 2026-11-23T08:00:00Z", flag, text)
}

// reply is what a gateway answered.
type reply struct {
	header http.Header
	body   []byte
}

// largestReply bounds what is read of one, in bytes.
const largestReply = 64 << 20

// ask asks, as username if that is not empty.
func ask(ctx context.Context, target, username, password string) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return reply{}, err
	}
	// Exchange 2003 answered in HTML to those it did not take for a browser of
	// its time.
	request.Header.Set("User-Agent", "Mozilla/4.0 (compatible; MSIE 6.0; fbgate/"+version()+")")
	if username != "" {
		request.SetBasicAuth(username, password)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{}, fmt.Errorf("%w; is there a gateway at this address? --gateway names another", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, largestReply))
	if err != nil {
		return reply{}, fmt.Errorf("the reply of %s broke off: %w", request.URL.Host, err)
	}
	if response.StatusCode == http.StatusUnauthorized && username == "" {
		return reply{}, fmt.Errorf("%s wants a log-in: give --username and --password-file; it offers %s", request.URL.Host,
			printable(strings.Join(response.Header.Values("WWW-Authenticate"), ", ")))
	}
	if fault := davxml.ReadError(body); fault != nil && response.StatusCode == http.StatusBadRequest {
		return reply{}, fmt.Errorf("%s refused: %s", request.URL.Host, printable(fault.Error()))
	}
	if response.StatusCode != http.StatusOK {
		return reply{}, fmt.Errorf("%s answered %s: %s", request.URL.Host, printable(response.Status), printable(strings.TrimSpace(string(body[:min(len(body), 500)]))))
	}
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind == "text/html" {
		return reply{}, fmt.Errorf("%s answered with an HTML page: this is no gateway, or a log-in stands before it", request.URL.Host)
	}
	return reply{response.Header, body}, nil
}

// printable returns what another machine wrote without what moves a terminal's
// cursor or changes its colours.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
}

// freshness says how old the answer is, if the server tells.
func (r reply) freshness() string {
	status := r.header.Get("Cache-Status")
	switch {
	case strings.Contains(status, "; hit"):
		return "Remembered; the oldest part is " + r.header.Get("Age") + " seconds old."
	case strings.Contains(status, "fwd=partial"):
		return "Partly remembered; the oldest part is " + r.header.Get("Age") + " seconds old."
	case status != "":
		return "Asked just now."
	}
	return ""
}

// isTerminal reports whether w is one that is to be written to in colours.
func isTerminal(w io.Writer) bool { return onTerminal(w) && os.Getenv("NO_COLOR") == "" }

func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
