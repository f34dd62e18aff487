package availability_test

import (
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
)

// The answer is from eight o'clock and expires a quarter past; the times are those of
// the two clocks since then.
func TestTheLaterClockCounts(t *testing.T) {
	const minute = time.Minute
	eight := at.Epoch.Add(8 * time.Hour)
	for _, test := range []struct {
		name            string
		wall, monotonic time.Duration
		age, ttl        time.Duration
	}{
		{"at once", 0, 0, 0, 15 * minute},
		{"clocks agree", 5 * minute, 5 * minute, 5 * minute, 10 * minute},
		{"just before", 15*minute - 1, 15*minute - 1, 15*minute - 1, 1},
		{"just expired", 15 * minute, 15 * minute, 15 * minute, 0},
		{"suspended for an hour", 61 * minute, minute, 61 * minute, -46 * minute},
		{"set back by an hour", -55 * minute, 5 * minute, 5 * minute, 10 * minute},
		{"set back by an hour, long ago", -30 * minute, 30 * minute, 30 * minute, -15 * minute},
		{"set forward by an hour", 65 * minute, 5 * minute, 65 * minute, -50 * minute},
		{"set back while nothing passed", -minute, 0, 0, 15 * minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := availability.Answer{At: at.Moment(eight, time.Hour), Expires: at.Moment(eight, time.Hour).Add(15 * minute)}
			now := at.Moment(eight.Add(test.wall), time.Hour+test.monotonic)
			if age, ttl := a.Age(now), a.TTL(now); age != test.age || ttl != test.ttl {
				t.Errorf("age %v, ttl %v, want %v and %v", age, ttl, test.age, test.ttl)
			}
			a.At, a.Expires = a.At.Round(0), a.Expires.Round(0) // as if read from somewhere
			if age, ttl := a.Age(now), a.TTL(now); age != max(0, test.wall) || ttl != 15*minute-test.wall {
				t.Errorf("without a monotonic clock: age %v, ttl %v", age, ttl)
			}
		})
	}
}

// Whatever an Answer without times is asked, it is not young.
func TestNoTimesAreNotYoung(t *testing.T) {
	var a availability.Answer
	if a.Age(at.Epoch) < 290*365*24*time.Hour || a.TTL(at.Epoch) > -290*365*24*time.Hour {
		t.Errorf("age %v, ttl %v", a.Age(at.Epoch), a.TTL(at.Epoch))
	}
}

func TestAboutMailbox(t *testing.T) {
	for _, test := range []struct {
		code  availability.Code
		scope availability.Scope
		want  bool
	}{
		{availability.UnknownMailbox, availability.OfMailbox, true},
		{availability.UnknownMailbox, availability.OfServer, true},
		{availability.NoPermission, availability.OfCall, true},
		{availability.NoInformation, availability.OfServer, true},
		{availability.Withheld, availability.OfServer, true},
		{availability.RequestRejected, availability.OfCall, true},
		{availability.TLS, availability.OfServer, false},
		{availability.WrongEndpoint, availability.OfServer, false},
		{availability.Unauthorized, availability.OfMailbox, false},
		{availability.Timeout, availability.OfMailbox, false},
		{availability.Internal, availability.OfMailbox, false},
	} {
		if r := (&availability.Reason{Code: test.code, Scope: test.scope}); r.AboutMailbox() != test.want {
			t.Errorf("%s of scope %d: %v", test.code, test.scope, !test.want)
		}
	}
}
