package cache_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/cache"
)

// answers is what is remembered of a mailbox with so many appointments.
func answers(m availability.Mailbox, spans int) []availability.Answer {
	w := availability.Window{Start: at.Epoch, End: at.Epoch.AddDate(0, 1, 0)}
	a := availability.Answer{Mailbox: m, Window: w, Organization: "contoso", Source: "https://mail.contoso.com/EWS/Exchange.asmx", At: at.Epoch}
	var busy []availability.Span
	for i := range spans {
		start := w.Start.Add(time.Duration(i) * 2 * time.Hour)
		busy = append(busy, availability.Span{Window: availability.Window{Start: start, End: start.Add(time.Hour)}, Status: availability.Busy})
	}
	a.Schedule = availability.NewSchedule(w, 0, busy)
	return []availability.Answer{a}
}

// heap returns the bytes in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// What is counted is what is used, within 30 %.
func TestBytesAreThoseUsed(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for name, of := range map[string]func(i int) (cache.Key, []availability.Answer){
		"few appointments":  func(i int) (cache.Key, []availability.Answer) { return key(i), answers(user(i), 12) },
		"none":              func(i int) (cache.Key, []availability.Answer) { return key(i), answers(user(i), 0) },
		"many appointments": func(i int) (cache.Key, []availability.Answer) { return key(i), answers(user(i), 100) },
		"by domain": func(i int) (cache.Key, []availability.Answer) {
			return cache.Key{Mailbox: user(i), Domain: strings.Clone("fabrikam.com")}, answers(user(i), 12)
		},
		"several windows": func(i int) (cache.Key, []availability.Answer) {
			several := make([]availability.Answer, 0, 8)
			for range 5 {
				several = append(several, answers(user(i), 12)...)
			}
			return key(i), several
		},
		"failures": func(i int) (cache.Key, []availability.Answer) {
			return key(i), []availability.Answer{{Mailbox: user(i), Reason: availability.Because(availability.UnknownMailbox, "no mailbox %s there", user(i))}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1500, 3000} { // a map is full before it grows, and empty after
				s := cache.NewMemory(n)
				before := heap()
				for i := range n {
					k, a := of(i)
					s.Set(k, a, time.Hour)
				}
				used := heap() - before
				ratio := float64(s.Bytes()) / float64(used)
				t.Logf("%d entries: %d bytes each, counted %d: %.2f", n, used/int64(n), s.Bytes()/int64(n), ratio)
				if ratio < 0.7 || ratio > 1.3 {
					t.Errorf("%d entries use %d bytes, %d are counted", n, used, s.Bytes())
				}
				runtime.KeepAlive(s)
			}
		})
	}
}

func TestBudget(t *testing.T) {
	each := cache.NewMemory(1)
	each.Set(key(100), answers(user(100), 12), time.Hour)
	b := cache.NewBudget(100 * each.Bytes())
	contoso, fabrikam := b.Memory(1000), b.Memory(1000)
	for i := range 40 {
		fabrikam.Set(key(100+i), answers(user(100+i), 12), time.Minute)
	}
	for i := range 500 {
		contoso.Set(key(100+i), answers(user(100+i), 12), time.Hour+time.Duration(i)*time.Second)
		if b.Bytes() > b.Most() || b.Bytes() != contoso.Bytes()+fabrikam.Bytes() {
			t.Fatalf("%d of %d bytes are used: %d and %d", b.Bytes(), b.Most(), contoso.Bytes(), fabrikam.Bytes())
		}
	}
	// Who uses less is left alone, though it expires sooner.
	if fabrikam.Len() != 40 || contoso.Len() != 60 {
		t.Errorf("%d and %d are left", contoso.Len(), fabrikam.Len())
	}
	for i := range 500 { // of the other, those are left that expire last
		if _, ok := contoso.Get(key(100 + i)); ok != (i >= 440) {
			t.Errorf("entry %d is there: %v", i, ok)
		}
	}
	// The smaller one may grow until both have the same.
	for i := range 500 {
		fabrikam.Set(key(100+i), answers(user(100+i), 12), time.Hour)
	}
	if n := fabrikam.Len(); n < 49 || n > 51 || contoso.Len() != 100-n {
		t.Errorf("%d and %d are left", contoso.Len(), fabrikam.Len())
	}
	contoso.Clear()
	if b.Bytes() != fabrikam.Bytes() {
		t.Errorf("%d bytes are used, %d by the one that is left", b.Bytes(), fabrikam.Bytes())
	}
	for i := range 600 {
		fabrikam.Delete(key(i))
	}
	if b.Bytes() != 0 || fabrikam.Bytes() != 0 {
		t.Errorf("%d bytes are used by nothing", b.Bytes())
	}
}

// What is larger than everything puts out nothing, and its key is forgotten.
func TestWhatDoesNotFit(t *testing.T) {
	b := cache.NewBudget(10_000)
	s := b.Memory(10)
	s.Set(key(1), answers(user(1), 0), time.Hour)
	s.Set(key(2), answers(user(2), 0), time.Hour)
	s.Set(key(2), answers(user(2), 300), time.Hour)
	if _, ok := s.Get(key(1)); !ok {
		t.Error("it put out another")
	}
	if a, ok := s.Get(key(2)); ok {
		t.Errorf("there is %+v", a)
	}
}

func TestBudgetFromAllSides(t *testing.T) {
	b := cache.NewBudget(200_000)
	var stores []*cache.Memory
	for range 4 {
		stores = append(stores, b.Memory(50))
	}
	var users sync.WaitGroup
	for u := range 16 {
		users.Go(func() {
			s := stores[u%len(stores)]
			for i := range 500 {
				k := key((u*31 + i) % 100)
				switch i % 10 {
				case 7:
					s.Delete(k)
				case 8:
					s.Sweep()
				case 9:
					if i%100 == 99 {
						s.Clear()
					}
				default:
					s.Set(k, answers(k.Mailbox, i%100), time.Duration(i)*time.Millisecond)
				}
			}
		})
	}
	users.Wait()
	var sum int64
	for i, s := range stores {
		sum += s.Bytes()
		if n := s.Len(); n > 50 {
			t.Errorf("store %d has %d entries", i, n)
		}
	}
	if b.Bytes() != sum || sum > b.Most() {
		t.Errorf("%d bytes are used, %d in all, of %d", b.Bytes(), sum, b.Most())
	}
	for _, s := range stores {
		s.Clear()
	}
	if b.Bytes() != 0 {
		t.Errorf("%d bytes are used by nothing", b.Bytes())
	}
}

func TestDefaultBudget(t *testing.T) {
	limit := debug.SetMemoryLimit(1 << 30)
	defer debug.SetMemoryLimit(limit)
	if n := cache.DefaultBudget(); n != 512<<20 {
		t.Errorf("%d of 1 GiB", n)
	}
	debug.SetMemoryLimit(100 << 20)
	if n := cache.DefaultBudget(); n != 50<<20 {
		t.Errorf("%d of 100 MiB", n)
	}
	debug.SetMemoryLimit(1<<63 - 1)
	if n := cache.DefaultBudget(); n != 512<<20 {
		t.Errorf("%d without a limit", n)
	}
}

func BenchmarkSet(b *testing.B) {
	s := cache.NewBudget(20 << 20).Memory(100_000)
	var keys []cache.Key
	var all [][]availability.Answer
	for i := range 50_000 {
		keys = append(keys, key(i))
		all = append(all, answers(user(i), 12))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Set(keys[i%len(keys)], all[i%len(keys)], time.Hour)
	}
}

func ExampleBudget() {
	budget := cache.NewBudget(64 << 20)
	contoso, fabrikam := budget.Memory(100_000), budget.Memory(100_000)
	contoso.Set(cache.Key{Mailbox: "mary@contoso.com"}, []availability.Answer{{}}, time.Minute)
	fmt.Println(budget.Bytes() == contoso.Bytes()+fabrikam.Bytes(), budget.Most())
	// Output: true 67108864
}
