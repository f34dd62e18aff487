package publisher_test

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest/foldertest"

	"pgregory.net/rapid"
)

// spans draws appointments and gaps within 100 days of a moment, on a five-minute grid.
func spans(from time.Time) *rapid.Generator[[]availability.Span] {
	one := rapid.Custom(func(t *rapid.T) availability.Span {
		start := from.Add(time.Duration(rapid.IntRange(-288, 100*288).Draw(t, "start")) * 5 * time.Minute)
		length := time.Duration(rapid.IntRange(1, 2000).Draw(t, "length")) * 5 * time.Minute
		status := rapid.SampledFrom([]availability.Status{availability.Busy, availability.Busy, availability.Busy, availability.Tentative, availability.OOF,
			availability.WorkingElsewhere, availability.Free, availability.NoData}).Draw(t, "status")
		return availability.Span{Window: availability.Window{Start: start, End: start.Add(length)}, Status: status}
	})
	return rapid.SliceOfN(one, 0, 8)
}

// answer draws what a Source may say: all, part or nothing, with a reason or, against its
// promise, without.
func answer(w availability.Window) *rapid.Generator[availability.Answer] {
	return rapid.Custom(func(t *rapid.T) availability.Answer {
		known := w
		known.Start = known.Start.AddDate(0, 0, rapid.SampledFrom([]int{0, 0, 0, -5, 1, 40}).Draw(t, "from"))
		known.End = known.End.AddDate(0, 0, rapid.SampledFrom([]int{0, 0, 0, 5, -1, -40}).Draw(t, "to"))
		a := availability.Answer{Schedule: availability.NewSchedule(known, 0, spans(w.Start).Draw(t, "spans"))}
		if rapid.IntRange(0, 3).Draw(t, "nothing known") == 0 {
			a.Schedule = availability.Schedule{}
		}
		if rapid.IntRange(0, 2).Draw(t, "fails") == 0 {
			a.Reason = because(rapid.SampledFrom(availability.Codes()).Draw(t, "code"))
			a.Reason.Scope = availability.Scope(rapid.IntRange(0, 2).Draw(t, "scope"))
		}
		return a
	})
}

// year2000 is what a bubble's clock says, and what is published then.
var year2000 = availability.Window{Start: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2000, 4, 1, 0, 0, 0, 0, time.UTC)}

const few = 6

// turn is what happens in a round: the answers about a few mailboxes, and how one of them
// cannot be written.
type turn struct {
	answers []availability.Answer
	broken  int
	fault   foldertest.Fault
}

func turns() *rapid.Generator[[]turn] {
	one := rapid.Custom(func(t *rapid.T) turn {
		return turn{
			rapid.SliceOfN(answer(year2000), few, few).Draw(t, "answers"),
			rapid.IntRange(0, few-1).Draw(t, "broken"),
			rapid.SampledFrom([]foldertest.Fault{{}, {Status: 403}, {Reset: true, Late: true}, {Property: 500}, {Hang: true}}).Draw(t, "fault"),
		}
	})
	return rapid.SliceOfN(one, 1, 3)
}

// After each round the folder says nothing but what the Source has said: of those it knew
// all about, all of it; of the others what it knew now, or what it knew last.
func TestFolderEqualsSource(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		turns := turns().Draw(rt, "turns")
		var wrong string
		synctest.Test(t, func(t *testing.T) { wrong = play(t, turns) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

// play returns what is wrong after one of the turns.
func play(t *testing.T, turns []turn) string {
	w := newWorld(t, few)
	w.config.Log = slog.New(slog.DiscardHandler)
	w.start()
	defer w.stop()
	var said [few][]availability.Schedule // the newest last
	for round, turn := range turns {
		for i, a := range turn.answers {
			w.source.set(i, func(availability.Window) availability.Answer { return a })
			said[i] = append(said[i], a.Schedule)
			w.server.Fail(dn(i), foldertest.Fault{})
		}
		w.server.Fail(dn(turn.broken), turn.fault)
		w.round()
		for i, a := range turn.answers {
			item, _ := w.server.Item(dn(i))
			if a.Schedule.Covers(year2000) && (i != turn.broken || turn.fault == foldertest.Fault{}) {
				if at, same := same(item, a.Schedule); !same {
					return fmt.Sprintf("round %d, user %d: at %v the item says %v, want %v", round, i, at, item.At(at), a.Schedule.At(at))
				}
			} else if !among(item, said[i]) {
				return fmt.Sprintf("round %d, user %d: the item says what nobody has said: %+v", round, i, item)
			}
		}
	}
	return ""
}

// same reports whether an item says what a schedule does, or at which moment not.
func same(item foldertest.Item, s availability.Schedule) (time.Time, bool) {
	for at := year2000.Start; at.Before(year2000.End); at = at.Add(5 * time.Minute) {
		if item.At(at) != drawn(s.At(at)) {
			return at, false
		}
	}
	return time.Time{}, true
}

// among reports whether one of the schedules says all the item does.
func among(item foldertest.Item, said []availability.Schedule) bool {
	for _, s := range said {
		says := true
		for at := year2000.Start; says && at.Before(year2000.End); at = at.Add(5 * time.Minute) {
			got := item.At(at)
			says = got == availability.NoData || s.At(at) != availability.NoData && got == drawn(s.At(at))
		}
		if says {
			return true
		}
	}
	return false
}

func drawn(s availability.Status) availability.Status {
	if s == availability.WorkingElsewhere {
		return availability.Free
	}
	return s
}
