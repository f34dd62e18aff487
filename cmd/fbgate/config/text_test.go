package config_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fbgate/cmd/fbgate/config"
)

// What Text writes is read back as the same, so that nothing is left out of it.
func TestTextIsTheConfiguration(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, example) {
		c, err := config.Parse(file, content(t, file))
		if err != nil {
			t.Fatal(err)
		}
		again, err := config.Parse(file, []byte(c.Text()))
		if err != nil {
			t.Errorf("%v\nin\n%s", err, c.Text())
			continue
		}
		got, want := fmt.Sprintf("%+v", visible(deref(again))), fmt.Sprintf("%+v", visible(deref(c)))
		if again.Text() != c.Text() || got != want {
			t.Errorf("%s:\n%s\nis read as\n%s", file, c.Text(), again.Text())
		}
		if changes := config.Changes(c, again); changes != "" {
			t.Errorf("%s: changes\n%s", file, changes)
		}
	}
}

// deref takes the pointers away, whose addresses would be compared: their sections are
// in Text.
func deref(c *config.Config) *config.Config {
	other := *c
	other.TLS, other.Login, other.Publishing, other.Passthrough, other.Publish, other.Directory = nil, nil, nil, nil, nil, nil
	return &other
}

const small = `
listen: 127.0.0.1:8080
cache: {ttl: 15m}
organizations:
  - {name: contoso, domains: [contoso.com], target_sharing_epr: "https://mail.contoso.com/EWS/Exchange.asmx"}
  - name: fabrikam
    domains: [fabrikam.com, "*.fabrikam.com"]
    target_sharing_epr: https://mail.fabrikam.com/EWS/Exchange.asmx
    credential: {type: ntlm, username: 'FABRIKAM\svc', password_file: fabrikam.password}
`

func parsed(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("fbgate.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestText(t *testing.T) {
	text := parsed(t, small).Text()
	for _, want := range []string{
		"listen: 127.0.0.1:8080\n",
		"log:\n  format: text\n  level: info\n",
		"  max_bytes: auto\n",
		"  - name: fabrikam\n    domains: [fabrikam.com, '*.fabrikam.com']\n",
		"    credential:\n      - type: ntlm\n        username: 'FABRIKAM\\svc'\n        password_file: fabrikam.password\n",
		"    prefetch: 14d\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "krb5_config") || strings.Contains(text, "token_file") {
		t.Errorf("it has keys that do not apply, or are empty:\n%s", text)
	}
}

// The decoder lets nobody write a password into a URL; Text would not show it.
func TestTextHidesUserinfo(t *testing.T) {
	c := parsed(t, small)
	c.Organizations[0].TargetSharingEPR[0] = "https://svc:hunter2@mail.contoso.com/EWS/Exchange.asmx"
	if text := c.Text(); strings.Contains(text, "hunter2") || !strings.Contains(text, "https://***@mail.contoso.com/EWS/Exchange.asmx") {
		t.Error(text)
	}
}

func TestChanges(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{"nothing", "", "", ""},
		{"a default written out", "cache: {ttl: 15m}", "cache: {ttl: 15m, stale: 1h}", ""},
		{"a value", "{ttl: 15m}", "{ttl: 5m}", "- cache.ttl: 15m\n+ cache.ttl: 5m\n"},
		{"a list", "[fabrikam.com, ", "[fabrikam.example, ", "- organizations[fabrikam].domains: [fabrikam.com, '*.fabrikam.com']\n+ organizations[fabrikam].domains: [fabrikam.example, '*.fabrikam.com']\n"},
		{"a section", "cache: {ttl: 15m}", "admin: {token_file: token}", "+ admin.token_file: token\n"},
		{"in a credential", "{type: ntlm, ", "{type: basic, ", "- organizations[fabrikam].credential[0].type: ntlm\n+ organizations[fabrikam].credential[0].type: basic\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := config.Changes(parsed(t, small), parsed(t, strings.Replace(small, test.old, test.new, 1))); got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
	lines := strings.SplitAfter(strings.TrimPrefix(small, "\n"), "\n")
	swapped := strings.Join(slices.Concat(lines[:3], lines[4:8], lines[3:4]), "")
	if got := config.Changes(parsed(t, small), parsed(t, swapped)); got != "" {
		t.Errorf("another order is\n%s", got)
	}
	removed := config.Changes(parsed(t, small), parsed(t, strings.Join(lines[:4], "")))
	if !strings.Contains(removed, "- organizations[fabrikam].name: fabrikam\n") || strings.Contains(removed, "+") || strings.Contains(removed, "contoso") {
		t.Errorf("an organization less is\n%s", removed)
	}
}

// What is settled at the start stays, and is named.
func TestOnto(t *testing.T) {
	const secure = "tls: {listen: 0.0.0.0:443, certificate_file: a.pem, key_file: a.pem}\nlogin: {methods: basic, htpasswd_file: htpasswd}\n"
	for _, test := range []struct {
		name, old, new string
		restart        []string
		fault          string
	}{
		{name: "nothing"},
		{name: "what can be changed", new: "answer_timeout: 5s\nadmin: {token_file: token}\nlog: {level: debug}\npublish: {organizations: [contoso], to: old, state: p.db}\ndirectory: {file: x.csv}\n"},
		{name: "addresses", new: "admin: {listen: 127.0.0.1:9}\nlimits: {connections: 7, idle_timeout: 1m}\nlog: {format: json}\n",
			restart: []string{"admin.listen", "log.format", "limits.connections", "limits.idle_timeout"}},
		{name: "tls that comes", new: secure, restart: []string{"tls"}},
		{name: "tls that goes", old: secure, new: strings.SplitAfter(secure, "\n")[1], restart: []string{"tls"}},
		{name: "tls that goes, and who may ask there with it", old: secure, restart: []string{"tls"}, fault: "tls.listen"},
		{name: "tls with another address", old: secure, new: strings.Replace(secure, ":443", ":444", 1), restart: []string{"tls.listen"}},
		{name: "tls with another certificate", old: secure, new: strings.ReplaceAll(secure, "a.pem", "b.pem")},
		{name: "certificates with nowhere to show them", new: strings.Replace(secure, "basic", "certificate, client_ca_file: ca.pem", 1),
			restart: []string{"tls"}, fault: "login.methods"},
		{name: "a server behind that is not there yet", new: "passthrough: {url: \"http://192.0.2.1\"}\nlogin: {methods: passthrough}\n",
			restart: []string{"passthrough"}, fault: "login.methods"},
		{name: "proxies that go, and the log-in with them", old: "trusted_proxies: [192.0.2.1]\nlogin: {methods: basic, htpasswd_file: htpasswd, insecure_http: true}\n",
			restart: []string{"trusted_proxies"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			base := small
			if strings.Contains(test.new, "publish:") {
				base += "  - {name: old, domains: [old.example], access_method: PublicFolder, public_folder_url: \"https://old.example/public/\"}\n"
			}
			running, file := parsed(t, test.old+base), parsed(t, test.new+base)
			written := file.Text()
			next, restart, err := file.Onto(running)
			if !slices.Equal(restart, test.restart) {
				t.Errorf("restart for %q, want %q", restart, test.restart)
			}
			if test.fault == "" && err != nil || test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
				t.Errorf("got %v, want a fault of %q", err, test.fault)
			}
			for _, key := range restart {
				for line := range strings.Lines(config.Changes(running, next)) {
					if strings.HasPrefix(line[2:], key+":") || strings.HasPrefix(line[2:], key+".") {
						t.Errorf("it changes all the same: %s", line)
					}
				}
			}
			if file.Text() != written {
				t.Error("the file's configuration has been changed")
			}
		})
	}
}
