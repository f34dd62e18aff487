package access_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/access"
	at "fbgate/availability/availabilitytest"

	"pgregory.net/rapid"
)

// organization is a Source that knows everybody whose name does not begin with "nobody",
// and notes whom it was asked about.
type organization struct {
	name string

	mu    sync.Mutex
	asked []availability.Mailbox
}

func (o *organization) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	o.mu.Lock()
	o.asked = append(o.asked, q.Mailboxes...)
	o.mu.Unlock()
	answers := availability.Fail(q, availability.Because(availability.UnknownMailbox, "nobody"))
	for i, m := range q.Mailboxes {
		answers[i].Organization = o.name
		if !strings.HasPrefix(string(m), "nobody") {
			answers[i].Schedule, answers[i].Reason = availability.NewSchedule(q.Window, 0, nil), nil
		}
	}
	return answers
}

var day = availability.Window{Start: at.Epoch, End: at.Epoch.Add(24 * time.Hour)}

func about(who availability.Requester, mailboxes ...availability.Mailbox) availability.Query {
	return availability.Query{RequestID: "r1", Requester: who, Mailboxes: mailboxes, Window: day, Interval: 30 * time.Minute}
}

func rules(t testing.TB, all ...access.Rule) *access.Rules {
	t.Helper()
	r, err := access.New(all, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func networks(all ...string) (parsed []netip.Prefix) {
	for _, one := range all {
		parsed = append(parsed, netip.MustParsePrefix(one))
	}
	return parsed
}

// code returns that of an answer's reason, "" if it has none.
func code(a availability.Answer) availability.Code {
	if a.Reason == nil {
		return ""
	}
	return a.Reason.Code
}

const sees, none = access.AvailabilityOnly, access.None

func TestDecide(t *testing.T) {
	paul := availability.Requester{Name: `NORTHWIND\paul`, Mailbox: "paul@northwind.com", Groups: []string{"sales", "s-1-5-21-7"}, Address: netip.MustParseAddr("10.1.2.3")}
	with := func(change func(*availability.Requester)) availability.Requester {
		who := paul
		change(&who)
		return who
	}
	from := func(address string) availability.Requester {
		return with(func(r *availability.Requester) { r.Address = netip.MustParseAddr(address) })
	}
	mail := func(m availability.Mailbox) availability.Requester {
		return with(func(r *availability.Requester) { r.Mailbox = m })
	}
	for name, test := range map[string]struct {
		rules        []access.Rule
		who          availability.Requester
		organization string
		level        access.Level
		number       int
	}{
		"no rules":                           {nil, paul, "fabrikam", sees, 0},
		"one about everybody":                {[]access.Rule{{Level: sees}}, paul, "fabrikam", sees, 1},
		"a level that was forgotten":         {[]access.Rule{{}}, paul, "fabrikam", none, 1},
		"none fits":                          {[]access.Rule{{Organizations: []string{"contoso"}, Level: sees}}, paul, "fabrikam", none, 0},
		"the first one decides":              {[]access.Rule{{Groups: []string{"sales"}, Level: none}, {Level: sees}}, paul, "fabrikam", none, 1},
		"the first one that fits":            {[]access.Rule{{Groups: []string{"board"}, Level: none}, {Level: sees}}, paul, "fabrikam", sees, 2},
		"an organization without case":       {[]access.Rule{{Organizations: []string{"contoso", "Fabrikam"}, Level: sees}}, paul, "FABRIKAM", sees, 1},
		"an organization, for no one's":      {[]access.Rule{{Organizations: []string{"contoso"}, Level: sees}}, paul, "", none, 0},
		"everybody, for no one's":            {[]access.Rule{{Level: sees}}, paul, "", sees, 1},
		"a domain":                           {[]access.Rule{{Domains: []string{"Northwind.COM"}, Level: sees}}, paul, "fabrikam", sees, 1},
		"one of two domains":                 {[]access.Rule{{Domains: []string{"contoso.com", "northwind.com"}, Level: sees}}, paul, "fabrikam", sees, 1},
		"another domain":                     {[]access.Rule{{Domains: []string{"wind.com"}, Level: sees}}, paul, "fabrikam", none, 0},
		"a domain below":                     {[]access.Rule{{Domains: []string{"*.northwind.com"}, Level: sees}}, mail("paul@emea.northwind.com"), "fabrikam", sees, 1},
		"a domain that is not below":         {[]access.Rule{{Domains: []string{"*.northwind.com"}, Level: sees}}, paul, "fabrikam", none, 0},
		"a domain that only ends so":         {[]access.Rule{{Domains: []string{"*.wind.com"}, Level: sees}}, paul, "fabrikam", none, 0},
		"any domain":                         {[]access.Rule{{Domains: []string{"*"}, Level: sees}}, paul, "fabrikam", sees, 1},
		"any domain, of somebody unknown":    {[]access.Rule{{Domains: []string{"*"}, Level: sees}}, mail(""), "fabrikam", none, 0},
		"any domain, of no address":          {[]access.Rule{{Domains: []string{"*"}, Level: sees}}, mail("/o=northwind/cn=paul"), "fabrikam", none, 0},
		"a domain, of somebody unknown":      {[]access.Rule{{Domains: []string{"northwind.com"}, Level: none}, {Level: sees}}, mail(""), "fabrikam", sees, 2},
		"a network":                          {[]access.Rule{{Networks: networks("192.168.0.0/16", "10.0.0.0/8"), Level: sees}}, paul, "fabrikam", sees, 1},
		"another network":                    {[]access.Rule{{Networks: networks("192.168.0.0/16"), Level: sees}}, paul, "fabrikam", none, 0},
		"a network, from nowhere":            {[]access.Rule{{Networks: networks("0.0.0.0/0", "::/0"), Level: sees}}, with(func(r *availability.Requester) { r.Address = netip.Addr{} }), "fabrikam", none, 0},
		"a network, mapped":                  {[]access.Rule{{Networks: networks("10.0.0.0/8"), Level: sees}}, from("::ffff:10.1.2.3"), "fabrikam", sees, 1},
		"a mapped network":                   {[]access.Rule{{Networks: networks("::ffff:10.0.0.0/104"), Level: sees}}, paul, "fabrikam", sees, 1},
		"a network of link-local addresses":  {[]access.Rule{{Networks: networks("fe80::/10"), Level: sees}}, from("fe80::1%eth0"), "fabrikam", sees, 1},
		"a group without case":               {[]access.Rule{{Groups: []string{"S-1-5-21-7"}, Level: sees}}, paul, "fabrikam", sees, 1},
		"a group of which only a part fits":  {[]access.Rule{{Groups: []string{"sale"}, Level: sees}}, paul, "fabrikam", none, 0},
		"a group, of somebody in none":       {[]access.Rule{{Groups: []string{"sales"}, Level: sees}}, with(func(r *availability.Requester) { r.Groups = nil }), "fabrikam", none, 0},
		"all lists":                          {[]access.Rule{{Domains: []string{"northwind.com"}, Networks: networks("10.0.0.0/8"), Groups: []string{"sales"}, Organizations: []string{"fabrikam"}, Level: sees}}, paul, "fabrikam", sees, 1},
		"all lists but one, the domains":     {[]access.Rule{{Domains: []string{"contoso.com"}, Networks: networks("10.0.0.0/8"), Groups: []string{"sales"}, Organizations: []string{"fabrikam"}, Level: sees}}, paul, "fabrikam", none, 0},
		"all lists but one, the networks":    {[]access.Rule{{Domains: []string{"northwind.com"}, Networks: networks("11.0.0.0/8"), Groups: []string{"sales"}, Level: sees}}, paul, "fabrikam", none, 0},
		"all lists but one, the groups":      {[]access.Rule{{Domains: []string{"northwind.com"}, Groups: []string{"board"}, Level: sees}}, paul, "fabrikam", none, 0},
		"nothing is known of whoever asks":   {[]access.Rule{{Level: none, Domains: []string{"*"}}, {Level: sees, Organizations: []string{"fabrikam"}}}, availability.Requester{}, "fabrikam", sees, 2},
		"nothing known, and only known ones": {[]access.Rule{{Level: sees, Groups: []string{"sales"}}}, availability.Requester{}, "fabrikam", none, 0},
	} {
		level, number := rules(t, test.rules...).Decide(test.who, test.organization)
		if level != test.level || number != test.number {
			t.Errorf("%s: level %d by rule %d, want %d by %d", name, level, number, test.level, test.number)
		}
	}
	if level, number := new(access.Rules).Decide(paul, "fabrikam"); level != sees || number != 0 {
		t.Errorf("the zero Rules: level %d by rule %d", level, number)
	}
}

func TestRulesThatAreWrong(t *testing.T) {
	_, err := access.New([]access.Rule{
		{Level: sees},
		{Domains: []string{"contoso.com", "", "*.", "*contoso.com", ".contoso.com", "contoso.com.", "a b.com", "x@contoso.com", "*.*"}},
		{Networks: []netip.Prefix{{}}, Groups: []string{""}, Organizations: []string{""}, Level: 2},
	}, nil)
	if err == nil {
		t.Fatal("taken")
	}
	const expected = ` is no mail domain: expected one such as "contoso.com", "*.contoso.com" for those below it, or "*" for any` + "\n"
	want := `rule 2: ""` + expected
	for _, name := range []string{"*.", "*contoso.com", ".contoso.com", "contoso.com.", "a b.com", "x@contoso.com", "*.*"} {
		want += `"` + name + `"` + expected
	}
	want += "rule 3: a network is not valid: expected one such as \"10.0.0.0/8\"\na group or organization has no name\n2 is no level of access"
	if err.Error() != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
}

func TestParseLevel(t *testing.T) {
	for word, want := range map[string]access.Level{"none": none, "availability_only": sees} {
		if level, err := access.ParseLevel(word); err != nil || level != want {
			t.Errorf("%s: %d, %v", word, level, err)
		}
	}
	for _, word := range []string{"", "limited_details", "None", "AvailabilityOnly"} {
		if level, err := access.ParseLevel(word); err == nil || level != none || !strings.Contains(err.Error(), "availability_only") {
			t.Errorf("%q: %d, %v", word, level, err)
		}
	}
}

// Whoever is denied is told what is told of an address nobody has, and nobody is asked.
func TestGuard(t *testing.T) {
	o := &organization{name: "Fabrikam"}
	var statistics access.Statistics
	r, err := access.New([]access.Rule{
		{Organizations: []string{"contoso"}, Level: sees},
		{Domains: []string{"northwind.com"}, Organizations: []string{"fabrikam"}, Level: none},
		{Networks: networks("10.0.0.0/8"), Level: sees},
	}, &statistics)
	if err != nil {
		t.Fatal(err)
	}
	guard := r.Guard("Fabrikam", o)
	paul := availability.Requester{Name: `NORTHWIND\paul`, Mailbox: "paul@northwind.com", Address: netip.MustParseAddr("10.1.2.3")}
	answers := guard.Lookup(t.Context(), about(paul, "mary@fabrikam.com", "nobody@fabrikam.com", "mary@fabrikam.com"))
	for i, m := range []availability.Mailbox{"mary@fabrikam.com", "nobody@fabrikam.com", "mary@fabrikam.com"} {
		at.CheckAnswer(t, answers[i], m, day)
		if a := answers[i]; a.Organization != "" || a.Source != "" || a.Cached || a.Reason.Code != availability.NotAllowed ||
			a.Reason.Organization != "Fabrikam" || a.Reason.Detail != `rule 2 of access_rules keeps it from "NORTHWIND\\paul" (paul@northwind.com) at 10.1.2.3` {
			t.Errorf("%+v: %v", a, a.Reason)
		}
	}
	if len(o.asked) != 0 || statistics.Denied.Load() != 3 {
		t.Errorf("asked about %v, %d denied", o.asked, statistics.Denied.Load())
	}
	stranger := availability.Requester{Address: netip.MustParseAddr("192.0.2.1")}
	if a := guard.Lookup(t.Context(), about(stranger, "mary@fabrikam.com"))[0]; a.Reason.Detail != "no rule of access_rules shows it to somebody at 192.0.2.1" {
		t.Error(a.Reason)
	}
	paul.Mailbox = "paul@contoso.com"
	if a := guard.Lookup(t.Context(), about(paul, "mary@fabrikam.com"))[0]; a.Reason != nil || a.Organization != "Fabrikam" || len(o.asked) != 1 {
		t.Errorf("allowed: %+v", a)
	}
	if a := access.Unrestricted(guard).Lookup(t.Context(), about(stranger, "mary@fabrikam.com"))[0]; a.Reason != nil || statistics.Denied.Load() != 4 {
		t.Errorf("fbgate itself: %+v, %d denied", a, statistics.Denied.Load())
	}
}

func TestGuardConformance(t *testing.T) {
	o := &organization{name: "fabrikam"}
	sample := at.Sample{Known: []availability.Mailbox{"mary@fabrikam.com", "joe@fabrikam.com"}, Unknown: "nobody@fabrikam.com", Window: day}
	sample.Source = rules(t, access.Rule{Level: sees}).Guard("fabrikam", o)
	at.TestSource(t, sample)
	sample.Source = access.Unrestricted(rules(t, access.Rule{Level: none}).Guard("fabrikam", o))
	at.TestSource(t, sample)
}

func TestNoRulesCostNothing(t *testing.T) {
	o, r := &organization{}, rules(t)
	owners := func(context.Context, []availability.Mailbox) []access.Owner { panic("nobody needs to know") }
	if r.Guard("fabrikam", o) != availability.Source(o) || r.Veil(owners, o) != availability.Source(o) || r.Denied(owners) != nil {
		t.Error("there is something in between")
	}
}

// The rules decide as their description says, and of those denied nobody hears.
func TestRulesDecideAsTheyRead(t *testing.T) {
	pick := func(of ...string) *rapid.Generator[[]string] { return rapid.SliceOfN(rapid.SampledFrom(of), 0, 2) }
	rule := rapid.Custom(func(t *rapid.T) access.Rule {
		return access.Rule{
			Domains:       pick("contoso.com", "*.contoso.com", "Fabrikam.com", "*").Draw(t, "domains"),
			Networks:      networks(pick("10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "::/0").Draw(t, "networks")...),
			Groups:        pick("Sales", "board", "CN=Staff,DC=contoso").Draw(t, "groups"),
			Organizations: pick("contoso", "Fabrikam").Draw(t, "organizations"),
			Level:         access.Level(rapid.IntRange(0, 1).Draw(t, "level")),
		}
	})
	who := rapid.Custom(func(t *rapid.T) availability.Requester {
		address, _ := netip.ParseAddr(rapid.SampledFrom([]string{"", "10.1.2.3", "10.2.2.3", "::ffff:10.1.2.3", "2001:db8::1", "2001:db9::1", "192.0.2.1"}).Draw(t, "address"))
		return availability.Requester{
			Mailbox: rapid.SampledFrom([]availability.Mailbox{"", "mary@contoso.com", "mary@emea.contoso.com", "joe@fabrikam.com", "x@notcontoso.com", "/o=x"}).Draw(t, "mailbox"),
			Groups:  pick("sales", "board", "cn=staff,dc=contoso", "others").Draw(t, "groups"),
			Address: address,
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		all, who := rapid.SliceOfN(rule, 0, 6).Draw(t, "rules"), who.Draw(t, "who")
		r, err := access.New(all, nil)
		if err != nil {
			t.Fatal(err)
		}
		o := &organization{name: rapid.SampledFrom([]string{"contoso", "Fabrikam"}).Draw(t, "organization")}
		want := oracle(all, who, o.name)
		level, number := r.Decide(who, o.name)
		if level != want || number > 0 && all[number-1].Level != level {
			t.Fatalf("level %d by rule %d, want %d", level, number, want)
		}

		mailbox := rapid.SampledFrom([]availability.Mailbox{"a@x.com", "b@x.com", "nobody@x.com", "", "/o=x"})
		q := about(who, rapid.SliceOfN(mailbox, 0, 8).Draw(t, "mailboxes")...)
		answers := r.Guard(o.name, o).Lookup(context.Background(), q)
		if len(answers) != len(q.Mailboxes) {
			t.Fatalf("%d answers about %d mailboxes", len(answers), len(q.Mailboxes))
		}
		for i, a := range answers {
			if a.Mailbox != q.Mailboxes[i] || (code(a) == availability.NotAllowed) != (want == none) {
				t.Errorf("%s: %+v", q.Mailboxes[i], a)
			}
		}
		if want == none && len(o.asked) > 0 || want != none && !slices.Equal(o.asked, q.Mailboxes) {
			t.Errorf("asked about %v of %v", o.asked, q.Mailboxes)
		}
	})
}

// oracle says in the plainest way what rules mean.
func oracle(rules []access.Rule, who availability.Requester, organization string) access.Level {
	if len(rules) == 0 {
		return sees
	}
	for _, r := range rules {
		domain, network, group, target := len(r.Domains) == 0, len(r.Networks) == 0, len(r.Groups) == 0, len(r.Organizations) == 0
		for _, d := range r.Domains {
			_, of, _ := strings.Cut(string(who.Mailbox), "@")
			d = strings.ToLower(d)
			domain = domain || of != "" && (d == "*" || d == of || strings.HasPrefix(d, "*") && strings.HasSuffix(of, d[1:]))
		}
		for _, n := range r.Networks {
			network = network || n.Contains(who.Address.Unmap())
		}
		for _, g := range r.Groups {
			for _, in := range who.Groups {
				group = group || strings.EqualFold(g, in)
			}
		}
		for _, o := range r.Organizations {
			target = target || strings.EqualFold(o, organization)
		}
		if domain && network && group && target {
			return r.Level
		}
	}
	return none
}
