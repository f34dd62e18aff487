package cache_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/cache"

	"pgregory.net/rapid"
)

var configured = map[string]string{"contoso": "a1", "fabrikam": "b2"}

// two returns the caches of two organizations.
func two(u *upstream) cache.Caches {
	return cache.Caches{"contoso": cache.New("contoso", u, cache.NewMemory(1000), lenient), "fabrikam": cache.New("fabrikam", u, cache.NewMemory(1000), lenient)}
}

// entries are all answers that are remembered, by mailbox and then by start.
func entries(c cache.Caches) (all []availability.Answer) {
	for _, row := range c.Page(cache.Listing{Most: 1000}).Rows {
		all = append(all, row.Answers...)
	}
	slices.SortStableFunc(all, func(a, b availability.Answer) int {
		return cmp.Or(cmp.Compare(a.Mailbox, b.Mailbox), a.Window.Start.Compare(b.Window.Start))
	})
	return all
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		before := two(u)
		early := one(t, before["contoso"]).At
		time.Sleep(14 * time.Minute)
		before["fabrikam"].Lookup(t.Context(), days(0, 1, joe))
		u.known = time.Hour
		before["fabrikam"].Lookup(t.Context(), days(5, 6, joe))
		u.known, u.reason = 0, because(availability.UnknownMailbox, availability.OfMailbox)
		before["fabrikam"].Lookup(t.Context(), days(0, 1, "unknown@fabrikam.com"))
		was := entries(before)
		if err := before.Save(path, configured); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		time.Sleep(2 * time.Minute) // what is early has expired by now

		u.reason = because(availability.Timeout, availability.OfServer)
		after := two(u)
		if n, err := after.Load(path, configured); n != 2 || err != nil {
			t.Fatalf("%d loaded, %v", n, err)
		}
		isStale(t, one(t, after["contoso"]), early)
		got := entries(after)
		was = slices.DeleteFunc(was, func(a availability.Answer) bool { return a.Mailbox == "unknown@fabrikam.com" })
		got = slices.DeleteFunc(got, func(a availability.Answer) bool { return a.Reason == u.reason })
		if len(got) != 3 || len(was) != 3 {
			t.Fatalf("%d of %d are left", len(got), len(was))
		}
		for i, a := range got {
			w := was[i]
			if a.Mailbox != w.Mailbox || !a.Window.Equal(w.Window) || !a.Schedule.Equal(w.Schedule) || a.Source != w.Source ||
				!a.At.Equal(w.At) || !a.Expires.Equal(w.Expires) || (a.Reason == nil) != (w.Reason == nil) {
				t.Errorf("%+v was %+v", a, w)
			}
		}
		if n, err := after.Load(path, configured); n != 0 || err != nil {
			t.Errorf("%d loaded again, %v", n, err)
		}
	})
}

func TestLoadTakesOnlyWhatHolds(t *testing.T) {
	for _, test := range []struct {
		name   string
		pass   time.Duration
		change func(cache.Caches, map[string]string)
		want   int
		err    string
	}{
		{name: "at once", want: 2},
		{name: "stale", pass: time.Hour, want: 2},
		{name: "too old", pass: 75 * time.Minute, err: "and nothing is served after more than 1h15m0s"},
		{name: "to come", pass: -time.Second, err: "which is still to come: the clock was set back"},
		{name: "another configuration", change: func(_ cache.Caches, f map[string]string) { f["contoso"] = "a2" }, want: 1},
		{name: "an organization less", change: func(c cache.Caches, _ map[string]string) { delete(c, "contoso") }, want: 1},
		{name: "answers by who asks now", change: func(c cache.Caches, _ map[string]string) {
			p := lenient
			p.ByRequester = true
			c["contoso"] = cache.New("contoso", &upstream{}, cache.NewMemory(10), p)
		}, want: 1},
		{name: "a shorter ttl", change: func(c cache.Caches, _ map[string]string) {
			p := lenient
			p.Known = time.Minute
			c["contoso"] = cache.New("contoso", &upstream{}, cache.NewMemory(10), p)
		}, want: 1},
		{name: "nothing may be stale now", pass: 20 * time.Minute, change: func(c cache.Caches, _ map[string]string) {
			c["contoso"] = over(&upstream{})
		}, want: 1},
		{name: "known meanwhile", change: func(c cache.Caches, _ map[string]string) {
			c["contoso"].Lookup(context.Background(), days(0, 1, mary))
		}, want: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "snapshot")
			// In two bubbles, as time does not run backwards in one.
			synctest.Test(t, func(t *testing.T) {
				if test.pass < 0 {
					time.Sleep(-test.pass)
				}
				before := two(&upstream{})
				before["contoso"].Lookup(t.Context(), days(0, 1, mary))
				before["fabrikam"].Lookup(t.Context(), days(0, 1, joe))
				if err := before.Save(path, configured); err != nil {
					t.Fatal(err)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(test.pass)
				after, fingerprints := two(&upstream{}), maps.Clone(configured)
				if test.change != nil {
					test.change(after, fingerprints)
				}
				n, err := after.Load(path, fingerprints)
				if n != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
					t.Errorf("%d loaded, %v", n, err)
				}
				if _, err := os.Stat(path); !os.IsNotExist(err) {
					t.Errorf("the file is there still: %v", err)
				}
			})
		})
	}
}

func TestLoadKeepsDomainsApart(t *testing.T) {
	p := lenient
	p.ByRequester = true
	caches := func() cache.Caches {
		return cache.Caches{"contoso": cache.New("contoso", &discreet{}, cache.NewMemory(10), p)}
	}
	before, after := caches(), caches()
	for _, who := range []availability.Mailbox{"kim@contoso.com", "lee@fabrikam.com"} {
		before["contoso"].Lookup(t.Context(), as(who, days(0, 1, mary)))
	}
	path := filepath.Join(t.TempDir(), "snapshot")
	if err := before.Save(path, configured); err != nil {
		t.Fatal(err)
	}
	if n, err := after.Load(path, configured); n != 2 || err != nil {
		t.Fatalf("%d loaded, %v", n, err)
	}
	for _, who := range []availability.Mailbox{"kim@contoso.com", "lee@fabrikam.com", "new@northwind.com"} {
		a := after["contoso"].Lookup(t.Context(), as(who, days(0, 1, mary)))[0]
		if a.Source != "told "+who.Domain() || a.For != who.Domain() || a.Cached != (who != "new@northwind.com") {
			t.Errorf("%s: %+v", who, a)
		}
	}
}

// What was flushed before a crash does not come back after it.
func TestFlushOutlivesACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	first := two(&upstream{})
	first["contoso"].Lookup(t.Context(), days(0, 1, mary))
	if err := first.Save(path, configured); err != nil {
		t.Fatal(err)
	}
	second := two(&upstream{})
	if n, err := second.Load(path, configured); n != 1 || err != nil {
		t.Fatalf("%d loaded, %v", n, err)
	}
	second.FlushMailbox(mary)
	third := two(&upstream{}) // the second did not save
	if n, err := third.Load(path, configured); n != 0 || err != nil {
		t.Errorf("%d loaded, %v", n, err)
	}
}

// A wrong name costs nobody a file.
func TestSaveAndLoadLeaveOthersFiles(t *testing.T) {
	folder := t.TempDir()
	other, empty, link := filepath.Join(folder, "fbgate.yaml"), filepath.Join(folder, "empty"), filepath.Join(folder, "link")
	for path, text := range map[string]string{other: "organizations: []\n", empty: ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{other, empty, link, folder} {
		_, load := two(&upstream{}).Load(path, configured)
		save := two(&upstream{}).Save(path, configured)
		for _, err := range []error{load, save} {
			if err == nil || !strings.Contains(err.Error(), "it is left as it is") {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if text, err := os.ReadFile(other); string(text) != "organizations: []\n" {
		t.Errorf("%q, %v", text, err)
	}
	if err := two(&upstream{}).Save(filepath.Join(folder, "missing", "snapshot"), configured); err == nil {
		t.Error("saved in a folder that is not there")
	}
}

// small is a snapshot of some answers.
func small(t testing.TB) []byte {
	u := &upstream{widen: time.Hour}
	c := two(u)
	c["contoso"].Lookup(t.Context(), days(0, 1, mary, joe))
	u.known = 6*time.Hour + time.Nanosecond
	c["fabrikam"].Lookup(t.Context(), days(3, 4, joe))
	return c.Snapshot(configured)
}

// Whatever is changed, cut off or added, nothing of it is used.
func TestDamagedSnapshots(t *testing.T) {
	whole := small(t)
	if again, err := cache.ReadSnapshot(whole); err != nil || !bytes.Equal(again, whole) {
		t.Fatalf("%v", err)
	}
	damaged := map[string][]byte{"nothing": nil, "a zero added": append(slices.Clone(whole), 0), "twice": slices.Concat(whole, whole)}
	for i := range whole {
		damaged[fmt.Sprintf("cut at %d", i)] = whole[:i]
		for bit := range 8 {
			flipped := slices.Clone(whole)
			flipped[i] ^= 1 << bit
			damaged[fmt.Sprintf("bit %d of byte %d", bit, i)] = flipped
		}
	}
	for name, data := range damaged {
		if _, err := cache.ReadSnapshot(data); err == nil {
			t.Errorf("%s: read all the same", name)
		}
	}
	path := filepath.Join(t.TempDir(), "snapshot")
	if err := os.WriteFile(path, damaged[fmt.Sprintf("bit 3 of byte %d", len(whole)/2)], 0o600); err != nil {
		t.Fatal(err)
	}
	c := two(&upstream{})
	n, err := c.Load(path, configured)
	if err == nil || !strings.HasSuffix(err.Error(), "snapshot: its checksum is wrong: it is not whole, or was changed") || n != 0 || len(entries(c)) != 0 {
		t.Errorf("%d loaded, %v", n, err)
	}
}

// An answer no Source should give, or too long a one, spoils no other.
func TestSnapshotLeavesOutWhatCannotBeRead(t *testing.T) {
	now := time.Now()
	sound := answers(mary, 3)[0]
	for name, change := range map[string]func(*availability.Answer){
		"no schedule and no reason": func(a *availability.Answer) { a.Schedule = availability.Schedule{} },
		"spans backwards":           func(a *availability.Answer) { slices.Reverse(a.Schedule.Spans) },
		"no window":                 func(a *availability.Answer) { a.Window = availability.Window{} },
		"a long source":             func(a *availability.Answer) { a.Source = strings.Repeat("x", 2001) },
		"an unknown status":         func(a *availability.Answer) { a.Schedule.Spans[0].Status = 99 },
		"the year 9000":             func(a *availability.Answer) { a.Window.End = a.Window.End.AddDate(7000, 0, 0) },
	} {
		store := cache.NewMemory(10)
		c := cache.Caches{"contoso": cache.New("contoso", &upstream{}, store, lenient)}
		for i, change := range []func(*availability.Answer){func(*availability.Answer) {}, change} {
			a := sound
			a.Schedule.Spans = slices.Clone(sound.Schedule.Spans)
			a.At, a.Expires = now, now.Add(15*time.Minute)
			change(&a)
			store.Set(key(i), []availability.Answer{a}, time.Hour)
		}
		if got := cache.Answers(c.Snapshot(configured)); len(got) != 1 || !got[0].Schedule.Equal(sound.Schedule) {
			t.Errorf("%s: %d answers are written", name, len(got))
		}
	}
}

func TestSnapshotSaysTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Now()
		store := cache.NewMemory(100)
		c := cache.Caches{"contoso": cache.New("contoso", &upstream{}, store, lenient)}
		s := at.Schedule().Filter(func(s availability.Schedule) bool { return !s.Known.Empty() }).Draw(t, "schedule")
		a := availability.Answer{Window: s.Known, Schedule: s, At: now, Expires: now.Add(time.Minute), Source: rapid.StringN(0, 100, 400).Draw(t, "source")}
		if !s.Covers(s.Known) {
			a.Reason = availability.Because(availability.NoInformation, "%s", rapid.StringN(0, 100, 400).Draw(t, "detail"))
		}
		store.Set(cache.Key{Mailbox: availability.Mailbox(rapid.String().Draw(t, "mailbox"))}, []availability.Answer{a}, time.Hour)
		got := cache.Answers(c.Snapshot(configured))
		if len(got) != 1 || !got[0].Schedule.Equal(s) || !got[0].Window.Equal(a.Window) || got[0].Source != a.Source ||
			(got[0].Reason == nil) != (a.Reason == nil) || a.Reason != nil && *got[0].Reason != *a.Reason {
			t.Fatalf("%+v of %+v", got, a)
		}
		at.CheckCanonical(t, got[0].Schedule)
	})
}

// FuzzSnapshot reads what is sealed, as whoever can write the file could seal it.
func FuzzSnapshot(f *testing.F) {
	whole := small(f)
	f.Add(whole[:len(whole)-sha256.Size])
	f.Add([]byte("fbgate cache 1\n\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sum := sha256.Sum256(data)
		sealed := append(slices.Clip(data), sum[:]...)
		again, err := cache.ReadSnapshot(sealed)
		if err != nil {
			return
		}
		for _, a := range cache.Answers(sealed) {
			at.CheckCanonical(t, a.Schedule)
			if a.Window.Empty() || a.Reason == nil && !a.Schedule.Covers(a.Window) {
				t.Errorf("%+v", a)
			}
		}
		if third, err := cache.ReadSnapshot(again); err != nil || !bytes.Equal(third, again) {
			t.Errorf("what was read cannot be read again: %v", err)
		}
	})
}

// large are caches with 100,000 mailboxes of twelve appointments.
func large() cache.Caches {
	store := cache.NewMemory(100_000)
	now := time.Now()
	for i := range 100_000 {
		a := answers(user(i), 12)
		a[0].At, a[0].Expires = now, now.Add(time.Hour)
		store.Set(key(i), a, 2*time.Hour)
	}
	p := lenient
	p.Known = time.Hour
	return cache.Caches{"contoso": cache.New("contoso", &upstream{}, store, p)}
}

func BenchmarkSave(b *testing.B) {
	c, path := large(), filepath.Join(b.TempDir(), "snapshot")
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Save(path, configured); err != nil {
			b.Fatal(err)
		}
	}
	info, _ := os.Stat(path)
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}

func BenchmarkLoad(b *testing.B) {
	c, path := large(), filepath.Join(b.TempDir(), "snapshot")
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		if err := c.Save(path, configured); err != nil {
			b.Fatal(err)
		}
		c.Flush()
		b.StartTimer()
		if n, err := c.Load(path, configured); n != 100_000 || err != nil {
			b.Fatal(n, err)
		}
	}
}
