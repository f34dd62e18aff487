package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"fbgate/availability/directory"
	"fbgate/availability/exchangetest"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb/login"
)

// sheet is a log that may be written to from all sides.
type sheet struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *sheet) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *sheet) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Nobody who is asked about, and nobody who asks, can be read in the log, the lookups, what
// operators have changed or their pages, whatever the address looks like; and whoever knows
// it finds it in the lookups.
func TestNobodyIsNamed(t *testing.T) {
	server := startExchange(t, exchangetest.New(exchangetest.Exchange2019))
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log sheet
	level := new(slog.LevelVar)
	level.Set(slog.LevelDebug)
	c := parse(t, `
listen: 127.0.0.1:8080
admin: {listen: "127.0.0.1:8081"}
login: {anonymous: true}
log: {level: debug, redact_addresses: true}
access_rules:
  - {organizations: [secret], free_busy_access_level: none}
  - {free_busy_access_level: availability_only}
organizations:
  - {name: contoso, domains: [contoso.com], target_sharing_epr: %[1]s, access_method: OrgWideFB, credential: {type: basic, username: svczq@contoso.com, password_file: %[2]s}}
  - {name: secret, domains: [secret.com], target_sharing_epr: %[1]s, access_method: OrgWideFB, credential: {type: basic, username: svczq@contoso.com, password_file: %[2]s}}
`, server, password)
	g, err := newGateway(c, nil, newLog(config.Log{Format: "json", RedactAddresses: true}, level, &log))
	if err != nil {
		t.Fatal(err)
	}
	operators := g.operators(func() bool { return true })
	ask := func(method, target string) string {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, target, nil)
		r.Host = "localhost"
		operators.ServeHTTP(w, r)
		return w.Body.String()
	}
	seen := func(where, text string) {
		t.Helper()
		if at := strings.Index(strings.ToLower(text), "zq"); at >= 0 {
			t.Errorf("%s: …%s…", where, text[max(0, at-120):min(len(text), at+60)])
		}
	}
	query := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") } // for legacy paths a plus is one
	mailboxes := []string{
		"maryzq@contoso.com", "maryzq.o'brienzq@contoso.com", "maryzq=smithzq@contoso.com", `"maryzq smithzq"@contoso.com`, "MARYZQ@CONTOSO.COM",
		"maryzq@secret.com", "maryzq.o'brienzq@secret.com", "maryzq@nowhere.example", "maryzq=smithzq@nowhere.example", "maryzqsmithzq", `"maryzq smithzq"`,
		"/o=Contoso/ou=Sales/cn=Recipients/cn=Maryzq Smithzq", "/o=Contoso/cn=Smithzq, Maryzq", "/o=Contoso/cn=Maryzq O'Brienzq",
		"maryzq/smithzq@contoso.com", "maryzq&smithzq@secret.com", "{maryzq|smithzq}@nowhere.example", "märyzq@secret.com", `CONTOSO\maryzq`, "maryzq smithzq@contoso.com",
		"maryzq " + strings.Repeat("smithzq ", 20), "/o=Contoso/cn=Recipients/cn=" + strings.Repeat("maryzq ", 60), strings.Repeat("maryzq", 20) + "@nowhere.example",
	}
	for i, m := range mailboxes {
		kind := "SMTP"
		if strings.HasPrefix(m, "/") {
			kind = "EX"
		}
		for _, escaped := range []string{url.PathEscape(m), query(strings.ToUpper(m))} {
			target := "/public/?Cmd=freebusy&start=2026-11-23T08:00:00Z&end=2026-11-23T12:00:00Z&interval=30&u=" + kind + ":" + escaped
			g.plain.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, target, nil))
		}
		g.plain.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/freebusy/"+url.PathEscape(m)+".vfb", nil))
		g.plain.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet,
			"/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=Contoso_xF8FF_ou=Sales/USER-_xF8FF_cn=Recipients_xF8FF_cn="+url.PathEscape(strings.ReplaceAll(m, "/", "_xF8FF_"))+".EML", nil))
		seen(m+" in the log", log.String())
		var page struct{ Lookups []struct{ Number int } }
		if err := json.Unmarshal([]byte(ask("GET", "/lookups?mailbox="+query(m))), &page); err != nil || len(page.Lookups) == 0 {
			t.Errorf("%s is not found: %v", m, err)
		} else if n := page.Lookups[0].Number; !strings.Contains(ask("GET", "/ui/lookups?mailbox="+query(m)), fmt.Sprintf(`/ui/lookups/%d"`, n)) {
			t.Errorf("%s is not found in the pages", m)
		} else {
			seen(m+" is explained", ask("GET", fmt.Sprintf("/ui/lookups/%d", n)))
		}
		ask("DELETE", "/cache?mailbox="+query(m))
		if t.Failed() {
			t.Fatalf("mailbox %d", i)
		}
	}
	for _, path := range []string{"/lookups?limit=1000", "/organizations", "/metrics", "/ui/", "/ui/lookups"} {
		seen(path, ask("GET", path))
	}
	seen("the log", log.String())
	for _, text := range []string{"it has to be one user@domain", "rule 1 of access_rules", `"msg":"cache flushed"`, "is not an SMTP address", "no organization has the domain nowhere.example"} {
		if !strings.Contains(log.String(), text) {
			t.Errorf("%q is not in the log", text)
		}
	}
}

// However a name gets into an error, it does not get into the log.
func TestNobodyIsNamedInErrors(t *testing.T) {
	const two = `the name "maryzq" is that of several accounts: of "CN=Smithzq\\\\, Maryzq,OU=Sales,DC=contoso,DC=com" and of "CN=Smithzq\\\\, Maryzq,OU=Ops,DC=contoso,DC=com"`
	for _, name := range []string{"maryzq", `CONTOSO\maryzq`, "maryzq@CONTOSO.COM", "MARYZQ@contoso.com", "Maryzq Smithzq", `CONTOSO\Maryzq Smithzq`, "cn=smithzq\\, maryzq,ou=sales,dc=contoso,dc=com"} {
		bare := name[strings.LastIndexByte(name, '\\')+1:]
		if strings.HasPrefix(name, "cn=") {
			bare = "Smithzq, Maryzq"
		}
		for _, text := range []string{
			strings.ReplaceAll(two, `"maryzq"`, strconv.Quote(name)),
			`of CN=Smithzq\, Maryzq,OU=Sales,DC=contoso,DC=com and of uid=maryzq+sn=smithzq,ou=people,dc=contoso,dc=com`,
			fmt.Sprintf("LDAP Result Code 49: %q: %q", name, fmt.Sprintf("no %q", name)), "no " + strings.ToUpper(name) + " here", "no such user: " + bare,
			"GET /x?user=" + url.QueryEscape(name) + ": 404", "GET /x/" + url.PathEscape(name) + "/: 404", "<b>" + html.EscapeString(name) + "</b>",
			`"Maryzq Smithzq@CONTOSO.COM": the ticket has expired`, `open "/home/x/Maryzq@contoso.com": no such file`, "x509: CN=Maryzq Smithzq,O=Contoso,C=DE has expired", `no "maryzq%2540contoso.com"`,
		} {
			if strings.Contains(text, "Maryzq Smithzq") && name == "maryzq" && !strings.ContainsAny(text, "@=") {
				continue // nobody could know
			}
			for _, key := range []string{"name", "account", "requester", "client"} {
				var log sheet
				shown := name
				if key == "client" {
					shown = "192.0.2.1, " + name + ", session AB2C3D"
				}
				newLog(config.Log{Format: "json", RedactAddresses: true}, new(slog.LevelVar), &log).Error("accounts cannot be asked", key, shown, "error", errors.New(text))
				newLog(config.Log{Format: "json", RedactAddresses: true}, new(slog.LevelVar), &log).With(key, shown).Error("again", slog.Group("why", "error", text))
				if strings.Contains(strings.ToLower(log.String()), "zq") {
					t.Errorf("%s: %s: %s", name, text, log.String())
				}
			}
		}
	}
}

// An operator may be called as a session is, and what went wrong is told even if somebody
// asks about an address that is called so.
func TestLogTellsWhatWentWrong(t *testing.T) {
	var log sheet
	l := newLog(config.Log{Format: "json", RedactAddresses: true}, new(slog.LevelVar), &log)
	l.Info("cache flushed", "client", "192.0.2.1, session maryzq")
	l.Warn("no information", "mailboxes", []string{"timeout@contoso.com", "contoso@contoso.com"}, "reason", "timeout", "organization", "contoso")
	if text := log.String(); strings.Contains(text, "maryzq") || !strings.Contains(text, `"reason":"timeout","organization":"contoso"`) {
		t.Error(text)
	}
}

// What is wrong with the files of accounts names none of them.
func TestNobodyIsNamedInFiles(t *testing.T) {
	dir := t.TempDir()
	users, recipients := filepath.Join(dir, "users"), filepath.Join(dir, "directory.csv")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(users, htpasswd+"maryzq:{SHA}xyz\n"+strings.ReplaceAll(htpasswd, "joe", "Maryzq Smithzq")+strings.ReplaceAll(htpasswd, "joe", "maryzq smithzq"))
	write(recipients, "mail,legacyExchangeDN\nmaryzq smithzq,smithzq\n")
	_, err := login.OpenFile(users, "")
	_, other := directory.OpenFile(recipients)
	if err == nil || other == nil {
		t.Fatal(err, other)
	}
	if text := strings.ToLower(err.Error() + other.Error()); strings.Contains(text, "zq") || !strings.Contains(text, "sha-1") || !strings.Contains(text, "smtp") {
		t.Error(text)
	}
}
