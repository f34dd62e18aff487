package publicfolder_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/publicfolder"
	"fbgate/availability/upstream"
)

// replying returns a Source whose server always says the same.
func replying(status int, kind, body string) *publicfolder.Source {
	return sourceOf(30*time.Minute, status, kind, body)
}

func sourceOf(interval time.Duration, status int, kind, body string) *publicfolder.Source {
	return publicfolder.New(publicfolder.Config{
		Organization: "contoso", URL: "http://mail.contoso.com/public/", Interval: interval, Log: quiet,
		Client: &upstream.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Request: r,
				ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
			}, nil
		})},
	})
}

func runs(s availability.Schedule) string {
	var out []string
	for _, span := range s.Spans {
		out = append(out, fmt.Sprintf("%v %s-%s", span.Status, span.Start.Format("01-02 15:04"), span.End.Format("01-02 15:04")))
	}
	return strings.Join(out, ", ")
}

// Captured replies of real servers.
func TestCapturedReplies(t *testing.T) {
	tests := []struct {
		file     string
		start    time.Time
		slots    int
		interval time.Duration
		mailbox  availability.Mailbox
		want     string
	}{
		{"dav/gcc_FreeBusyResponse.xml", time.Date(2007, 12, 25, 1, 45, 0, 0, time.UTC), 1344, 15 * time.Minute, "test@example.org",
			"Busy 12-26 18:00-12-26 18:30, Busy 12-26 20:30-12-26 21:00, Busy 12-31 17:30-12-31 18:00, Busy 12-31 21:00-12-31 21:30, Busy 01-02 17:30-01-02 18:00, Busy 01-02 21:00-01-03 00:15"},
		{"dav/zimbra_freebusy_one_day.xml", time.Date(2009, 10, 28, 0, 0, 0, 0, time.UTC), 48, 30 * time.Minute, "testuser@2k3-ex2k3.local",
			"Busy 10-28 02:00-10-28 02:30, Busy 10-28 20:00-10-28 22:00"},
		{"dav/ximian_freebusy_two_users_truncated.xml", time.Date(2002, 10, 23, 4, 0, 0, 0, time.UTC), 38, 30 * time.Minute, "danw@xcs.ximian.com",
			"Busy 10-23 17:00-10-23 18:00, Busy 10-23 20:00-10-23 23:00"},
		{"dav/ximian_freebusy_two_users_truncated.xml", time.Date(2002, 10, 23, 4, 0, 0, 0, time.UTC), 38, 30 * time.Minute, "eleanor@xcs.ximian.com",
			"Busy 10-23 07:00-10-23 09:00, Tentative 10-23 16:30-10-23 18:30"},
	}
	for _, test := range tests {
		body := at.Vector(t, test.file)
		window := availability.Window{Start: test.start, End: test.start.Add(time.Duration(test.slots) * test.interval)}
		if dots := []byte("..."); bytes.Contains(body, dots) { // its editor's
			a := lookup(sourceOf(test.interval, 200, "text/xml", string(body)), window, test.mailbox)[0]
			if a.Reason == nil || a.Reason.Code != availability.BadResponse || !a.Schedule.Equal(availability.Schedule{}) {
				t.Errorf("%s: three dots are taken for digits: %v", test.file, a)
			}
			body = bytes.ReplaceAll(body, dots, nil)
		}
		a := lookup(sourceOf(test.interval, 200, "text/xml", string(body)), window, test.mailbox)[0]
		if got := runs(a.Schedule); got != test.want || a.Reason != nil {
			t.Errorf("%s, %s:\n got %s (%v)\nwant %s", test.file, test.mailbox, got, a.Reason, test.want)
		}
	}
}

// The row of all attendees is nobody's, not even of a mailbox without a name, and
// rows are found by address wherever they stand.
func TestRowsAreToldByAddress(t *testing.T) {
	const body = `<response xmlns="WM"><recipients>
		<item><displayname>All Attendees</displayname><fbdata>22</fbdata></item>
		<item><email type="EX">/O=Contoso/CN=Joe</email><fbdata>02</fbdata></item>
		<item><displayname>joe@contoso.com</displayname><email type="SMTP">Mary@CONTOSO.com</email><fbdata>01</fbdata></item>
	</recipients></response>`
	asked := []availability.Mailbox{"mary@contoso.com", "", "/o=contoso/cn=joe"}
	for i, a := range lookup(replying(200, "text/xml", body), window(0, hour), asked...) {
		if got, want := at.Sketch(a.Schedule, window(0, hour), 30*time.Minute), []string{".t", "??", ".b"}[i]; got != want {
			t.Errorf("%q is %s, want %s (%v)", a.Mailbox, got, want, a.Reason)
		}
	}
}

func FuzzReply(f *testing.F) {
	f.Add("text/xml", `<a:response xmlns:a="WM"><a:recipients><a:item><a:displayname>All Attendees</a:displayname><a:fbdata>0123</a:fbdata></a:item><a:item><a:email type="SMTP">mary@contoso.com</a:email><a:type>1</a:type><a:fbdata>0124</a:fbdata></a:item></a:recipients></a:response>`)
	f.Add("text/xml", `<response xmlns="WM"><recipients><item><fbdata>0000</fbdata></item><item><email>joe@contoso.com</email><fbdata> 00 </fbdata></item></recipients></response>`)
	f.Add("text/html", `<html><form><input type="password"></form></html>`)
	for _, capture := range at.Captures(f) {
		f.Add("text/xml", string(capture))
	}
	f.Fuzz(func(t *testing.T, kind, body string) {
		w := window(0, 2*hour)
		for i, a := range lookup(replying(200, kind, body), w, mailboxes...) {
			at.CheckAnswer(t, a, mailboxes[i], w)
			if !strings.Contains(strings.ToLower(body), "0") && a.Schedule.Covers(w) && len(a.Schedule.Spans) == 0 {
				t.Errorf("%q: %s is free", body, a.Mailbox)
			}
			if a.Reason != nil && len(a.Reason.Detail) > 1000 {
				t.Errorf("a detail of %d bytes", len(a.Reason.Detail))
			}
		}
	})
}
