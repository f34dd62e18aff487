package foldertest

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"
)

// Item is what the folder holds of one mailbox.
type Item struct {
	DN        string // as it was written
	Subject   string
	Published time.Time
	// Range is the time it speaks about.
	Range availability.Window
	// Busy, Tentative and Away are ascending; what lasts over the end of a month is in
	// two parts. Merged is Busy and Away together.
	Busy, Tentative, Away, Merged []availability.Window

	lists properties // as they were sent
}

// At returns the status at a moment, as a reader sees it.
func (i Item) At(t time.Time) availability.Status {
	if !i.Range.Holds(t) {
		return availability.NoData
	}
	for _, l := range []struct {
		windows []availability.Window
		status  availability.Status
	}{{i.Away, availability.OOF}, {i.Busy, availability.Busy}, {i.Tentative, availability.Tentative}} {
		if slices.ContainsFunc(l.windows, func(w availability.Window) bool { return w.Holds(t) }) {
			return l.status
		}
	}
	return availability.Free
}

// order is that of the properties in an update; every one but the lists has to be there.
var order = []string{
	"68410003", "10F2000B", "3FF10003", "66A10003", "68680040", "SUBJECT", "0E1D001F", "0070001F", "003D001F", "6849001F",
	"68531003", "68541102", "684F1003", "68501102", "68511003", "68521102", "68551003", "68561102", "68470003", "68480003",
}

func tag(name xml.Name) string { return strings.TrimPrefix(strings.ToUpper(name.Local), "X") }

// item checks an update of the item of dn and returns what it says.
func (p properties) item(dn string) (Item, error) {
	by := make(map[string]property)
	last := -1
	for _, one := range p.set {
		at := slices.Index(order, tag(one.name))
		if at <= last {
			return Item{}, fmt.Errorf("%s is unknown or in the wrong place", one.name.Local)
		}
		last = at
		by[tag(one.name)] = one
	}
	for _, name := range order {
		_, set := by[name]
		removed := slices.ContainsFunc(p.removed, func(n xml.Name) bool { return n.Space == nsProptag && tag(n) == name })
		list := strings.HasSuffix(name, "1003") || strings.HasSuffix(name, "1102")
		if !set && !(list && removed) {
			return Item{}, fmt.Errorf("%s is neither set nor removed", name)
		}
	}
	item := Item{DN: by["6849001F"].text, Subject: by["SUBJECT"].text, lists: p}
	return item, errors.Join(item.name(dn, by), item.times(by), item.calendar(by))
}

// name checks that the item says the same name everywhere.
func (i *Item) name(dn string, by map[string]property) error {
	subject := "USER-" + strings.ToUpper(dn[strings.Index(strings.ToLower(dn), "/cn="):])
	for _, name := range []string{"SUBJECT", "0E1D001F", "0070001F"} {
		if by[name].text != subject {
			return fmt.Errorf("%s is %q, not %q", name, by[name].text, subject)
		}
	}
	if !strings.EqualFold(i.DN, dn) || by["003D001F"].text != "" {
		return fmt.Errorf("the item of %s is for %s, with the prefix %q", dn, i.DN, by["003D001F"].text)
	}
	return nil
}

func (i *Item) times(by map[string]property) (err error) {
	if i.Published, err = time.Parse("2006-01-02T15:04:05.000Z", by["68680040"].text); err != nil {
		return err
	}
	var ends [2]time.Time
	for at, name := range []string{"68470003", "68480003"} {
		minutes, err := strconv.ParseInt(by[name].text, 10, 32)
		if err != nil {
			return err
		}
		ends[at] = time.Date(1601, 1, 1, 0, int(minutes), 0, 0, time.UTC)
		if ends[at].Day() != 1 || ends[at].Hour() != 0 || ends[at].Minute() != 0 {
			return fmt.Errorf("%s is %v, not the start of a month", name, ends[at])
		}
	}
	i.Range = availability.Window{Start: ends[0], End: ends[1]}
	if i.Range.Empty() || ends[0].AddDate(3, 0, 0).Before(ends[1]) {
		return fmt.Errorf("the range is %v to %v", ends[0], ends[1])
	}
	return nil
}

func (i *Item) calendar(by map[string]property) error {
	if i.Range.Empty() {
		return nil // it was told
	}
	for _, l := range []struct {
		months, events string
		to             *[]availability.Window
	}{{"68531003", "68541102", &i.Busy}, {"684F1003", "68501102", &i.Merged}, {"68511003", "68521102", &i.Tentative}, {"68551003", "68561102", &i.Away}} {
		months, events := by[l.months].values, by[l.events].values
		if len(months) != len(events) {
			return fmt.Errorf("%s has %d months, and %s %d", l.months, len(months), l.events, len(events))
		}
		next := i.Range.Start
		for at := range months {
			if months[at] != strconv.Itoa(next.Year()*16+int(next.Month())) {
				return fmt.Errorf("%s has the month %s, not %v", l.months, months[at], next)
			}
			windows, err := readEvents(events[at], next)
			if err != nil {
				return fmt.Errorf("%s, month %s: %w", l.events, months[at], err)
			}
			*l.to = append(*l.to, windows...)
			next = next.AddDate(0, 1, 0)
		}
		if len(months) > 0 && (!next.Equal(i.Range.End) || len(*l.to) == 0) {
			return fmt.Errorf("%s ends before %v, or has no appointments at all", l.months, next)
		}
	}
	return i.checkMerged()
}

// readEvents reads the blocks of a month.
func readEvents(value string, month time.Time) ([]availability.Window, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil || len(data)%4 != 0 {
		return nil, fmt.Errorf("%q are no blocks of four bytes: %v", value, err)
	}
	length := int(month.AddDate(0, 1, 0).Sub(month) / time.Minute)
	var windows []availability.Window
	for last := -1; len(data) > 0; data = data[4:] {
		start, end := int(binary.LittleEndian.Uint16(data)), int(binary.LittleEndian.Uint16(data[2:]))
		if start <= last || end <= start || end > length {
			return nil, fmt.Errorf("the block %d to %d follows one that ends at %d, of %d minutes", start, end, last, length)
		}
		last = end
		windows = append(windows, availability.Window{Start: month.Add(time.Duration(start) * time.Minute), End: month.Add(time.Duration(end) * time.Minute)})
	}
	return windows, nil
}

// checkMerged compares Merged with Busy and Away.
func (i *Item) checkMerged() error {
	var ends []time.Time
	for _, w := range slices.Concat(i.Merged, i.Busy, i.Away) {
		ends = append(ends, w.Start, w.End)
	}
	for _, t := range ends { // where nothing else can change
		in := func(windows []availability.Window) bool {
			return slices.ContainsFunc(windows, func(w availability.Window) bool { return w.Holds(t) })
		}
		if in(i.Merged) != (in(i.Busy) || in(i.Away)) {
			return fmt.Errorf("at %v merged is not busy and away together", t)
		}
	}
	return nil
}
