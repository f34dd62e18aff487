package exchangetest

import "strings"

// view is how much of a calendar an answer shows, [MS-OXWAVLS]
// FreeBusyViewType, as a set: merged digits, events, their details. Read so, a
// list of views is their union, and the most a caller may see is a mask.
type view uint8

const (
	merged view = 1 << iota
	events
	details

	none           view = 0
	mergedOnly          = merged
	freeBusy            = events
	freeBusyMerged      = events | merged
	detailed            = events | details
	detailedMerged      = events | details | merged
)

var views = map[string]view{
	"None": none, "MergedOnly": mergedOnly, "FreeBusy": freeBusy, "FreeBusyMerged": freeBusyMerged,
	"Detailed": detailed, "DetailedMerged": detailedMerged,
}

func (v view) String() string {
	for name, value := range views {
		if value == v {
			return name
		}
	}
	return "None"
}

// readViews returns the union of a list of views and whether one is None, which
// must not be asked for ([MS-OXWAVLS] FreeBusyViewOptionsType). An empty list is
// None too.
func readViews(list string) (v view, hasNone bool) {
	for _, token := range strings.Fields(list) {
		v |= views[token]
		hasNone = hasNone || token == "None"
	}
	return v, hasNone || v == none
}

// allowed returns what is shown to a caller who asked for v and may see at most
// limit: without events there are digits, whether asked for or not; digits are
// shown to everybody who asks.
func (v view) allowed(limit view) view {
	if v&limit&events == 0 {
		return mergedOnly
	}
	return v & (limit | merged)
}
