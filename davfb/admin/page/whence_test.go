package page_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/journal"
	"fbgate/davfb/admin"
	"fbgate/davfb/face"
)

// one answers everything with the same.
type one struct{ availability.Answer }

func (o *one) Lookup(_ context.Context, q availability.Query) []availability.Answer {
	answers := make([]availability.Answer, len(q.Mailboxes))
	for i := range answers {
		answers[i] = o.Answer
		answers[i].Mailbox, answers[i].Window = q.Mailboxes[i], q.Window
	}
	return answers
}

// Both pages say that an organization was asked if it was, and for each reason otherwise
// why not, or that it is not known.
func TestWhence(t *testing.T) {
	const asked = "contoso was asked."
	wants := map[availability.Code]string{
		availability.NotAllowed:       "contoso was not asked: access_rules",
		availability.RateLimited:      "Nobody was asked: whoever wanted to know had asked for too much.",
		availability.Overloaded:       "contoso was not asked: too many questions",
		availability.Withheld:         "contoso was not asked: its free_busy_access_level",
		availability.NoRoute:          "Nobody was asked: the mailbox has no organization here.",
		availability.DirectoryFailed:  "No organization was asked: the directory",
		availability.InvalidAddress:   "Nobody was asked: this is no address",
		availability.CredentialFailed: "contoso could not be asked: there was nothing to log in with.",
		availability.NotDiscovered:    "contoso could not be asked: Autodiscover",
		availability.Unreachable:      "fbgate tried to ask contoso",
		availability.TLS:              "fbgate tried to ask contoso",
		availability.Timeout:          "No answer of contoso came in time.",
		availability.Internal:         "contoso may have been asked",
	}
	nobodys := map[availability.Code]bool{availability.NoRoute: true, availability.InvalidAddress: true, availability.DirectoryFailed: true, availability.RateLimited: true}
	source := new(one)
	w := newWorld(t, func(c *admin.Config) { c.Source = source })
	b := newBrowser(t, w)
	number := 24
	try := func(word, want string, a availability.Answer) {
		t.Helper()
		told := journal.Told{Mailbox: "mary@contoso.com", Organization: a.Organization, Cached: a.Cached, Stale: a.Stale, Reason: a.Reason, Age: time.Since(a.At)}
		if a.Reason != nil && a.Organization == "" {
			told.Organization = a.Reason.Organization
		}
		w.lookups.Add(journal.Lookup{Told: []journal.Told{told}, Mailboxes: 1, Interval: time.Hour, Window: availability.Window{Start: midnight(), End: midnight().Add(time.Hour)}})
		number++
		source.Answer = a
		for _, page := range []*httptest.ResponseRecorder{b.get(fmt.Sprintf("/ui/lookups/%d", number)), b.get("/ui/availability?who=mary@contoso.com")} {
			expect(t, page, 200, want, ">"+word+"</span>")
			if want != asked && strings.Contains(page.Body.String(), asked) {
				t.Errorf("%v: it says that contoso was asked", a.Reason)
			}
		}
	}
	at := time.Now().Add(-10*time.Minute - time.Second)
	try("asked", asked, availability.Answer{Organization: "contoso", At: time.Now()})
	try("remembered", "This is what contoso had said 10 min before, and that was remembered.", availability.Answer{Organization: "contoso", At: at, Cached: true})
	try("stale", "it is stale", availability.Answer{Organization: "contoso", At: at, Cached: true, Stale: true})
	try("remembered", "This is what it had come to with contoso 10 min before", availability.Answer{Organization: "contoso", At: at, Cached: true, Reason: availability.Because(availability.Timeout, "")})
	for _, code := range availability.Codes() {
		a := availability.Answer{Organization: "contoso", Reason: availability.Because(code, "why"), At: time.Now()}
		if nobodys[code] {
			a.Organization = ""
		}
		if code == availability.NotAllowed {
			a.Organization, a.Reason.Organization = "", "contoso"
		}
		want, word := wants[code], "not asked"
		switch code {
		case availability.Unreachable, availability.TLS, availability.Timeout, availability.Internal:
			word = "no answer"
		}
		if want == "" {
			want, word = asked, "asked"
		}
		try(word, want, a)
	}
	for _, code := range []availability.Code{availability.Throttled, availability.Timeout, availability.Unauthorized} {
		resting := &availability.Reason{Code: code, Unasked: true, Scope: availability.OfServer}
		try("not asked", "contoso was not asked: it rests", availability.Answer{Organization: "contoso", Reason: resting, At: time.Now()})
	}
	try("asked", asked, availability.Answer{Organization: "contoso", Reason: availability.Because(availability.InvalidAddress, "ErrorInvalidSmtpAddress"), At: time.Now()})
	try("published", "Nobody was asked: it was published here.", availability.Answer{Organization: availability.Published, At: at})
	try("published", "Nobody was asked: it was published here.", availability.Answer{Organization: availability.Published, At: at, Reason: availability.Because(availability.NoInformation, "")})
	try("asked", "Several organizations were asked.", availability.Answer{At: at})
	try("remembered", "This is what several organizations had said 10 min before, and that was remembered.", availability.Answer{At: at, Cached: true})
	try("no answer", "No answer of several organizations came in time.", availability.Answer{At: at, Reason: availability.Because(availability.Timeout, "1 of 2 members: ")})
	try("not asked", "An organization was not asked: too many questions", availability.Answer{At: at, Reason: availability.Because(availability.Overloaded, "1 of 2 members: ")})
	try("not asked", "No organization was asked.", availability.Answer{Reason: availability.Because(availability.ListTooLarge, ""), At: time.Now()})
}

// Where addresses are hidden somebody is found by the whole address, and nothing leads to
// a question about one that nobody has.
func TestLookupsOfHiddenMailboxes(t *testing.T) {
	r := face.NewRedactor()
	names := []string{"mary.o'brien@contoso.com", "mary=smith@contoso.com", `"mary smith"@contoso.com`, "marysmith", "/o=contoso/cn=recipients/cn=mary smith"}
	w := newWorld(t, func(c *admin.Config) { c.Redactor = r })
	b := newBrowser(t, w)
	for i, name := range names {
		l := question(1)
		l.Told = []journal.Told{{Mailbox: availability.Mailbox(r.Name(name)), Organization: "contoso"}}
		w.lookups.Add(l)
		path, number := "/ui/lookups?mailbox="+url.QueryEscape(strings.ToUpper(name)), fmt.Sprintf(`/ui/lookups/%d"`, 25+i)
		expect(t, b.get(path), 200, number, "Whole address", fmt.Sprintf(`!/ui/lookups/%d"`, 26+i))
		expect(t, b.get(strings.TrimSuffix(number, `"`)), 200, "!Ask the same", "!Ask the doctor", "!mary", "!smith")
	}
	expect(t, b.get("/ui/lookups?mailbox=contoso.com"), 200, `/ui/lookups/25"`)
	expect(t, b.get("/ui/cache"), 200)
	expect(t, b.post("/ui/cache/flush", "mailbox", "mary@contoso.com"), 303)
	hash := r.Name("mary@contoso.com")
	expect(t, b.get("/ui/?change=1"), 200, "cache flushed", hash, "!mary@contoso.com")
	expect(t, b.get("/ui/cache?matching=nothing&change=1"), 200, hash, "!mary@contoso.com")
	open := newBrowser(t, newWorld(t, nil))
	expect(t, open.get("/ui/lookups/24"), 200, "Ask the same", "Ask the doctor")
	expect(t, open.get("/ui/lookups"), 200, "Part of the mailbox")
}
