package publisher

import (
	"time"

	"fbgate/availability"
	"fbgate/translate/proptag"
)

// verdict is what becomes of an item.
type verdict uint8

const (
	leave  verdict = iota // as it is
	write                 // what record says
	remove                // if it is there
)

// judged is what an answer means for an item.
type judged struct {
	verdict verdict
	record  proptag.Record
	// partial is set if record holds fewer months than asked for.
	partial bool
	// reason is why it is not written.
	reason *availability.Reason
}

// judge decides about an item.
//
// What is known of whole months is written. If the present one is not, an item that is
// there stays for a while if the failure may pass or is not the mailbox's own, such as an expired
// certificate; it goes at once if the mailbox is gone or its owner does not want it seen.
// After a while it goes in any case. It is not shortened to a range that is over: many
// readers look at the months in it without minding the range.
func judge(a availability.Answer, w availability.Window, e entry, now time.Time, keep time.Duration) judged {
	reason := a.Reason
	if reason == nil && !a.Schedule.Covers(w) {
		reason = availability.Because(availability.NoInformation, "nothing is known of some of the time from %s to %s", w.Start.Format(time.DateOnly), w.End.Format(time.DateOnly))
	}
	known := knownAround(a.Schedule, w, now)
	if reason != nil && !own(reason) && !known.Holds(now) && e.exists() && now.Sub(e.confirmed) <= keep {
		return judged{verdict: leave, reason: reason}
	}
	if known.Empty() {
		return judged{verdict: remove, reason: reason}
	}
	record, err := proptag.Encode(a.Schedule, known)
	if err != nil {
		return judged{verdict: remove, reason: availability.Because(availability.Internal, "%.300s", err)}
	}
	return judged{verdict: write, record: record, partial: !known.Equal(w)}
}

// own reports whether a failure says something of the mailbox itself that stays until
// somebody changes it.
func own(r *availability.Reason) bool {
	switch r.Code {
	case availability.NoPermission, availability.UnknownMailbox, availability.Withheld:
		return true
	}
	return r.Lasting() && r.Scope == availability.OfMailbox
}

// knownAround returns the whole months in w, one after the other, of which s knows
// everything: those around now if the present one is among them, or else as many as there
// are.
func knownAround(s availability.Schedule, w availability.Window, now time.Time) availability.Window {
	year, month, _ := now.UTC().Date()
	first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	run := availability.Window{Start: first, End: first.AddDate(0, 1, 0)}
	if !w.Contains(run) || !s.Covers(run) {
		return proptag.KnownMonths(s, w)
	}
	for next := (availability.Window{Start: run.End, End: run.End.AddDate(0, 1, 0)}); w.Contains(next) && s.Covers(next); {
		run.End, next = next.End, availability.Window{Start: next.End, End: next.End.AddDate(0, 1, 0)}
	}
	for next := (availability.Window{Start: run.Start.AddDate(0, -1, 0), End: run.Start}); w.Contains(next) && s.Covers(next); {
		run.Start, next = next.Start, availability.Window{Start: next.Start.AddDate(0, -1, 0), End: next.Start}
	}
	return run
}
