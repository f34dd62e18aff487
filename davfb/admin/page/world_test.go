package page_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/doctor"
	"fbgate/availability/journal"
	"fbgate/availability/meter"
	"fbgate/cache"
	"fbgate/davfb/admin"
	"fbgate/davfb/admin/page"
)

const secret = "0123456789abcdef-the-token"

// world is a gateway as operators see it, with what can go wrong.
type world struct {
	http.Handler
	config admin.Config
	log    *bytes.Buffer

	mu      sync.Mutex
	asked   []availability.Query // of the Source
	changes string               // of the configuration
	broken  error                // what Reload returns
	hops    chan bool            // lets the doctor go on, unless nil
	lookups *journal.Journal
}

// newWorld returns one in which everything there is can be seen.
func newWorld(t testing.TB, change func(*admin.Config)) *world {
	w := &world{log: new(bytes.Buffer), lookups: journal.New(100), changes: " cache:\n-    lifetime: 15m\n+    lifetime: 30m\n"}
	caches := make(cache.Caches)
	for name, mailboxes := range map[string][]availability.Mailbox{
		"contoso": {"mary@contoso.com", "joe@contoso.com", "nobody@contoso.com"}, "fabrikam": {"pilar@fabrikam.com"}, "northwind": nil,
	} {
		caches[name] = cache.New(name, w, cache.NewMemory(1000), cache.Policy{Known: 15 * time.Minute, Lasting: 5 * time.Minute, Passing: time.Minute, Wait: 10 * time.Second, Timeout: 25 * time.Second})
		if len(mailboxes) > 0 {
			start := midnight().UTC().Truncate(24 * time.Hour)
			caches[name].Lookup(t.Context(), availability.Query{Mailboxes: mailboxes, Window: availability.Window{Start: start, End: start.AddDate(0, 0, 14)}, Interval: 30 * time.Minute})
		}
	}
	w.asked = nil
	w.config = admin.Config{
		Caches: caches, Source: w, Organizations: organizations, Journal: w.lookups, Doctor: w.doctor,
		Configuration: w.configuration, Reload: w.reload,
		Version: "1.4.0", Started: time.Now().Add(-75 * time.Hour), Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}
	for i := range 24 {
		w.lookups.Add(question(i))
	}
	if change != nil {
		change(&w.config)
	}
	w.Handler = page.New(w.config, page.NewVisitors())
	return w
}

func midnight() time.Time {
	now := time.Now()
	return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.Local)
}

// Lookup knows calendars: mary's is busy, joe's says he is away, pilar's half is unknown,
// and nobody has none.
func (w *world) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	w.mu.Lock()
	w.asked = append(w.asked, q)
	w.mu.Unlock()
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		a := availability.Answer{
			Mailbox: m, Window: q.Window, Organization: strings.TrimSuffix(m.Domain(), ".com"),
			Source: "https://mail." + m.Domain() + "/EWS/Exchange.asmx", At: time.Now().Add(-4 * time.Minute), Cached: true,
		}
		var spans []availability.Span
		add := func(day int, from, to float64, status availability.Status) {
			start := q.Window.Start.AddDate(0, 0, day)
			at := func(hours float64) time.Time { return start.Add(time.Duration(hours * float64(time.Hour))) }
			spans = append(spans, availability.Span{Window: availability.Window{Start: at(from), End: at(to)}, Status: status})
		}
		for day := range 14 {
			switch name, _, _ := strings.Cut(string(m), "@"); name {
			case "mary":
				add(day, 9, 10.5, availability.Busy)
				add(day, 11, 12, availability.Tentative)
				add(day, 14, 16, availability.Busy)
			case "joe":
				if day%3 == 1 {
					add(day, 0, 24, availability.OOF)
				} else {
					add(day, 8.5, 9, availability.Busy)
					add(day, 15, 17, availability.Tentative)
				}
			case "pilar":
				add(day, 10, 11, availability.Busy)
				add(day, 12, 24, availability.NoData)
				a.Reason = availability.Because(availability.NoInformation, "mail.fabrikam.com publishes free/busy until noon")
			}
		}
		switch {
		case strings.HasPrefix(string(m), "nobody"):
			a.Reason = availability.Because(availability.UnknownMailbox, "ErrorMailRecipientNotFound: <b>%s</b>", m)
		case m.Domain() == "":
			a.Reason, a.Organization, a.Source = availability.Because(availability.InvalidAddress, "%q is no address", m), "", ""
		default:
			a.Schedule = availability.NewSchedule(q.Window, 0, spans)
		}
		answers[i] = a
	}
	return answers
}

// refreshes waits until all of them have been asked about, and nobody else.
func (w *world) refreshes(t *testing.T, want []string) {
	t.Helper()
	for try := 0; ; try++ {
		var asked []string
		w.mu.Lock()
		for _, q := range w.asked {
			for _, m := range q.Mailboxes {
				asked = append(asked, string(m))
			}
		}
		w.mu.Unlock()
		slices.Sort(asked)
		if slices.Equal(asked, want) {
			return
		}
		if len(asked) > len(want) || try == 1000 {
			t.Fatalf("asked about %v, want %v", asked, want)
		}
		time.Sleep(time.Millisecond)
	}
}

func (w *world) configuration() admin.Configuration {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := admin.Configuration{File: "/etc/fbgate/fbgate.yaml", Loaded: time.Now().Add(-26 * time.Hour), Changes: w.changes,
		Text: "listen: 127.0.0.1:8080\norganizations:\n  - name: contoso\n    access_method: OrgWideFB\n    target_sharing_epr: https://mail.contoso.com/EWS/Exchange.asmx\n    credential:\n      type: ntlm\n      user: CONTOSO\\fbgate\n      password: (hidden)\ncache:\n  lifetime: 15m\n"}
	if w.broken != nil {
		c.Changes, c.Fault = "", w.broken.Error()
	}
	return c
}

func (w *world) reload() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken == nil {
		w.changes = ""
	}
	return w.broken
}

// doctor takes an easy way with most, and fails for nobody.
func (w *world) doctor(ctx context.Context, m availability.Mailbox, organization string, _ availability.Mailbox) (iter.Seq[doctor.Hop], error) {
	if organization == "elsewhere" {
		return nil, errors.New(`there is no organization "elsewhere"`)
	}
	const server = "contoso, https://mail.contoso.com/EWS/Exchange.asmx"
	hops := []doctor.Hop{
		{Name: doctor.Directory, Found: "the mailbox is there by this address", Took: 3 * time.Millisecond},
		{Name: doctor.Route, Found: "organization contoso"},
		{Name: doctor.DNS, Where: server, Found: "192.0.2.10", Took: 2 * time.Millisecond},
		{Name: doctor.TCP, Where: server, Found: "192.0.2.10:443", Took: 9 * time.Millisecond},
		{Name: doctor.TLS, Where: server, Found: "TLS 1.2, mail.contoso.com until 3 March 2027", Took: 31 * time.Millisecond,
			Steps: []doctor.Step{{Text: "TLS 1.3 was offered", Took: 12 * time.Millisecond}, {Text: "the certificate is by Contoso Root CA"}}},
	}
	if strings.HasPrefix(string(m), "nobody") {
		hops = append(hops, doctor.Hop{Name: doctor.Authentication, Where: server, Took: 40 * time.Millisecond,
			Reason: availability.Because(availability.Unauthorized, "401 <script>alert(1)</script> for CONTOSO\\fbgate"), Remedy: "Check name and secret of the organization’s credential."})
	} else {
		hops = append(hops, doctor.Hop{Name: doctor.Call, Where: server, Found: "200", Took: 120 * time.Millisecond},
			doctor.Hop{Name: doctor.Digits, Where: server, Found: "000000000022200110000000022220000"})
	}
	return func(yield func(doctor.Hop) bool) {
		for _, h := range hops {
			if w.hops != nil {
				select {
				case <-w.hops:
				case <-ctx.Done():
					return
				}
			}
			if !yield(h) {
				return
			}
		}
	}, nil
}

// question is one of the journal.
func question(i int) journal.Lookup {
	l := journal.Lookup{
		ID: fmt.Sprintf("4f2a%04x", i), At: time.Now().Add(time.Duration(i-24) * 41 * time.Second), Face: "free/busy", Client: fmt.Sprintf("10.1.2.%d", 20+i%5), Requester: "CONTOSO\\joe",
		Window: availability.Window{Start: midnight(), End: midnight().AddDate(0, 0, 5)}, Interval: 30 * time.Minute,
		Parse: 80 * time.Microsecond, Answer: time.Duration(1+i*7) * time.Millisecond, Render: 400 * time.Microsecond, Mailboxes: 2,
		Told: []journal.Told{
			{Mailbox: "mary@contoso.com", Organization: "contoso", Source: "https://mail.contoso.com/EWS/Exchange.asmx", Cached: i%3 != 0, Age: time.Duration(i) * time.Minute},
			{Mailbox: "pilar@fabrikam.com", Organization: "fabrikam", Source: "https://mail.fabrikam.com/EWS/Exchange.asmx"},
		},
	}
	if l.Told[0].Cached && i%4 == 2 {
		l.Answer = 90 * time.Microsecond
	} else {
		l.Upstream = l.Answer - 240*time.Microsecond
	}
	switch i % 4 {
	case 1:
		l.Told[1].Reason = availability.Because(availability.Unauthorized, "401 for FABRIKAM\\fbgate")
	case 2:
		l.Told[1].Stale, l.Told[1].Age = true, 3*time.Hour
	case 3:
		l.Face, l.Requester = "folder", ""
		l.Told = append(l.Told, journal.Told{Mailbox: "who@nowhere.example", Reason: availability.Because(availability.NoRoute, "no organization has nowhere.example")})
		l.Mailboxes = 3
	}
	return l
}

// organizations are one that serves, one that rests and one that wants to be left alone.
func organizations() []admin.Organization {
	now := time.Now()
	hour := func(busy, failing int) (all []meter.Minute) {
		for i := range 60 {
			m := meter.Minute{Start: now.Truncate(time.Minute).Add(time.Duration(i-59) * time.Minute)}
			if n := (i*i/7 + i*5) % (busy + 1); n > 0 {
				m.Calls, m.Took = uint64(n), time.Duration(n*(40+i*3%90))*time.Millisecond
				m.Looked, m.Remembered = uint64(n*9), uint64(n*(4+i%5))
				if failing > 0 && i > 60-failing {
					m.Failed = m.Calls
				}
			}
			all = append(all, m)
		}
		return all
	}
	totals := func(calls uint64, bad *availability.Reason) meter.Totals {
		t := meter.Totals{Calls: calls, Looked: meter.Looked{Remembered: calls * 7, Asked: calls * 2, Shared: calls / 3}, LastGood: now.Add(-30 * time.Second)}
		t.Took.Counts[4], t.Took.Counts[5], t.Took.Counts[7], t.Took.Sum = calls-calls/10, calls/10, 1, time.Duration(calls)*87*time.Millisecond
		if bad != nil {
			t.Why, t.LastBad = bad, now.Add(-3*time.Minute)
			t.Failed = map[availability.Code]uint64{bad.Code: 41}
			t.Untold = map[availability.Code]uint64{bad.Code: 230, availability.UnknownMailbox: 12}
		}
		return t
	}
	unauthorized := availability.Because(availability.Unauthorized, "401 Unauthorized from mail.fabrikam.com for FABRIKAM\\fbgate")
	throttled := availability.Because(availability.Throttled, "429 with Retry-After: 120")
	return []admin.Organization{
		{Name: "contoso", AccessMethod: "OrgWideFB", Domains: []string{"contoso.com", "corp.contoso.com"}, Totals: totals(18_240, nil), Hour: hour(40, 0), Remembered: 12_480, Bytes: 9_400_000,
			Servers: []admin.Server{
				{Name: "https://mail.contoso.com/EWS/Exchange.asmx", State: admin.Serving, LastGood: now.Add(-30 * time.Second), CertificateEnds: now.AddDate(0, 5, 0)},
				{Name: "https://mail2.contoso.com/EWS/Exchange.asmx", State: admin.Serving, LastGood: now.Add(-50 * time.Second), CertificateEnds: now.AddDate(0, 0, 12)},
			}},
		{Name: "fabrikam", AccessMethod: "OrgWideFB", Domains: []string{"fabrikam.com"}, Totals: totals(3_100, unauthorized), Hour: hour(14, 20), Remembered: 1_033, Bytes: 760_000,
			Servers: []admin.Server{{Name: "https://mail.fabrikam.com/EWS/Exchange.asmx", State: admin.Resting, Until: now.Add(45 * time.Second), LastGood: now.Add(-3 * time.Hour), Reason: unauthorized, CertificateEnds: now.AddDate(0, 0, -2)}}},
		{Name: "northwind", AccessMethod: "OrgWideFB", Domains: []string{"northwind.example"}, Totals: totals(640, throttled), Hour: hour(6, 3), Remembered: 88, Bytes: 61_000,
			Servers: []admin.Server{{Name: "https://outlook.office365.com/EWS/Exchange.asmx", State: admin.BackingOff, Until: now.Add(2 * time.Minute), LastGood: now.Add(-4 * time.Minute), Reason: throttled, TokenEnds: now.Add(41 * time.Minute)}}},
	}
}

// serve opens the world to a browser.
func (w *world) serve(t testing.TB) string {
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	return server.URL
}
