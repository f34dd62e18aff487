package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"fbgate/translate/davxml"
)

// drawing draws free/busy answers as bars of text: pattern tells the status, so
// that colour is only an addition.
type drawing struct {
	colour bool
	zone   *time.Location
}

// marks are the status digits as they are drawn: the text, and the terminal's
// colour for it.
var marks = map[byte]struct{ text, colour string }{
	'0': {"·", "\x1b[90m"},
	'1': {"▒", "\x1b[36m"},
	'2': {"█", "\x1b[34m"},
	'3': {"▓", "\x1b[35m"},
	'4': {"?", "\x1b[33m"},
}

const legend = "· free   ▒ tentative   █ busy   ▓ out of office   ? no information"

// draw writes a table for each day of the request.
func (d drawing) draw(w io.Writer, r davxml.Request, items []davxml.Item) {
	width := 0
	for _, item := range items {
		width = max(width, utf8.RuneCountInString(name(item)))
	}
	first, slots := 0, r.Window.Slots(r.Interval)
	for first < slots {
		last := d.endOfDay(r, first, slots)
		fmt.Fprintf(w, "%s\n%-*s %s\n", heading(d.begin(r, first)), width, "", d.ruler(r, first, last))
		for _, item := range items {
			fmt.Fprintf(w, "%s%s %s\n", name(item), strings.Repeat(" ", width-utf8.RuneCountInString(name(item))), d.bar(item.Digits[first:last]))
		}
		fmt.Fprintln(w)
		first = last
	}
	fmt.Fprintln(w, legend)
	if slices.ContainsFunc(items, func(item davxml.Item) bool { return strings.Contains(item.Digits, "4") }) {
		fmt.Fprintln(w, "Why there is no information, the gateway's log and its operators' listener say.")
	}
}

// heading names the day of the first slot, and its time unless the ruler can.
func heading(begin time.Time) string {
	if wholeHour(begin).Equal(begin) {
		return begin.Format("Monday, 2 January 2006, MST")
	}
	return begin.Format("Monday, 2 January 2006, MST, from 15:04")
}

func name(item davxml.Item) string {
	return printable(cmp.Or(item.Address, item.DisplayName))
}

// endOfDay returns the index after the last slot that begins on the day of slot
// first.
func (d drawing) endOfDay(r davxml.Request, first, slots int) int {
	date := func(slot int) string { return d.begin(r, slot).Format(time.DateOnly) }
	last := first + 1
	for last < slots && date(last) == date(first) {
		last++
	}
	return last
}

// ruler writes the hours over the slots they begin in, every hour or every few, so
// that labels keep a distance.
func (d drawing) ruler(r davxml.Request, first, last int) string {
	every := 1
	for _, hours := range []int{1, 2, 3, 4, 6, 12, 24} {
		if every = hours; time.Duration(hours)*time.Hour >= 3*r.Interval {
			break
		}
	}
	var b strings.Builder
	width := 0
	begin := d.begin(r, first)
	for hour := wholeHour(begin); hour.Before(d.begin(r, last)) && hour.Day() == begin.Day(); hour = hour.Add(time.Hour) {
		if hour.Hour()%every != 0 {
			continue
		}
		column := int(hour.Sub(begin) / r.Interval)
		label := fmt.Sprint(hour.Hour())
		b.WriteString(strings.Repeat(" ", max(0, column-width)) + label)
		width = max(width, column) + len(label)
	}
	return b.String()
}

// begin returns when a slot begins.
func (d drawing) begin(r davxml.Request, slot int) time.Time {
	return r.Window.Start.Add(time.Duration(slot) * r.Interval).In(d.zone)
}

// wholeHour returns the first moment from t on at which a clock strikes.
func wholeHour(t time.Time) time.Time {
	past := time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
	if past == 0 {
		return t
	}
	return t.Add(time.Hour - past)
}

func (d drawing) bar(digits string) string {
	var b strings.Builder
	for i := range len(digits) {
		mark := marks[digits[i]]
		if d.colour && (i == 0 || digits[i] != digits[i-1]) {
			b.WriteString(mark.colour)
		}
		b.WriteString(mark.text)
	}
	if d.colour {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}
