package meter

import "time"

// Minute is what went on in one.
type Minute struct {
	Start      time.Time
	Calls      uint64
	Failed     uint64        // of Calls
	Took       time.Duration // all Calls together
	Looked     uint64        // mailboxes asked about
	Remembered uint64        // of Looked
}

// minutes is how many are kept.
const minutes = 60

// hour is the last minutes, each at the place its number gives it.
type hour [minutes]Minute

// at returns the minute of now, which is empty if it has just begun.
func (h *hour) at(now time.Time) *Minute {
	start := now.Truncate(time.Minute)
	m := &h[start.Unix()/60%minutes]
	if !m.Start.Equal(start) {
		*m = Minute{Start: start}
	}
	return m
}

// read returns all minutes until now, also those in which nothing went on.
func (h *hour) read(now time.Time) []Minute {
	all := make([]Minute, minutes)
	start := now.Truncate(time.Minute)
	for i := range all {
		begin := start.Add(time.Duration(i-minutes+1) * time.Minute)
		all[i] = Minute{Start: begin}
		if m := h[begin.Unix()/60%minutes]; m.Start.Equal(begin) {
			all[i] = m
		}
	}
	return all
}
