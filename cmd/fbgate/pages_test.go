package main

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser is an operator's, at a gateway.
type browser struct {
	t    *testing.T
	base string
	http.Client
}

func newBrowserOf(t *testing.T, s *server) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, "http://" + s.operators.String(), http.Client{Jar: jar}}
}

// see returns the page at a path, which has to have these texts, and none with a "!".
func (b *browser) see(path string, texts ...string) string {
	b.t.Helper()
	response, err := b.Get(b.base + path)
	return b.page(response, err, texts...)
}

// post fills in the form of a page.
func (b *browser) post(on, path string, fields url.Values, texts ...string) string {
	b.t.Helper()
	secret := regexp.MustCompile(`name="form" value="([^"]+)"`).FindStringSubmatch(b.see(on))
	if secret == nil {
		b.t.Fatalf("%s has no form", on)
	}
	fields.Set("form", secret[1])
	response, err := b.PostForm(b.base+path, fields)
	return b.page(response, err, texts...)
}

func (b *browser) page(response *http.Response, err error, texts ...string) string {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	shown := html.UnescapeString(string(body))
	for _, text := range texts {
		absent, wrong := strings.CutPrefix(text, "!")
		if wrong == strings.Contains(shown, absent) {
			b.t.Errorf("%s: want %q in\n%s", response.Request.URL, text, shown)
		}
	}
	return shown
}

// What operators see is the gateway that runs, before and after its configuration has
// changed.
func TestPages(t *testing.T) {
	contoso := newCounted(t, "mary@contoso.com")
	configuration := func(more string) string {
		return more + "organizations:\n" + contoso.entry("contoso", "") +
			"  - {name: fabrikam, domains: [fabrikam.com], target_sharing_epr: \"http://127.0.0.1:1/EWS/Exchange.asmx\"}\n"
	}
	r := startReloaded(t, configuration("access_rules: [{domains: [northwind.com], free_busy_access_level: availability_only}, {organizations: [contoso], free_busy_access_level: none}, {free_busy_access_level: availability_only}]\n"))
	r.expect("mary@contoso.com", "44444444")
	r.expect("joe@fabrikam.com", "44444444")

	b := newBrowserOf(t, r.server)
	b.see("/ui/", "contoso", "fabrikam", "unreachable")
	b.see("/ui/lookups", "mary@contoso.com", "not-allowed", "joe@fabrikam.com", "unreachable")
	b.see("/ui/lookups/1", "contoso")
	// Operators see what the rules keep from clients, and what those do who are named.
	const question = "/ui/availability?start=2026-11-23&days=1&zone=UTC&who=mary@contoso.com"
	b.see(question, "all known", "Busy", "!not-allowed")
	b.see(question+"&as=vera@northwind.com", "all known")
	b.see(question+"&as=joe@fabrikam.com", "not-allowed", "!all known")
	b.see("/ui/cache", "mary@contoso.com", "joe@fabrikam.com", "</strong> of 2 mailboxes")
	b.post("/ui/cache", "/ui/cache/flush", url.Values{"mailbox": {"joe@fabrikam.com"}}, "cache flushed", "joe@fabrikam.com, 1 mailbox")
	b.post("/ui/doctor", "/ui/doctor", url.Values{"mailbox": {"mary@contoso.com"}}, "Everything works")
	b.post("/ui/doctor", "/ui/doctor", url.Values{"mailbox": {"joe@fabrikam.com"}}, "It fails at")
	b.see("/ui/configuration", "says what is in force", "max_mailboxes: 100000")

	r.write(configuration("limits: {attendees: 7}\n"))
	b.see("/ui/configuration", "limits.attendees: 500", "limits.attendees: 7", "access_rules")
	b.post("/ui/configuration", "/ui/configuration/reload", url.Values{}, "configuration reloaded", "says what is in force", "attendees: 7")
	r.expect("mary@contoso.com", "00222000")
	b.see("/ui/lookups/1", "mary@contoso.com", "not-allowed") // is still there
	b.see("/ui/cache", "cache flushed")
	r.write("limits: {attendants: 7}\n")
	b.post("/ui/configuration", "/ui/configuration/reload", url.Values{}, "configuration not reloaded", "attendants", "The file cannot be used as it is")
	r.expect("mary@contoso.com", "00222000")
	r.write(configuration(""))
	r.reloadFor("SIGHUP")
	b.see("/ui/", "SIGHUP")
}
