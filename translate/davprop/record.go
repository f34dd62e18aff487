package davprop

import (
	"encoding/xml"
	"errors"
	"fmt"

	"fbgate/availability"
	"fbgate/translate/proptag"
)

// The properties of a Record.
const (
	publishStart = 0x68470003
	publishEnd   = 0x68480003
)

// lists are the pairs of properties of the lists of r, in the order of their tags.
func lists(r *proptag.Record) []recordList {
	return []recordList{
		{0x684f1003, 0x68501102, &r.Merged},
		{0x68511003, 0x68521102, &r.Tentative},
		{0x68531003, 0x68541102, &r.Busy},
		{0x68551003, 0x68561102, &r.Away},
	}
}

type recordList struct {
	months, events uint32
	list           *[]proptag.Month
}

// RecordProperties returns r as the properties of a message: the publish range, and two
// for each list that is not absent.
func RecordProperties(r proptag.Record) []Property {
	all := []Property{
		{Tag(publishStart), Int(proptag.Minutes(r.Range.Start))},
		{Tag(publishEnd), Int(proptag.Minutes(r.Range.End))},
	}
	for _, l := range lists(&r) {
		if *l.list == nil {
			continue
		}
		var values []int32
		var events [][]byte
		for _, m := range *l.list {
			values, events = append(values, m.Value()), append(events, m.Events)
		}
		all = append(all, Property{Tag(l.months), Ints(values)}, Property{Tag(l.events), Binaries(events)})
	}
	return all
}

// ErrNoRecord is that of a Patch without any property of free/busy.
var ErrNoRecord = errors.New("no free/busy is set")

// Record returns the free/busy p sets, taken for all there is: every known writer sends
// the whole of it, and a list it does not mention is one without appointments. It is
// [ErrNoRecord] if there is none, and another error if part of it is missing or wrong.
func (p Patch) Record() (proptag.Record, error) {
	set := make(map[xml.Name]Value, len(p.Set))
	for _, property := range p.Set {
		set[Key(property.Name)] = property.Value
	}
	var r proptag.Record
	found := false
	for _, l := range lists(&r) {
		months, hasMonths := set[Tag(l.months)]
		events, hasEvents := set[Tag(l.events)]
		found = found || hasMonths || hasEvents
		if err := l.read(months, events); err != nil {
			return proptag.Record{}, fmt.Errorf("x%08x and x%08x: %w", l.months, l.events, err)
		}
	}
	start, hasStart := set[Tag(publishStart)]
	end, hasEnd := set[Tag(publishEnd)]
	switch {
	case !found && !hasStart && !hasEnd:
		return proptag.Record{}, ErrNoRecord
	case !hasStart || !hasEnd:
		return proptag.Record{}, fmt.Errorf("the publish range, x%08x and x%08x, is missing", publishStart, publishEnd)
	}
	from, err := start.Int()
	if err != nil {
		return proptag.Record{}, fmt.Errorf("x%08x: %w", publishStart, err)
	}
	to, err := end.Int()
	if err != nil {
		return proptag.Record{}, fmt.Errorf("x%08x: %w", publishEnd, err)
	}
	r.Range = availability.Window{Start: proptag.FromMinutes(from), End: proptag.FromMinutes(to)}
	return r, nil
}

func (l recordList) read(months, events Value) error {
	values, err := months.Ints()
	if err != nil {
		return err
	}
	bytes, err := events.Binaries()
	if err != nil {
		return err
	}
	*l.list, err = proptag.Months(values, bytes)
	return err
}
