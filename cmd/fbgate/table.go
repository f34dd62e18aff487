package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table is text in columns, each as wide as its widest cell.
type table struct {
	rows   [][]string
	colour map[int]string // of the last cell, by row
}

// row adds one. What came from elsewhere is made printable.
func (t *table) row(cells ...string) {
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	t.rows = append(t.rows, cells)
}

// paint gives the last cell of the last row a colour.
func (t *table) paint(colour string) {
	if t.colour == nil {
		t.colour = make(map[int]string)
	}
	t.colour[len(t.rows)-1] = colour
}

// write writes all rows, in colours if these are wanted.
func (t *table) write(out io.Writer, colours bool) {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			if i == len(row)-1 {
				if c := t.colour[n]; c != "" && colours && cell != "" {
					cell = c + cell + plain
				}
				line.WriteString(cell)
				break
			}
			line.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
	}
}
