package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/directory"

	"pgregory.net/rapid"
)

// book is a Directory that knows what it is told, or fails.
type book struct {
	entries map[availability.Mailbox]*directory.Entry
	err     error
	finds   [][]availability.Mailbox
	mu      sync.Mutex
}

func (b *book) Find(_ context.Context, mailboxes []availability.Mailbox) (map[availability.Mailbox]*directory.Entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finds = append(b.finds, slices.Clone(mailboxes))
	found := make(map[availability.Mailbox]*directory.Entry)
	for _, m := range mailboxes {
		if e := b.entries[m]; e != nil && b.err == nil {
			found[m] = e
		}
	}
	return found, b.err
}

// known makes a book of lines such as
//
//	joe@contoso.com = /o=contoso/cn=joe j.doe@contoso.com -> joe@fabrikam.com
//	all@contoso.com : joe@contoso.com ann@contoso.com
//
// the primary address with others, and a target or members.
func known(lines string) *book {
	b := &book{entries: make(map[availability.Mailbox]*directory.Entry)}
	for line := range strings.Lines(lines) {
		names, target, redirected := strings.Cut(strings.TrimSpace(line), " -> ")
		names, members, list := strings.Cut(names, ":")
		primary, others, _ := strings.Cut(names, "=")
		if strings.HasPrefix(names, "/") {
			primary, others = "", names
		}
		addresses := strings.Fields(primary + " " + strings.TrimPrefix(strings.TrimSpace(others), "="))
		if len(addresses) == 0 {
			continue
		}
		e := &directory.Entry{}
		for _, a := range addresses {
			m := availability.Mailbox(a)
			switch {
			case m.IsLegacyDN():
				e.LegacyDN = m
			case e.Primary == "":
				e.Primary, e.Mailbox = m, m
			}
			b.entries[m] = e
		}
		if redirected {
			e.Mailbox = availability.Mailbox(strings.TrimSpace(target))
		}
		if list {
			e.Members = []availability.Mailbox{}
			for _, m := range strings.Fields(members) {
				e.Members = append(e.Members, availability.Mailbox(m))
			}
		}
	}
	return b
}

// next is a Source that answers for everybody but "nobody…", and keeps the calls.
type next struct {
	mu        sync.Mutex
	calls     []availability.Query
	schedules map[availability.Mailbox]availability.Schedule // free if absent
	answer    func(availability.Answer) availability.Answer
}

func (n *next) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	n.mu.Lock()
	defer n.mu.Unlock()
	asked := q
	asked.Mailboxes = slices.Clone(q.Mailboxes)
	n.calls = append(n.calls, asked)
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i, m := range q.Mailboxes {
		a := availability.Answer{Mailbox: m, Window: q.Window, Organization: "contoso", Source: "https://contoso", At: at.Epoch}
		switch s, ok := n.schedules[m]; {
		case strings.HasPrefix(string(m), "nobody"):
			a.Reason = &availability.Reason{Code: availability.UnknownMailbox, Detail: "no such mailbox", Scope: availability.OfServer}
		case ok:
			a.Schedule = s
			if !s.Covers(q.Window) {
				a.Reason = availability.Because(availability.NoInformation, "not all of it")
			}
		default:
			a.Schedule = availability.NewSchedule(q.Window, 0, nil)
		}
		if n.answer != nil {
			a = n.answer(a)
		}
		answers[i] = a
	}
	return answers
}

var day = availability.Window{Start: at.Epoch, End: at.Epoch.AddDate(0, 0, 1)}

func about(mailboxes ...availability.Mailbox) availability.Query {
	return availability.Query{RequestID: "r1", Via: "1.1 gate", Requester: availability.Requester{Mailbox: "me@contoso.com"}, Mailboxes: mailboxes, Window: day, Interval: 30 * time.Minute}
}

func mailboxes(fields string) []availability.Mailbox {
	var all []availability.Mailbox
	for _, f := range strings.Fields(fields) {
		all = append(all, availability.Mailbox(f))
	}
	return all
}

// state sketches an answer: "known", or the code of its reason and the detail.
func state(a availability.Answer) string {
	if a.Reason == nil {
		return "known"
	}
	return a.Reason.Error()
}

func TestWhoIsAsked(t *testing.T) {
	for name, test := range map[string]struct {
		book string
		ask  string
		want string // whom Next is asked about
		says []string
	}{
		"unknown":         {"", "joe@fabrikam.com", "joe@fabrikam.com", nil},
		"known":           {"joe@contoso.com = /o=contoso/cn=joe", "joe@contoso.com", "joe@contoso.com", nil},
		"in this order":   {"", "b@x.example a@x.example b@x.example", "b@x.example a@x.example b@x.example", nil},
		"legacyDN":        {"joe@contoso.com = /o=contoso/cn=joe", "/o=contoso/cn=joe", "joe@contoso.com", nil},
		"secondary":       {"joe@contoso.com = j.doe@contoso.com", "j.doe@contoso.com", "joe@contoso.com", nil},
		"target":          {"joe@contoso.com -> joe@fabrikam.com", "joe@contoso.com", "joe@fabrikam.com", nil},
		"legacy target":   {"joe@contoso.com = /o=contoso/cn=joe -> joe@fabrikam.com", "/o=contoso/cn=joe", "joe@fabrikam.com", nil},
		"own target":      {"joe@contoso.com = joe@cloud.example -> joe@cloud.example", "joe@contoso.com", "joe@cloud.example", nil},
		"target only":     {"/o=contoso/cn=joe -> joe@fabrikam.com", "/o=contoso/cn=joe", "joe@fabrikam.com", nil},
		"once":            {"joe@contoso.com = /o=contoso/cn=joe", "/o=contoso/cn=joe joe@contoso.com /o=contoso/cn=joe", "joe@contoso.com", nil},
		"chain":           {"a@x.example -> b@x.example\nb@x.example -> c@x.example\nc@x.example -> d@x.example", "a@x.example", "d@x.example", nil},
		"encapsulated":    {"joe@contoso.com = /o=contoso/ou=ext_(x)/cn=joe", "imceaex-_o=contoso_ou=ext+5F+28x+29_cn=joe@contoso.com", "joe@contoso.com", nil},
		"unknown capsule": {"", "imceaex-_o=contoso_cn=joe@contoso.com", "imceaex-_o=contoso_cn=joe@contoso.com", nil},
		"broken capsule":  {"joe@contoso.com = /o=contoso/cn=joe", "imceaex-_o=contoso_cn=joe+2@contoso.com", "imceaex-_o=contoso_cn=joe+2@contoso.com", nil},
		"capsule, other":  {"joe@contoso.com = /o=contoso/cn=joe", "imceaex-_o=contoso_cn=ann@contoso.com /o=contoso/cn=joe", "imceaex-_o=contoso_cn=ann@contoso.com joe@contoso.com", nil},
		"unknown legacyDN": {"", "/o=contoso/cn=joe mary@contoso.com", "mary@contoso.com",
			[]string{`no-route: "/o=contoso/cn=joe" is a legacyExchangeDN that the directory does not know`, "known"}},
		"nameless": {"/o=contoso/cn=joe", "/o=contoso/cn=joe", "",
			[]string{`no-route: "/o=contoso/cn=joe" has no SMTP address in the directory`}},
		"round": {"a@x.example -> b@x.example\nb@x.example -> a@x.example", "a@x.example", "",
			[]string{`no-route: target addresses in the directory lead from "a@x.example" round to "a@x.example"`}},
		"too far": {"a@x.example -> b@x.example\nb@x.example -> c@x.example\nc@x.example -> d@x.example\nd@x.example -> e@x.example", "a@x.example", "",
			[]string{`no-route: target addresses in the directory lead from "a@x.example" on and on: the last one followed is "d@x.example"`}},

		"list":             {"all@x.example : a@x.example b@x.example", "all@x.example", "a@x.example b@x.example", nil},
		"list and member":  {"all@x.example : a@x.example b@x.example", "b@x.example all@x.example all@x.example", "b@x.example a@x.example", nil},
		"list of targets":  {"all@x.example : a@x.example b@x.example\na@x.example -> c@y.example\nb@x.example -> c@y.example", "all@x.example", "c@y.example", nil},
		"nested":           {"all@x.example : a@x.example some@x.example\nsome@x.example : b@x.example /o=x/cn=c a@x.example\nc@x.example = /o=x/cn=c", "all@x.example", "a@x.example b@x.example c@x.example", nil},
		"cycle":            {"all@x.example : a@x.example some@x.example\nsome@x.example : b@x.example all@x.example", "all@x.example some@x.example", "a@x.example b@x.example", nil},
		"cycle, otherwise": {"all@x.example = everybody@x.example : a@x.example some@x.example\nsome@x.example : b@x.example everybody@x.example", "all@x.example", "a@x.example b@x.example", nil},
		"target is a list": {"all@y.example -> all@x.example\nall@x.example : a@x.example", "all@y.example", "a@x.example", nil},
		"empty": {"all@x.example :", "all@x.example", "",
			[]string{"no-data: the distribution list has no members that get mail"}},
		"cycle of nobody": {"all@x.example : some@x.example\nsome@x.example : all@x.example", "all@x.example", "",
			[]string{"no-data: the distribution list has no members that get mail"}},
		"one fails": {"all@x.example : a@x.example nobody@x.example b@x.example", "all@x.example a@x.example", "a@x.example nobody@x.example b@x.example",
			[]string{"unknown-mailbox: 1 of 3 members: nobody@x.example: no such mailbox", "known"}},
		"one is unknown": {"all@x.example : /o=x/cn=gone a@x.example", "all@x.example", "a@x.example",
			[]string{`no-route: 1 of 2 members: "/o=x/cn=gone" is a legacyExchangeDN that the directory does not know`}},
		"several fail": {"all@x.example : nobody1@x.example /o=x/cn=gone", "all@x.example", "nobody1@x.example",
			[]string{"unknown-mailbox: 2 of 2 members: nobody1@x.example: no such mailbox"}},
		"too large": {"all@x.example : a@x.example b@x.example c@x.example d@x.example e@x.example\na@x.example -> a@y.example", "all@x.example mary@x.example", "mary@x.example",
			[]string{"list-too-large: the distribution list has 5 members or more, and at most 4 members are expanded", "known"}},
		"too large by nesting": {"all@x.example : a@x.example b@x.example some@x.example\nsome@x.example : c@x.example d@x.example e@x.example", "all@x.example", "",
			[]string{"list-too-large: the distribution list has 5 members or more, and at most 4 members are expanded"}},
		"too many names": {"all@x.example : a@x.example b@x.example c@x.example d@x.example e@x.example f@x.example g@x.example h@x.example i@x.example j@x.example", "all@x.example", "",
			[]string{"list-too-large: the distribution list has 10 members and lists or more, and at most 4 members are expanded"}},
		"just right": {"all@x.example : a@x.example b@x.example some@x.example\nsome@x.example : c@x.example d@x.example a@x.example", "all@x.example", "a@x.example b@x.example c@x.example d@x.example", nil},
	} {
		t.Run(name, func(t *testing.T) {
			n := &next{}
			s := &directory.Source{Directory: known(test.book), Next: n, MaxListMembers: 4}
			q := about(mailboxes(test.ask)...)
			answers := s.Lookup(t.Context(), q)
			if len(answers) != len(q.Mailboxes) {
				t.Fatalf("%d answers", len(answers))
			}
			for i, a := range answers {
				at.CheckAnswer(t, a, q.Mailboxes[i], day)
				want := "known"
				if test.says != nil {
					want = test.says[i]
				}
				if got := state(a); got != want {
					t.Errorf("%s: %s, want %s", a.Mailbox, got, want)
				}
				if a.Reason != nil && a.Reason.Scope != availability.OfMailbox {
					t.Errorf("%s: the reason reaches farther than the mailbox", a.Mailbox)
				}
			}
			var asked []availability.Mailbox
			switch len(n.calls) {
			case 0:
			case 1:
				got := n.calls[0]
				asked = got.Mailboxes
				got.Mailboxes = q.Mailboxes
				if fmt.Sprint(got) != fmt.Sprint(q) {
					t.Errorf("Next is asked %+v instead of %+v", got, q)
				}
			default:
				t.Fatalf("Next is asked %d times", len(n.calls))
			}
			if want := mailboxes(test.want); !slices.Equal(asked, want) {
				t.Errorf("Next is asked about %v, want %v", asked, want)
			}
		})
	}
}

func TestDirectoryFails(t *testing.T) {
	for name, err := range map[string]error{
		"with a reason": availability.Because(availability.DirectoryFailed, "ldap://dc: gone"),
		"with an error": errors.New("ldap://dc: gone"),
	} {
		t.Run(name, func(t *testing.T) {
			n := &next{}
			s := &directory.Source{Directory: &book{err: err}, Next: n}
			answers := s.Lookup(t.Context(), about("joe@fabrikam.com", "/o=contoso/cn=joe", "imceaex-_o=contoso_cn=ann@contoso.com"))
			for i, want := range []string{"known", "directory: ldap://dc: gone", "known"} {
				if got := state(answers[i]); got != want {
					t.Errorf("%s: %s, want %s", answers[i].Mailbox, got, want)
				}
			}
			if want := mailboxes("joe@fabrikam.com imceaex-_o=contoso_cn=ann@contoso.com"); !slices.Equal(n.calls[0].Mailboxes, want) {
				t.Errorf("asked about %v", n.calls[0].Mailboxes)
			}
		})
	}
}

// What is asked of the directory: everybody at once, and level by level.
func TestFindsTogether(t *testing.T) {
	b := known("all@x.example : some@x.example a@x.example\nsome@x.example : b@x.example\njoe@x.example -> joe@y.example")
	s := &directory.Source{Directory: b, Next: &next{}}
	s.Lookup(t.Context(), about("all@x.example", "joe@x.example", "a@x.example", "joe@x.example"))
	want := [][]availability.Mailbox{
		mailboxes("all@x.example joe@x.example a@x.example joe@x.example"),
		mailboxes("some@x.example joe@y.example"),
		mailboxes("b@x.example"),
	}
	if fmt.Sprint(b.finds) != fmt.Sprint(want) {
		t.Errorf("the directory is asked\n%v, want\n%v", b.finds, want)
	}
}

func TestAnswerOfAList(t *testing.T) {
	answers := map[availability.Mailbox]availability.Answer{
		"a@x.example": {At: at.Epoch.Add(2 * time.Minute), Expires: at.Epoch.Add(20 * time.Minute), Cached: true, Organization: "x", Source: "https://x"},
		"b@x.example": {At: at.Epoch.Add(time.Minute), Expires: at.Epoch.Add(10 * time.Minute), Cached: true, Organization: "x", Source: "https://x2"},
		"c@x.example": {At: at.Epoch.Add(3 * time.Minute), Organization: "y"},
	}
	n := &next{answer: func(a availability.Answer) availability.Answer {
		b := answers[a.Mailbox]
		b.Mailbox, b.Window, b.Schedule = a.Mailbox, a.Window, a.Schedule
		return b
	}}
	s := &directory.Source{Directory: known("ab@x.example : a@x.example b@x.example\nabc@x.example : a@x.example b@x.example c@x.example"), Next: n}
	got := s.Lookup(t.Context(), about("ab@x.example", "abc@x.example"))
	ab, abc := got[0], got[1]
	if !ab.At.Equal(at.Epoch.Add(time.Minute)) || !ab.Expires.Equal(at.Epoch.Add(10*time.Minute)) || !ab.Cached || ab.Organization != "x" || ab.Source != "" {
		t.Errorf("two: %+v", ab)
	}
	if !abc.At.Equal(at.Epoch.Add(time.Minute)) || !abc.Expires.IsZero() || abc.Cached || abc.Organization != "" {
		t.Errorf("three: %+v", abc)
	}
}

// The digits of a list are those its members have, drawn as one; and whatever of a
// member is not known is not free.
func TestListIsWhatCoversItsMembers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := at.Window().Draw(t, "window")
		interval := rapid.SampledFrom([]time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute, 7 * time.Minute}).Draw(t, "interval")
		members := rapid.SliceOfN(at.Schedule(), 1, 5).Draw(t, "members")
		n := &next{schedules: make(map[availability.Mailbox]availability.Schedule)}
		e := &directory.Entry{Mailbox: "all@x.example", Primary: "all@x.example", Members: []availability.Mailbox{}}
		for i, s := range members {
			m := availability.Mailbox(fmt.Sprintf("m%d@x.example", i))
			n.schedules[m] = s
			e.Members = append(e.Members, m)
		}
		s := &directory.Source{Directory: &book{entries: map[availability.Mailbox]*directory.Entry{"all@x.example": e}}, Next: n}
		q := availability.Query{Mailboxes: []availability.Mailbox{"all@x.example"}, Window: window, Interval: interval}
		list := s.Lookup(context.Background(), q)[0]

		at.CheckCanonical(t, list.Schedule)
		want := make([]availability.Status, window.Slots(interval))
		for i := range want {
			want[i] = availability.Free
		}
		complete := true
		for _, m := range members {
			complete = complete && m.Covers(window)
			for i, status := range at.Statuses(m, window, interval) {
				want[i] = availability.Cover(want[i], status)
			}
		}
		if got := at.Statuses(list.Schedule, window, interval); !slices.Equal(got, want) {
			t.Fatalf("drawn as %v, want %v", got, want)
		}
		if complete != (list.Reason == nil) || list.Reason == nil && !list.Schedule.Covers(window) {
			t.Fatalf("members known in full: %v, but the reason is %v and the schedule %+v", complete, list.Reason, list.Schedule)
		}
	})
}

func TestConformance(t *testing.T) {
	b := known(`joe@contoso.com = /o=contoso/cn=joe
all@contoso.com : joe@contoso.com mary@contoso.com /o=contoso/cn=joe
nobodies@contoso.com : nobody@contoso.com
ann@contoso.com = -> ann@fabrikam.com`)
	for name, unknown := range map[string]availability.Mailbox{
		"a legacyDN": "/o=contoso/cn=gone", "nobody": "nobody@contoso.com", "a list": "nobodies@contoso.com",
	} {
		t.Run(name, func(t *testing.T) {
			at.TestSource(t, at.Sample{
				Source:  &directory.Source{Directory: b, Next: &next{}},
				Known:   []availability.Mailbox{"mary@contoso.com", "/o=contoso/cn=joe", "all@contoso.com", "ann@contoso.com"},
				Unknown: unknown, Window: day,
			})
		})
	}
}

// quiet answers without allocating, and finds nobody.
type quiet struct{}

func (quiet) Lookup(context.Context, availability.Query) []availability.Answer { return nil }
func (quiet) Find(context.Context, []availability.Mailbox) (map[availability.Mailbox]*directory.Entry, error) {
	return nil, nil
}

func TestNothingToResolveCostsNothing(t *testing.T) {
	var s availability.Source = &directory.Source{Directory: quiet{}, Next: quiet{}}
	q := about("joe@fabrikam.com", "ann@fabrikam.com")
	if n := testing.AllocsPerRun(100, func() { s.Lookup(t.Context(), q) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
