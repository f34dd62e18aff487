package cache_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/cache"
)

// discreet is an organization that tells those of contoso.com something else than
// others, and strangers nothing.
type discreet struct {
	upstream
	askers []availability.Mailbox
}

func (d *discreet) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	answers := d.upstream.Lookup(ctx, q)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.askers = append(d.askers, q.Requester.Mailbox)
	for i := range answers {
		a := &answers[i]
		a.Source = "told " + q.Requester.Mailbox.Domain()
		if a.Reason == nil && q.Requester.Mailbox == "" {
			a.Schedule, a.Reason = availability.Schedule{}, because(availability.NoPermission, availability.OfMailbox)
		}
	}
	return answers
}

func as(who availability.Mailbox, q availability.Query) availability.Query {
	q.Requester.Mailbox = who
	return q
}

func TestByRequester(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &discreet{}
		p := lenient
		p.ByRequester = true
		c := cache.New("test", d, cache.NewMemory(100), p)
		ask := func(who availability.Mailbox, told string, cached bool) {
			t.Helper()
			a := c.Lookup(t.Context(), as(who, days(0, 1, mary)))[0]
			if a.Source != "told "+told || a.Cached != cached || (a.Reason == nil) != (told != "") {
				t.Errorf("%s: %+v", who, a)
			}
		}
		ask("kim@contoso.com", "contoso.com", false)
		ask("lee@contoso.com", "contoso.com", true)
		ask("kim@fabrikam.com", "fabrikam.com", false)
		ask("", "", false)
		ask("not an address", "", true)
		if want := []availability.Mailbox{"kim@contoso.com", "kim@fabrikam.com", ""}; !slices.Equal(d.askers, want) {
			t.Errorf("asked as %q, want %q", d.askers, want)
		}

		var audience []string
		for _, a := range entries(cache.Caches{"": c}) {
			audience = append(audience, a.For+": "+a.Source)
		}
		if want := []string{"?: told ", "contoso.com: told contoso.com", "fabrikam.com: told fabrikam.com"}; !slices.Equal(audience, want) {
			t.Errorf("entries: %q", audience)
		}

		// Stale is only what they themselves were told.
		time.Sleep(15 * time.Minute)
		d.reason = because(availability.Timeout, availability.OfServer)
		for who, stale := range map[availability.Mailbox]bool{"kim@contoso.com": true, "lee@fabrikam.com": true, "": false, "new@northwind.com": false} {
			if a := c.Lookup(t.Context(), as(who, days(0, 1, mary)))[0]; a.Stale != stale || stale && a.Source != "told "+who.Domain() {
				t.Errorf("%s: %+v", who, a)
			}
		}
		d.reason, d.askers = nil, nil
		time.Sleep(30 * time.Second)
		if n := c.Refresh(t.Context()); n != 2 {
			t.Errorf("%d refreshed", n)
		}
		synctest.Wait()
		slices.Sort(d.askers)
		if want := []availability.Mailbox{"kim@contoso.com", "lee@fabrikam.com"}; !slices.Equal(d.askers, want) {
			t.Errorf("refreshed as %q", d.askers)
		}
		ask("kim@contoso.com", "contoso.com", true)

		if n := c.FlushMailbox(mary); n != 2 {
			t.Errorf("%d flushed", n)
		}
		ask("kim@contoso.com", "contoso.com", false)
		ask("kim@fabrikam.com", "fabrikam.com", false)
	})
}

// Lookups under way are not shared across domains, and a flush grounds those of all.
func TestByRequesterUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &discreet{upstream: upstream{delay: time.Second}}
		p := lenient
		p.ByRequester = true
		c := cache.New("test", d, cache.NewMemory(100), p)
		var askers sync.WaitGroup
		for _, who := range []availability.Mailbox{"kim@contoso.com", "lee@contoso.com", "kim@fabrikam.com"} {
			askers.Go(func() {
				if a := c.Lookup(t.Context(), as(who, days(0, 1, mary)))[0]; a.Source != "told "+who.Domain() {
					t.Errorf("%s: %+v", who, a)
				}
			})
		}
		synctest.Wait()
		c.FlushMailbox(mary)
		askers.Wait()
		if total := (cache.Caches{"": c}).Page(cache.Listing{}).Total; total != 0 || len(d.askers) != 2 {
			t.Errorf("%d are remembered, %d calls", total, len(d.askers))
		}
	})
}

// Who asks from many domains takes no more room than who asks about many mailboxes.
func TestDomainsAreBounded(t *testing.T) {
	p := policy
	p.ByRequester = true
	store := cache.NewMemory(10)
	c := cache.New("test", &upstream{}, store, p)
	for i := range 100 {
		c.Lookup(t.Context(), as(availability.Mailbox("x@"+string(user(i))[:len(user(i))-len("@contoso.com")]), days(0, 1, mary)))
	}
	if store.Len() != 10 {
		t.Errorf("%d are stored", store.Len())
	}
}
