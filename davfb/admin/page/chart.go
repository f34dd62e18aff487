package page

import (
	"fmt"
	"time"

	"fbgate/availability/meter"
)

// chart is a bar for each minute of the last hour.
type chart struct {
	ID          string // of its element
	Title       string
	Description string // for those who cannot see it
	Top         string // what the height stands for
	Failed      uint64
	Width       int
	Bars        []bar
}

// bar is one of them, with a part at its foot that stands for failures.
type bar struct {
	X, Y, Height int
	BadY, Bad    int
}

// What a chart measures, in units of its own.
const (
	barStep     = 5
	chartHeight = 40
)

// column is a value and how much of it is bad; there is nothing to draw unless known.
type column struct {
	value, bad float64
	known      bool
}

// charts draws calls, hits and times of an hour.
func charts(id string, hour []meter.Minute) []chart {
	var calls, hits, times []column
	var all meter.Minute
	var busiest uint64
	var slowest time.Duration
	for _, m := range hour {
		calls = append(calls, column{float64(m.Calls), float64(m.Failed), m.Calls > 0})
		hits = append(hits, column{float64(m.Remembered) / float64(max(1, m.Looked)), 0, m.Looked > 0})
		mean := m.Took / time.Duration(max(1, m.Calls))
		times = append(times, column{mean.Seconds(), 0, m.Calls > 0})
		busiest, slowest = max(busiest, m.Calls), max(slowest, mean)
		all.Calls, all.Failed, all.Took = all.Calls+m.Calls, all.Failed+m.Failed, all.Took+m.Took
		all.Looked, all.Remembered = all.Looked+m.Looked, all.Remembered+m.Remembered
	}
	return []chart{
		draw(chart{ID: id + "-calls", Title: "Calls a minute", Top: number(busiest), Failed: all.Failed,
			Description: fmt.Sprintf("In the last hour %d calls, of which %d failed; %d in the busiest minute.", all.Calls, all.Failed, busiest)},
			calls, float64(busiest)),
		draw(chart{ID: id + "-hits", Title: "Hit ratio", Top: "100 %",
			Description: fmt.Sprintf("In the last hour %s of %d mailboxes were remembered.", percent(all.Remembered, all.Looked), all.Looked)},
			hits, 1),
		draw(chart{ID: id + "-times", Title: "Mean time of a call", Top: took(slowest),
			Description: fmt.Sprintf("In the last hour a call took %s on average, and %s in the slowest minute.", took(all.Took/time.Duration(max(1, all.Calls))), took(slowest))},
			times, slowest.Seconds()),
	}
}

// draw fills in the bars; top is what the height stands for.
func draw(c chart, columns []column, top float64) chart {
	c.Width = len(columns) * barStep
	for i, col := range columns {
		if !col.known || top <= 0 {
			continue
		}
		b := bar{X: i * barStep, Height: min(chartHeight, max(1, int(col.value/top*chartHeight+0.5)))}
		b.Y = chartHeight - b.Height
		if col.bad > 0 {
			b.Bad = min(b.Height, max(1, int(col.bad/top*chartHeight+0.5)))
			b.BadY = chartHeight - b.Bad
		}
		c.Bars = append(c.Bars, b)
	}
	return c
}
