package page

import (
	"fmt"
	"time"

	"fbgate/availability"
)

// day is the bars of one day, as OWA 2003 drew them.
type day struct {
	Heading string
	Short   string // the date alone
	Columns int    // slots
	Hours   []hour
	Rows    []row
}

// hour is a heading over some slots.
type hour struct {
	Text string
	Span int
}

// row is the bar of one mailbox.
type row struct {
	Name string
	Sum  bool // it is that of all attendees
	Runs []run
}

// run is some slots that are drawn alike.
type run struct {
	Span   int
	Class  string
	Letter string
	Text   string // what it says, from when to when
}

// shortest is the shortest slot that is drawn: a table has up to 1000 columns.
const shortest = 5 * time.Minute

// marks are how digits are drawn: neither colour nor pattern alone tells them.
var marks = map[byte]struct{ class, letter, text string }{
	'0': {"free", "", "free"},
	'1': {"tentative", "T", "tentative"},
	'2': {"busy", "B", "busy"},
	'3': {"oof", "O", "out of office"},
	'4': {"unknown", "?", "no information"},
}

// bars draws digits, a string for each name, of slots from the start of w on: a day
// after the other in zone.
func bars(w availability.Window, interval time.Duration, zone *time.Location, names, digits []string) (days []day) {
	slots := w.Slots(interval)
	for first := 0; first < slots; {
		begin := func(slot int) time.Time { return w.Start.Add(time.Duration(slot) * interval).In(zone) }
		last := first + 1
		for last < slots && begin(last).Format(time.DateOnly) == begin(first).Format(time.DateOnly) {
			last++
		}
		d := day{Heading: begin(first).Format("Monday, 2 January 2006"), Short: begin(first).Format("Mon 2 Jan"), Columns: last - first}
		for slot := first; slot < last; slot++ {
			text := begin(slot).Format("15")
			if interval > time.Hour {
				text = begin(slot).Format("15:04")
			}
			if n := len(d.Hours); n > 0 && begin(slot).Hour() == begin(slot-1).Hour() && begin(slot).Minute() > begin(slot-1).Minute() {
				d.Hours[n-1].Span++
			} else {
				d.Hours = append(d.Hours, hour{text, 1})
			}
		}
		for i, name := range names {
			d.Rows = append(d.Rows, row{Name: name, Runs: runs(digits[i][first:last], func(slot int) time.Time { return begin(first + slot) })})
		}
		days = append(days, d)
		first = last
	}
	return days
}

// runs joins slots that are alike.
func runs(digits string, begin func(slot int) time.Time) (all []run) {
	for from := 0; from < len(digits); {
		to := from + 1
		for to < len(digits) && digits[to] == digits[from] {
			to++
		}
		mark := marks[digits[from]]
		end := begin(to).Format("15:04")
		if end == "00:00" {
			end = "24:00"
		}
		all = append(all, run{to - from, mark.class, mark.letter, fmt.Sprintf("%s %s–%s", mark.text, begin(from).Format("15:04"), end)})
		from = to
	}
	return all
}
