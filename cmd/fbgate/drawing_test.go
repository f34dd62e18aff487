package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the drawings are the same on a machine without zones

	"fbgate/availability"
	"fbgate/translate/davxml"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file, or writes it there.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// row is an answer of n slots that repeats a pattern of digits.
func row(address, pattern string, n int) davxml.Item {
	return davxml.Item{Address: address, Digits: strings.Repeat(pattern, n/len(pattern)+1)[:n]}
}

func TestDrawing(t *testing.T) {
	const workday = "000000000000000022221111004433330000000000000000"
	for _, test := range []struct {
		name       string
		zone       string
		start, end string // local
		minutes    int
		colour     bool
	}{
		{name: "half_hours", start: "2026-11-23T00:00", end: "2026-11-24T00:00", minutes: 30},
		{name: "quarters", start: "2026-11-23T08:00", end: "2026-11-23T18:00", minutes: 15},
		{name: "hours", start: "2026-11-23T00:00", end: "2026-11-24T00:00", minutes: 60},
		{name: "whole_days", start: "2026-11-23T00:00", end: "2026-11-26T00:00", minutes: 1440},
		{name: "several_days", start: "2026-11-23T12:00", end: "2026-11-25T06:00", minutes: 30},
		{name: "off_the_hour", start: "2026-11-23T08:15", end: "2026-11-24T02:15", minutes: 30},
		{name: "odd_interval", start: "2026-11-23T08:00", end: "2026-11-23T12:00", minutes: 7},
		{name: "other_zone", zone: "Asia/Kolkata", start: "2026-11-23T00:30", end: "2026-11-24T00:30", minutes: 60},
		{name: "colour", start: "2026-11-23T00:00", end: "2026-11-24T00:00", minutes: 30, colour: true},
		{name: "spring_forward", start: "2026-03-29T00:00", end: "2026-03-30T00:00", minutes: 30},
		{name: "fall_back", start: "2026-10-25T00:00", end: "2026-10-26T00:00", minutes: 30},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.zone == "" {
				test.zone = "Europe/Berlin"
			}
			d := drawing{colour: test.colour, zone: zone(t, test.zone)}
			r := davxml.Request{
				Window:   availability.Window{Start: clock(t, test.start, d.zone), End: clock(t, test.end, d.zone)},
				Interval: time.Duration(test.minutes) * time.Minute,
			}
			n := r.Window.Slots(r.Interval)
			var b strings.Builder
			d.draw(&b, r, []davxml.Item{
				{DisplayName: "All Attendees", Digits: row("", workday, n).Digits},
				row("mary@contoso.com", workday, n),
				row("jürgen.größe@contoso.com", "0", n),
				row("nobody@x.example", "4", n),
			})
			golden(t, filepath.Join("testdata", "drawing", test.name+".golden"), b.String())
		})
	}
}

func clock(t *testing.T, text string, z *time.Location) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02T15:04", text, z)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A bar has a mark for each slot, and every row begins and ends at the same column,
// whatever a server calls it.
func TestBarsAlign(t *testing.T) {
	r := davxml.Request{Window: availability.Window{Start: time.Unix(0, 0), End: time.Unix(86400, 0)}, Interval: 30 * time.Minute}
	var b strings.Builder
	drawing{zone: time.UTC}.draw(&b, r, []davxml.Item{row("mary@contoso.com", "01234", 48), row("ü\u009b2J@x", "2", 48)})
	lines := strings.Split(b.String(), "\n")
	for _, line := range lines[2:4] {
		if n := len([]rune(line)); n != len("mary@contoso.com")+1+48 {
			t.Errorf("%d columns: %s", n, line)
		}
		if strings.ContainsRune(line, '\u009b') {
			t.Errorf("the terminal obeys %q", line)
		}
	}
}
