package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
)

// Days that are odd, as clients of their zones ask about them: from one local midnight to
// the next, with the offset that holds at each. Mary is busy for one hour, at a time that
// is given in UTC.
func TestOddDays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, start, end, busy string
		interval               string
		slots, at, length      int // how many, and where the busy ones are
	}{
		{"Berlin, an ordinary day", "2026-03-28T00:00:00+01:00", "2026-03-29T00:00:00+01:00", "2026-03-28T08:00:00Z", "60", 24, 9, 1},
		{"Berlin, summer time begins", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", "2026-03-29T01:00:00Z", "60", 23, 2, 1},
		{"Berlin, the afternoon of it", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", "2026-03-29T12:00:00Z", "60", 23, 13, 1},
		{"Berlin, the hour that comes first", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", "2026-10-25T00:00:00Z", "60", 25, 2, 1},
		{"Berlin, the same hour again", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", "2026-10-25T01:00:00Z", "60", 25, 3, 1},
		{"New York, summer time begins", "2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00", "2026-03-08T07:00:00Z", "60", 23, 2, 1},
		{"New York, it ends", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00", "2026-11-01T06:00:00Z", "60", 25, 2, 1},
		{"St. John's, it ends", "2026-11-01T00:00:00-02:30", "2026-11-02T00:00:00-03:30", "2026-11-01T04:30:00Z", "60", 25, 2, 1},
		{"Lord Howe, it ends, by half an hour", "2026-04-05T00:00:00+11:00", "2026-04-06T00:00:00+10:30", "2026-04-04T15:00:00Z", "30", 49, 4, 2},
		{"Lord Howe, it begins", "2026-10-04T00:00:00+10:30", "2026-10-05T00:00:00+11:00", "2026-10-03T15:30:00Z", "30", 47, 4, 2},
		{"Apia, a day that was left out", "2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-30T09:00:00Z", "60", 24, 23, 1},
		{"Kathmandu, out of step with the hour", "2026-05-01T00:00:00+05:45", "2026-05-02T00:00:00+05:45", "2026-04-30T18:15:00Z", "15", 96, 0, 4},
		{"the eve of a leap day until midnight", "2028-02-28T00:00:00Z", "2028-02-28T24:00:00Z", "2028-02-28T23:00:00Z", "60", 24, 23, 1},
		{"a leap day from the midnight before", "2028-02-28T24:00:00+01:00", "2028-02-29T24:00:00+01:00", "2028-02-29T22:00:00Z", "60", 24, 23, 1},
		{"over a leap day", "2028-02-28T12:00:00Z", "2028-03-01T12:00:00Z", "2028-02-29T12:00:00Z", "60", 48, 24, 1},
		{"no leap day", "2026-02-28T12:00:00Z", "2026-03-01T12:00:00Z", "2026-03-01T00:00:00Z", "60", 24, 12, 1},
		{"no leap day in 2100", "2100-02-28T12:00:00Z", "2100-03-01T12:00:00Z", "2100-03-01T00:00:00Z", "60", 24, 12, 1},
		{"New Year's Eve in New York", "2026-12-31T00:00:00-05:00", "2026-12-31T24:00:00-05:00", "2027-01-01T04:00:00Z", "60", 24, 23, 1},
		{"New Year in Auckland", "2026-12-31T12:00:00+13:00", "2027-01-01T12:00:00+13:00", "2026-12-31T10:30:00Z", "30", 48, 23, 2},
		{"the hour 24 written like a decoded plus", "2026-12-31T24:00:00 01:00", "2027-01-01T24:00:00 01:00", "2026-12-31T23:00:00Z", "60", 24, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			busy, err := time.Parse(time.RFC3339, test.busy)
			if err != nil {
				t.Fatal(err)
			}
			x := exchangetest.New(exchangetest.Exchange2007SP1)
			x.SetMailbox("mary@contoso.com", availability.Span{Window: availability.Window{Start: busy, End: busy.Add(time.Hour)}, Status: availability.Busy})
			s := newStack(t, "organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %q}]", startExchange(t, x))
			whole := strings.Repeat("0", test.at) + strings.Repeat("2", test.length) + strings.Repeat("0", test.slots-test.at-test.length)
			ask := func(start, end string) string {
				w := s.send(http.MethodGet, "/public/?Cmd=freebusy&start="+strings.ReplaceAll(start, " ", "%20")+"&end="+strings.ReplaceAll(end, " ", "%20")+
					"&interval="+test.interval+"&u=mary@contoso.com", "")
				if w.Code != http.StatusOK {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				rows := digitsIn.FindAllStringSubmatch(w.Body.String(), -1)
				if len(rows) != 2 {
					t.Fatalf("%s", w.Body)
				}
				return rows[1][1]
			}
			if got := ask(test.start, test.end); got != whole {
				t.Errorf("the day is\n%s, want\n%s", got, whole)
			}
			if got := ask(url.QueryEscape(test.start), url.QueryEscape(test.end)); !strings.Contains(test.start, " ") && got != whole {
				t.Errorf("escaped it is\n%s, want\n%s", got, whole)
			}
		})
	}
}

// aging is a world in which nothing goes wrong, and its contoso and its cloud, which know
// one mailbox each.
func aging(t *testing.T, dir string) (w *universe, known func(*holder) bool) {
	w = newCrowd(t, 1)
	w.weather, w.calm = 0, true
	w.build(dir)
	return w, func(x *holder) bool {
		q := client{window: availability.Window{Start: time.Now(), End: time.Now().Add(4 * time.Hour)}, interval: time.Hour, attendees: []attendee{{written: x.address, address: x.address, person: x}}}
		response := w.serve(http.MethodGet, q.url(w.dice), "")
		row := digitsIn.FindAllStringSubmatch(response.Body.String(), -1)
		return len(row) == 2 && !strings.Contains(row[1][1], "4")
	}
}

// holderOf returns the first person of an organization.
func (w *universe) holderOf(organization string) *holder {
	for _, x := range w.crowd {
		if x.organization == organization && x.home == organization && x.published == nil {
			return x
		}
	}
	return nil
}

// A certificate that has expired since the last call, and one that takes its place.
func TestCertificateExpiresBetweenCalls(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w, known := aging(t, dir)
		x, contoso := w.holderOf("contoso"), w.network.hosts["mail.contoso.com:443"]
		until := time.Now().Add(20 * time.Minute)
		contoso.until.Store(&until)
		for _, step := range []struct {
			after time.Duration
			renew bool
			known bool
		}{
			{0, false, true},
			{modelTTL - time.Second, false, true}, // remembered
			{2 * time.Second, false, true},        // asked anew, and still valid
			{modelTTL + time.Second, false, false},
			{time.Minute, true, false}, // TLS is a lasting failure: what it was is remembered for 5 minutes
			{5 * time.Minute, false, true},
		} {
			time.Sleep(step.after)
			if step.renew {
				contoso.until.Store(nil)
			}
			if got := known(x); got != step.known {
				t.Errorf("%v later: known %v, want %v", step.after, got, step.known)
			}
		}
		w.close()
	})
}

// A token that has expired since the last call is replaced before the next, and one that
// was revoked in that call: nobody notices.
func TestTokenExpiresBetweenCalls(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w, known := aging(t, dir)
		x := w.holderOf("cloud")
		for i, change := range []func(){func() {}, func() {}, w.issuer.Revoke, func() { w.issuer.SetSecret("another") }, w.issuer.Revoke, func() { w.issuer.SetSecret(worldPassword) }} {
			change()
			if got, want := known(x), i != 4; got != want {
				t.Errorf("call %d: known %v; %+v", i, got, w.issuer.Counts())
			}
			time.Sleep(modelTTL + time.Second) // a token holds for 20 minutes
		}
		w.close()
	})
}

// close ends the world when its lookups have, which go on without anybody.
func (w *universe) close() {
	time.Sleep(time.Hour)
	w.end()
	w.network.close()
}
