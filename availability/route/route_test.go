package route_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/route"

	"pgregory.net/rapid"
)

// organization is a Source that answers after a while and writes down what it was
// asked. It does not know mailboxes that begin with "nobody".
type organization struct {
	name  string
	delay time.Duration
	hangs bool // until the caller leaves

	mu    sync.Mutex
	calls []availability.Query
}

func (o *organization) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	o.mu.Lock()
	q.Mailboxes = slices.Clone(q.Mailboxes)
	o.calls = append(o.calls, q)
	o.mu.Unlock()
	if o.hangs {
		<-ctx.Done()
		return availability.Fail(q, availability.ReasonFor(ctx.Err()))
	}
	time.Sleep(o.delay)
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		answers[i] = availability.Answer{Mailbox: m, Window: q.Window, Organization: o.name, At: time.Now()}
		if strings.HasPrefix(string(m), "nobody") {
			answers[i].Reason = availability.Because(availability.UnknownMailbox, "no %s", m)
		} else {
			answers[i].Schedule = availability.NewSchedule(q.Window, 0, nil)
		}
	}
	return answers
}

// router returns a Router in front of organizations, each with its domains.
func router(organizations map[*organization]string) *route.Router {
	r := route.New()
	for o, domains := range organizations {
		r.Add(o, strings.Fields(domains)...)
	}
	return r
}

var day = availability.Window{Start: at.Epoch, End: at.Epoch.AddDate(0, 0, 1)}

func about(mailboxes ...availability.Mailbox) availability.Query {
	return availability.Query{RequestID: "r1", Requester: availability.Requester{Mailbox: "me@contoso.com"}, Mailboxes: mailboxes, Window: day, Interval: 30 * time.Minute}
}

func TestConformance(t *testing.T) {
	r := router(map[*organization]string{
		{name: "contoso"}: "contoso.com",
		{name: "fabrikam", delay: time.Millisecond}: "fabrikam.com *.fabrikam.com",
	})
	known := []availability.Mailbox{"mary@contoso.com", "joe@fabrikam.com", "ann@emea.fabrikam.com", "paul@contoso.com"}
	for name, unknown := range map[string]availability.Mailbox{
		"of one of them": "nobody@fabrikam.com",
		"of none":        "mary@example.com",
		"malformed":      "mary",
		"a legacy DN":    "/o=contoso/cn=mary",
	} {
		t.Run(name, func(t *testing.T) {
			at.TestSource(t, at.Sample{Source: r, Known: known, Unknown: unknown, Window: day})
		})
	}
}

func TestWhoAnswers(t *testing.T) {
	long := strings.Repeat("x", 400)
	for _, test := range []struct {
		domains string // of organization a, then "|", then of b
		mailbox availability.Mailbox
		want    string // the organization, or the code of the reason and its detail
	}{
		{"fabrikam.com | contoso.com", "joe@fabrikam.com", "a"},
		{"fabrikam.com | contoso.com", "mary@contoso.com", "b"},
		{"Fabrikam.COM | contoso.com", "joe@fabrikam.com", "a"},
		{"fabrikam.com |", "joe@emea.fabrikam.com", "no-route: no organization has the domain emea.fabrikam.com"},
		{"fabrikam.com |", "joe@notfabrikam.com", "no-route: no organization has the domain notfabrikam.com"},
		{"fabrikam.com |", "joe@fabrikam.com.example", "no-route: no organization has the domain fabrikam.com.example"},
		{"*.fabrikam.com |", "joe@emea.fabrikam.com", "a"},
		{"*.Fabrikam.com |", "joe@sales.emea.fabrikam.com", "a"},
		{"*.fabrikam.com |", "joe@fabrikam.com", "no-route: no organization has the domain fabrikam.com"},
		{"*.fabrikam.com |", "joe@notfabrikam.com", "no-route: no organization has the domain notfabrikam.com"},
		{"* |", "joe@anything.example", "a"},
		{"* |", "joe@localhost", "a"},

		// The most specific entry wins, whatever the order.
		{"* | fabrikam.com", "joe@fabrikam.com", "b"},
		{"* | *.fabrikam.com", "joe@emea.fabrikam.com", "b"},
		{"* | *.fabrikam.com", "joe@fabrikam.com", "a"},
		{"*.fabrikam.com | *.emea.fabrikam.com", "joe@sales.emea.fabrikam.com", "b"},
		{"*.emea.fabrikam.com | *.fabrikam.com", "joe@sales.emea.fabrikam.com", "a"},
		{"*.fabrikam.com | emea.fabrikam.com", "joe@emea.fabrikam.com", "b"},
		{"fabrikam.com *.emea.fabrikam.com | *.fabrikam.com", "joe@emea.fabrikam.com", "b"},
		{"fabrikam.com *.emea.fabrikam.com | *.fabrikam.com", "joe@x.emea.fabrikam.com", "a"},

		// What is no address, even where somebody takes every domain.
		{"* |", "", `invalid-address: "" is not an SMTP address`},
		{"* |", "mary", `invalid-address: "mary" is not an SMTP address`},
		{"* |", "@contoso.com", `invalid-address: "@contoso.com" is not an SMTP address`},
		{"* |", "mary@", `invalid-address: "mary@" is not an SMTP address`},
		{"* |", "mary @contoso.com", `invalid-address: "mary @contoso.com" is not an SMTP address`},
		{"* |", "mary\n@contoso.com", `invalid-address: "mary\n@contoso.com" is not an SMTP address`},
		{"* |", availability.Mailbox(long + "@contoso.com"), `invalid-address: "` + long[:200] + `" is not an SMTP address`},
		{"* |", "/o=contoso/cn=mary", `no-route: "/o=contoso/cn=mary" is a legacyExchangeDN, and no directory says whose`},
		{"* |", "/o=contoso/cn=mary@contoso.com", `no-route: "/o=contoso/cn=mary@contoso.com" is a legacyExchangeDN, and no directory says whose`},
		{" |", "mary@contoso.com", "no-route: no organization has the domain contoso.com"},
	} {
		a, b, _ := strings.Cut(test.domains, "|")
		r := router(map[*organization]string{{name: "a"}: a, {name: "b"}: b})
		answer := r.Lookup(t.Context(), about(test.mailbox))[0]
		at.CheckAnswer(t, answer, test.mailbox, day)
		got := answer.Organization
		if answer.Reason != nil {
			got = answer.Reason.Error()
		}
		if got != test.want {
			t.Errorf("%s: %.60q is answered by %s, want %s", test.domains, test.mailbox, got, test.want)
		}
	}
}

// Any mixture of mailboxes comes back in order, and each organization is asked once,
// for its own alone, in the words of the query.
func TestSplitsAndPutsTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		organizations := map[string]*organization{"contoso": {name: "contoso"}, "fabrikam": {name: "fabrikam"}, "rest": {name: "rest"}}
		r := router(map[*organization]string{
			organizations["contoso"]:  "contoso.com contoso.example",
			organizations["fabrikam"]: "*.fabrikam.com fabrikam.com",
			organizations["rest"]:     "*.example",
		})
		// Whose a mailbox is, "" for nobody's.
		owners := map[availability.Mailbox]string{
			"mary@contoso.com": "contoso", "paul@contoso.example": "contoso", "nobody@contoso.com": "contoso",
			"joe@fabrikam.com": "fabrikam", "ann@emea.fabrikam.com": "fabrikam",
			"tim@other.example": "rest", "eve@nowhere.test": "", "broken": "", "/o=contoso/cn=mary": "",
		}
		all := make([]availability.Mailbox, 0, len(owners))
		for m := range owners {
			all = append(all, m)
		}
		slices.Sort(all)
		q := about(rapid.SliceOfN(rapid.SampledFrom(all), 0, 20).Draw(t, "mailboxes")...)

		answers := r.Lookup(context.Background(), q)
		if len(answers) != len(q.Mailboxes) {
			t.Fatalf("%d answers about %d mailboxes", len(answers), len(q.Mailboxes))
		}
		shares := make(map[string][]availability.Mailbox)
		for i, m := range q.Mailboxes {
			if answers[i].Mailbox != m || answers[i].Organization != owners[m] {
				t.Errorf("answer %d is %s's about %s, want %q's about %s", i, answers[i].Organization, answers[i].Mailbox, owners[m], m)
			}
			shares[owners[m]] = append(shares[owners[m]], m)
		}
		for name, o := range organizations {
			switch {
			case len(shares[name]) == 0 && len(o.calls) == 0:
			case len(o.calls) != 1:
				t.Errorf("%s is asked %d times about %v", name, len(o.calls), shares[name])
			default:
				asked := o.calls[0]
				if !slices.Equal(asked.Mailboxes, shares[name]) {
					t.Errorf("%s is asked about %v, want %v", name, asked.Mailboxes, shares[name])
				}
				if asked.RequestID != q.RequestID || asked.Requester.Mailbox != q.Requester.Mailbox || asked.Window != q.Window || asked.Interval != q.Interval {
					t.Errorf("%s is asked %+v, want %+v", name, asked, q)
				}
			}
		}
	})
}

func TestAsksAllAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := router(map[*organization]string{
			{name: "a", delay: time.Second}:     "a.example",
			{name: "b", delay: 3 * time.Second}: "b.example",
			{name: "c", delay: 2 * time.Second}: "c.example",
		})
		begun := time.Now()
		r.Lookup(t.Context(), about("x@a.example", "x@b.example", "x@c.example", "y@a.example"))
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("it took %v, but the slowest takes 3s", took)
		}
	})
}

// One that hangs costs its own mailboxes their answer, and the others nothing but
// the time the caller gives.
func TestOneThatHangsSpoilsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := router(map[*organization]string{
			{name: "well", delay: time.Second}: "well.example",
			{name: "hangs", hangs: true}:       "hangs.example",
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begun := time.Now()
		answers := r.Lookup(ctx, about("x@hangs.example", "x@well.example", "nobody@well.example", "y@hangs.example", "y@well.example", "z@nowhere.test"))
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("it took %v", took)
		}
		for i, want := range []availability.Code{availability.Timeout, "", availability.UnknownMailbox, availability.Timeout, "", availability.NoRoute} {
			var got availability.Code
			if answers[i].Reason != nil {
				got = answers[i].Reason.Code
			}
			if got != want || want == "" && !answers[i].Schedule.Covers(day) {
				t.Errorf("%s: %q, want %q", answers[i].Mailbox, got, want)
			}
		}
	})
}

// Whoever waited for both is told so.
func TestChainWaitedForBoth(t *testing.T) {
	waited := func(d time.Duration, reason availability.Code) availability.Source {
		return sourceFunc(func(_ context.Context, q availability.Query) []availability.Answer {
			answers := availability.Fail(q, availability.Because(reason, "no"))
			for i := range answers {
				answers[i].Waited = d
			}
			return answers
		})
	}
	for _, first := range []availability.Code{availability.UnknownMailbox, availability.NoInformation} {
		for _, then := range []availability.Code{availability.UnknownMailbox, availability.Timeout} {
			c := route.Chain{First: waited(2*time.Second, first), Then: waited(time.Second, then), Wait: time.Minute}
			if a := lookup(c, "mary@fabrikam.com")[0]; a.Waited != 3*time.Second {
				t.Errorf("%s, then %s: %v", first, then, a.Waited)
			}
		}
	}
}

func TestChainAsksTheNextAboutTheUnknown(t *testing.T) {
	first, then := &organization{name: "premises"}, &organization{name: "cloud"}
	// The cloud calls its unknown otherwise.
	cloud := sourceFunc(func(ctx context.Context, q availability.Query) []availability.Answer {
		answers := then.Lookup(ctx, q)
		for i, m := range q.Mailboxes {
			if m == "nobody-moved@fabrikam.com" {
				answers[i].Schedule, answers[i].Reason = availability.NewSchedule(q.Window, 0, nil), nil
			}
		}
		return answers
	})
	people := []availability.Mailbox{"mary@fabrikam.com", "nobody-moved@fabrikam.com", "nobody@fabrikam.com", "joe@fabrikam.com"}
	answers := lookup(route.Chain{First: first, Then: cloud, Wait: time.Minute}, people...)
	for i, want := range []string{"premises", "cloud", "cloud", "premises"} {
		if a := answers[i]; a.Organization != want || a.Mailbox != people[i] || (a.Reason != nil) != (i == 2) {
			t.Errorf("%s: %+v", people[i], a)
		}
	}
	if len(then.calls) != 1 || len(then.calls[0].Mailboxes) != 2 {
		t.Errorf("the cloud was asked %v", then.calls)
	}
	lookup(route.Chain{First: first, Then: cloud, Wait: time.Minute}, people[0])
	if len(then.calls) != 1 {
		t.Error("the cloud was asked although everybody was known")
	}
}

// A public folder draws those who moved away as it draws those who never published.
func TestChainAfterAPublicFolder(t *testing.T) {
	folder := sourceFunc(func(_ context.Context, q availability.Query) []availability.Answer {
		answers := availability.Fail(q, availability.Because(availability.NoInformation, "all 4"))
		for i := range answers {
			answers[i].Organization = "2003"
		}
		return answers
	})
	answers := lookup(route.Chain{First: folder, Then: &organization{name: "new"}, Wait: time.Minute}, "mary@fabrikam.com", "nobody@fabrikam.com")
	if a := answers[0]; a.Organization != "new" || a.Reason != nil {
		t.Errorf("moved: %+v", a)
	}
	if a := answers[1]; a.Organization != "2003" || a.Reason == nil || a.Reason.Code != availability.NoInformation {
		t.Errorf("known nowhere else: %+v", a)
	}
}

// Whoever must not see one of two learns nothing of it: if it is the first the next is
// not asked either, and if it is the next all is as if there were none.
func TestChainWithSomebodyDenied(t *testing.T) {
	denied := sourceFunc(func(_ context.Context, q availability.Query) []availability.Answer {
		return availability.Fail(q, &availability.Reason{Code: availability.NotAllowed, Organization: "cloud", Detail: "rule 1"})
	})
	o := &organization{name: "premises"}
	if a := lookup(route.Chain{First: denied, Then: o, Wait: time.Minute}, "mary@fabrikam.com")[0]; a.Reason == nil || a.Reason.Code != availability.NotAllowed || len(o.calls) > 0 {
		t.Errorf("%+v, and %d calls", a, len(o.calls))
	}
	remembered := availability.Because(availability.UnknownMailbox, "no nobody")
	first := sourceFunc(func(ctx context.Context, q availability.Query) []availability.Answer {
		answers := o.Lookup(ctx, q)
		for i := range answers {
			if answers[i].Reason != nil {
				answers[i].Reason, answers[i].Cached = remembered, true
			}
		}
		return answers
	})
	answers := lookup(route.Chain{First: first, Then: denied, Wait: time.Minute}, "mary@fabrikam.com", "nobody@fabrikam.com")
	if a := answers[0]; a.Reason != nil || a.Organization != "premises" {
		t.Errorf("%+v", a)
	}
	if a := answers[1]; a.Reason.Error() != "unknown-mailbox: no nobody; cloud was not asked: rule 1" || a.Organization != "premises" || !a.Cached {
		t.Errorf("%+v: %v", a, a.Reason)
	}
	if remembered.Detail != "no nobody" {
		t.Errorf("what is remembered was changed: %v", remembered)
	}
}

func TestChainWaitsNoLongerThanOneOrganization(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := route.Chain{First: &organization{delay: 9 * time.Second}, Then: &organization{hangs: true}, Wait: 10 * time.Second}
		begun := time.Now()
		a := lookup(chain, "nobody@fabrikam.com")[0]
		if took := time.Since(begun); took != 10*time.Second || a.Reason == nil || a.Reason.Code != availability.Timeout {
			t.Errorf("%+v after %v", a, took)
		}
	})
}

func TestWithheld(t *testing.T) {
	a := lookup(route.Withheld("fabrikam"), "mary@fabrikam.com")[0]
	if a.Reason == nil || a.Reason.Code != availability.Withheld || a.Organization != "fabrikam" || !a.Schedule.Equal(availability.Schedule{}) {
		t.Errorf("%+v", a)
	}
}

func lookup(s availability.Source, mailboxes ...availability.Mailbox) []availability.Answer {
	w := availability.Window{Start: at.Epoch, End: at.Epoch.Add(24 * time.Hour)}
	return s.Lookup(context.Background(), availability.Query{Mailboxes: mailboxes, Window: w, Interval: time.Hour})
}

type sourceFunc func(ctx context.Context, q availability.Query) []availability.Answer

func (f sourceFunc) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	return f(ctx, q)
}
