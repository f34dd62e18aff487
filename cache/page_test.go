package cache_test

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/cache"

	"pgregory.net/rapid"
)

// unindexed hides what Memory can do more than a Store has to.
type unindexed struct{ cache.Store }

var _ cache.Store = unindexed{}

func (u unindexed) All() iter.Seq2[cache.Key, []availability.Answer] { return u.Store.All() }

// empty is a Source of schedules without appointments.
type empty struct{}

func (empty) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		answers[i] = availability.Answer{Mailbox: m, Window: q.Window, Schedule: availability.Schedule{Known: q.Window}, At: time.Now()}
	}
	return answers
}

// Page by page everything that matches comes once, in order, however it is stored and
// ordered.
func TestPagesHoldEverythingOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stores := map[string]cache.Store{"contoso": cache.NewMemory(1000), "fabrikam": unindexed{cache.NewMemory(1000)}}
		caches := make(cache.Caches)
		var want []cache.Row
		for name, store := range stores {
			caches[name] = cache.New(name, nil, store, cache.Policy{ByRequester: true})
			for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 60), 0, 40, rapid.ID[int]).Draw(t, name) {
				k := cache.Key{Mailbox: availability.Mailbox(fmt.Sprintf("m%02d@%s.com", n/5, []string{"a", "b"}[n%2]))}
				if n%5 > 0 {
					k.Domain = fmt.Sprintf("d%d.com", n%5)
				}
				ttl := time.Duration(rapid.IntRange(1, 5).Draw(t, "ttl")) * time.Hour
				store.Set(k, []availability.Answer{{Mailbox: k.Mailbox, Expires: time.Now().Add(ttl)}}, ttl)
				want = append(want, cache.Row{Mailbox: k.Mailbox, Organization: name, For: k.Domain})
			}
		}
		listing := cache.Listing{
			Matching:     rapid.SampledFrom([]string{"", "@a.", "m1", "nobody"}).Draw(t, "matching"),
			Organization: rapid.SampledFrom([]string{"", "contoso", "fabrikam"}).Draw(t, "organization"),
			ByExpiry:     rapid.Bool().Draw(t, "by expiry"), Descending: rapid.Bool().Draw(t, "descending"),
			Most: rapid.IntRange(1, 20).Draw(t, "most"), Whole: rapid.Bool().Draw(t, "whole"),
		}
		total := len(want)
		want = slices.DeleteFunc(want, func(r cache.Row) bool {
			return !strings.Contains(string(r.Mailbox), listing.Matching) || listing.Organization != "" && r.Organization != listing.Organization
		})

		var got []cache.Row
		whole := listing.Whole && !listing.ByExpiry
		for {
			page := caches.Page(listing)
			if page.Total != total || page.Matching != len(want) {
				t.Fatalf("%d of %d; want %d of %d", page.Matching, page.Total, len(want), total)
			}
			if over := len(page.Rows) - listing.Most; over > 0 && (!whole || page.Rows[listing.Most-1].Mailbox != page.Rows[len(page.Rows)-1].Mailbox) || page.More && over < 0 {
				t.Fatalf("%d rows, want %d", len(page.Rows), listing.Most)
			}
			if whole && len(got) > 0 && len(page.Rows) > 0 && page.Rows[0].Mailbox == got[len(got)-1].Mailbox {
				t.Fatalf("%s is torn apart", page.Rows[0].Mailbox)
			}
			got = append(got, page.Rows...)
			if !page.More {
				break
			}
			listing.After = &page.Rows[len(page.Rows)-1]
		}
		order := func(a, b cache.Row) int {
			return cmp.Or(cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.Organization, b.Organization), cmp.Compare(a.For, b.For))
		}
		sorted := slices.IsSortedFunc(got, func(a, b cache.Row) int {
			by := order(a, b)
			if listing.ByExpiry {
				by = cmp.Or(a.Expires.Compare(b.Expires), by)
			}
			if listing.Descending {
				by = -by
			}
			return by
		})
		if !sorted {
			t.Fatalf("not in order: %v", got)
		}
		slices.SortFunc(got, order)
		slices.SortFunc(want, order)
		if !slices.EqualFunc(got, want, func(a, b cache.Row) bool { return order(a, b) == 0 && len(a.Answers) == 1 }) {
			t.Fatalf("got %v\nwant %v", got, want)
		}
	})
}

// restless is a Memory that changes while it is listed.
type restless struct {
	*cache.Memory
	change func()
}

func (r restless) Index() iter.Seq2[cache.Key, time.Time] {
	return func(yield func(cache.Key, time.Time) bool) {
		for k, expires := range r.Memory.Index() {
			if r.change(); !yield(k, expires) {
				return
			}
		}
	}
}

// Whatever comes, goes, is asked anew or makes room meanwhile, by address what is
// remembered all the while is listed once, and nothing is twice on a page.
func TestPagesWhileItChanges(t *testing.T) {
	const staying = 1000
	rapid.Check(t, func(t *rapid.T) {
		memory := cache.NewMemory(staying + 300)
		set := func(name string, n int, ttl time.Duration) {
			m := availability.Mailbox(fmt.Sprintf("m%04d%s@contoso.com", n, name))
			memory.Set(cache.Key{Mailbox: m}, []availability.Answer{{Mailbox: m, Expires: time.Now().Add(ttl)}}, ttl)
		}
		random := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))
		every := rapid.IntRange(1, 20).Draw(t, "every")
		store := restless{memory, func() {
			if random.IntN(every) > 0 {
				return
			}
			switch n := random.IntN(staying); random.IntN(4) {
			case 0, 1:
				set("passing", n, time.Duration(1+random.IntN(3600))*time.Second) // up to those for whom others make room
			case 2:
				memory.Delete(cache.Key{Mailbox: availability.Mailbox(fmt.Sprintf("m%04dpassing@contoso.com", n))})
			case 3:
				set("", n, 2*time.Hour+time.Duration(random.IntN(3600))*time.Second)
			}
		}}
		for _, n := range random.Perm(staying) {
			set("", n, 2*time.Hour)
			store.change()
		}
		caches := cache.Caches{"contoso": cache.New("contoso", nil, store, cache.Policy{})}
		listing := cache.Listing{Most: rapid.IntRange(300, 2000).Draw(t, "most"), Descending: rapid.Bool().Draw(t, "descending"), Whole: rapid.Bool().Draw(t, "whole")}
		seen := make(map[availability.Mailbox]int)
		for more := true; more; {
			page := caches.Page(listing)
			for _, row := range page.Rows {
				seen[row.Mailbox]++
			}
			if more = page.More; more {
				listing.After = &page.Rows[len(page.Rows)-1]
			}
		}
		for n := range staying {
			if m := availability.Mailbox(fmt.Sprintf("m%04d@contoso.com", n)); seen[m] != 1 {
				t.Fatalf("%s is listed %d times", m, seen[m])
			}
		}
		for m, n := range seen {
			if n != 1 {
				t.Fatalf("%s is listed %d times", m, n)
			}
		}
	})
}

// What comes to the last mailbox of a page when all were counted hides nobody behind it.
func TestPageGoesOnBehindNewcomers(t *testing.T) {
	store := cache.NewMemory(10)
	set := func(m availability.Mailbox, domain string) {
		store.Set(cache.Key{Mailbox: m, Domain: domain}, []availability.Answer{{Mailbox: m, Expires: time.Now().Add(time.Hour)}}, time.Hour)
	}
	set("ann@contoso.com", "a.com")
	set("ann@contoso.com", "b.com")
	set("mary@contoso.com", "a.com")
	n := 0
	caches := cache.Caches{"contoso": cache.New("contoso", nil, restless{store, func() {
		if n++; n == 3 {
			// No block is looked at again, so it is not counted.
			set("ann@contoso.com", "c.com")
		}
	}}, cache.Policy{ByRequester: true})}
	page := caches.Page(cache.Listing{Most: 1, Whole: true})
	if len(page.Rows) != 3 || page.Rows[2].For != "c.com" || page.Matching != 3 || !page.More {
		t.Errorf("%d rows of %d, more: %v", len(page.Rows), page.Matching, page.More)
	}
	page = caches.Page(cache.Listing{Most: 1, Whole: true, After: &page.Rows[len(page.Rows)-1]})
	if len(page.Rows) != 1 || page.Rows[0].Mailbox != "mary@contoso.com" || page.More {
		t.Errorf("%+v", page)
	}
}

// By expiry nobody is left out or repeated when the clock is set, though who asks for the
// next page has only what the wall clock said.
func TestPagesAfterTheClockWasSet(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			clocks, store := newClocks(), cache.NewMemory(10)
			c := cache.New("contoso", nil, store, cache.Policy{})
			c.SetClock(clocks.now)
			for i := range 6 {
				store.Set(key(i), []availability.Answer{{Mailbox: user(i), Expires: clocks.now().Add(5 * time.Hour)}}, 5*time.Hour)
				if time.Sleep(time.Minute); i == 2 {
					clocks.set(by)
				}
			}
			caches, seen := cache.Caches{"contoso": c}, make(map[availability.Mailbox]int)
			listing := cache.Listing{ByExpiry: true, Most: 2}
			for range 3 {
				page := caches.Page(listing)
				for _, row := range page.Rows {
					seen[row.Mailbox]++
				}
				if len(page.Rows) != 2 {
					t.Fatalf("set by %v, there are %d rows on a page", by, len(page.Rows))
				}
				listing.After = &cache.Row{Mailbox: page.Rows[1].Mailbox, Organization: "contoso", Expires: time.Unix(0, page.Rows[1].Expires.UnixNano())}
			}
			for i := range 6 {
				if seen[user(i)] != 1 {
					t.Errorf("set by %v, user %d is listed %d times", by, i, seen[user(i)])
				}
			}
		})
	}
}

// What has expired is not listed, swept or not.
func TestPageForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New("contoso", empty{}, cache.NewMemory(10), cache.Policy{Known: time.Minute, Wait: time.Second, Timeout: time.Second})
		caches := cache.Caches{"contoso": c}
		day := availability.Window{Start: at.Epoch, End: at.Epoch.AddDate(0, 0, 1)}
		c.Lookup(t.Context(), availability.Query{Mailboxes: []availability.Mailbox{"mary@contoso.com"}, Window: day, Interval: time.Hour})
		if page := caches.Page(cache.Listing{}); page.Total != 1 || len(page.Rows) != 1 || page.Rows[0].Answers[0].Window != day || page.More {
			t.Errorf("%+v", page)
		}
		if of := caches.Of("mary@contoso.com"); len(of) != 1 || of[0].Answers[0].Window != day || of[0].Organization != "contoso" || len(caches.Of("m")) != 0 {
			t.Errorf("%+v", of)
		}
		time.Sleep(time.Minute)
		if page := caches.Page(cache.Listing{}); page.Total != 0 || len(page.Rows) != 0 {
			t.Errorf("%+v after it has expired", page)
		}
		if of := caches.Of("mary@contoso.com"); len(of) != 0 {
			t.Errorf("%+v after it has expired", of)
		}
	})
}

// uncopied is a Memory that is never to be copied.
type uncopied struct {
	*cache.Memory
	t *testing.T
}

func (u uncopied) All() iter.Seq2[cache.Key, []availability.Answer] {
	u.t.Error("all of it is copied")
	return u.Memory.All()
}

// Whatever operators do copies no more than what they ask for.
func TestOperatorsCopyLittle(t *testing.T) {
	for _, byRequester := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := lenient
			p.ByRequester = byRequester
			c := cache.New("contoso", empty{}, uncopied{cache.NewMemory(100), t}, p)
			caches := cache.Caches{"contoso": c}
			for i := range 10 {
				for _, who := range []availability.Mailbox{"kim@contoso.com", "kim@fabrikam.com"} {
					c.Lookup(t.Context(), as(who, days(0, 1, user(i))))
				}
			}
			times, renewed := 1, 10
			if byRequester {
				times, renewed = 2, 0
			}
			if page := caches.Page(cache.Listing{}); page.Total != 10*times || caches.Len() != 10*times {
				t.Errorf("%d are listed, %d there", page.Total, caches.Len())
			}
			if rows := caches.Of(user(1)); len(rows) != times || rows[times-1].For != []string{"", "fabrikam.com"}[times-1] {
				t.Errorf("%+v", rows)
			}
			if n := caches.RenewMailbox(t.Context(), "refresh-1", user(1)); n != min(1, renewed) {
				t.Errorf("%d renewed", n)
			}
			if n := caches.Renew(t.Context(), "refresh-2"); n != renewed {
				t.Errorf("%d renewed", n)
			}
			synctest.Wait()
			if n := caches.FlushMailbox(user(1)); n != times {
				t.Errorf("%d flushed", n)
			}
			if n := caches.Flush(); n != 9*times {
				t.Errorf("%d flushed", n)
			}
		})
	}
}

// BenchmarkPage takes the first page, one far behind and a search, of a million mailboxes.
func BenchmarkPage(b *testing.B) {
	const mailboxes = 1_000_000
	store := cache.NewMemory(mailboxes)
	for i := range mailboxes {
		m := availability.Mailbox(fmt.Sprintf("user%07d@fabrikam.com", i*7919%mailboxes))
		ttl := time.Hour + time.Duration(i)*time.Millisecond
		store.Set(cache.Key{Mailbox: m}, []availability.Answer{{Mailbox: m, Expires: time.Now().Add(ttl)}}, ttl)
	}
	caches := cache.Caches{"fabrikam": cache.New("fabrikam", nil, store, cache.Policy{})}
	for name, listing := range map[string]cache.Listing{
		"first":    {},
		"expiring": {ByExpiry: true, Descending: true},
		"middle":   {After: &cache.Row{Mailbox: "user0500000@fabrikam.com", Organization: "fabrikam"}},
		"search":   {Matching: "99999"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			begun := processor(b)
			defer func() { b.ReportMetric(float64((processor(b)-begun).Milliseconds())/float64(b.N), "cpu-ms/op") }()
			for b.Loop() {
				if page := caches.Page(listing); page.Total != mailboxes || len(page.Rows) == 0 {
					b.Fatal(page.Total, len(page.Rows))
				}
			}
		})
	}
}

// processor is how long this process has had a processor: unlike the clock it does not
// count what other programs take.
func processor(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
