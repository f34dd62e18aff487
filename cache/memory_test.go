package cache_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/cache"
	"fbgate/cache/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) cache.Store { return cache.NewMemory(storetest.Room) })
}

func user(i int) availability.Mailbox {
	return availability.Mailbox(fmt.Sprintf("user%d@contoso.com", i))
}

func key(i int) cache.Key { return cache.Key{Mailbox: user(i)} }

func TestMemoryMakesRoom(t *testing.T) {
	s := cache.NewMemory(10)
	for i := range 10 {
		s.Set(key(i), make([]availability.Answer, 1), time.Minute)
	}
	s.Set(key(0), make([]availability.Answer, 1), time.Minute) // no longer the oldest
	for i := 10; i < 15; i++ {
		s.Set(key(i), make([]availability.Answer, 1), time.Minute)
	}
	for i, want := range []bool{true, false, false, false, false, false, true, true, true, true, true, true, true, true, true} {
		if _, got := s.Get(key(i)); got != want {
			t.Errorf("user %d is stored: %v, want %v", i, got, want)
		}
	}
	if s.Len() != 10 {
		t.Errorf("%d stored", s.Len())
	}
}

// Mailboxes that expire and come back cost others no room.
func TestMemoryKeepsWhoComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cache.NewMemory(10)
		for range 20 {
			for i := range 9 {
				s.Set(key(i), make([]availability.Answer, 1), time.Minute)
			}
			for i := range 9 {
				if _, ok := s.Get(key(i)); !ok {
					t.Fatalf("user %d was put out though there was room", i)
				}
			}
			time.Sleep(2 * time.Minute)
		}
		s.Sweep()
		if s.Len() != 0 {
			t.Errorf("%d left after the sweep", s.Len())
		}
	})
}

// Whoever asks about many addresses that do not exist puts out none that do.
func TestFailuresPutOutFailures(t *testing.T) {
	s := cache.NewMemory(10)
	for i := range 8 {
		s.Set(key(i), make([]availability.Answer, 1), 15*time.Minute)
	}
	for i := 100; i < 200; i++ {
		s.Set(key(i), make([]availability.Answer, 1), 5*time.Minute)
	}
	for i := range 8 {
		if _, ok := s.Get(key(i)); !ok {
			t.Errorf("user %d was put out", i)
		}
	}
	if _, ok := s.Get(key(199)); !ok || s.Len() != 10 {
		t.Errorf("%d are stored", s.Len())
	}
	for i := 8; i < 10; i++ { // what is known puts out what failed
		s.Set(key(i), make([]availability.Answer, 1), 15*time.Minute)
	}
	for i := range 10 {
		if _, ok := s.Get(key(i)); !ok {
			t.Errorf("user %d was put out", i)
		}
	}
}
