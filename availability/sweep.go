package availability

import (
	"slices"
	"time"
)

// sweep lays overlapping segments over each other and returns ascending disjoint
// ones, each with the combination of the statuses that were under way. It takes
// O(n log n) however many overlap, since a partner's reply may hold any number.
func sweep(segments []Span, combine func(a, b Status) Status) []Span {
	type edge struct {
		at     time.Time
		status Status
		change int
	}
	edges := make([]edge, 0, 2*len(segments))
	for _, s := range segments {
		if !s.Empty() {
			edges = append(edges, edge{s.Start, s.Status, +1}, edge{s.End, s.Status, -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return a.at.Compare(b.at) })

	var out []Span
	var under [Statuses]int
	for i, e := range edges {
		under[e.status] += e.change
		if i+1 == len(edges) || edges[i+1].at.Equal(e.at) {
			continue
		}
		if status, found := combined(&under, combine); found {
			out = append(out, Span{Window{e.at, edges[i+1].at}, status})
		}
	}
	return out
}

func combined(under *[Statuses]int, combine func(a, b Status) Status) (result Status, found bool) {
	for status, n := range under {
		switch {
		case n == 0:
		case found:
			result = combine(result, Status(status))
		default:
			result, found = Status(status), true
		}
	}
	return result, found
}
