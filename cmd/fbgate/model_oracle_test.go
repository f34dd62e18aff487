package main

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"fbgate/availability"
)

// saying is what a partner told of one mailbox at one moment, in a reply that came
// through in full.
type saying struct {
	at       time.Time
	host     string
	window   availability.Window
	known    availability.Window // of the window, as far as it was published
	calendar []availability.Span // ascending, disjoint, as the partner drew it
	grid     time.Duration       // of the slots it drew; 0 if it told exact times
}

// oracle knows what was said, and so what may be answered. It draws for itself, and shares
// no code with the gateway.
type oracle struct {
	mu      sync.Mutex
	said    map[string][]saying // by address in lower case
	flushed map[string]time.Time
	all     time.Time // when everything was flushed
	slow    map[string][2]time.Time
}

func newOracle() *oracle {
	return &oracle{said: make(map[string][]saying), flushed: make(map[string]time.Time), slow: make(map[string][2]time.Time)}
}

func (o *oracle) note(mailbox string, s saying) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said[mailbox] = append(o.said[mailbox], s)
}

// flush says that nothing said before now may be told of a mailbox, "" for all.
func (o *oracle) flush(mailbox string, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if mailbox == "" {
		o.all = now
	} else {
		o.flushed[mailbox] = now
	}
}

// flushes is flush for who cannot see when: between begun and ended. Who asks after ended
// is told nothing from before begun.
func (o *oracle) flushes(mailbox string, begun, ended time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.slow[mailbox] = [2]time.Time{begun, ended}
}

// since returns the moment before which nothing counts for who asked at begun.
func (o *oracle) since(mailbox string, begun time.Time, oldest time.Duration) time.Time {
	since := begun.Add(-oldest)
	for _, flush := range []time.Time{o.all, o.flushed[mailbox]} {
		if flush.After(since) && !flush.After(begun) {
			since = flush
		}
	}
	for _, flush := range [][2]time.Time{o.slow[""], o.slow[mailbox]} {
		if flush[0].After(since) && flush[1].Before(begun) {
			since = flush[0]
		}
	}
	return since
}

// heard returns what may be told of a mailbox to who asked at begun, and forgets what
// nobody may be told any more.
func (o *oracle) heard(mailbox string, begun time.Time, oldest time.Duration) []saying {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := slices.DeleteFunc(o.said[mailbox], func(s saying) bool { return time.Since(s.at) > 2*oldest })
	o.said[mailbox] = all
	since := o.since(mailbox, begun, oldest)
	return slices.DeleteFunc(slices.Clone(all), func(s saying) bool { return s.at.Before(since) })
}

// strongest returns the digit of what lies in w: nothing is 0.
func strongest(calendar []availability.Span, w availability.Window) (digit byte) {
	for i := sort.Search(len(calendar), func(i int) bool { return calendar[i].End.After(w.Start) }); i < len(calendar) && calendar[i].Start.Before(w.End); i++ {
		digit = max(digit, digitOf[calendar[i].Status])
	}
	return digit
}

// digitOf is that of 2003, where WorkingElsewhere is free.
var digitOf = [availability.Statuses]byte{
	availability.NoData: 4, availability.Free: 0, availability.WorkingElsewhere: 0,
	availability.Tentative: 1, availability.Busy: 2, availability.OOF: 3,
}

// draw returns the digit of a time that lies in the saying's window.
func (s *saying) draw(w availability.Window) byte {
	if s.grid > 0 {
		from := w.Start.Sub(s.window.Start).Truncate(s.grid)
		to := (w.End.Sub(s.window.Start) + s.grid - 1).Truncate(s.grid)
		w = availability.Window{Start: s.window.Start.Add(from), End: s.window.Start.Add(to)}
	}
	told := availability.Window{Start: later(w.Start, s.known.Start), End: earlier(w.End, s.known.End)}
	if !told.Start.Before(told.End) {
		return 4
	}
	digit := strongest(s.calendar, told)
	if !told.Start.Equal(w.Start) || !told.End.Equal(w.End) {
		return both(digit, 4)
	}
	return digit
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// both is the digit of two times drawn as one: not knowing hides free, and nothing else.
func both(a, b byte) byte {
	if rankOf[a] > rankOf[b] {
		return a
	}
	return b
}

var rankOf = [5]int{0: 0, 4: 1, 1: 2, 2: 3, 3: 4}

// digitSet is a set of digits.
type digitSet uint8

func (s digitSet) has(d byte) bool { return d < 8 && s&(1<<d) != 0 }

func (s digitSet) String() string {
	var b strings.Builder
	for d := range byte(5) {
		if s.has(d) {
			b.WriteByte('0' + d)
		}
	}
	return b.String()
}

// possible returns the digits a slot may have by what was heard. Where somebody has said
// something, not to know it is possible, unless strict is set; and where nobody has,
// nothing else.
func possible(heard []saying, slot availability.Window, strict bool) digitSet {
	edges := edges(heard, slot)
	result := digitSet(1) // 0, which both leaves as it is
	for i := range len(edges) - 1 {
		cell := availability.Window{Start: edges[i], End: edges[i+1]}
		if cell.Empty() {
			continue
		}
		var here digitSet
		for j := range heard {
			if s := &heard[j]; !cell.Start.Before(s.window.Start) && !cell.End.After(s.window.End) {
				here |= 1 << s.draw(cell)
			}
		}
		if here == 0 || !strict {
			here |= 1 << 4
		}
		result = join(result, here)
	}
	return result
}

// edges are the moments in a slot at which sayings begin or end, and those of the slot.
func edges(heard []saying, slot availability.Window) []time.Time {
	all := []time.Time{slot.Start, slot.End}
	for i := range heard {
		for _, edge := range [2]time.Time{heard[i].window.Start, heard[i].window.End} {
			if edge.After(slot.Start) && edge.Before(slot.End) {
				all = append(all, edge)
			}
		}
	}
	if len(all) > 2 {
		slices.SortFunc(all, time.Time.Compare)
	}
	return all
}

func join(a, b digitSet) (all digitSet) {
	for x := range byte(5) {
		for y := range byte(5) {
			if a.has(x) && b.has(y) {
				all |= 1 << both(x, y)
			}
		}
	}
	return all
}

// verdict is what was found of a row.
type verdict struct {
	wrong string        // empty if nothing is
	known int           // slots
	age   time.Duration // it is as old as this at least
}

// check holds the digits of a row against what was heard.
func check(heard []saying, row string, w availability.Window, interval time.Duration, strict bool, now time.Time) (v verdict) {
	slots := int((w.End.Sub(w.Start) + interval - 1) / interval)
	if len(row) != slots {
		v.wrong = fmt.Sprintf("%d digits for %d slots", len(row), slots)
		return v
	}
	for i := range slots {
		slot := availability.Window{Start: w.Start.Add(time.Duration(i) * interval), End: earlier(w.Start.Add(time.Duration(i+1)*interval), w.End)}
		digit := row[i] - '0'
		if digit == 4 && !strict {
			continue
		}
		if digit < 4 {
			v.known++
		}
		if at, ok := saidSo(heard, slot, digit); ok {
			if len(edges(heard, slot)) == 2 { // else it may be put together from younger pieces
				v.age = max(v.age, now.Sub(at))
			}
		} else if may := possible(heard, slot, strict); !may.has(digit) {
			v.wrong = fmt.Sprintf("slot %d, %s to %s, is %d and may be %v by %d sayings%s", i,
				slot.Start.UTC().Format(time.RFC3339), slot.End.UTC().Format(time.RFC3339), digit, may, len(heard), tell(heard, slot))
			return v
		}
	}
	return v
}

// saidSo returns when somebody last said this very digit of a slot.
func saidSo(heard []saying, slot availability.Window, digit byte) (at time.Time, ok bool) {
	for i := len(heard) - 1; i >= 0; i-- {
		if s := &heard[i]; !slot.Start.Before(s.window.Start) && !slot.End.After(s.window.End) && s.draw(slot) == digit {
			return s.at, true
		}
	}
	return at, false
}

// tell lists what was heard of a slot.
func tell(heard []saying, slot availability.Window) string {
	var b strings.Builder
	for _, s := range heard {
		if !s.window.Intersect(slot).Empty() {
			fmt.Fprintf(&b, "; %s at %s drew %d", s.host, s.at.UTC().Format(time.RFC3339), s.draw(s.window.Intersect(slot)))
		}
	}
	return b.String()
}
