package proptag

import (
	"encoding/binary"
	"fmt"
	"time"

	"fbgate/availability"
)

const (
	// maxRange is 36 months, and the week by which [MS-OXOPFFB] lets a range begin
	// before its month.
	maxRange = (3*366 + 7) * 24 * time.Hour
	// maxBlocks is how many appointments a Record may have. 36 months in which
	// something begins every hour, in two lists, have 54,000.
	maxBlocks = 1 << 16
	// block is the bytes of one appointment.
	block = 4
)

// Schedule returns what r says. It takes what writers are known to write:
//
//   - lists that are absent, and months without Events;
//   - months and appointments in any order, and overlapping;
//   - months that do not exist, if they are empty;
//   - appointments that end at 23:59 of the month's last day, which stands for its end
//     (Google's connector), or after it (Zimbra);
//   - a Merged that includes the tentative. What only Merged speaks of is Busy.
//
// Anything else that cannot be placed in time is an error, as it would look free: odd
// lengths, ends before starts, a Range that is empty or longer than 36 months. What lies
// outside Range is left out.
func (r Record) Schedule() (availability.Schedule, error) {
	if r.Range.Empty() || r.Range.Duration() > maxRange {
		return availability.Schedule{}, fmt.Errorf("a publish range from %s to %s is empty or too long", r.Range.Start.Format(time.RFC3339), r.Range.End.Format(time.RFC3339))
	}
	var read blocks
	// As it claims less than what the other lists hold, what is left of it is what
	// only it holds.
	const onlyMerged = availability.WorkingElsewhere
	for _, kind := range []struct {
		name   string
		months []Month
		status availability.Status
	}{
		{"merged", r.Merged, onlyMerged},
		{"tentative", r.Tentative, availability.Tentative},
		{"busy", r.Busy, availability.Busy},
		{"away", r.Away, availability.OOF},
	} {
		if err := read.list(kind.months, kind.status); err != nil {
			return availability.Schedule{}, fmt.Errorf("appointments (%s): %w", kind.name, err)
		}
	}
	s := availability.NewSchedule(r.Range, 0, read.spans)
	for i := range s.Spans { // they are our own yet
		if s.Spans[i].Status == onlyMerged {
			s.Spans[i].Status = availability.Busy
		}
	}
	return availability.NewSchedule(r.Range, 0, s.Spans), nil
}

// blocks are the appointments that were read.
type blocks struct{ spans []availability.Span }

func (b *blocks) list(months []Month, status availability.Status) error {
	if len(months) > maxListed {
		return fmt.Errorf("%d months, more than %d", len(months), maxListed)
	}
	for _, m := range months {
		if len(m.Events) == 0 {
			continue
		}
		if err := b.month(m, status); err != nil {
			return fmt.Errorf("month %d: %w", m.Value(), err)
		}
	}
	return nil
}

func (b *blocks) month(m Month, status availability.Status) error {
	switch {
	case !m.exists():
		return fmt.Errorf("there is none of that number")
	case len(m.Events)%block != 0:
		return fmt.Errorf("%d bytes are no blocks of %d", len(m.Events), block)
	case len(m.Events)/block > maxBlocks-len(b.spans):
		return fmt.Errorf("more than %d blocks in all", maxBlocks)
	}
	month, length := m.start(), m.length()
	for e := m.Events; len(e) > 0; e = e[block:] {
		start, end := int(binary.LittleEndian.Uint16(e)), int(binary.LittleEndian.Uint16(e[2:]))
		if end < start {
			return fmt.Errorf("a block ends at minute %d, before its start at %d", end, start)
		}
		if end == length-1 {
			end = length
		}
		b.spans = append(b.spans, availability.Span{
			Window: availability.Window{Start: month.Add(time.Duration(start) * time.Minute), End: month.Add(time.Duration(end) * time.Minute)},
			Status: status,
		})
	}
	return nil
}
