//go:build unix

package main

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
)

// davMailCalendar returns an Exchange where mary is busy from 09:00 to 10:30, joe is a
// bit of everything, and ann is free.
func davMailCalendar() *exchangetest.Exchange {
	x := pretendCalendar(availability.Busy, "mary@contoso.com", "o'brien@contoso.com", "a+b@contoso.com", "r&d@contoso.com")
	x.SetMailbox("joe@contoso.com",
		meet(availability.Tentative, 0, 45), meet(availability.Busy, 75, 120), meet(availability.OOF, 120, 180), meet(availability.Busy, 210, 225))
	x.SetMailbox("ann@contoso.com")
	x.SetMailbox("late@contoso.com", meet(availability.Busy, 0, 240))
	x.FailMailbox("late@contoso.com", exchangetest.Fault{Status: http.StatusServiceUnavailable})
	return x
}

// meet is an appointment that begins and ends so many minutes into the morning.
func meet(status availability.Status, from, to time.Duration) availability.Span {
	return availability.Span{Status: status, Window: availability.Window{
		Start: morning.Start.Add(from * time.Minute), End: morning.Start.Add(to * time.Minute)}}
}

// davMailQuestions are what is asked of each DavMail: of an attendee who is not in the
// answer nothing is known.
var davMailQuestions = []struct {
	name      string
	window    availability.Window
	attendees string
	want      map[string]string
}{
	{"one", morning, "mary@contoso.com", map[string]string{"mary@contoso.com": "09:00-10:30 BUSY"}},
	{"nobody known", morning, "nobody@contoso.com stranger@elsewhere.example", map[string]string{}},
	{"several, known or not", morning, "nobody@contoso.com mary@contoso.com stranger@elsewhere.example joe@contoso.com ann@contoso.com",
		map[string]string{
			"mary@contoso.com": "09:00-10:30 BUSY",
			"joe@contoso.com":  "08:00-08:45 BUSY-TENTATIVE, 09:15-10:00 BUSY, 10:00-11:00 BUSY-UNAVAILABLE, 11:30-11:45 BUSY",
			"ann@contoso.com":  "",
		}},
	{"from one quarter of an hour into the next", availability.Window{Start: morning.Start.Add(5 * time.Minute), End: morning.End.Add(-10 * time.Minute)},
		"mary@contoso.com", map[string]string{"mary@contoso.com": "08:50-10:35 BUSY"}},
	{"a part of an appointment", availability.Window{Start: morning.Start.Add(90 * time.Minute), End: morning.Start.Add(2 * time.Hour)},
		"mary@contoso.com", map[string]string{"mary@contoso.com": "09:30-10:00 BUSY"}},
	{"a month", availability.Window{Start: morning.Start.AddDate(0, 0, -14).Truncate(24 * time.Hour), End: morning.Start.AddDate(0, 0, 17).Truncate(24 * time.Hour)},
		"mary@contoso.com", map[string]string{"mary@contoso.com": "09:00-10:30 BUSY"}},
	{"an apostrophe", morning, "o'brien@contoso.com", map[string]string{"o'brien@contoso.com": "09:00-10:30 BUSY"}},
	{"a plus", morning, "a+b@contoso.com", map[string]string{"a+b@contoso.com": "09:00-10:30 BUSY"}},
	{"capitals", morning, "Mary@Contoso.COM", map[string]string{"Mary@Contoso.COM": "09:00-10:30 BUSY"}},
	{"a server that fails", morning, "late@contoso.com", map[string]string{}},
}

func askQuestions(t *testing.T, caldav, user string) {
	for _, q := range davMailQuestions {
		t.Run(q.name, func(t *testing.T) {
			got := askDavMail(t, caldav, user, q.window, strings.Fields(q.attendees)...)
			if !maps.Equal(got, q.want) {
				t.Errorf("DavMail tells %q, want %q", got, q.want)
			}
		})
	}
}

// A real old client, from its own question to what it tells: DavMail, which takes
// fbgate for the public folders of an Exchange 2003.
func TestDavMail(t *testing.T) {
	s := newStack(t, "organizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: %q}]", startExchange(t, davMailCalendar()))
	front := httptest.NewServer(&frontEnd2003{freeBusy: s.clients, whole: func(user string) bool { return user == "whole" }})
	t.Cleanup(front.Close)
	caldav := startDavMail(t, "WebDav", front.URL+"/exchange/")
	t.Run("fbgate has all of /public", func(t *testing.T) { askQuestions(t, caldav, "whole") })
	t.Run("fbgate has free/busy alone", func(t *testing.T) { askQuestions(t, caldav, "part") })
	// It comes as two parameters, and what DavMail tells is no longer XML.
	t.Run("an ampersand", func(t *testing.T) {
		status, reply := postToDavMail(t, caldav, "part", schedulingRequest(morning, []string{"r&d@contoso.com"}))
		if status != http.StatusOK || freeBusyPeriods(t, string(reply)) != "09:00-10:30 BUSY" {
			t.Errorf("DavMail answers %d: %s", status, reply)
		}
	})
	t.Run("what fbgate refuses is a failure", func(t *testing.T) {
		years := availability.Window{Start: morning.Start, End: morning.Start.AddDate(10, 0, 0)}
		if status, reply := postToDavMail(t, caldav, "part", schedulingRequest(years, []string{"mary@contoso.com"})); status != http.StatusServiceUnavailable {
			t.Errorf("DavMail answers %d: %s", status, reply)
		}
	})
}

// The same DavMail asks the same of the pretend Exchange without fbgate between them.
// So what TestDavMail expects is not what only we take for right, and the pretend
// Exchange is one to a client that was written for real ones.
func TestDavMailWithoutGateway(t *testing.T) {
	x := davMailCalendar()
	x.Username, x.Password = "reader", davMailPassword
	server := httptest.NewServer(folders2013{freeBusy: x})
	t.Cleanup(server.Close)
	t.Cleanup(x.Close)
	caldav := startDavMail(t, "EWS", server.URL+exchangetest.Path)
	askQuestions(t, caldav, "reader")
}
