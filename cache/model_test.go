package cache_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/cache"

	"pgregory.net/rapid"
)

// step is one thing that happens to a cache.
type step struct {
	what    string
	mailbox availability.Mailbox
	who     availability.Mailbox
	from    int // days
	to      int
	pass    time.Duration
	reason  *availability.Reason
}

func (s step) String() string {
	return fmt.Sprintf("%s %s %s %d-%d %v %v", s.what, s.mailbox, s.who, s.from, s.to, s.pass, s.reason)
}

func steps() *rapid.Generator[[]step] {
	milliseconds := func(t *rapid.T, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, "ms"))*time.Millisecond + 7*time.Microsecond
	}
	one := rapid.Custom(func(t *rapid.T) step {
		s := step{
			what: rapid.SampledFrom([]string{"ask", "ask", "ask", "ask", "ask", "ask", "go ask", "go ask", "sleep", "sleep", "sleep", "expire", "expire", "answer", "answer",
				"fail", "fail", "slow", "slow", "flush", "flush mailbox", "suspend", "set", "refresh", "refresh", "sweep"}).Draw(t, "what"),
			mailbox: rapid.SampledFrom([]availability.Mailbox{mary, mary, mary, joe}).Draw(t, "mailbox"),
			who:     rapid.SampledFrom([]availability.Mailbox{"kim@contoso.com", "kim@contoso.com", "kim@contoso.com", "lee@fabrikam.com", ""}).Draw(t, "who"),
			from:    rapid.IntRange(0, 1).Draw(t, "from"),
		}
		s.to = s.from + rapid.IntRange(1, 3).Draw(t, "days")
		switch s.what {
		case "sleep":
			s.pass = milliseconds(t, rapid.SampledFrom([]int{3_000, 60_000, 1_000_000}).Draw(t, "most"))
		case "expire":
			s.pass = 15*time.Minute + milliseconds(t, 1000)
		case "slow":
			s.pass = time.Duration(rapid.SampledFrom([]int{0, 0, 1000, 3000, 12_000, 30_000}).Draw(t, "delay")) * time.Millisecond
		case "suspend":
			s.pass = milliseconds(t, 3_000_000)
		case "set":
			s.pass = milliseconds(t, 6_000_000) - 50*time.Minute
		case "fail":
			s.reason = because(
				rapid.SampledFrom([]availability.Code{availability.Timeout, availability.TLS, availability.Internal, availability.UnknownMailbox, availability.NoInformation}).Draw(t, "code"),
				rapid.SampledFrom([]availability.Scope{availability.OfServer, availability.OfMailbox}).Draw(t, "scope"))
		}
		return s
	})
	return rapid.SliceOfN(one, 15, 60)
}

// said is one answer of the organization, or one it owes.
type said struct {
	key        cache.Key
	window     availability.Window
	schedule   availability.Schedule
	reason     *availability.Reason
	begun, end time.Time // by the clocks; end is zero while it is owed
	flushes    int       // of the mailbox, when it was asked
	set        int       // how often a clock had been set when it was said
}

// oracle is an organization that remembers all it said, and judges what a cache makes
// of it.
type oracle struct {
	clocks  *clocks
	mu      sync.Mutex
	delay   time.Duration
	reason  *availability.Reason
	said    []*said
	flushes map[availability.Mailbox]int
	set     int    // how often a clock was set
	wrong   string // what came first
}

func (o *oracle) blame(format string, args ...any) {
	if o.wrong == "" {
		o.wrong = fmt.Sprintf(format, args...)
	}
}

func (o *oracle) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	o.mu.Lock()
	w := availability.Window{Start: q.Window.Start, End: q.Window.End.Add(12 * time.Hour)}
	var all []*said
	for _, m := range q.Mailboxes {
		s := &said{key: cache.Key{Mailbox: m, Domain: q.Requester.Mailbox.Domain()}, window: w, begun: o.clocks.now(), flushes: o.flushes[m]}
		for _, other := range o.said {
			if other.end.IsZero() && other.key == s.key && other.window.Equal(w) && other.flushes == s.flushes {
				o.blame("%v is asked about twice at once", s.key)
			}
		}
		all, o.said = append(all, s), append(o.said, s)
	}
	first := len(o.said) - len(all)
	delay, reason := o.delay, o.reason
	o.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		reason = because(availability.Timeout, availability.OfServer)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var answers []availability.Answer
	for i, s := range all {
		s.end, s.reason, s.set = o.clocks.now(), reason, o.set
		a := availability.Answer{Mailbox: s.key.Mailbox, Window: w, Reason: reason, Organization: "test", Source: strconv.Itoa(first + i), At: s.end}
		if reason == nil { // busy for as many five minutes as none before
			s.schedule = availability.NewSchedule(w, 0, []availability.Span{{Status: availability.Busy,
				Window: availability.Window{Start: w.Start, End: w.Start.Add(time.Duration(first+i+1) * 5 * time.Minute)}}})
			a.Schedule = s.schedule
		}
		answers = append(answers, a)
	}
	return answers
}

// passed is how long ago t was, by the clock that says more.
func (o *oracle) passed(t time.Time) time.Duration {
	return (&availability.Answer{At: t}).Age(o.clocks.now())
}

// judge says what is wrong with an answer to somebody who asked at begun, when the
// mailbox had been flushed and the clocks set so often, and waited for so long.
func (o *oracle) judge(a availability.Answer, k cache.Key, q availability.Query, flushes, set int, waited time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case a.Mailbox != k.Mailbox, !a.Window.Contains(q.Window):
		o.blame("%+v is no answer about %v of %v", a, q.Window, k)
	case waited > lenient.Wait:
		o.blame("%v waited %v", k, waited)
	case a.Stale && waited > lenient.Patience && set == o.set:
		o.blame("%v waited %v for something stale", k, waited)
	case a.Stale && (a.Reason != nil || !a.Cached):
		o.blame("stale is %+v", a)
	}
	if a.Reason != nil {
		if !a.Schedule.Equal(availability.Schedule{}) || a.Schedule.At(q.Window.Start) != availability.NoData {
			o.blame("a failure says %+v", a)
		}
		if old := o.known(k, q.Window, flushes); old != nil && !a.Reason.AboutMailbox() {
			o.blame("%v failed though it is known since %v: %v", k, old.end, a.Reason)
		}
		return
	}
	i, err := strconv.Atoi(a.Source)
	if err != nil || i >= len(o.said) {
		o.blame("nobody said %+v", a)
		return
	}
	s := o.said[i]
	fresh := lenient.Known - o.passed(s.end)
	switch {
	case s.key != k, a.For != cmp.Or(k.Domain, "?"):
		o.blame("%v was told to %v, for %q", s.key, k, a.For)
	case s.reason != nil, !s.schedule.Equal(a.Schedule), !a.At.Equal(s.end):
		o.blame("%+v was said otherwise: %+v", a, *s)
	case !a.Stale && fresh <= 0:
		o.blame("not said to be stale %v too late", -fresh)
	case a.Stale && fresh > 0:
		o.blame("stale for another %v", fresh)
	case fresh+lenient.Stale <= 0:
		o.blame("served %v later than the maximum", -fresh-lenient.Stale)
	case a.Stale && s.flushes != o.flushes[k.Mailbox], a.Cached && s.flushes < flushes:
		o.blame("%v was flushed", k)
	case a.Stale && !o.excused(s, waited):
		o.blame("%v is stale for no reason", k)
	}
	if a.Stale && o.denied(s, q.Window) {
		o.blame("%v was denied since %v", k, s.end)
	}
}

// denied reports whether something was said since s that says otherwise about w.
func (o *oracle) denied(s *said, w availability.Window) bool {
	return slices.ContainsFunc(o.said, func(later *said) bool {
		return later.key == s.key && later.flushes == o.flushes[s.key.Mailbox] && later.begun.After(s.end) &&
			!later.end.IsZero() && o.passed(later.end) > 0 && // now is undecided
			later.reason != nil && later.reason.AboutMailbox() &&
			(later.reason.Code == availability.UnknownMailbox || !later.window.Intersect(w).Empty())
	})
}

// known returns what has to be remembered about all of w, fresh or stale: if a clock was
// set it may have been forgotten, and so it may if something was said about its mailbox.
func (o *oracle) known(k cache.Key, w availability.Window, flushes int) *said {
	for _, s := range o.said {
		if s.key == k && s.window.Contains(w) && !s.end.IsZero() && s.reason == nil && s.set == o.set && s.flushes == o.flushes[k.Mailbox] &&
			s.flushes == flushes && o.passed(s.end) > 0 && o.passed(s.end) < lenient.Known+lenient.Stale && !slices.ContainsFunc(o.said, func(later *said) bool {
			return later.key == k && !later.end.Before(s.end) && later.reason != nil && later.reason.AboutMailbox()
		}) {
			return s
		}
	}
	return nil
}

// excused reports whether somebody has asked in vain since s, or still waits.
func (o *oracle) excused(s *said, waited time.Duration) bool {
	return slices.ContainsFunc(o.said, func(later *said) bool {
		return later.key == s.key && later != s && (later.end.IsZero() || !later.end.Before(s.end)) &&
			(later.end.IsZero() && (waited >= lenient.Patience || o.passed(later.begun) >= lenient.Patience) || later.reason != nil)
	})
}

// play returns what went wrong when these steps were taken.
func play(t *testing.T, steps []step) string {
	o := &oracle{clocks: newClocks(), flushes: make(map[availability.Mailbox]int)}
	p := lenient
	p.ByRequester = true
	store := cache.NewMemory(100)
	c := cache.New("test", o, store, p)
	c.SetClock(o.clocks.now)
	ask := func(s step) availability.Answer {
		o.mu.Lock()
		flushes, set := o.flushes[s.mailbox], o.set
		o.mu.Unlock()
		q := as(s.who, days(s.from, s.to, s.mailbox))
		begun := time.Now()
		a := c.Lookup(t.Context(), q)[0]
		o.judge(a, cache.Key{Mailbox: s.mailbox, Domain: s.who.Domain()}, q, flushes, set, time.Since(begun))
		return a
	}
	for _, s := range steps {
		// Whoever wakes now is done before the next thing happens.
		time.Sleep(time.Microsecond)
		synctest.Wait()
		switch s.what {
		case "ask":
			ask(s)
		case "go ask":
			go ask(s)
		case "sleep", "expire":
			time.Sleep(s.pass)
		case "suspend", "set":
			o.clocks.set(s.pass)
			o.mu.Lock()
			o.set++
			o.mu.Unlock()
		case "refresh":
			c.Refresh(t.Context())
		case "sweep":
			store.Sweep()
		case "flush":
			c.Flush()
			o.mu.Lock()
			o.flushes[mary]++
			o.flushes[joe]++
			o.mu.Unlock()
		case "flush mailbox":
			c.FlushMailbox(s.mailbox)
			o.mu.Lock()
			o.flushes[s.mailbox]++
			o.mu.Unlock()
		default:
			o.mu.Lock()
			switch s.what {
			case "answer", "fail":
				o.reason = s.reason
			case "slow":
				o.delay = s.pass
			}
			o.mu.Unlock()
		}
	}
	// In the end all is well, and so is the answer, the first or the second time.
	o.mu.Lock()
	o.reason, o.delay = nil, 0
	o.mu.Unlock()
	time.Sleep(lenient.Known + lenient.Timeout)
	last := step{mailbox: mary, who: "kim@contoso.com", to: 1}
	ask(last)
	synctest.Wait()
	if a := ask(last); a.Reason != nil || a.Stale {
		o.blame("in the end: %+v", a)
	}
	return o.wrong
}

func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := steps().Draw(rt, "steps")
		var wrong string
		synctest.Test(t, func(t *testing.T) { wrong = play(t, steps) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}
