package page_test

import (
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/translate/davxml"
)

// The tests' gateway stands where clocks are put forward and back.
func TestMain(m *testing.M) {
	var err error
	if time.Local, err = time.LoadLocation("Europe/Berlin"); err != nil {
		panic(err)
	}
	code := m.Run()
	closeBrowser()
	os.Exit(code)
}

func ask(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return "/ui/availability?" + values.Encode()
}

func TestAvailability(t *testing.T) {
	w := newWorld(t, nil)
	b := newBrowser(t, w)
	got := b.get(ask("who", "Mary@contoso.com, joe@contoso.com\nnobody@contoso.com;rubbish\r\n/o=Contoso/cn=Smith, John", "start", "2026-11-23", "days", "2", "interval", "30", "as", "boss@contoso.com"))
	expect(t, got, 200, "Monday, 23 November 2026", "Tuesday, 24 November 2026", "All Attendees",
		"busy 09:00–10:30", "tentative 11:00–12:00", "out of office 00:00–24:00", "no information 00:00–24:00",
		"unknown-mailbox", "Get-Recipient", "ErrorMailRecipientNotFound: &lt;b&gt;", "invalid-address", "Of <strong>3</strong> attendees not everything",
		"/public/?Cmd=freebusy&amp;start=2026-11-23T00:00:00&#43;01:00&amp;end=2026-11-25T00:00:00&#43;01:00&amp;interval=30&amp;u=SMTP:Mary@contoso.com", "&lt;a:fbdata&gt;")
	if len(w.asked) != 1 {
		t.Fatalf("asked %d times", len(w.asked))
	}
	q := w.asked[0]
	if len(q.Mailboxes) != 5 || q.Mailboxes[4] != "/o=contoso/cn=smith, john" || q.Requester.Mailbox != "boss@contoso.com" || q.Window.Duration() != 48*time.Hour || q.Interval != 30*time.Minute {
		t.Errorf("%+v", q)
	}
}

// What is shown as the clients' request is read by them as what was asked.
func TestLegacyPathIsTheSameQuestion(t *testing.T) {
	w := newWorld(t, nil)
	b := newBrowser(t, w)
	who := "r&d+x@contoso.com\n/o=Contoso/ou=A B/cn=Smith; John\nzoë%41@contoso.com"
	who = strings.ReplaceAll(who, "; ", " ")
	b.get(ask("who", who, "start", "2026-11-23", "days", "1"))
	body := b.get(ask("who", who, "start", "2026-11-23", "days", "1")).Body.String()
	_, path, _ := strings.Cut(body, `<code id="path">`)
	path, _, _ = strings.Cut(path, "</code>")
	path = strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(path)
	_, raw, _ := strings.Cut(path, "?")
	r, err := davxml.ParseQuery(raw, davxml.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	q := w.asked[0]
	if got := r.Mailboxes(); len(got) != 3 || got[0] != q.Mailboxes[0] || got[1] != q.Mailboxes[1] || got[2] != q.Mailboxes[2] || !r.Window.Equal(q.Window) || r.Interval != q.Interval {
		t.Errorf("%s\nis %+v\nnot %+v", path, r, q)
	}
	// And pasted, it is the same question again.
	w.asked = nil
	b.get(ask("who", "https://mail.contoso.com"+path, "zone", "UTC"))
	if len(w.asked) != 1 || !w.asked[0].Window.Equal(q.Window) || len(w.asked[0].Mailboxes) != 3 || w.asked[0].Mailboxes[0] != q.Mailboxes[0] {
		t.Errorf("%+v", w.asked)
	}
}

// On the days clocks are changed a day has 23 or 25 hours, and they add up.
func TestDaysThatAreLongerOrShorter(t *testing.T) {
	b := newBrowser(t, newWorld(t, nil))
	for start, want := range map[string]string{"2026-10-25": `<col span="50">`, "2026-03-29": `<col span="46">`, "2026-11-23": `<col span="48">`} {
		expect(t, b.get(ask("who", "mary@contoso.com", "start", start, "days", "1")), 200, want)
	}
	expect(t, b.get(ask("who", "mary@contoso.com", "start", "2026-10-25", "days", "1", "zone", "Asia/Kathmandu")), 200, `<col span="48">`)
}

func TestBadQuestions(t *testing.T) {
	for _, test := range []struct {
		question []string
		says     string
	}{
		{[]string{"start", "yesterday"}, "the first day is &#34;yesterday&#34;"},
		{[]string{"start", "0001-01-01"}, "expected 1990 to 2100"},
		{[]string{"days", "0"}, "expected 1 to 14"},
		{[]string{"days", "15"}, "expected 1 to 14"},
		{[]string{"days", "many"}, "expected 1 to 14"},
		{[]string{"interval", "7"}, "expected 5, 10, 15, 30, 60 minutes"},
		{[]string{"zone", "Middle/Earth"}, "the time zone is"},
		{[]string{"zone", "../../etc/passwd"}, "the time zone is"},
		{[]string{"who", strings.Repeat("a@contoso.com,", 51)}, "there are 51 addresses"},
		{[]string{"who", ",;\n"}, "there are 0 addresses"},
		{[]string{"who", "/public/?Cmd=contents"}, "expected Cmd=freebusy"},
		{[]string{"who", "/public/?Cmd=freebusy&u=a@contoso.com"}, "parameter start is missing"},
		{[]string{"who", "/public/?Cmd=freebusy&start=2026-01-01T00:00Z&end=2026-09-01T00:00Z&u=a@contoso.com"}, "at most 62 days"},
		{[]string{"who", "/public/?Cmd=freebusy&start=2026-01-01T00:00Z&interval=1&u=a@contoso.com"}, "less than 5 minutes"},
	} {
		w := newWorld(t, nil)
		question := append([]string{"who", "mary@contoso.com"}, test.question...)
		expect(t, newBrowser(t, w).get(ask(question...)), 400, test.says, `role="alert"`)
		if len(w.asked) > 0 {
			t.Errorf("%v is asked all the same", test.question)
		}
	}
	w := newWorld(t, nil)
	expect(t, newBrowser(t, w).get(ask("who", " ")), 400, "Give at least one address")
}

// A page of another site cannot make the gateway ask, whatever it links to.
func TestOtherSitesAskNothing(t *testing.T) {
	for site, asked := range map[string]int{"cross-site": 0, "same-site": 0, "same-origin": 1, "none": 1, "": 1} {
		w := newWorld(t, nil)
		r := httptest.NewRequest("GET", "http://localhost:8081"+ask("who", "mary@contoso.com"), nil)
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		got := newBrowser(t, w).do(r)
		if got.Code != 200 || len(w.asked) != asked || asked == 0 && !strings.Contains(got.Body.String(), "A page elsewhere led here") {
			t.Errorf("%s: %d, asked %d times", site, got.Code, len(w.asked))
		}
	}
}

var _ availability.Source = (*world)(nil)

// Whatever is typed in, it is asked as it is meant or refused with a word about it.
func FuzzQuestion(f *testing.F) {
	f.Add("mary@contoso.com, joe@contoso.com", "2026-11-23", "2", "30", "Local")
	f.Add("/o=Contoso/cn=Smith, John\nEX:/o=A;SMTP:x", "2026-10-25", "14", "5", "Asia/Kathmandu")
	f.Add(" ", "", "", "", "")
	f.Add("https://mail/public/?Cmd=freebusy&start=2026-11-23T00:00:00+01:00&interval=60&u=SMTP:a@b&u=c", "", "", "", "UTC")
	w := newWorld(f, nil)
	f.Fuzz(func(t *testing.T, who, start, days, interval, zone string) {
		w.asked = nil
		got := newBrowser(t, w).get(ask("who", who, "start", start, "days", days, "interval", interval, "zone", zone))
		if got.Code != 200 && got.Code != 400 || (got.Code == 400) != strings.Contains(got.Body.String(), `role="alert"`) {
			t.Errorf("%d: %s", got.Code, got.Body)
		}
		for _, q := range w.asked {
			if n := len(q.Mailboxes); n == 0 || n > 50 || q.Window.Empty() || q.Window.Duration() > 62*24*time.Hour || q.Interval < 5*time.Minute {
				t.Errorf("asks %+v", q)
			}
			if strings.Count(got.Body.String(), "All Attendees") < 1 {
				t.Error("what was asked is not drawn")
			}
		}
	})
}
