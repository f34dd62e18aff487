package meter_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/meter"
)

func TestTotals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o meter.Organization
		if got := o.Totals(); got.Calls != 0 || got.Why != nil || len(got.Failed) != 0 {
			t.Errorf("nothing has happened: %+v", got)
		}
		begun := time.Now()
		o.Called(30*time.Millisecond, nil)
		time.Sleep(time.Second)
		o.Called(2*time.Minute, availability.Because(availability.Timeout, "silent"))
		o.Told(meter.Looked{Remembered: 3, Asked: 2, Shared: 1, Stale: 1}, []availability.Answer{
			{}, {Reason: availability.Because(availability.UnknownMailbox, "")}, {Reason: availability.Because(availability.UnknownMailbox, "")},
		})
		got := o.Totals()
		switch {
		case got.Calls != 2, got.Failed[availability.Timeout] != 1, len(got.Failed) != 1, got.Looked.Sum() != 7, got.Untold[availability.UnknownMailbox] != 2:
			t.Errorf("%+v", got)
		case !got.LastGood.Equal(begun), !got.LastBad.Equal(begun.Add(time.Second)), got.Why.Detail != "silent":
			t.Errorf("%v, %v, %v", got.LastGood, got.LastBad, got.Why)
		case got.Took.Sum != 2*time.Minute+30*time.Millisecond, got.Took.Counts[3] != 1, got.Took.Counts[len(meter.Bounds)] != 1:
			t.Errorf("%+v", got.Took)
		}
		got.Failed[availability.Timeout] = 9 // is a copy
		if o.Totals().Failed[availability.Timeout] != 1 {
			t.Error("Totals shares its maps")
		}
	})
}

func TestHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o meter.Organization
		for minute := range 90 {
			for range minute {
				o.Called(time.Millisecond, nil)
			}
			o.Told(meter.Looked{Remembered: uint64(minute), Stale: 1}, nil)
			time.Sleep(time.Minute)
		}
		hour := o.Hour()
		if len(hour) != 60 || hour[59].Calls != 0 || hour[58].Calls != 89 || hour[0].Calls != 31 || hour[0].Took != 31*time.Millisecond ||
			hour[58].Remembered != 89 || hour[58].Looked != 90 {
			t.Errorf("%+v … %+v %+v", hour[0], hour[58], hour[59])
		}
		for i, m := range hour[1:] {
			if m.Start.Sub(hour[i].Start) != time.Minute {
				t.Errorf("after %v comes %v", hour[i].Start, m.Start)
			}
		}
		time.Sleep(59 * time.Minute)
		for _, m := range o.Hour() {
			if m.Calls != 0 || m.Looked != 0 {
				t.Errorf("%+v is older than an hour", m)
			}
		}
	})
}

func TestQuantile(t *testing.T) {
	var o meter.Organization
	if got, above := o.Totals().Took.Quantile(0.5); got != 0 || above {
		t.Errorf("of nothing: %v, %v", got, above)
	}
	called := func(n int, took time.Duration) {
		for range n {
			o.Called(took, nil)
		}
	}
	called(80, time.Millisecond)
	called(10, 200*time.Millisecond)
	called(5, 25*time.Second+time.Millisecond) // the default timeout
	called(4, time.Minute)
	called(1, time.Minute+1)
	for _, test := range []struct {
		share float64
		want  time.Duration
		above bool
	}{
		{0.5, 5 * time.Millisecond, false}, {0.8, 5 * time.Millisecond, false}, {0.9, 250 * time.Millisecond, false},
		{0.95, 30 * time.Second, false}, {0.99, time.Minute, false}, {1, time.Minute, true},
	} {
		if got, above := o.Totals().Took.Quantile(test.share); got != test.want || above != test.above {
			t.Errorf("%v: %v, %v, want %v, %v", test.share, got, above, test.want, test.above)
		}
	}
}

func TestFromAllSides(t *testing.T) {
	var o meter.Organization
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			for range 1000 {
				o.Called(time.Millisecond, availability.Because(availability.Throttled, ""))
				o.Told(meter.Looked{Asked: 1}, []availability.Answer{{Reason: availability.Because(availability.Throttled, "")}})
				o.Hour()
			}
		})
	}
	users.Wait()
	if got := o.Totals(); got.Calls != 8000 || got.Failed[availability.Throttled] != 8000 || got.Looked.Asked != 8000 || got.Untold[availability.Throttled] != 8000 {
		t.Errorf("%+v", got)
	}
}

func BenchmarkTold(b *testing.B) {
	var o meter.Organization
	answers := []availability.Answer{{}}
	for b.Loop() {
		o.Told(meter.Looked{Remembered: 1}, answers)
	}
}
