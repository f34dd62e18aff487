package access_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/access"
	at "fbgate/availability/availabilitytest"

	"pgregory.net/rapid"
)

// desk is a limited organization.
type desk struct {
	*organization
	access.Statistics
	limited availability.Source
	log     bytes.Buffer
}

func newDesk(l access.Limits) *desk {
	d := &desk{organization: &organization{name: "fabrikam"}}
	l.Statistics, l.Log = &d.Statistics, slog.New(slog.NewTextHandler(&d.log, nil))
	d.limited = access.Limit(d.organization, l)
	return d
}

// ask asks about n mailboxes, and returns how long to wait if that is too much.
func (d *desk) ask(t testing.TB, who availability.Requester, name string, n int) time.Duration {
	t.Helper()
	var mailboxes []availability.Mailbox
	for i := range n {
		mailboxes = append(mailboxes, availability.Mailbox(fmt.Sprintf("%s%d@fabrikam.com", name, i)))
	}
	before := len(d.asked)
	answers := d.limited.Lookup(t.Context(), about(who, mailboxes...))
	var wait time.Duration
	for i, a := range answers {
		at.CheckAnswer(t, a, mailboxes[i], day)
		if code(a) != availability.RateLimited {
			continue
		}
		if wait = a.Reason.RetryAfter; wait <= 0 || a.Organization != "" || i > 0 && code(answers[0]) != availability.RateLimited {
			t.Errorf("%+v: %v", a, a.Reason)
		}
	}
	if asked := len(d.asked) - before; asked != n && wait == 0 || asked > 0 && wait > 0 {
		t.Errorf("asked about %d of %d mailboxes, to wait %v", asked, n, wait)
	}
	return wait
}

func from(address string) availability.Requester {
	return availability.Requester{Address: netip.MustParseAddr(address)}
}

func as(account, address string) availability.Requester {
	who := from(address)
	who.Name = account
	return who
}

func TestMailboxesPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(access.Limits{MailboxesPerMinute: 60})
		client := from("192.0.2.1")
		for _, step := range []struct {
			after time.Duration
			about int
			wait  time.Duration
		}{
			{0, 50, 0},
			{0, 11, time.Second}, // and nothing is taken
			{0, 10, 0},
			{0, 1, time.Second},
			{time.Second, 1, 0},
			{0, 0, 0}, // about nobody
			{30 * time.Second, 31, time.Second},
			{0, 30, 0},
			// More than all: answered from a full bucket, and owed.
			{time.Minute, 180, 0},
			{time.Minute, 1, 61 * time.Second},
			{59 * time.Second, 180, 61 * time.Second},
			{62 * time.Second, 1, 0},
			{24 * time.Hour, 60, 0},
			{0, 1, time.Second},
		} {
			time.Sleep(step.after)
			if wait := d.ask(t, client, "mary", step.about); wait != step.wait {
				t.Errorf("%v: %v", step, wait)
			}
		}
		if n := d.Limited.Load(); n != 6 || d.Slowed.Load() != 0 {
			t.Errorf("%d limited, %d slowed", n, d.Slowed.Load())
		}
	})
}

// Nobody waits for longer than an hour for what one question took.
func TestDebtIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(access.Limits{MailboxesPerMinute: 1})
		if wait := d.ask(t, from("192.0.2.1"), "mary", 10_000); wait != 0 {
			t.Fatalf("%v", wait)
		}
		if wait := d.ask(t, from("192.0.2.1"), "mary", 1); wait != time.Hour+time.Minute {
			t.Errorf("%v", wait)
		}
	})
}

// And neither do they for what many questions took that were under way together.
func TestDebtsAreBounded(t *testing.T) {
	b := access.NewBucket(300, 10*time.Minute)
	for _, n := range []int{500, 1 << 62, 500} {
		b.Take(0, n)
	}
	if wait := b.Wait(0, 1); wait != time.Hour+2*time.Second {
		t.Errorf("%v", wait)
	}
	if none := access.NewBucket(0, time.Minute); none.Wait(0, 1<<62) != 0 {
		t.Error("a bucket without a size is empty")
	}
}

func TestWhoIsOneClient(t *testing.T) {
	mary := as("mary", "192.0.2.1")
	mary.Mailbox = "mary@contoso.com"
	other := as(`CONTOSO\mary`, "192.0.2.9")
	other.Mailbox = "mary@contoso.com"
	for name, test := range map[string]struct {
		first, second availability.Requester
		same          bool
	}{
		"an address":                     {from("192.0.2.1"), from("192.0.2.1"), true},
		"the next address":               {from("192.0.2.1"), from("192.0.2.2"), false},
		"an IPv4-mapped address":         {from("192.0.2.1"), from("::ffff:192.0.2.1"), true},
		"a network of IPv6":              {from("2001:db8::1"), from("2001:db8::ffff:2"), true},
		"the next network of IPv6":       {from("2001:db8:0:1::1"), from("2001:db8:0:2::1"), false},
		"an interface":                   {from("fe80::1%eth0"), from("fe80::2%eth1"), true},
		"from nowhere":                   {availability.Requester{}, availability.Requester{}, true},
		"nowhere and somewhere":          {availability.Requester{}, from("192.0.2.1"), false},
		"an account from two addresses":  {as("mary", "192.0.2.1"), as("MARY", "192.0.2.2"), true},
		"two accounts from one address":  {as("mary", "192.0.2.1"), as("paul", "192.0.2.1"), true},
		"two accounts, two addresses":    {as("mary", "192.0.2.1"), as("paul", "192.0.2.2"), false},
		"an account under two names":     {mary, other, true},
		"an account named as an address": {as("192.0.2.1", "192.0.2.2"), from("192.0.2.1"), false},
	} {
		d := newDesk(access.Limits{MailboxesPerMinute: 10})
		d.ask(t, test.first, "mary", 10)
		if wait := d.ask(t, test.second, "mary", 10); wait > 0 != test.same {
			t.Errorf("%s: to wait %v", name, wait)
		}
	}
}

func TestExemptNetworks(t *testing.T) {
	d := newDesk(access.Limits{MailboxesPerMinute: 1, UnknownAddresses: 1, Exempt: networks("192.0.2.0/24", "::ffff:10.0.0.0/104", "fe80::/10")})
	for _, exempt := range []string{"192.0.2.7", "::ffff:192.0.2.7", "10.9.9.9", "fe80::1%eth0"} {
		for range 3 {
			if wait := d.ask(t, as("zimbra", exempt), "nobody", 5); wait > 0 {
				t.Errorf("%s: to wait %v", exempt, wait)
			}
		}
	}
	if d.log.Len() > 0 {
		t.Error(d.log.String())
	}
	d.ask(t, from("192.0.3.7"), "mary", 1)
	if d.ask(t, from("192.0.3.7"), "mary", 1) == 0 || d.ask(t, availability.Requester{}, "mary", 1) != 0 || d.ask(t, availability.Requester{}, "mary", 1) == 0 {
		t.Error("others are not limited")
	}
}

// Whoever asks about many that do not exist has to wait, whatever they ask about then.
func TestUnknownAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(access.Limits{UnknownAddresses: 300})
		client := as("mallory", "192.0.2.1")
		for _, step := range []struct {
			after time.Duration
			name  string
			about int
			wait  time.Duration
		}{
			{0, "mary", 5000, 0},
			{0, "nobody", 299, 0},
			{0, "mary", 5000, 0},
			{0, "nobody", 1, 0},
			{0, "mary", 1, 2 * time.Second},
			{2 * time.Second, "mary", 500, 0},
			{0, "nobody", 31, 0},
			{0, "mary", 1, time.Minute + 2*time.Second}, // 30 are owed
			{time.Minute, "mary", 1, 2 * time.Second},
			{9*time.Minute + 2*time.Second, "mary", 1, 0},
			{0, "nobody", 300, 0}, // of which 29 are owed
			{0, "mary", 1, time.Minute},
			{24 * time.Hour, "nobody", 300, 0},
		} {
			time.Sleep(step.after)
			if wait := d.ask(t, client, step.name, step.about); wait != step.wait {
				t.Errorf("%v: %v", step, wait)
			}
		}
		if d.Slowed.Load() != 4 || d.Limited.Load() != 0 || d.Reports.Load() != 3 {
			t.Errorf("%d slowed, %d limited, %d reports", d.Slowed.Load(), d.Limited.Load(), d.Reports.Load())
		}
		var reports []string
		for line := range strings.Lines(d.log.String()) {
			_, line, _ = strings.Cut(line, "level=")
			reports = append(reports, strings.TrimSpace(line))
		}
		const report = `WARN msg="somebody asks about many unknown addresses" request_id=r1 client=192.0.2.1 account=mallory unknown=`
		if want := []string{report + "300", report + "631", report + "300"}; !slices.Equal(reports, want) {
			t.Errorf("%q", reports)
		}
	})
}

// Only what tells whether there is such a mailbox counts.
func TestWhatIsNoUnknownAddress(t *testing.T) {
	for name, answer := range map[string]availability.Answer{
		"no organization has it": {Reason: availability.Because(availability.NoRoute, "")},
		"denied":                 {Reason: availability.Because(availability.NotAllowed, "")},
		"nothing published":      {Reason: availability.Because(availability.NoInformation, "")},
		"remembered":             {Reason: availability.Because(availability.UnknownMailbox, ""), Cached: true},
		"known":                  {Schedule: availability.NewSchedule(day, 0, nil)},
	} {
		limited := access.Limit(sourceFunc(func(_ context.Context, q availability.Query) []availability.Answer {
			return slices.Repeat([]availability.Answer{answer}, len(q.Mailboxes))
		}), access.Limits{UnknownAddresses: 1})
		for range 5 {
			if a := limited.Lookup(t.Context(), about(from("192.0.2.1"), "a@x.com", "b@x.com"))[0]; code(a) != code(answer) {
				t.Fatalf("%s: %v", name, a.Reason)
			}
		}
	}
}

// An account that asks from many addresses is reported once.
func TestReportsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(access.Limits{UnknownAddresses: 10})
		var mallory, somebody sync.WaitGroup
		block := make(chan struct{})
		waiting := access.Limit(sourceFunc(func(ctx context.Context, q availability.Query) []availability.Answer {
			<-block
			return d.Lookup(ctx, q)
		}), access.Limits{UnknownAddresses: 10, Statistics: &d.Statistics, Log: slog.New(slog.DiscardHandler)})
		ask := func(who availability.Requester, wait *sync.WaitGroup) {
			wait.Go(func() {
				waiting.Lookup(t.Context(), about(who, "nobody1@fabrikam.com", "nobody2@fabrikam.com", "nobody3@fabrikam.com"))
			})
		}
		for i := range 9 {
			ask(as("mallory", fmt.Sprintf("192.0.2.%d", i)), &mallory)
		}
		for i := range 3 {
			ask(from(fmt.Sprintf("198.51.100.%d", i)), &somebody)
		}
		close(block)
		mallory.Wait()
		somebody.Wait()
		if d.Reports.Load() != 1 {
			t.Errorf("%d reports", d.Reports.Load())
		}
	})
}

func TestLimitConformance(t *testing.T) {
	d := newDesk(access.Limits{MailboxesPerMinute: 1000, UnknownAddresses: 1000})
	at.TestSource(t, at.Sample{Source: d.limited, Known: []availability.Mailbox{"mary@fabrikam.com", "joe@fabrikam.com"}, Unknown: "nobody@fabrikam.com", Window: day})
}

func TestNoLimitsCostNothing(t *testing.T) {
	o := &organization{}
	if access.Limit(o, access.Limits{MaxClients: 5, Exempt: networks("10.0.0.0/8")}) != availability.Source(o) {
		t.Error("there is something in between")
	}
}

// However many ask, so many are remembered, and not those forgotten who have asked most.
func TestRemembersSoMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(access.Limits{MailboxesPerMinute: 100, MaxClients: 1000})
		l := d.limited.(*access.Limiter)
		greedy := from("192.0.2.1")
		d.ask(t, greedy, "mary", 100)
		for i := range 20_000 {
			address := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
			d.ask(t, availability.Requester{Address: address}, "mary", 1)
			if n := access.Remembered(l); n > 1000 {
				t.Fatalf("%d are remembered", n)
			}
		}
		if d.ask(t, greedy, "mary", 1) == 0 {
			t.Error("who asked most is forgotten")
		}
		if n := access.Remembered(l); n != 1000 {
			t.Errorf("%d are remembered", n)
		}
		// Once all buckets are full again, nobody has to be remembered.
		time.Sleep(time.Minute)
		for i := range 400 {
			address := netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)})
			d.ask(t, availability.Requester{Address: address}, "mary", 1)
		}
		if n := access.Remembered(l); n > 500 {
			t.Errorf("%d are remembered", n)
		}
	})
}

// A bucket is what one that counts tokens would be.
func TestBucketCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 100).Draw(t, "size")
		b := access.NewBucket(size, time.Duration(size)*time.Second) // a token a second
		var now time.Duration
		tokens := size
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			passed := rapid.IntRange(0, 150).Draw(t, "seconds")
			now += time.Duration(passed) * time.Second
			tokens = min(size, tokens+passed)
			n := rapid.IntRange(1, 150).Draw(t, "tokens")
			want := time.Duration(max(0, min(n, size)-tokens)) * time.Second
			wait := b.Wait(now, n)
			if wait != want {
				t.Fatalf("%d of %d tokens: to wait %v, want %v", n, tokens, wait, want)
			}
			if wait == 0 {
				b.Take(now, n)
				tokens -= n
			}
		}
	})
}
