package ews_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/translate/ews"
)

// halfDay is the window of most replies here, drawn in hours.
var halfDay = availability.Window{Start: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}

func request(mailboxes int) ews.Request {
	r := ews.Request{ServerVersion: "Exchange2007_SP1", Window: halfDay, Interval: time.Hour, View: ews.FreeBusyMerged}
	for i := range mailboxes {
		r.Mailboxes = append(r.Mailboxes, availability.Mailbox(fmt.Sprintf("user%d@example.org", i)))
	}
	return r
}

// result draws one Result as "digits" or "digits code".
func result(r ews.Result, w availability.Window) string {
	s := at.Sketch(r.Schedule, w, time.Hour)
	if r.Reason != nil {
		s += " " + string(r.Reason.Code)
	}
	return s
}

func TestReply(t *testing.T) {
	body, err := os.ReadFile("../../testdata/ews/reply-2010.xml")
	if err != nil {
		t.Fatal(err)
	}
	reply, err := request(3).ParseReply(body)
	if err != nil || reply.ServerVersion != "14.3.123.3" {
		t.Fatalf("version %q, %v", reply.ServerVersion, err)
	}
	for i, want := range []string{"..bbttoo....", "....bb..???? no-data", "???????????? unknown-mailbox"} {
		if got := result(reply.Results[i], halfDay); got != want {
			t.Errorf("mailbox %d: %s, want %s", i, got, want)
		}
	}
	if _, err := request(2).ParseReply(body); availability.ReasonFor(err).Code != availability.BadResponse {
		t.Errorf("three answers for two mailboxes: %v", err)
	}
}

const (
	success = `<ResponseMessage ResponseClass="Success"><ResponseCode>NoError</ResponseCode></ResponseMessage>`
	frame   = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header><ServerVersionInfo MajorVersion="%d" MinorVersion="1"/></e:Header>` +
		`<e:Body><GetUserAvailabilityResponse><FreeBusyResponseArray><FreeBusyResponse>%s</FreeBusyResponse></FreeBusyResponseArray></GetUserAvailabilityResponse></e:Body></e:Envelope>`
)

func eventAt(from, to int, busyType string) string {
	clock := func(hour int) string {
		return halfDay.Start.Add(time.Duration(hour) * time.Hour).Format("2006-01-02T15:04:05")
	}
	return fmt.Sprintf("<CalendarEvent><StartTime>%s</StartTime><EndTime>%s</EndTime><BusyType>%s</BusyType></CalendarEvent>", clock(from), clock(to), busyType)
}

func viewOf(viewType, digits string, events ...string) string {
	view := "<FreeBusyView><FreeBusyViewType>" + viewType + "</FreeBusyViewType>"
	if digits != "" {
		view += "<MergedFreeBusy>" + digits + "</MergedFreeBusy>"
	}
	if events != nil {
		view += "<CalendarEventArray>" + strings.Join(events, "") + "</CalendarEventArray>"
	}
	return success + view + "</FreeBusyView>"
}

// The rules for what a view says, one line each.
func TestViews(t *testing.T) {
	const elsewhere = availability.WorkingElsewhere
	tests := []struct {
		name   string
		major  int
		digit4 availability.Status
		view   string
		want   string
	}{
		{"events", 15, 0, viewOf("FreeBusyMerged", "000220000000", eventAt(3, 5, "Busy")), "...bb......."},
		{"events win over a slot too many", 8, 0, viewOf("DetailedMerged", "002220000000", eventAt(3, 5, "Busy")), "...bb......."},
		{"events without digits", 8, 0, viewOf("FreeBusy", "", eventAt(3, 5, "Tentative")), "...tt......."},
		{"events reach out of the window", 15, 0, viewOf("FreeBusyMerged", "", eventAt(-5, 2, "OOF"), eventAt(11, 40, "Busy")), "oo.........b"},
		{"overlapping events", 15, 0, viewOf("FreeBusyMerged", "", eventAt(1, 6, "Tentative"), eventAt(2, 4, "OOF"), eventAt(3, 5, "Busy")), ".toobt......"},
		{"explicitly free", 8, 0, viewOf("FreeBusy", "", eventAt(0, 12, "Free"), eventAt(8, 9, "Busy")), "........b..."},
		{"only explicitly free", 8, 0, viewOf("FreeBusy", "", eventAt(0, 12, "Free")), "............"},
		{"working elsewhere", 15, 0, viewOf("FreeBusyMerged", "004400000000", eventAt(2, 4, "WorkingElsewhere")), "..ww........"},
		{"no data among events", 15, 0, viewOf("FreeBusyMerged", "005522000044", eventAt(4, 6, "Busy")), "..??bb....?? no-data"},
		{"no data under a free event", 15, 0, viewOf("FreeBusyMerged", "005500000000", eventAt(2, 4, "Free")), "..??........ no-data"},
		{"a busy type nobody knows", 15, 0, viewOf("FreeBusyMerged", "", eventAt(2, 4, "Sleeping")), "..??........ no-data"},
		{"an event of no length", 15, 0, viewOf("FreeBusyMerged", "", eventAt(2, 2, "Busy"), eventAt(5, 6, "Busy")), ".....b......"},
		{"an event that ends before it begins", 15, 0, viewOf("FreeBusyMerged", "", eventAt(5, 4, "Busy")), "???????????? bad-response"},
		{"an event without a time", 15, 0, viewOf("FreeBusyMerged", "", "<CalendarEvent><BusyType>Busy</BusyType></CalendarEvent>"), "???????????? bad-response"},
		{"no array means no appointments", 15, 0, viewOf("Detailed", ""), "............"},
		{"an empty array too", 15, 0, viewOf("FreeBusyMerged", "000000000000", ""), "............"},
		{"an empty array beside busy digits", 15, 0, viewOf("FreeBusyMerged", "000220000000", ""), "...bb......."},
		{"digits only", 14, 0, viewOf("MergedOnly", "001230000000"), "..tbo......."},
		{"4 from Exchange 2010", 14, elsewhere, viewOf("MergedOnly", "000440000000"), "...??....... no-data"},
		{"4 from Exchange 2013", 15, 0, viewOf("MergedOnly", "000440000000"), "...??....... no-data"},
		{"4 from Exchange 2013, configured", 15, elsewhere, viewOf("MergedOnly", "000440000000"), "...ww......."},
		{"nothing but 4, configured", 15, elsewhere, viewOf("MergedOnly", "444444444444"), "???????????? no-data"},
		{"5", 15, elsewhere, viewOf("MergedOnly", "000550000000"), "...??....... no-data"},
		{"a digit nobody knows", 15, 0, viewOf("MergedOnly", "000x90000000"), "...??....... no-data"},
		{"digits end early", 15, 0, viewOf("MergedOnly", "000220"), "...bb.?????? no-data"},
		{"digits go on", 15, 0, viewOf("MergedOnly", "0002200000002222"), "...bb......."},
		{"white space round digits", 15, 0, viewOf("MergedOnly", "\n 000220000000 \n"), "...bb......."},
		{"merged without digits", 15, 0, viewOf("MergedOnly", ""), "???????????? no-data"},
		{"view None", 15, 0, viewOf("None", ""), "???????????? no-data"},
		{"view None with digits", 15, 0, viewOf("None", "000000000000"), "???????????? no-data"},
		{"view None with an event", 15, 0, viewOf("None", "", eventAt(2, 4, "Busy")), "???????????? no-data"},
		{"digits end early beside an event", 15, 0, viewOf("FreeBusyMerged", "0200", eventAt(1, 2, "Busy"), eventAt(6, 7, "OOF")), ".b..??o????? no-data"},
		{"an event outside the window beside busy digits", 15, 0, viewOf("FreeBusyMerged", "222000000000", eventAt(-5, -3, "Busy")), "bbb........."},
		{"an event of no length beside busy digits", 15, 0, viewOf("FreeBusyMerged", "222000000000", eventAt(5, 5, "Busy")), "bbb........."},
		{"zeros end early", 15, 0, viewOf("FreeBusyMerged", "000"), "...????????? no-data"},
		{"a free event beside busy digits", 15, 0, viewOf("FreeBusyMerged", "002200000000", eventAt(0, 12, "Free")), "..bb........"},
		{"10,001 events", 15, 0, viewOf("FreeBusyMerged", "", strings.Repeat(eventAt(2, 4, "Busy"), 10_001)), "???????????? too-many-entries"},
		{"no view at all", 15, 0, success, "???????????? no-data"},
		{"two names in the type", 15, 0, viewOf("FreeBusy Detailed", ""), "............"},
		{"neither the digits promised nor appointments", 15, 0, viewOf("FreeBusyMerged", ""), "???????????? no-data"},
		{"details without the digits promised", 15, 0, viewOf("DetailedMerged", ""), "???????????? no-data"},
		{"success with the code of an error", 15, 0, strings.Replace(viewOf("FreeBusyMerged", "000000000000"), "NoError", "ErrorNoFreeBusyAccess", 1), "???????????? no-permission"},
		{"a warning still tells", 15, 0, strings.Replace(viewOf("MergedOnly", "000220000000"), "Success", "Warning", 1), "...bb......."},
		{"success without a code", 8, 0, strings.Replace(viewOf("MergedOnly", "000220000000"), "<ResponseCode>NoError</ResponseCode>", "", 1), "...bb......."},
		{"an error with a view", 15, 0, strings.Replace(viewOf("MergedOnly", "000000000000"), "Success", "Error", 1), "???????????? upstream-failure"},
		{"no message", 15, 0, "<FreeBusyView><FreeBusyViewType>Detailed</FreeBusyViewType></FreeBusyView>", "???????????? upstream-failure"},
	}
	for _, test := range tests {
		r := request(1)
		r.Digit4 = test.digit4
		reply, err := r.ParseReply(fmt.Appendf(nil, frame, test.major, test.view))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		at.CheckCanonical(t, reply.Results[0].Schedule)
		if got := result(reply.Results[0], halfDay); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestCallFailures(t *testing.T) {
	const soap = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>%s</s:Body></s:Envelope>`
	tests := []struct {
		name, body string
		want       availability.Code
		says       string
	}{
		{"html", "<!DOCTYPE html><html><body>Log on</body></html>", availability.BadResponse, "HTML page"},
		{"xhtml", "<html><body>Log on</body></html>", availability.BadResponse, "HTML page"},
		{"empty", "", availability.BadResponse, "no XML element"},
		{"cut short", fmt.Sprintf(soap, "<GetUserAvailabilityResponse>")[:90], availability.BadResponse, "unexpected EOF"},
		{"another operation", fmt.Sprintf(soap, "<GetFolderResponse/>"), availability.BadResponse, "no GetUserAvailabilityResponse"},
		{"no answers", fmt.Sprintf(soap, "<GetUserAvailabilityResponse/>"), availability.BadResponse, "expected 1 answers"},
		{"fault with code in faultcode", fmt.Sprintf(soap, "<s:Fault><faultcode>a:ErrorTimeIntervalTooBig</faultcode><faultstring>Too long.</faultstring></s:Fault>"), availability.WindowTooLong, "ErrorTimeIntervalTooBig: Too long."},
		{"fault with code in detail", fmt.Sprintf(soap, "<s:Fault><faultcode>s:Client</faultcode><faultstring>x</faultstring><detail><ResponseCode>\n ErrorSchemaValidation </ResponseCode></detail></s:Fault>"), availability.RequestRejected, "ErrorSchemaValidation: x"},
		{"fault with a number for a code", fmt.Sprintf(soap, "<s:Fault><faultcode>s:Server</faultcode><detail><ErrorCode>5021</ErrorCode></detail></s:Fault>"), availability.UpstreamFailure, "Server"},
		{"fault nobody knows", fmt.Sprintf(soap, "<s:Fault><faultcode>s:ErrorMartian</faultcode></s:Fault>"), availability.UpstreamFailure, "ErrorMartian"},
		{"proxy that was refused", fmt.Sprintf(soap, "<s:Fault><faultcode>a:ErrorProxyRequestProcessingFailed</faultcode><faultstring>The remote server returned an error: (401) Unauthorized.</faultstring></s:Fault>"), availability.Misconfigured, "(401)"},
		{"proxy that timed out", fmt.Sprintf(soap, "<s:Fault><faultcode>a:ErrorProxyRequestProcessingFailed</faultcode><faultstring>The operation has timed out</faultstring></s:Fault>"), availability.UpstreamFailure, "timed out"},
	}
	for _, test := range tests {
		_, err := request(1).ParseReply([]byte(test.body))
		var reason *availability.Reason
		if !errors.As(err, &reason) || reason.Code != test.want || !strings.Contains(reason.Detail, test.says) {
			t.Errorf("%s: %v, want %s saying %q", test.name, err, test.want, test.says)
		} else if reason.Remedy() == "" {
			t.Errorf("%s: nothing is said to do about %s", test.name, reason.Code)
		}
	}
}

func capture(t *testing.T, name string) []byte {
	t.Helper()
	matches, _ := filepath.Glob(filepath.Join(at.Vectors(t), "ews", name+"-*.xml"))
	if len(matches) == 0 {
		t.Fatalf("no capture %s", name)
	}
	body, err := os.ReadFile(matches[len(matches)-1])
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestCaptures(t *testing.T) {
	utc := func(s string) time.Time {
		moment, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	spans := func(r ews.Result) string {
		var out []string
		for _, s := range r.Schedule.Spans {
			out = append(out, fmt.Sprintf("%v %s-%s", s.Status, s.Start.Format("02T15:04"), s.End.Format("02T15:04")))
		}
		if r.Reason != nil {
			out = append(out, r.Reason.Error())
		}
		return strings.Join(out, ", ")
	}
	parse := func(name, start, end string, mailboxes int) ews.Reply {
		r := request(mailboxes)
		r.Window = availability.Window{Start: utc(start), End: utc(end)}
		reply, err := r.ParseReply(capture(t, name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return reply
	}

	s1 := parse("S1-ms-doc-response", "2006-10-16T07:00:00Z", "2006-10-17T07:00:00Z", 2)
	s2 := parse("S2", "2012-05-15T04:00:00Z", "2012-05-17T04:00:00Z", 1)
	s3 := parse("S3", "2012-05-15T04:00:00Z", "2012-05-17T04:00:00Z", 1)
	s4 := parse("S4", "2017-07-01T00:00:00Z", "2017-07-03T00:00:00Z", 1)
	s5 := parse("S5", "2012-05-15T04:00:00Z", "2012-05-17T04:00:00Z", 1)
	for _, test := range []struct{ name, got, want string }{
		{"S1 first", spans(s1.Results[0]), "Busy 16T13:00-16T13:30, Busy 16T14:00-16T15:00, Busy 16T16:40-16T17:10"},
		{"S1 second", spans(s1.Results[1]), "Tentative 16T16:00-16T17:00"},
		{"S1 version", s1.ServerVersion, "8.0.665.7"},
		{"S2", spans(s2.Results[0]), "unknown-mailbox: ErrorMailRecipientNotFound (5009): Unable to resolve e-mail address <>SMTP:unknown.user@example.org to an Active Directory object."},
		{"S3", spans(s3.Results[0]), "Busy 16T12:00-16T12:30"},
		{"S4", spans(s4.Results[0]), ""},
		{"S4 version", s4.ServerVersion, "15.1.1531.7"},
		{"S5", spans(s5.Results[0]), "invalid-address: ErrorInvalidSmtpAddress (5035): E-mail address <>SMTP:foobar is not a valid SMTP address."},
	} {
		if test.got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, test.got, test.want)
		}
	}
	if !s4.Results[0].Schedule.Covers(availability.Window{Start: utc("2017-07-01T00:00:00Z"), End: utc("2017-07-03T00:00:00Z")}) {
		t.Error("S4 is not free for the whole window")
	}

	s6 := fmt.Sprintf(strings.Replace(frame, "<FreeBusyResponse>%s</FreeBusyResponse>", "%s", 1), 15, capture(t, "S6"))
	reply, err := request(1).ParseReply([]byte(s6))
	if err != nil || !strings.HasPrefix(spans(reply.Results[0]), "no-permission: ErrorNoFreeBusyAccess (5037)") {
		t.Errorf("S6: %v, %v", reply, err)
	}
	_, err = request(1).ParseReply(capture(t, "S7"))
	if reason := availability.ReasonFor(err); reason.Code != availability.Throttled || reason.RetryAfter != 299984*time.Millisecond {
		t.Errorf("S7: %v, back off %v", err, reason.RetryAfter)
	}
}

func FuzzParseReply(f *testing.F) {
	body, err := os.ReadFile("../../testdata/ews/reply-2010.xml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add(fmt.Appendf(nil, frame, 15, viewOf("FreeBusyMerged", "005522000044", eventAt(4, 6, "Busy"))))
	f.Add(fmt.Appendf(nil, frame, 15, `<ResponseMessage ResponseClass="Error"><ResponseCode>`+strings.Repeat("Long", 200)+`</ResponseCode></ResponseMessage>`))
	for _, capture := range at.Captures(f) {
		f.Add(capture)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var reply ews.Reply
		var err error
		at.CheckAllocation(t, len(body), func() { reply, err = request(3).ParseReply(body) })
		if err != nil {
			var reason *availability.Reason
			if !errors.As(err, &reason) {
				t.Fatalf("%T: %v", err, err)
			}
			if len(reason.Detail) > 1000 || reason.RetryAfter < 0 || reason.RetryAfter > 24*time.Hour {
				t.Fatalf("%d bytes, again after %v", len(reason.Detail), reason.RetryAfter)
			}
			return
		}
		if len(reply.Results) != 3 {
			t.Fatalf("%d results", len(reply.Results))
		}
		for _, r := range reply.Results {
			at.CheckCanonical(t, r.Schedule)
			if r.Reason == nil && !r.Schedule.Covers(halfDay) {
				t.Fatal("something is unknown, but there is no reason")
			}
			if r.Reason != nil && len(r.Reason.Error()) > 500 {
				t.Fatalf("a reason of %d bytes", len(r.Reason.Error()))
			}
		}
	})
}

func BenchmarkParseReply(b *testing.B) {
	r := request(1)
	body := fmt.Appendf(nil, frame, 15, viewOf("FreeBusyMerged", "000220000000", eventAt(3, 5, "Busy"), eventAt(6, 7, "OOF")))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.ParseReply(body); err != nil {
			b.Fatal(err)
		}
	}
}
