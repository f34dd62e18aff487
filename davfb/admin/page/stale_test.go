package page_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/cache"
	"fbgate/davfb/admin"
	"fbgate/davfb/admin/page"
)

// What has expired is listed as long as it may be served, and is called stale.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		contoso := cache.New("contoso", told{}, cache.NewMemory(10), cache.Policy{
			Known: 15 * time.Minute, Stale: time.Hour, Wait: time.Second, Timeout: time.Second, ByRequester: true,
		})
		start := time.Now().UTC().Truncate(24 * time.Hour)
		contoso.Lookup(t.Context(), availability.Query{
			Requester: availability.Requester{Mailbox: "joe@fabrikam.com"}, Mailboxes: []availability.Mailbox{"mary@contoso.com"},
			Window: availability.Window{Start: start, End: start.AddDate(0, 0, 1)}, Interval: 30 * time.Minute,
		})
		b := newBrowser(t, page.New(admin.Config{Caches: cache.Caches{"contoso": contoso}}, page.NewVisitors()))
		const entry = "/ui/cache/entry?mailbox=mary@contoso.com"
		time.Sleep(5 * time.Minute)
		expect(t, b.get("/ui/cache"), 200, "for fabrikam.com", "5 min ago", "!stale")
		expect(t, b.get(entry), 200, "For those of", "fabrikam.com", "Expires", "in 10 min", "!stale")
		time.Sleep(20 * time.Minute)
		expect(t, b.get("/ui/cache"), 200, "25 min ago", "stale", "50 min")
		expect(t, b.get(entry), 200, "Expired", "only while nothing fresh can be had")
		time.Sleep(time.Hour)
		expect(t, b.get("/ui/cache"), 200, "Nothing is remembered now")
		expect(t, b.get(entry), 404, "Nothing is remembered of mary@contoso.com")
	})
}

// told is a Source to which everybody is free.
type told struct{}

func (told) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		answers[i] = availability.Answer{Mailbox: m, Window: q.Window, Organization: "contoso", At: time.Now(), Schedule: availability.NewSchedule(q.Window, 0, nil)}
	}
	return answers
}
