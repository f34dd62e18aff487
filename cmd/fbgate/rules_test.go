package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/access"
	"fbgate/availability/directory"
	"fbgate/availability/published"
	"fbgate/availability/route"
	"fbgate/cmd/fbgate/config"
)

// A folder shows nobody whom the rules do not: neither names nor the groups they are in.
func TestRulesHoldInFolderLists(t *testing.T) {
	t.Parallel()
	var people strings.Builder
	people.WriteString("PrimarySmtpAddress,LegacyExchangeDN,EmailAddresses\n")
	for i := range 1100 { // more than are read at once
		fmt.Fprintf(&people, "user%[1]d@contoso.com,/o=Contoso/ou=Sales/cn=Recipients/cn=user%[1]d,\n", i)
	}
	people.WriteString("zed@northwind.com,/o=Contoso/ou=Sales/cn=Recipients/cn=zed,\nzoe@northwind.com,/o=Contoso/ou=Tours/cn=Recipients/cn=zoe,\n")
	people.WriteString("boss@contoso.com,/o=Contoso/ou=Board/cn=Recipients/cn=boss,\n")
	file := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(file, []byte(people.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	const root = "/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/"
	const sales, find = root + "EX:_xF8FF_o=Contoso_xF8FF_ou=Sales/", `<a:propfind xmlns:a="DAV:"><a:prop><a:displayname/></a:prop></a:propfind>`
	const search = `<a:searchrequest xmlns:a="DAV:"><a:sql>SELECT "DAV:displayname" FROM Scope('SHALLOW TRAVERSAL OF ""')</a:sql></a:searchrequest>`
	rules := `
access_rules:
  - {groups: board, free_busy_access_level: availability_only}
  - {organizations: contoso, free_busy_access_level: none}
  - {free_busy_access_level: availability_only}
`
	const everybody, groups = 1101, 3
	for _, test := range []struct {
		rules, who        string
		recipients, found int // in Sales, and groups
	}{
		{rules, "mary", everybody, groups},
		{rules, "joe", 1, 2},
		{"", "joe", everybody, groups},
		{"access_rules: [{groups: board, free_busy_access_level: availability_only}]\n", "joe", 0, 0},
	} {
		s := withLogin(t, "methods: [basic], insecure_http: true", fmt.Sprintf("directory: {file: %q}\n%s", file, test.rules))
		as := basic(test.who, "secret")
		ask := func(method, target, body string) string {
			w := s.send(method, target, body, "Depth: 1", "Authorization: "+as.Get("Authorization"))
			if w.Code != 200 && w.Code != 207 {
				t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
			}
			return w.Body.String()
		}
		for _, question := range [][2]string{{"PROPFIND", find}, {"SEARCH", search}, {"GET", ""}} {
			listed := ask(question[0], sales, question[1])
			if n := strings.Count(listed, "/USER-"); n != test.recipients {
				t.Errorf("%s of %s: %d recipients, want %d", question[0], test.who, n, test.recipients)
			}
			if seen := strings.Contains(listed, "cn=user7.EML"); seen != (test.recipients == everybody) {
				t.Errorf("%s of %s: user7 is seen: %t", question[0], test.who, seen)
			}
			listed = ask(question[0], root, question[1])
			found := 0
			for _, group := range []string{"ou=sales/", "ou=tours/", "ou=board/"} {
				if strings.Contains(listed, group) {
					found++
				}
			}
			if found != test.found {
				t.Errorf("%s of %s: %d groups, want %d: %s", question[0], test.who, found, test.found, listed)
			}
		}
	}
}

// half is a directory that has failed, but for one that it remembers.
type half struct{}

func (half) Find(context.Context, []availability.Mailbox) (map[availability.Mailbox]*directory.Entry, error) {
	return map[availability.Mailbox]*directory.Entry{"ann@contoso.com": {Mailbox: "ann@contoso.com"}},
		availability.Because(availability.DirectoryFailed, "it is down")
}

// While the directory cannot say whose an address is, the rules show nothing of it; and
// without rules nobody needs to know.
func TestRulesWhileDirectoryIsDown(t *testing.T) {
	t.Parallel()
	contoso := availability.Source(route.New())
	router := route.New()
	router.Add(contoso, "contoso.com")
	o := &owners{directory: half{}, router: router, names: map[availability.Source]string{contoso: "contoso"}}
	store, err := published.Open(filepath.Join(t.TempDir(), "published.db"), published.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	start := time.Now().UTC().Truncate(time.Hour)
	window := availability.Window{Start: start, End: start.Add(2 * time.Hour)}
	mailboxes := []availability.Mailbox{"ann@contoso.com", "mary@contoso.com"}
	for _, m := range mailboxes {
		if err := store.Publish(t.Context(), availability.Publication{Mailbox: m, Schedule: availability.NewSchedule(window, 0, nil), By: "sync", At: start, Expires: start.Add(24 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		rules []config.AccessRule
		codes [2]availability.Code
	}{
		{nil, [2]availability.Code{"", ""}},
		{[]config.AccessRule{{FreeBusyAccessLevel: "availability_only"}}, [2]availability.Code{"", availability.DirectoryFailed}},
		{[]config.AccessRule{{FreeBusyAccessLevel: "none"}}, [2]availability.Code{availability.NotAllowed, availability.DirectoryFailed}},
	} {
		rules, err := newRules(test.rules, new(access.Statistics))
		if err != nil {
			t.Fatal(err)
		}
		source := published.Source{Store: store, Next: router, Denied: rules.Denied(o.of)}
		for i, a := range source.Lookup(t.Context(), availability.Query{Mailboxes: mailboxes, Window: window, Interval: time.Hour}) {
			var code availability.Code
			if a.Reason != nil {
				code = a.Reason.Code
			}
			if code != test.codes[i] || (code == "") == a.Schedule.Known.Empty() {
				t.Errorf("%v: %s: %+v, want %q", test.rules, a.Mailbox, a, test.codes[i])
			}
		}
		tells := stub{availability.ListTooLarge}
		for i, a := range rules.Veil(o.of, tells).Lookup(t.Context(), availability.Query{Mailboxes: mailboxes, Window: window, Interval: time.Hour}) {
			want := test.codes[i]
			if want == "" {
				want = availability.ListTooLarge
			}
			if a.Reason == nil || a.Reason.Code != want {
				t.Errorf("%v: the list %s: %v, want %s", test.rules, a.Mailbox, a.Reason, want)
			}
		}
	}
	if all := o.of(t.Context(), mailboxes); all[0].Organization != "contoso" || all[1].Reason == nil {
		t.Errorf("%+v", all)
	}
}

// stub fails for one reason.
type stub struct{ code availability.Code }

func (s stub) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	return availability.Fail(q, availability.Because(s.code, "by the directory"))
}

func TestRulesPassedByWithoutLogIn(t *testing.T) {
	const (
		contractors = "  - {groups: [contractors], organizations: [contoso], free_busy_access_level: none}\n"
		abroad      = "  - {domains: [contoso.com], networks: [192.0.2.0/24], free_busy_access_level: none}\n"
		office      = "  - {networks: [10.0.0.0/8], free_busy_access_level: none}\n"
		sales       = "  - {groups: [sales], free_busy_access_level: availability_only}\n"
		fabrikam    = "  - {organizations: [fabrikam], free_busy_access_level: availability_only}\n"
		all         = "  - {free_busy_access_level: availability_only}\n"
		from        = "login: {methods: [basic], htpasswd_file: x, networks: [10.0.0.0/8]}\n"
		asked       = "login: {methods: [basic], htpasswd_file: x}\n"
		behind      = "passthrough: {url: http://192.0.2.10}\nlogin: {methods: passthrough}\n"
		tls         = "tls: {listen: 127.0.0.1:0, certificate_file: x, key_file: x, login_networks: [10.0.0.0/8]}\n"
	)
	for _, c := range []struct {
		about, login, rules string
		want                []passing
	}{
		{"a network", from, contractors + all, []passing{{rule: 1}}},
		{"a network of tls.listen", asked + tls, contractors + all, []passing{{rule: 1}}},
		{"everybody", "login: {anonymous: true}\n", sales + contractors + all, []passing{{rule: 2}}},
		{"no log-in", "", contractors + all, []passing{{rule: 1}}},
		{"everybody logs in", asked, contractors + all, nil},
		{"not at tls.listen", from + strings.Replace(tls, "[10.0.0.0/8]", "[]", 1), contractors + all, []passing{{rule: 1}}},
		{"nobody else is shown it", from, contractors + sales, nil},
		{"others are shown another organization", from, contractors + fabrikam, nil},
		{"the network is kept out, too", from, contractors + office + all, nil},
		{"everybody is shown it before", from, all + contractors, nil},
		{"the rule is about another network", from, abroad + all, nil},
		{"at the server behind", behind, contractors + all, []passing{{1, true}}},
		{"at the server behind tls.listen", "passthrough: {url: http://192.0.2.10}\n" + asked + strings.Replace(tls, "login_networks: [10.0.0.0/8]", "login_methods: passthrough", 1), contractors + all, []passing{{1, true}}},
		{"at the server behind, from a network of the rule", behind, abroad + all, []passing{{1, true}}},
		{"everybody, from a network of the rule", "login: {anonymous: true}\n", abroad + all, []passing{{rule: 1}}},
		{"at the server behind, the other way round", behind, sales + contractors, nil},
		{"at the server behind, of another organization", behind, contractors + fabrikam, nil},
		{"both", strings.Replace(behind, "login: {", "login: {networks: [10.0.0.0/8], ", 1), contractors + all, []passing{{rule: 1}}},
		{"the network is kept out, others are not", strings.Replace(behind, "login: {", "login: {networks: [10.0.0.0/8], ", 1), contractors + office + all, []passing{{1, true}}},
	} {
		loaded, err := config.Parse("test", []byte(c.login+"access_rules:\n"+c.rules+
			"organizations:\n  - {name: contoso, domains: [contoso.com], target_sharing_epr: https://a.test/x}\n  - {name: fabrikam, domains: [fabrikam.com], target_sharing_epr: https://b.test/x}\n"))
		if err != nil {
			t.Fatalf("%s: %v", c.about, err)
		}
		if got, err := passedBy(loaded); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: rules %v, %v; want %v", c.about, got, err, c.want)
		}
	}
}

// Who starts the gateway with such a rule is told, too.
func TestServeWarnsOfRulesPassedBy(t *testing.T) {
	t.Parallel()
	for rules, want := range map[string]int{
		"[{groups: contractors, free_busy_access_level: none}, {free_busy_access_level: availability_only}]": 1,
		"[{groups: sales, free_busy_access_level: availability_only}]":                                       0,
	} {
		var log bytes.Buffer
		s, err := start(parse(t, `
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
passthrough: {url: "http://192.0.2.10"}
login: {methods: passthrough}
access_rules: %s
organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: https://a.test/x}]
`, rules), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		s.expose()
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if got := strings.Count(log.String(), `level=WARN msg="a rule can be passed by" rule=1 remedy="rule 1 of access_rules keeps`); got != want {
			t.Errorf("%s: %s", rules, &log)
		}
	}
}
