package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"fbgate/availability"
	"fbgate/availability/doctor"
	"fbgate/translate/davxml"
)

// report writes what the doctor finds.
type report struct {
	out    io.Writer
	colour bool
	asked  availability.Query

	begun  bool
	where  string
	failed []doctor.Hop
	digits string // those of the last server that told them
}

// The widths of the columns, in letters: the outcome and the hop, the time, and what
// is said of the hop.
const (
	outcomeWidth = 25
	tookWidth    = 9
	textWidth    = 80
)

// The colours of outcomes on a terminal.
const (
	red, green, yellow, plain = "\x1b[1;31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"
)

// hop writes one line about a hop that went well, and more about one that did not.
func (r *report) hop(h doctor.Hop) {
	if h.Where != r.where {
		r.where = h.Where
		if r.begun {
			fmt.Fprintln(r.out)
		}
		fmt.Fprintln(r.out, printable(h.Where))
	}
	r.begun = true
	outcome, colour, text := "ok", green, h.Found
	switch {
	case h.Moved:
		outcome, colour, text = "moved", yellow, h.Reason.Error()
	case h.Reason != nil:
		outcome, colour, text = "FAILS", red, h.Reason.Error()
		r.failed = append(r.failed, h)
	case h.Name == doctor.Digits:
		r.digits = h.Found
	}
	if h.Reason != nil && len(h.Steps) > 0 {
		text = string(h.Reason.Code) // whose detail tells the steps
	}
	if !r.colour {
		colour = ""
	}
	r.line(outcome, colour, h.Name, h.Took, text)
	for _, step := range h.Steps {
		r.line("", "", "", step.Took, step.Text)
	}
	if h.Remedy != "" {
		r.line("", "", "", 0, "→ "+h.Remedy)
	}
}

// line writes the columns, the last of them on as many lines as it takes.
func (r *report) line(outcome, colour, name string, took time.Duration, text string) {
	end := ""
	if colour != "" {
		end = plain
	}
	fmt.Fprintf(r.out, "  %s%-6s%s%-*s%*s  ", colour, outcome, end, outcomeWidth-8, name, tookWidth, timing(took))
	indent := "\n" + strings.Repeat(" ", outcomeWidth+tookWidth+2)
	if strings.HasPrefix(text, "→ ") {
		indent += "  "
	}
	fmt.Fprintln(r.out, strings.Join(wrap(printable(text), textWidth), indent))
}

// timing is how long something took, as people read it; empty for next to nothing.
func timing(took time.Duration) string {
	switch {
	case took < 50*time.Microsecond:
		return ""
	case took < time.Second:
		return fmt.Sprintf("%.1f ms", took.Seconds()*1000)
	}
	return fmt.Sprintf("%.2f s", took.Seconds())
}

// wrap breaks a text between words into lines of at most width letters, as far as
// words let it.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

// end says what it comes to, and reports whether all is well.
func (r *report) end() bool {
	fmt.Fprintln(r.out)
	for _, h := range r.failed {
		of := ""
		if h.Where != "" {
			of = " of " + h.Where
		}
		fmt.Fprintf(r.out, "It fails at the %s%s.\n", h.Name, printable(of))
	}
	if r.digits == "" {
		return false
	}
	name := printable(string(r.asked.Mailboxes[0]))
	if len(r.failed) == 0 {
		fmt.Fprintf(r.out, "Everything works: %s is drawn as\n\n", name)
	} else {
		fmt.Fprintf(r.out, "By what works, %s is drawn as\n\n", name)
	}
	request := davxml.Request{Window: r.asked.Window, Interval: r.asked.Interval}
	drawing{colour: r.colour, zone: r.asked.Window.Start.Location()}.
		draw(r.out, request, []davxml.Item{{Address: name, Digits: r.digits}})
	return len(r.failed) == 0
}
