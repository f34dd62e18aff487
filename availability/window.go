package availability

import "time"

// Window is the half-open time from Start up to, not including, End. A Window
// whose End is not after its Start is empty.
type Window struct{ Start, End time.Time }

// Empty reports whether no moment lies in w.
func (w Window) Empty() bool { return !w.Start.Before(w.End) }

// Duration returns the length of w, never negative.
func (w Window) Duration() time.Duration { return max(0, w.End.Sub(w.Start)) }

// Contains reports whether every moment of o lies in w. An empty window lies in
// every other.
func (w Window) Contains(o Window) bool {
	return o.Empty() || !o.Start.Before(w.Start) && !o.End.After(w.End)
}

// Holds reports whether the moment t lies in w.
func (w Window) Holds(t time.Time) bool { return !t.Before(w.Start) && t.Before(w.End) }

// Intersect returns the moments that lie in both.
func (w Window) Intersect(o Window) Window {
	if o.Start.After(w.Start) {
		w.Start = o.Start
	}
	if o.End.Before(w.End) {
		w.End = o.End
	}
	if w.Empty() {
		return Window{}
	}
	return w
}

// Hull returns the smallest window that contains both.
func (w Window) Hull(o Window) Window {
	switch {
	case w.Empty():
		return o
	case o.Empty():
		return w
	}
	if o.Start.Before(w.Start) {
		w.Start = o.Start
	}
	if o.End.After(w.End) {
		w.End = o.End
	}
	return w
}

// Equal reports whether both hold the same moments, whatever their time zones.
func (w Window) Equal(o Window) bool {
	return w.Empty() && o.Empty() || w.Start.Equal(o.Start) && w.End.Equal(o.End)
}

// Slots returns how many slots of the given length it takes to cover w, the
// last of which may be cut short: ceil(length/interval). It is 0 if interval is
// not positive.
func (w Window) Slots(interval time.Duration) int {
	if interval <= 0 {
		return 0
	}
	n := w.Duration() / interval
	if n*interval < w.Duration() {
		n++
	}
	return int(n)
}
