//go:build unix

package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
)

// davMailPassword is that of everybody who logs on at a DavMail, which hands it on to
// its Exchange. It has what a form has to escape.
const davMailPassword = "a secret & more+"

// askDavMail asks, as a calendar does before it proposes a meeting, by a scheduling
// request to the user's outbox (RFC 6638 section 3.2). It returns the periods of each
// attendee somebody knows, such as "09:00-10:30 BUSY", in UTC; of one who is free, "".
func askDavMail(t *testing.T, caldav, user string, w availability.Window, attendees ...string) map[string]string {
	t.Helper()
	status, reply := postToDavMail(t, caldav, user, schedulingRequest(w, attendees))
	if status != http.StatusOK {
		t.Fatalf("DavMail answers %d: %s", status, reply)
	}
	var response struct {
		XMLName   xml.Name `xml:"urn:ietf:params:xml:ns:caldav schedule-response"`
		Responses []struct {
			Attendee string `xml:"recipient>href"`
			Status   string `xml:"request-status"`
			Calendar string `xml:"calendar-data"`
		} `xml:"response"`
	}
	if err := xml.Unmarshal(reply, &response); err != nil {
		t.Fatalf("%v: %s", err, reply)
	}
	periods := make(map[string]string)
	for _, r := range response.Responses {
		if !strings.HasPrefix(r.Status, "2.0;") {
			t.Errorf("%s: %s", r.Attendee, r.Status)
		}
		periods[strings.TrimPrefix(r.Attendee, "mailto:")] = freeBusyPeriods(t, r.Calendar)
	}
	return periods
}

func postToDavMail(t *testing.T, caldav, user, request string) (status int, reply []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, caldav+"/users/"+user+"@example.org/outbox/", strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(user, davMailPassword)
	r.Header.Set("Content-Type", "text/calendar; charset=utf-8")
	r.Close = true // on connections that stay, DavMail takes its time
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if reply, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, reply
}

func schedulingRequest(w availability.Window, attendees []string) string {
	const form = "20060102T150405Z"
	var b strings.Builder
	fmt.Fprintf(&b, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//fbgate//test//EN\r\nMETHOD:REQUEST\r\n"+
		"BEGIN:VFREEBUSY\r\nUID:1234\r\nDTSTAMP:20261120T080000Z\r\nDTSTART:%s\r\nDTEND:%s\r\nORGANIZER:mailto:reader@example.org\r\n",
		w.Start.UTC().Format(form), w.End.UTC().Format(form))
	for _, a := range attendees {
		fmt.Fprintf(&b, "ATTENDEE:mailto:%s\r\n", a)
	}
	return b.String() + "END:VFREEBUSY\r\nEND:VCALENDAR\r\n"
}

// freeBusyPeriods reads the FREEBUSY lines of a calendar (RFC 5545 section 3.8.2.6),
// which DavMail sorts by kind.
func freeBusyPeriods(t *testing.T, calendar string) string {
	t.Helper()
	var all []string
	for line := range strings.Lines(calendar) {
		name, values, _ := strings.Cut(strings.TrimSpace(line), ":")
		kind, found := strings.CutPrefix(name, "FREEBUSY;FBTYPE=")
		if !found {
			if strings.HasPrefix(line, "FREEBUSY") || strings.HasPrefix(line, " ") {
				t.Errorf("a line that is not understood: %s", line)
			}
			continue
		}
		for value := range strings.SplitSeq(values, ",") {
			start, end, _ := strings.Cut(value, "/")
			all = append(all, periodTime(t, start)+"-"+periodTime(t, end)+" "+kind)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// periodTime returns a time of the morning's day short.
func periodTime(t *testing.T, utc string) string {
	t.Helper()
	moment, err := time.Parse("20060102T150405Z", utc)
	if err != nil {
		t.Fatal(err)
	}
	short := strings.TrimPrefix(moment.Format(time.DateTime), morning.Start.Format(time.DateOnly)+" ")
	return strings.TrimSuffix(short, ":00")
}
