package cache_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	at "fbgate/availability/availabilitytest"
	"fbgate/cache"
)

// clocks are those of a machine: the wall clock can be set, and a suspended machine
// stops the monotonic one.
type clocks struct {
	begun time.Time
	wall  atomic.Int64 // how much further it is than the monotonic one
}

func newClocks() *clocks { return &clocks{begun: time.Now()} }

func (c *clocks) now() time.Time {
	return at.Moment(time.Now().Add(time.Duration(c.wall.Load())), time.Hour+time.Since(c.begun))
}

func (c *clocks) set(by time.Duration) { c.wall.Add(int64(by)) }

func (c *clocks) suspend(d time.Duration) { c.set(d) }

func TestClocksThatDisagree(t *testing.T) {
	for _, test := range []struct {
		name string
		pass func(*clocks)
		want string
	}{
		{"14 minutes", func(*clocks) { time.Sleep(14 * time.Minute) }, "fresh"},
		{"15 minutes", func(*clocks) { time.Sleep(15 * time.Minute) }, "stale"},
		{"suspended for 14 minutes", func(c *clocks) { c.suspend(14 * time.Minute) }, "fresh"},
		{"suspended for 15 minutes", func(c *clocks) { c.suspend(15 * time.Minute) }, "stale"},
		{"10 minutes and 10 suspended", func(c *clocks) { time.Sleep(10 * time.Minute); c.suspend(10 * time.Minute) }, "stale"},
		{"suspended for the night", func(c *clocks) { c.suspend(8 * time.Hour) }, "nothing"},
		{"set back, 14 minutes", func(c *clocks) { c.set(-time.Hour); time.Sleep(14 * time.Minute) }, "fresh"},
		{"set back, 15 minutes", func(c *clocks) { c.set(-time.Hour); time.Sleep(15 * time.Minute) }, "stale"},
		{"set back, 75 minutes", func(c *clocks) { time.Sleep(time.Minute); c.set(-time.Hour); time.Sleep(74 * time.Minute) }, "nothing"},
		{"set forward by a year", func(c *clocks) { c.set(365 * 24 * time.Hour) }, "nothing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, clocks := &upstream{}, newClocks()
				store := cache.NewMemory(10)
				c := cache.New("test", u, store, lenient)
				c.SetClock(clocks.now)
				one(t, c)
				test.pass(clocks)
				u.reason = because("timeout", 0)
				got := "fresh"
				switch a := one(t, c); {
				case a.Stale:
					got = "stale"
				case a.Reason != nil:
					got = "nothing"
				}
				if got != test.want {
					t.Errorf("it is %s, want %s", got, test.want)
				}
				time.Sleep(30 * time.Second) // until the failure is forgotten
				if store.Sweep(); test.want == "nothing" && (store.Len() != 0 || store.Bytes() != 0) {
					t.Errorf("%d entries are left, %d bytes", store.Len(), store.Bytes())
				}
			})
		})
	}
}
