package face_test

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/journal"
	"fbgate/davfb/face"
)

func day() availability.Window {
	return availability.Window{Start: at.Epoch, End: at.Epoch.AddDate(0, 0, 1)}
}

// asked is a question about three mailboxes: remembered, asked for, and refused by a rule.
func asked(l *face.Lookups) face.Asked {
	q := availability.Query{
		RequestID: "r1", Requester: availability.Requester{Name: "nina"}, Window: day(), Interval: 30 * time.Minute,
		Mailboxes: []availability.Mailbox{"mary@contoso.com", "joe@fabrikam.com", "boss@fabrikam.com"},
	}
	begun := at.Epoch
	return face.Asked{
		Event: "free/busy", Query: q, Lookups: l,
		Begun: begun, Asking: begun.Add(time.Millisecond), Answered: begun.Add(5 * time.Millisecond), Drawn: begun.Add(6 * time.Millisecond),
		Answers: []availability.Answer{
			{Mailbox: q.Mailboxes[0], Window: q.Window, Organization: "contoso", Source: "https://mail.contoso.com/", Cached: true, Stale: true, At: begun.Add(-time.Minute)},
			{Mailbox: q.Mailboxes[1], Window: q.Window, Organization: "fabrikam", At: begun},
			{Mailbox: q.Mailboxes[2], Window: q.Window, Reason: &availability.Reason{Code: availability.NotAllowed, Detail: "no to boss@fabrikam.com", Organization: "fabrikam"}},
		},
	}
}

func note(t *testing.T, a face.Asked) (journal.Lookup, string) {
	t.Helper()
	var log strings.Builder
	r := httptest.NewRequest("GET", "/public/?Cmd=freebusy", nil)
	face.LogAnswer(slog.New(slog.NewTextHandler(&log, nil)), r, a)
	found, _ := a.Lookups.Journal.Since(0, nil, 10)
	if len(found) != 1 {
		t.Fatalf("%d lookups are kept", len(found))
	}
	return found[0], log.String()
}

func TestLookupsAreKept(t *testing.T) {
	l, _ := note(t, asked(&face.Lookups{Journal: journal.New(10)}))
	if l.ID != "r1" || l.Face != "free/busy" || l.Requester != "nina" || l.Client != "192.0.2.1:1234" || l.Mailboxes != 3 || l.Left ||
		!l.Window.Equal(day()) || l.Interval != 30*time.Minute || l.Parse != time.Millisecond || l.Answer != 4*time.Millisecond || l.Render != time.Millisecond {
		t.Errorf("%+v", l)
	}
	got := ""
	for _, told := range l.Told {
		code := availability.Code("")
		if told.Reason != nil {
			code = told.Reason.Code
		}
		got += fmt.Sprintln(told.Mailbox, told.Organization, told.Source, told.Cached, told.Stale, told.Age, code)
	}
	// Whose mailbox the last one is operators may know.
	if want := `mary@contoso.com contoso https://mail.contoso.com/ true true 1m0.005s 
joe@fabrikam.com fabrikam  false false 0s 
boss@fabrikam.com fabrikam  false false 0s not-allowed
`; got != want {
		t.Errorf("%swant\n%s", got, want)
	}
}

func TestLookupsOfLeavers(t *testing.T) {
	a := asked(&face.Lookups{Journal: journal.New(10)})
	a.Left = true
	l, log := note(t, a)
	if !l.Left || !strings.Contains(log, `msg="client left"`) || strings.Contains(log, "no information") {
		t.Errorf("%v: %s", l.Left, log)
	}
}

func TestLookupsAreRedacted(t *testing.T) {
	a := asked(&face.Lookups{Journal: journal.New(10), Redactor: face.NewRedactor()})
	l, _ := note(t, a)
	text := fmt.Sprintf("%+v %v %v", l, l.Told[2].Mailbox, l.Told[2].Reason)
	for _, name := range []string{"mary@", "joe@", "boss@", "nina"} {
		if strings.Contains(text, name) {
			t.Errorf("%s is in %s", name, text)
		}
	}
	if a.Answers[2].Reason.Detail != "no to boss@fabrikam.com" {
		t.Error("the answer has been changed:", a.Answers[2].Reason)
	}
}

// What is kept of a long request is not the whole of it.
func TestLookupsAreBounded(t *testing.T) {
	a := asked(&face.Lookups{Journal: journal.New(10)})
	long := strings.Repeat("x", 60<<10)
	a.Answers, a.Query.Mailboxes = nil, nil
	for range 500 {
		a.Answers = append(a.Answers, availability.Answer{Mailbox: availability.Mailbox(long)})
	}
	r := httptest.NewRequest("GET", "/public/?Cmd=freebusy&u="+long, nil)
	face.LogAnswer(slog.New(slog.DiscardHandler), r, a)
	found, _ := a.Lookups.Journal.Since(0, nil, 10)
	if l := found[0]; l.Mailboxes != 500 || len(l.Told) != journal.MostTold || len(l.Told[0].Mailbox) != 512 {
		t.Errorf("%d mailboxes, %d told, the first of %d bytes", l.Mailboxes, len(l.Told), len(l.Told[0].Mailbox))
	}
}

func TestNoLookups(t *testing.T) {
	for _, l := range []*face.Lookups{nil, {}} {
		face.LogAnswer(slog.New(slog.DiscardHandler), httptest.NewRequest("GET", "/", nil), asked(l))
	}
}
