// Package storetest is the conformance suite of cache.Store: every implementation
// runs it.
package storetest

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/cache"
)

// Room is how many mailboxes a store under test must hold at least.
const Room = 100

// Run tests the stores open returns, a new and empty one each time. Stores that
// keep time by the Go clock are tested in a bubble of synctest.
func Run(t *testing.T, open func(t *testing.T) cache.Store) {
	for name, test := range map[string]func(*testing.T, cache.Store){
		"returns what was set":           returnsWhatWasSet,
		"forgets in time":                forgetsInTime,
		"stores nothing without a ttl":   storesNothingWithoutATTL,
		"deletes":                        deletes,
		"clears":                         clears,
		"lists":                          lists,
		"survives use from all sides":    survivesUseFromAllSides,
		"mixes no domains":               mixesNoDomains,
		"a later ttl replaces a shorter": aLaterTTLReplacesAShorter,
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { test(t, open(t)) }) })
	}
}

var mary, joe = cache.Key{Mailbox: "mary@contoso.com"}, cache.Key{Mailbox: "joe@fabrikam.com"}

func user(i int) cache.Key {
	return cache.Key{Mailbox: availability.Mailbox(fmt.Sprintf("user%d@contoso.com", i))}
}

func says(organization string) []availability.Answer {
	return []availability.Answer{{Organization: organization}}
}

func expect(t *testing.T, s cache.Store, k cache.Key, organization string) {
	t.Helper()
	answers, ok := s.Get(k)
	switch {
	case organization == "" && ok:
		t.Errorf("%s: %v, want nothing", k, answers)
	case organization != "" && (!ok || len(answers) != 1 || answers[0].Organization != organization):
		t.Errorf("%s: %v, %v, want %s", k, answers, ok, organization)
	}
}

func returnsWhatWasSet(t *testing.T, s cache.Store) {
	expect(t, s, mary, "")
	s.Set(mary, says("contoso"), time.Minute)
	s.Set(joe, says("fabrikam"), time.Minute)
	expect(t, s, mary, "contoso")
	expect(t, s, joe, "fabrikam")
	s.Set(mary, says("northwind"), time.Minute)
	expect(t, s, mary, "northwind")
	if s.Len() != 2 {
		t.Errorf("%d mailboxes, want 2", s.Len())
	}
}

// A mailbox is remembered once for each domain, whatever the names hold.
func mixesNoDomains(t *testing.T, s cache.Store) {
	keys := []cache.Key{
		mary,
		{Mailbox: mary.Mailbox, Domain: "fabrikam.com"},
		{Mailbox: mary.Mailbox, Domain: "northwind.com"},
		{Mailbox: mary.Mailbox + "\n"},
		{Mailbox: mary.Mailbox + "\nfabrikam.com"},
		{Mailbox: mary.Mailbox + "\nfabrikam.com", Domain: "northwind.com"},
	}
	for i, k := range keys {
		s.Set(k, says(fmt.Sprint(i)), time.Minute)
	}
	for i, k := range keys {
		expect(t, s, k, fmt.Sprint(i))
	}
	if n := len(maps.Collect(s.All())); n != len(keys) || s.Len() != n {
		t.Errorf("%d are listed and %d counted, want %d", n, s.Len(), len(keys))
	}
	if !s.Delete(keys[1]) {
		t.Error("nothing was deleted")
	}
	expect(t, s, keys[1], "")
	expect(t, s, mary, "0")
	expect(t, s, keys[2], "2")
}

func forgetsInTime(t *testing.T, s cache.Store) {
	s.Set(mary, says("contoso"), 15*time.Minute)
	time.Sleep(15*time.Minute - time.Second)
	expect(t, s, mary, "contoso")
	time.Sleep(2 * time.Second)
	expect(t, s, mary, "")
	for m := range s.All() {
		t.Errorf("%s is listed though it has expired", m)
	}
}

func aLaterTTLReplacesAShorter(t *testing.T, s cache.Store) {
	s.Set(mary, says("contoso"), time.Minute)
	s.Set(mary, says("contoso"), time.Hour)
	time.Sleep(30 * time.Minute)
	expect(t, s, mary, "contoso")
}

func storesNothingWithoutATTL(t *testing.T, s cache.Store) {
	for _, ttl := range []time.Duration{0, -1, -time.Hour} {
		s.Set(mary, says("contoso"), ttl)
		expect(t, s, mary, "")
	}
}

func deletes(t *testing.T, s cache.Store) {
	s.Set(mary, says("contoso"), time.Minute)
	if !s.Delete(mary) || s.Delete(mary) || s.Delete(joe) {
		t.Error("Delete does not tell whether there was something")
	}
	expect(t, s, mary, "")
	s.Set(mary, says("contoso"), time.Minute)
	time.Sleep(2 * time.Minute)
	if s.Delete(mary) {
		t.Error("deleted what had expired")
	}
}

func clears(t *testing.T, s cache.Store) {
	for i := range 10 {
		s.Set(user(i), says("contoso"), time.Minute)
	}
	if n := s.Clear(); n != 10 {
		t.Errorf("cleared %d, want 10", n)
	}
	if n := s.Clear(); n != 0 || s.Len() != 0 {
		t.Errorf("cleared %d again, %d left", n, s.Len())
	}
	s.Set(mary, says("contoso"), time.Minute)
	expect(t, s, mary, "contoso")
}

func lists(t *testing.T, s cache.Store) {
	s.Set(mary, says("contoso"), time.Minute)
	s.Set(joe, says("fabrikam"), time.Minute)
	listed := make(map[cache.Key]string)
	for m, answers := range s.All() {
		listed[m] = answers[0].Organization
		s.Delete(m) // has to be possible
	}
	if len(listed) != 2 || listed[mary] != "contoso" || listed[joe] != "fabrikam" {
		t.Errorf("listed %v", listed)
	}
	for range s.All() {
		t.Error("something is listed after all was deleted")
	}
}

func survivesUseFromAllSides(t *testing.T, s cache.Store) {
	var users sync.WaitGroup
	for u := range 8 {
		users.Go(func() {
			for i := range Room {
				m := user((u + i) % Room)
				s.Set(m, says("contoso"), time.Minute)
				if answers, ok := s.Get(m); ok && answers[0].Organization != "contoso" {
					t.Errorf("%s: %v", m, answers)
				}
				if i%10 == 0 {
					s.Delete(m)
					for range s.All() {
						break
					}
				}
			}
		})
	}
	users.Wait()
	s.Clear()
	if s.Len() != 0 {
		t.Errorf("%d left", s.Len())
	}
}
