package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fbgate/cmd/fbgate/config"
)

// hash is one of a password nobody knows.
const hash = "$2y$05$abcdefghijklmnopqrstuuWXk9dqwTLVu0D1yvGQvJmAJ2J9yYk7S"

// warned returns what a configuration is warned of, without remedies.
func warned(t *testing.T, text string) (about []string) {
	t.Helper()
	c, err := config.Parse("test", []byte(text+"organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: https://a.test/x}]\n"))
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	all, err := warnings(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range all {
		line := w.message
		for i := 0; i < len(w.fields); i += 2 {
			line += fmt.Sprintf(" %v=%v", w.fields[i], w.fields[i+1])
		}
		about = append(about, line)
	}
	return about
}

func TestWarningsOfStrangers(t *testing.T) {
	const (
		bord     = "a rule is about a group nobody is in rule=1 group=bord"
		sid      = "a rule is about a group nobody is in rule=1 group=S-1-5-21-1"
		operator = "an operator is nobody name="
		member   = "a member of a group has no account name="
		rule     = "access_rules: [{groups: %s, free_busy_access_level: availability_only}]\n"
		ldap     = "ldap: {url: ldaps://dc1.contoso.com, base_dn: DC=contoso}, "
		tls      = "tls: {listen: 127.0.0.1:0, certificate_file: x, key_file: x, login_methods: negotiate}\n"
		writers  = "publishing: {store: x, publishers: [{username: zimbra, password_file: x}]}\n"
	)
	users := writeFile(t, []byte("\ufeff# nobody: here\n\n JOE:"+hash+"\nmary@contoso.com:"+hash+"\nCONTOSO\\ann:"+hash+"\n"))
	groups := writeFile(t, []byte("# crew: nobody\nSales: joe nosuchuser joe@contoso.com\nsales: Mary@CONTOSO.com nosuchuser\n\nboard :\n"))
	htpasswd := fmt.Sprintf("htpasswd_file: %s, ", users)
	both := fmt.Sprintf("%sgroup_file: %s, ", htpasswd, groups)
	members := []string{member + "nosuchuser group=Sales", member + "joe@contoso.com group=Sales", member + "nosuchuser group=sales"}
	login := func(in string) string { return "login: {methods: basic, " + in + "default_domain: contoso.com}\n" }
	for _, c := range []struct {
		about, text string
		want        []string
	}{
		{"groups of the file, even without members", login(both) + fmt.Sprintf(rule, "[SALES, board]"), members},
		{"another group", login(both) + fmt.Sprintf(rule, "[bord, sales]"), slices.Concat([]string{bord}, members)},
		{"a comment is no group", login(both) + fmt.Sprintf(rule, "crew"), slices.Concat([]string{"a rule is about a group nobody is in rule=1 group=crew"}, members)},
		{"without a file of groups", login(htpasswd) + fmt.Sprintf(rule, "bord"), []string{bord}},
		{"without a log-in", fmt.Sprintf(rule, "bord"), []string{bord}},
		{"LDAP has others", login(both+ldap) + fmt.Sprintf(rule, "bord") + "admin: {operators: [hans]}\n", members},
		{"LDAP alone", login(ldap) + fmt.Sprintf(rule, "bord") + "admin: {operators: [hans]}\n", nil},
		{"Kerberos has SIDs", "login: {methods: negotiate, keytab_file: x}\n" + fmt.Sprintf(rule, "[S-1-5-21-1, bord]"), []string{bord}},
		{"Kerberos at tls.listen", login(htpasswd+"keytab_file: x, ") + tls + fmt.Sprintf(rule, "[S-1-5-21-1]"), nil},
		{"no Kerberos", login(htpasswd) + fmt.Sprintf(rule, "[S-1-5-21-1]"), []string{sid}},
		{"operators by name, address or group", login(both) + "admin: {operators: [joe, Joe@contoso.com, mary@contoso.com, SALES, board]}\n", members},
		{"operators in no account", login(both) + "admin: {operators: [fbgate-admin, joe, mary]}\n", slices.Concat([]string{operator + "fbgate-admin", operator + "mary"}, members)},
		{"operators of a Windows domain", login(htpasswd+"netbios_domains: CONTOSO, ") + "admin: {operators: [ann]}\n", nil},
		{"operators of another Windows domain", login(htpasswd) + "admin: {operators: [ann]}\n", []string{operator + "ann"}},
		{"publishers are operators if they are named", login(htpasswd) + writers + "admin: {operators: [Zimbra]}\n", nil},
		{"other programs' names bring no groups", "trusted_proxies: [127.0.0.1]\npassthrough: {url: http://192.0.2.10}\nlogin: {methods: [header, passthrough]}\n" + fmt.Sprintf(rule, "bord"), []string{bord}},
	} {
		if got := warned(t, c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", c.about, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func TestWarningsOfStrangersAreBounded(t *testing.T) {
	users, groups := writeFile(t, []byte("joe:"+hash+"\n")), "crew:"
	for i := range 1000 {
		groups += fmt.Sprintf(" nobody%d", i)
	}
	c, err := config.Parse("test", fmt.Appendf(nil, "login: {methods: basic, htpasswd_file: %s, group_file: %s}\n"+
		"organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: https://a.test/x}]\n", users, writeFile(t, []byte(groups))))
	if err != nil {
		t.Fatal(err)
	}
	all, err := warnings(c)
	if err != nil || len(all) != 20 || !strings.HasSuffix(all[19].remedy, " So it is with 980 more.") || strings.HasSuffix(all[18].remedy, "more.") {
		t.Errorf("%d warnings, %v: %v", len(all), err, all)
	}
	c.Login.GroupFile = filepath.Join(t.TempDir(), "gone")
	if _, err := warnings(c); err == nil {
		t.Error("no error though a file is gone")
	}
}

func TestWarningsOfPasswordsThatAreRefused(t *testing.T) {
	const (
		refused = "no other machine can log in with a password listen=0.0.0.0:8080"
		listen  = "listen: 0.0.0.0:8080\n"
		basic   = "login: {methods: basic, ldap: {url: ldaps://dc1.contoso.com, base_dn: DC=contoso}}\n"
		tls     = "tls: {listen: 0.0.0.0:8443, certificate_file: x, key_file: x}\n"
		writers = "publishing: {store: x, publishers: [{username: zimbra, password_file: x}]}\n"
	)
	with := func(text, more string) string { return strings.Replace(text, "{", "{"+more+", ", 1) }
	for _, c := range []struct {
		about, text string
		want        []string
	}{
		{"basic", listen + basic, []string{refused}},
		{"every address", "listen: :8080\n" + basic, []string{"no other machine can log in with a password listen=:8080"}},
		{"forms", listen + strings.Replace(basic, "basic", "forms", 1), []string{refused}},
		{"from networks without log-in, too", listen + with(basic, "networks: [10.0.0.0/8]"), []string{refused}},
		{"publishers", listen + "login: {anonymous: true}\n" + writers, []string{refused}},
		{"publishers by TLS", listen + "login: {anonymous: true}\n" + writers + tls, nil},
		{"this machine", "listen: 127.0.0.1:8080\n" + basic, nil},
		{"TLS", listen + basic + tls, nil},
		{"TLS without passwords", listen + with(basic, "keytab_file: x") + with(tls, "login_methods: negotiate"), []string{refused}},
		{"plain text is allowed", listen + with(basic, "insecure_http: true"), nil},
		{"a proxy", listen + basic + "trusted_proxies: [10.0.0.1]\n", nil},
		{"no passwords", listen + "login: {networks: [10.0.0.0/8]}\n", nil},
		{"the server behind asks", listen + "passthrough: {url: http://192.0.2.10}\nlogin: {methods: passthrough}\n", nil},
	} {
		if got := warned(t, c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.about, got, c.want)
		}
	}
}

// Who starts the gateway is told, too, and of nobody's address if the log has none.
func TestServeWarnsOfStrangers(t *testing.T) {
	t.Parallel()
	users := writeFile(t, []byte("joe:"+hash+"\n"))
	c := parse(t, `
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0", operators: [hans@contoso.com, joe]}
login: {methods: basic, htpasswd_file: %q}
log: {redact_addresses: true}
organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: https://a.test/x}]
`, users)
	var log bytes.Buffer
	s, err := start(c, newLog(c.Log, new(slog.LevelVar), &log))
	if err != nil {
		t.Fatal(err)
	}
	s.expose()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if got := log.String(); strings.Count(got, `level=WARN msg="an operator is nobody" name=m-`) != 1 || !strings.Contains(got, `detail="admin.operators names m-`) || strings.Contains(got, "hans") {
		t.Error(got)
	}
}
